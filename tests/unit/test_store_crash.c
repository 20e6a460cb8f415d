/* SPDX-License-Identifier: ISC */
#include "unit_fault.h"

#include <limits.h>

/* A change of the store that is killed, or whose system calls fail, at every step. */

/* How the store is opened for it: at once for a change, or to plan one. */
static enum pat_store_mode way = PAT_STORE_CHANGE;

/* One change of several records: token 1 is revoked, token 2 is minted. 0 if it was committed. */
static int change(void)
{
	struct pat_grant revoked = unit_numbered_grant(1, 1000);
	struct pat_grant minted = unit_numbered_grant(2, 1000);
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, way, soon());

	if (error)
		return error;
	revoked.algorithm = PAT_ALGORITHM_NONE;
	memset(revoked.hash, 0, PAT_HASH_LEN);
	revoked.revoked_at = revoked.created_at + 1;
	error = pat_store_begin(store, soon());
	if (!error)
		error = pat_store_put_grant(store, &revoked);
	if (!error)
		error = unit_put(store, &minted);
	if (!error)
		error = pat_store_commit(store);
	/* Asking after a failure is no crash, whatever the answer. */
	if (error) {
		(void)pat_store_get_grant(store, minted.id, &minted);
		(void)pat_store_commit(store);
	}
	pat_store_close(store);
	return error;
}

enum state { OLD, NEW, NEITHER };

/* Which of the two is in the store, whole. */
static enum state state_now(void)
{
	static struct pat_index index;
	struct pat_grant first, second;
	struct pat_meta meta;
	struct pat_use use;
	struct pat_store *store = unit_opened(PAT_STORE_READ);
	bool revoked, minted, used, listed;

	assert_int_equal(pat_store_get_meta(store, &meta), 0);
	assert_int_equal(pat_store_get_grant(store, "id000001", &first), 0);
	assert_int_equal(pat_store_get_use(store, "id000001", &use), 0);
	revoked = first.revoked_at != 0;
	minted = pat_store_get_grant(store, "id000002", &second) != PAT_E_NOTFOUND;
	used = pat_store_get_use(store, "id000002", &use) != PAT_E_NOTFOUND;
	assert_int_equal(pat_store_get_index(store, 1000, &index), 0);
	listed = index.count == 2 && !memcmp(index.ids[1], "id000002", PAT_ID_LEN);
	if (minted)
		assert_int_equal(pat_store_get_grant(store, "id000002", &second), 0);
	if (used)
		assert_int_equal(pat_store_get_use(store, "id000002", &use), 0);
	unit_closed();
	if (revoked && minted && used && listed && meta.generation == 2)
		return NEW;
	if (!revoked && !minted && !used && index.count == 1 && meta.generation == 1)
		return OLD;
	return NEITHER;
}

/*
 * Makes the change once in a child, on a store of these bytes, with `step` at fault and, if it is
 * not 0, `also`. False when one of the two was not reached. `wanted` tells which state may follow.
 */
static bool with_faults(const struct unit_bytes *start, enum fault_kind kind, int step, int also,
			bool (*wanted)(int status, enum state state))
{
	enum state state;
	pid_t child;
	int status;

	unit_write_file(place.path, start->data, start->len);
	child = unit_fork();
	if (child == 0) {
		int error;

		arm(kind, step);
		fault.also = also;
		error = change();
		disarm();
		/* 40: told as done, and not on disk. 50 and more: never at fault. */
		if (!error && !shadow_clean())
			_exit(40);
		_exit((fault.seen < step || fault.seen < also ? 50 : 0) + (error ? 1 : 0));
	}
	status = unit_wait(child);
	state = state_now();
	if (status >= 50 && status < 1000) {
		if (also == 0) {
			assert_int_equal(status, 50);
			assert_int_equal(state, NEW);
		}
		return false;
	}
	if (!wanted(status, state))
		fail_msg("step %d, %d: status %d, state %d", step, also, status, state);
	/* And it can be changed again. */
	if (state == OLD) {
		assert_int_equal(change(), 0);
		assert_int_equal(state_now(), NEW);
	}
	return true;
}

/* With each step at fault in turn, until none was left to fail, and each way. Returns the number of
 * steps of the shorter one. */
