/* SPDX-License-Identifier: ISC */

/* What goes on beside a rebuild: logins, changes, others that rebuild. */

/* pwrite() and others are defined here, which the inline ones of the headers would hide. */
#undef _FORTIFY_SOURCE

#include "unit_fault.h"
#include "unit_rebuild.h"

/* A child that runs `work` until it is told to end; its status is 0 if all went well. */
static pid_t meanwhile(int (*work)(unsigned round), unsigned rounds)
{
	pid_t child = unit_fork();

	if (child == 0) {
		for (unsigned i = 0; i < rounds; i++)
			if (work(i) != 0)
				_exit(1);
		_exit(0);
	}
	return child;
}

static int spend_one(unsigned round)
{
	return unit_spend_once(TOKENS, 100000, 1795290000 + round);
}

static int use_one(unsigned round)
{
	return unit_use_once(1, 1795290000 + round);
}

static int revoke_one(unsigned round)
{
	return end_token(1 + round % 30);
}

static int add_one(unsigned round)
{
	return unit_add(1000 + round, 1500 + round % 5);
}

static void uses_and_changes_that_are_made_meanwhile_are_all_there(void **state)
{
	enum { SPENDS = 500, CHANGES = 60 };
	pid_t children[] = {meanwhile(spend_one, SPENDS), meanwhile(spend_one, SPENDS),
			    meanwhile(spend_one, SPENDS), meanwhile(spend_one, SPENDS),
			    meanwhile(use_one, SPENDS),   meanwhile(revoke_one, CHANGES),
			    meanwhile(add_one, CHANGES)};
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	for (int i = 0; i < 50; i++)
		rebuilt();
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	assert_int_equal(unit_read_use(TOKENS, &use), 0);
	assert_int_equal(use.uses, 4 * SPENDS);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, SPENDS);
	for (unsigned i = 1; i <= 30; i++) {
		assert_int_equal(unit_read_grant(i, &grant), 0);
		assert_int_equal(grant.revoked_at, 1795290000);
	}
	for (unsigned i = 0; i < CHANGES; i++)
		assert_int_equal(unit_read_grant(1000 + i, &grant), 0);
	sound();
}

/* Stops itself at a step of a rebuild, and is left there. */
static pid_t stopped_at(int step)
{
	pid_t child = unit_fork();

	if (child == 0) {
		arm(FAULT_STOP, step);
		_exit(do_task(PAT_REBUILD_STORE) != 0);
	}
	assert_true(unit_wait_stopped(child));
	return child;
}

static void logins_go_on_while_a_rebuild_is_at_work(void **state)
{
	struct pat_store *store;
	struct pat_use use;
	pid_t child = stopped_at(3);
	int64_t from = unit_milliseconds();

	(void)state;
	assert_int_equal(unit_use_once(7, 1795290005), 0);
	assert_int_equal(unit_spend_once(20, 20, 1795290005), 0);
	assert_true(unit_milliseconds() - from < 1000);
	/* Who changes something waits, and keeps nobody out meanwhile. */
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(300)),
			 PAT_E_BUSY);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(unit_read_use(7, &use), 0);
	assert_int_equal(use.uses, 3);
	assert_int_equal(unit_read_use(20, &use), 0);
	assert_int_equal(use.uses, 1);
	assert_int_equal(end_token(4), 0);
	sound();
}

/* The first step of a rebuild by which it has given the pen back: all that is written is synced. */
static int step_of_sync(void)
{
	arm(FAULT_NONE, 0);
	assert_int_equal(do_task(PAT_REBUILD_STORE), 0);
	disarm();
	return (int)(strchr(fault.trace, 's') - fault.trace) + 1;
}