static int at_every_step(enum fault_kind kind, bool (*wanted)(int status, enum state state))
{
	static const enum pat_store_mode ways[] = {PAT_STORE_CHANGE, PAT_STORE_PLAN};
	struct unit_bytes start;
	int least = INT_MAX;

	assert_int_equal(unit_add(1, 1000), 0);
	start = unit_read_file(place.path);
	for (size_t i = 0; i < COUNT(ways); i++) {
		int step = 1;

		way = ways[i];
		while (with_faults(&start, kind, step, 0, wanted))
			step++;
		if (step - 1 < least)
			least = step - 1;
	}
	free(start.data);
	return least;
}

static bool whole_after_kill(int status, enum state state)
{
	return status == 1000 + SIGKILL && state != NEITHER;
}

/* What failed was told, and is not there; what was said to be there is. */
static bool told_truly(int status, enum state state)
{
	return (status == 0 && state == NEW) || (status == 1 && state == OLD);
}

static void a_change_killed_at_any_step_is_there_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_in_range(at_every_step(FAULT_KILL, whole_after_kill), 6, 1000);
}

static void a_write_torn_in_the_middle_is_rolled_back(void **state)
{
	(void)state;
	assert_in_range(at_every_step(FAULT_TEAR, whole_after_kill), 6, 1000);
}

static void after_a_failed_call_the_old_state_stands(void **state)
{
	(void)state;
	assert_in_range(at_every_step(FAULT_FAIL, told_truly), 6, 1000);
}

/* When the last sync fails, and whatever is tried after it, nobody can tell what is on the disk. */
static bool not_told_too_much(int status, enum state state)
{
	return (status == 0 && state == NEW) || (status == 1 && state != NEITHER);
}

static void on_a_disk_that_fails_for_good_nothing_is_called_done_that_is_not(void **state)
{
	(void)state;
	assert_in_range(at_every_step(FAULT_FAIL_ALL, not_told_too_much), 6, 1000);
}

static void on_a_full_disk_the_old_state_stands(void **state)
{
	(void)state;
	assert_in_range(at_every_step(FAULT_DISK_FULL, told_truly), 6, 1000);
}

/* As when a disk is full for a moment, while what was written is taken back as well. */
static void any_two_calls_may_fail_and_the_old_state_stands(void **state)
{
	struct unit_bytes start;
	int pairs = 0, step = 1;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	start = unit_read_file(place.path);
	for (; with_faults(&start, FAULT_FAIL, step, 0, told_truly); step++)
		for (int also = step + 1;
		     with_faults(&start, FAULT_FAIL, step, also, not_told_too_much); also++)
			pairs++;
	free(start.data);
	assert_in_range(step - 1, 6, 1000);
	assert_true(pairs > step);
}

static void a_commit_is_on_disk_whatever_the_environment_says(void **state)
{
	char with[sizeof(fault.trace)];
	struct unit_bytes start;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	start = unit_read_file(place.path);
	arm(FAULT_NONE, 0);
	assert_int_equal(change(), 0);
	disarm();
	strcpy(with, fault.trace);
	/* The old state is safe before the new one is written, and that before it is told. */
	assert_non_null(strchr(with, 's'));
	assert_ptr_not_equal(strchr(with, 's'), strrchr(with, 's'));
	assert_true(strchr(with, 's') > strchr(with, 'w'));

	unit_write_file(place.path, start.data, start.len);
	setenv("TDB_NO_FSYNC", "1", 1);
	arm(FAULT_NONE, 0);
	assert_int_equal(change(), 0);
	disarm();
	unsetenv("TDB_NO_FSYNC");
	assert_string_equal(fault.trace, with);
	free(start.data);
}

static void a_new_store_is_on_disk_before_it_has_its_name(void **state)
{
	const char *renamed, *synced;

	(void)state;
	arm(FAULT_NONE, 0);
	assert_int_equal(unit_open_error(PAT_STORE_CREATE), 0);
	disarm();
	renamed = strchr(fault.trace, 'r');
	assert_non_null(renamed);
	synced = memrchr(fault.trace, 's', (size_t)(renamed - fault.trace));
	assert_non_null(synced);
	assert_null(memchr(synced, 'w', (size_t)(renamed - synced)));
	assert_null(memchr(synced, 't', (size_t)(renamed - synced)));
	/* And then its name is. */
	assert_non_null(strchr(renamed, 'd'));
}

/* Makes a store and a token with each step at fault in turn; afterwards the store can be made. */
static int creating_at_every_step(enum fault_kind kind)
{
	for (int step = 1;; step++) {
		struct pat_grant grant, want = unit_numbered_grant(1, 1000);
		bool there;
		pid_t child;
		int status, error;

		unit_remove_tree(place.dir);
		child = unit_fork();
		if (child == 0) {
			arm(kind, step);
			error = unit_add(1, 1000);
			disarm();
			_exit((fault.seen < step ? 50 : 0) + (error ? 1 : 0));
		}
		status = unit_wait(child);
		error = unit_read_grant(1, &grant);
		there = error == 0 && same_grant(&grant, &want);
		if (!there && error != PAT_E_NOSTORE && error != PAT_E_NOTFOUND)
			fail_msg("step %d: reading says %d", step, error);
		if (status == 0 || status == 50)
			assert_true(there);
		if (status == 1 || status == 51)
			assert_false(there);
		if (!there)
			assert_int_equal(unit_add(1, 1000), 0);
		assert_int_equal(unit_add(2, 1000), 0);
		assert_int_equal(unit_read_grant(1, &grant), 0);
		assert_int_equal(unit_count_entries(place.dir), 2);
		if (status == 50)
			return step - 1;
	}
}

/* Leaves a transaction that was killed while it was written, to be rolled back. */
static void crash(void)
{
	pid_t child = unit_fork();

	if (child == 0) {
		/* Recovery data, sync, magic, sync, and then the first write. */
		arm(FAULT_TEAR, 6);
		(void)change();
		_exit(1);
	}
	assert_int_equal(unit_wait(child), 1000 + SIGKILL);
}

static void nobody_reads_while_a_crash_is_rolled_back(void **state)
{
	struct pat_store *store;
	pid_t child;
	int error;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	crash();
	child = unit_fork();
	if (child == 0) {
		arm(FAULT_STOP, 1);
		_exit(unit_open_error(PAT_STORE_READ) ? 1 : 0);
	}
	assert_true(unit_wait_stopped(child));
	alarm(60);
	error = pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(300));
	if (!error)
		pat_store_close(store);
	assert_int_equal(error, PAT_E_BUSY);
	alarm(0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(state_now(), OLD);
}

static void a_roll_back_that_is_killed_as_well_is_done_by_the_next(void **state)
{
	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	for (int step = 1; step < 30; step++) {
		pid_t child;

		crash();
		child = unit_fork();
		if (child == 0) {
			arm(FAULT_TEAR, step);
			_exit(unit_open_error(PAT_STORE_READ) ? 1 : 0);
		}
		if (unit_wait(child) == 0) {
			assert_true(step > 2);
			assert_int_equal(state_now(), OLD);
			return;
		}
		assert_int_equal(state_now(), OLD);
	}
	fail_msg("rolling back takes too many steps");
}

/* A child that stops in the middle of the write of its note. */
static pid_t stopped_in_a_note(void)
{
	pid_t child = unit_fork();

	if (child == 0) {
		arm(FAULT_STOP, 1);
		_exit(unit_use_once(1, 1000) ? 1 : 0);
	}
	assert_true(unit_wait_stopped(child));
	return child;
}

static void who_is_stopped_in_a_note_holds_up_that_record_alone(void **state)
{
	struct pat_event event = {.time = 1000, .service = "sshd"};
	struct pat_grant grant;
	struct pat_use use;
	pid_t child;

	(void)state;
	for (unsigned i = 1; i < 20; i++)
		assert_int_equal(unit_add(i, 1000), 0);
	alarm(60);
	child = stopped_in_a_note();
	for (unsigned i = 2; i < 20; i++) {
		assert_int_equal(unit_read_grant(i, &grant), 0);
		assert_int_equal(unit_use_once(i, 1000), 0);
	}
	assert_int_equal(unit_read_grant(1, &grant), 0);
	/* Half of it is written: the answer is what it was, or what it will be, and none after a
	 * hang. */
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_in_range(use.uses, 0, 1);
	assert_int_equal(pat_store_note(unit_opened(PAT_STORE_READ), "id000001", &event, true, true,
					pat_deadline_in(300)),
			 PAT_E_BUSY);
	unit_closed();
	alarm(0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 1);
}