/* Takes a token out of the store, as the sweep does. */
static void remove_token(unsigned number, uint32_t uid)
{
	struct pat_store *store = unit_opened(PAT_STORE_CHANGE);
	struct pat_index index;
	char id[PAT_ID_LEN + 1];

	assert_int_equal(pat_store_drop_grant(store, unit_id(id, number)), 0);
	assert_int_equal(pat_store_get_index(store, uid, &index), 0);
	for (uint32_t i = 0; i < index.count; i++)
		if (memcmp(index.ids[i], id, PAT_ID_LEN) == 0)
			memcpy(index.ids[i], index.ids[--index.count], PAT_ID_LEN);
	assert_int_equal(pat_store_put_index(store, uid, &index), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
}

/* Changes of each kind, while a rebuild is stopped. */
static void change_much(void)
{
	int64_t from = unit_milliseconds();

	assert_int_equal(end_token(4), 0);
	assert_true(unit_milliseconds() - from < 1000);
	assert_int_equal(unit_use_once(7, 1795290005), 0);
	assert_int_equal(unit_spend_once(20, 20, 1795290005), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unit_add(600 + i, 1000), 0);
	assert_int_equal(unit_spend_once(600, 600, 1795290005), 0);
	remove_token(9, 1000);
}

static void much_was_changed(void)
{
	struct pat_grant grant;
	struct pat_use use;

	assert_int_equal(unit_read_grant(4, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	assert_int_equal(unit_read_use(7, &use), 0);
	assert_int_equal(use.uses, 3);
	assert_int_equal(unit_read_use(20, &use), 0);
	assert_int_equal(use.uses, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unit_read_grant(600 + i, &grant), 0);
	assert_int_equal(unit_read_use(600, &use), 0);
	assert_int_equal(use.uses, 1);
	assert_int_equal(unit_read_grant(9, &grant), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_use(9, &use), PAT_E_NOTFOUND);
	sound();
}

static void changes_during_a_rebuild_do_not_wait_for_it_and_hold(void **state)
{
	struct contents before, after;
	pid_t child = stopped_at(step_of_sync());
	struct stat old, new;

	(void)state;
	change_much();
	before = contents_of_store();
	assert_int_equal(stat(place.path, &old), 0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(stat(place.path, &new), 0);
	assert_true(old.st_ino != new.st_ino);
	after = contents_of_store();
	assert_int_equal(after.records, before.records);
	assert_true(after.sum == before.sum);
	much_was_changed();
}

static void changes_whose_notes_are_lost_are_not(void **state)
{
	char lock[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", place.path);
	assert_int_equal(end_token(5), 0);
	assert_int_equal(truncate(lock, 0), 0);
	change_much();
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	much_was_changed();
}

static void notes_of_a_killed_rebuild_are_for_nobody(void **state)
{
	struct stat before, after;
	char lock[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", place.path);
	kill(child, SIGKILL);
	(void)unit_wait(child);
	assert_int_equal(stat(lock, &before), 0);
	assert_true(before.st_size > 0);
	change_much();
	assert_int_equal(stat(lock, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	rebuilt();
	assert_int_equal(stat(lock, &after), 0);
	assert_int_equal(after.st_size, 0);
	much_was_changed();
}

/* Who would write another file of the same name waits for who is at it, though that has no pen. */
static void two_do_not_write_the_new_file_at_once(void **state)
{
	struct pat_rebuild order = {
		.task = PAT_REBUILD_REPLACE, .store = place.path, .file = backup};
	struct stat ours, named;
	char path[300];
	pid_t child;

	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	child = stopped_at(step_of_sync());
	snprintf(path, sizeof(path), "%s.new", place.path);
	assert_int_equal(stat(path, &ours), 0);
	order.deadline = pat_deadline_in(200);
	assert_int_equal(pat_rebuild(&order, &result), PAT_E_BUSY);
	assert_int_equal(stat(path, &named), 0);
	assert_true(ours.st_ino == named.st_ino);
	change_much();
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	much_was_changed();
}

/* A file that somebody else has put in the place of the new one does not become the store. */
static void another_file_does_not_become_the_store(void **state)
{
	struct unit_bytes half;
	char path[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(path, sizeof(path), "%s.new", place.path);
	half = unit_read_file(path);
	assert_int_equal(unlink(path), 0);
	unit_write_file(path, half.data, half.len / 2);
	free(half.data);
	change_much();
	kill(child, SIGCONT);
	(void)unit_wait(child);
	much_was_changed();
}

/* Mints token number 700, and is killed at that step. True if it had so many. */
static bool mint_that_is_killed(int step)
{
	pid_t child = unit_fork();

	if (child == 0) {
		arm(FAULT_KILL, step);
		_exit(unit_add(700, 1000) != 0);
	}
	return unit_wait(child) != 0;
}

static void half_a_change_during_a_rebuild_is_not_taken_over(void **state)
{
	struct contents before = contents_of_store(), after;
	int step = 0;
	bool killed;

	(void)state;
	do {
		struct pat_grant grant;
		struct pat_use use;
		pid_t child = stopped_at(step_of_sync());

		killed = mint_that_is_killed(++step);
		kill(child, SIGCONT);
		assert_int_equal(unit_wait(child), 0);
		sound();
		after = contents_of_store();
		if (unit_read_grant(700, &grant) == PAT_E_NOTFOUND) {
			assert_int_equal(after.records, before.records);
			assert_true(after.sum == before.sum);
			continue;
		}
		assert_int_equal(unit_read_use(700, &use), 0);
		remove_token(700, 1000);
		before = contents_of_store();
	} while (killed);
	assert_true(step > 8);
}

/* Damaged ones, so far from each other that there is a look between them at who waits. */
static const unsigned far_apart[] = {206, 226, 246, 266, 286};

/* Somebody who revokes, when told to; until that is done the last record is not left. */
static pid_t revoker;
static int start[2];
static bool revoked_in_time;

static int revoke_when_told(unsigned round)
{
	char byte;

	return read(start[0], &byte, 1) != 1 || revoke_one(round) != 0;
}

static void note_slowly(void *data, const struct pat_rebuild_told *news)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	siginfo_t info;

	note(data, news);
	assert_int_equal(write(start[1], "", 1), 1);
	(void)nanosleep(&pause, NULL);
	if (news->key.len != 9 || memcmp(news->key.bytes, "tid000286", 9) != 0)
		return;
	for (int i = 0; i < 50 && !revoked_in_time; i++) {
		info.si_pid = 0;
		revoked_in_time =
			waitid(P_PID, (id_t)revoker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			info.si_pid == revoker;
		(void)nanosleep(&pause, NULL);
	}
}

static void who_looks_gives_way_to_a_revocation(void **state)
{
	struct pat_rebuild order = {.task = PAT_REBUILD_LOOK,
				    .store = place.path,
				    .deadline = soon(),
				    .patience_ms = 50,
				    .tell = note_slowly};
	struct unit_bytes file;
	struct pat_grant grant;

	(void)state;
	for (unsigned i = 200; i < 300; i++)
		assert_int_equal(unit_add(i, 1000 + i % OWNERS), 0);
	rebuilt();
	file = unit_read_file(place.path);
	for (size_t i = 0; i < COUNT(far_apart); i++) {
		char key[16];

		snprintf(key, sizeof(key), "tid%06u", far_apart[i]);
		damage(find(&file, key, false) + 30, "XXXX", 4);
	}
	told[0] = '\0';
	assert_int_equal(pipe(start), 0);
	revoker = meanwhile(revoke_when_told, 1);
	revoked_in_time = false;
	assert_int_equal(pat_rebuild(&order, &result), 0);
	assert_int_equal(unit_wait(revoker), 0);
	assert_true(revoked_in_time);
	close(start[0]);
	close(start[1]);
	assert_int_equal(result.lost, COUNT(far_apart));
	/* What it had told by then it does not tell again. */
	assert_non_null(strstr(told, "tid000206: damaged"));
	assert_null(strstr(strstr(told, "tid000206: damaged") + 1, "tid000206: damaged"));
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(uses_and_changes_that_are_made_meanwhile_are_all_there),
		with_store(logins_go_on_while_a_rebuild_is_at_work),
		with_store(changes_during_a_rebuild_do_not_wait_for_it_and_hold),
		with_store(changes_whose_notes_are_lost_are_not),
		with_store(notes_of_a_killed_rebuild_are_for_nobody),
		with_store(two_do_not_write_the_new_file_at_once),
		with_store(another_file_does_not_become_the_store),
		with_store(half_a_change_during_a_rebuild_is_not_taken_over),
		with_store(who_looks_gives_way_to_a_revocation),
	};

	return unit_run(tests);
}