static void a_record_that_is_being_rewritten_is_not_taken_for_damaged(void **state)
{
	int error = PAT_E_DAMAGED;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	/* Readers wait a little for the writer; on a busy machine it may come too late. */
	for (int i = 0; i < 20 && error; i++) {
		pid_t child = stopped_in_a_note(), waker = unit_fork();
		struct pat_use use;

		if (waker == 0) {
			usleep(20000);
			kill(child, SIGCONT);
			_exit(0);
		}
		error = unit_read_use(1, &use);
		unit_wait(waker);
		assert_int_equal(unit_wait(child), 0);
	}
	assert_int_equal(error, 0);
}

/* Where the recovery area is in the file: its place is in the header. */
static size_t recovery_area(const struct unit_bytes *file)
{
	uint32_t at;

	assert_true(file->len > 48);
	memcpy(&at, file->data + 44, sizeof(at));
	assert_true(at != 0 && at + 32 < file->len);
	return at;
}

/* Whether opening leaves the file as it is, and says that it is damaged. */
static void damaged_and_left_alone(const struct unit_bytes *file)
{
	struct unit_bytes after;

	unit_write_file(place.path, file->data, file->len);
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_DAMAGED);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_DAMAGED);
	after = unit_read_file(place.path);
	assert_int_equal(after.len, file->len);
	assert_memory_equal(after.data, file->data, file->len);
	free(after.data);
}

static void a_damaged_recovery_area_is_not_rolled_back_from(void **state)
{
	/* Of struct tdb_record: rec_len, key_len (the file's old size), data_len; then the offset
	 * and the length of the first piece. */
	static const struct {
		size_t at;
		uint32_t value;
	} damage[] = {
		{4, 1},           {8, 0x7fffffff},  {8, UINT32_MAX},  {12, 0x7fffffff},
		{12, UINT32_MAX}, {24, 0x7fffffff}, {24, UINT32_MAX}, {28, 0x7fffffff},
		{28, UINT32_MAX}, {28, 1 << 20},
	};
	struct unit_bytes file;
	size_t area;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	crash();
	file = unit_read_file(place.path);
	area = recovery_area(&file);
	for (size_t i = 0; i < COUNT(damage); i++) {
		unsigned char was[4];

		memcpy(was, file.data + area + damage[i].at, sizeof(was));
		memcpy(file.data + area + damage[i].at, &damage[i].value, sizeof(was));
		damaged_and_left_alone(&file);
		memcpy(file.data + area + damage[i].at, was, sizeof(was));
	}
	unit_write_file(place.path, file.data, file.len);
	assert_int_equal(state_now(), OLD);
	free(file.data);
}

static void a_flipped_bit_in_a_recovery_area_harms_no_process(void **state)
{
	struct unit_bytes file;
	size_t area;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	crash();
	file = unit_read_file(place.path);
	area = recovery_area(&file);
	for (unsigned bit = 0; bit < 32 * 8; bit++) {
		struct stat st;
		pid_t child;

		file.data[area + bit / 8] ^= (unsigned char)(1U << bit % 8);
		unit_write_file(place.path, file.data, file.len);
		file.data[area + bit / 8] ^= (unsigned char)(1U << bit % 8);
		child = unit_fork();
		if (child == 0) {
			alarm(20);
			(void)unit_open_error(PAT_STORE_READ);
			_exit(0);
		}
		assert_int_equal(unit_wait(child), 0);
		assert_int_equal(stat(place.path, &st), 0);
		assert_true((size_t)st.st_size <= file.len);
	}
	free(file.data);
}

static void creating_can_be_killed_at_any_step(void **state)
{
	(void)state;
	assert_in_range(creating_at_every_step(FAULT_KILL), 8, 1000);
}

static void creating_may_fail_at_any_step(void **state)
{
	(void)state;
	assert_in_range(creating_at_every_step(FAULT_FAIL), 8, 1000);
}

static void creating_on_a_full_disk_leaves_nothing_half_made(void **state)
{
	(void)state;
	assert_in_range(creating_at_every_step(FAULT_DISK_FULL), 8, 1000);
}

static void a_note_that_cannot_be_written_is_told(void **state)
{
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	arm(FAULT_FAIL_ALL, 1);
	assert_true(unit_use_once(1, 1000) < 0);
	disarm();
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 0);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(unit_use_once(1, 1000), 0);
}

static void a_note_is_one_write_and_needs_no_sync(void **state)
{
	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	arm(FAULT_NONE, 0);
	assert_int_equal(unit_use_once(1, 1000), 0);
	disarm();
	assert_string_equal(fault.trace, "w");
}

/* Mints until it is killed. */
static void mint_for_ever(unsigned from)
{
	for (unsigned number = from;; number++)
		if (unit_add(number, 1000) != 0)
			_exit(1);
}

/* Whether index, grants and use records tell the same; how many tokens there are. */
static uint32_t consistent(void)
{
	static struct pat_index index;
	struct pat_store *store = unit_opened(PAT_STORE_READ);

	assert_int_equal(pat_store_get_index(store, 1000, &index), 0);
	for (uint32_t i = 0; i < index.count; i++) {
		char id[PAT_ID_LEN + 1] = "";
		struct pat_grant grant, want;
		struct pat_use use;

		memcpy(id, index.ids[i], PAT_ID_LEN);
		want = unit_numbered_grant((unsigned)atoi(id + 2), 1000);
		assert_int_equal(pat_store_get_grant(store, id, &grant), 0);
		assert_true(same_grant(&grant, &want));
		assert_int_equal(pat_store_get_use(store, id, &use), 0);
	}
	unit_closed();
	return index.count;
}

static void a_writer_killed_at_any_moment_loses_and_tears_nothing(void **state)
{
	uint32_t count;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	count = 1;
	for (int round = 0; round < 60 && count < PAT_INDEX_MAX - 100; round++) {
		uint32_t now;
		pid_t child = unit_fork();

		if (child == 0)
			mint_for_ever(count + 1);
		usleep(1000 + unit_below(8000));
		unit_kill(child);
		now = consistent();
		assert_true(now >= count);
		count = now;
	}
	assert_true(count > 1);
	assert_int_equal(unit_add(999999, 1000), 0);
	assert_int_equal(consistent(), count + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_store_test(a_change_killed_at_any_step_is_there_whole_or_not_at_all),
		unit_store_test(a_write_torn_in_the_middle_is_rolled_back),
		unit_store_test(after_a_failed_call_the_old_state_stands),
		unit_store_test(on_a_disk_that_fails_for_good_nothing_is_called_done_that_is_not),
		unit_store_test(on_a_full_disk_the_old_state_stands),
		unit_store_test(any_two_calls_may_fail_and_the_old_state_stands),
		unit_store_test(a_commit_is_on_disk_whatever_the_environment_says),
		unit_store_test(a_new_store_is_on_disk_before_it_has_its_name),
		unit_store_test(nobody_reads_while_a_crash_is_rolled_back),
		unit_store_test(a_roll_back_that_is_killed_as_well_is_done_by_the_next),
		unit_store_test(who_is_stopped_in_a_note_holds_up_that_record_alone),
		unit_store_test(a_record_that_is_being_rewritten_is_not_taken_for_damaged),
		unit_store_test(a_damaged_recovery_area_is_not_rolled_back_from),
		unit_store_test(a_flipped_bit_in_a_recovery_area_harms_no_process),
		unit_store_test(creating_can_be_killed_at_any_step),
		unit_store_test(creating_may_fail_at_any_step),
		unit_store_test(creating_on_a_full_disk_leaves_nothing_half_made),
		unit_store_test(a_note_that_cannot_be_written_is_told),
		unit_store_test(a_note_is_one_write_and_needs_no_sync),
		unit_store_test(a_writer_killed_at_any_moment_loses_and_tears_nothing),
	};

	return unit_run(tests);
}
