/* SPDX-License-Identifier: ISC */
#include "../../lib/tdbfile.h"
#include "unit_fault.h"

#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "pat/verify.h"

/* Tokens of counted uses: never one use more than was allowed, whoever comes at once, and whatever
 * is killed or fails. */

#define ID "id000001"

/* Stops the process when it has read a whole use record, before it does anything about it. */
static bool stop_after_reading;

EXPORTED ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
	ssize_t got = real(preadv)(fd, parts, count, offset);
	const struct tdbfile_record *head = parts[0].iov_base;

	if (stop_after_reading && got >= (ssize_t)sizeof(*head) && count == 2 &&
	    head->data_len == PAT_USE_SIZE) {
		stop_after_reading = false;
		raise(SIGSTOP);
	}
	return got;
}

static const struct pat_event event = {.time = 1000, .service = "sshd", .rhost = "192.0.2.1"};

static struct pat_use use_now(void)
{
	struct pat_use use;

	assert_int_equal(unit_read_use(1, &use), 0);
	return use;
}

/* Makes the use record of token 1 have so many uses. */
static void set_uses(uint64_t uses)
{
	struct pat_use use = {.uses = uses};
	struct pat_store *store = unit_opened(PAT_STORE_CHANGE);

	assert_int_equal(pat_store_put_use(store, ID, &use), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
}

static int spend(uint32_t max_uses)
{
	return unit_spend_once(1, max_uses, 1000);
}

static void so_many_uses_as_allowed_are_made_and_no_more(void **state)
{
	static const uint32_t limits[] = {1, 2, 5, 17};

	(void)state;
	for (size_t i = 0; i < COUNT(limits); i++) {
		set_uses(0);
		for (uint32_t k = 1; k <= limits[i]; k++) {
			assert_int_equal(spend(limits[i]), 0);
			assert_int_equal(use_now().uses, k);
		}
		for (int k = 0; k < 3; k++)
			assert_int_equal(spend(limits[i]), PAT_E_SPENT);
		assert_int_equal(use_now().uses, limits[i]);
	}
}

static void the_limit_holds_from_both_sides(void **state)
{
	static const struct {
		uint64_t uses;
		uint32_t max_uses;
		int error;
	} table[] = {
		{0, 1, 0},
		{1, 1, PAT_E_SPENT},
		{2, 1, PAT_E_SPENT},
		{UINT64_MAX, 1, PAT_E_SPENT},
		{3, 4, 0},
		{4, 4, PAT_E_SPENT},
		{0, UINT32_MAX, 0},
		{UINT32_MAX - 1, UINT32_MAX, 0},
		{UINT32_MAX, UINT32_MAX, PAT_E_SPENT},
		{UINT64_C(1) << 32, UINT32_MAX, PAT_E_SPENT},
		{UINT64_MAX, UINT32_MAX, PAT_E_SPENT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		set_uses(table[i].uses);
		assert_int_equal(spend(table[i].max_uses), table[i].error);
		assert_true(use_now().uses == table[i].uses + (table[i].error == 0));
	}
}

static void a_use_is_noted_like_any_other(void **state)
{
	struct pat_use use;

	(void)state;
	assert_int_equal(spend(2), 0);
	use = use_now();
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.refused_proved, 0);
	assert_int_equal(use.refused_unproved, 0);
	assert_int_equal(use.last.time, 1000);
	assert_int_equal(use.last.outcome, PAT_ACCEPTED);
	assert_string_equal(use.last.service, "sshd");
	assert_string_equal(use.last.rhost, "192.0.2.1");
	assert_int_equal(use.ring_next, 1);
	assert_int_equal(use.ring[0].time, 1000);
	/* Notes of another kind are no uses, and one that was noted is. */
	assert_int_equal(
		pat_store_note(unit_opened(PAT_STORE_READ), ID, &event, false, true, soon()), 0);
	unit_closed();
	assert_int_equal(unit_use_once(1, 1001), 0);
	assert_int_equal(spend(2), PAT_E_SPENT);
}

/* Spends, and asserts that this changed no byte. */
static void refused_and_unchanged(const char *id, uint32_t max_uses, int error)
{
	struct unit_bytes before = unit_read_file(place.path), after;
	struct pat_store *store = unit_opened(PAT_STORE_READ);

	assert_int_equal(pat_store_spend(store, id, &event, max_uses, soon()), error);
	unit_closed();
	after = unit_read_file(place.path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	free(before.data);
	free(after.data);
}

static void nothing_is_noted_of_a_use_that_is_not_made(void **state)
{
	(void)state;
	assert_int_equal(spend(1), 0);
	refused_and_unchanged(ID, 1, PAT_E_SPENT);
	refused_and_unchanged("id000002", 1, PAT_E_NOTFOUND);
}

static void of_no_uses_there_is_none(void **state)
{
	(void)state;
	assert_true(spend(0) < 0);
	assert_int_equal(use_now().uses, 0);
	assert_int_equal(spend(1), 0);
	assert_true(spend(0) < 0);
	assert_int_equal(use_now().uses, 1);
}

static void a_damaged_count_allows_nothing(void **state)
{
	static const char key[] = "u" ID;
	struct unit_bytes start = unit_read_file(place.path);
	unsigned char *record = memmem(start.data, start.len, key, strlen(key));

	(void)state;
	assert_non_null(record);
	record += strlen(key);
	for (size_t at = 0; at < PAT_USE_COPY_SIZE; at += at < 40 ? 1 : 37) {
		record[at] ^= 0x10;
		record[at + PAT_USE_COPY_SIZE] ^= 0x10;
		unit_write_file(place.path, start.data, start.len);
		record[at] ^= 0x10;
		record[at + PAT_USE_COPY_SIZE] ^= 0x10;
		refused_and_unchanged(ID, 5, PAT_E_DAMAGED);
	}
	free(start.data);
}

/* It may be what is left of a write by somebody who was let in. */
static void half_a_count_stands_for_one_use_more(void **state)
{
	static const char key[] = "u" ID;

	(void)state;
	for (int copy = 0; copy < 2; copy++) {
		struct unit_bytes file;
		unsigned char *record;

		set_uses(1);
		file = unit_read_file(place.path);
		record = memmem(file.data, file.len, key, strlen(key));
		assert_non_null(record);
		record[strlen(key) + (size_t)copy * PAT_USE_COPY_SIZE + 3] ^= 0x10;
		unit_write_file(place.path, file.data, file.len);
		free(file.data);
		assert_int_equal(use_now().uses, 1);
		assert_int_equal(spend(3), 0);
		assert_int_equal(use_now().uses, 3);
		assert_int_equal(spend(3), PAT_E_SPENT);
	}
}

static void inside_a_transaction_nothing_is_spent(void **state)
{
	struct pat_store *store = unit_opened(PAT_STORE_CHANGE);

	(void)state;
	assert_int_equal(pat_store_spend(store, ID, &event, 5, soon()), PAT_E_INVALID);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
	assert_int_equal(use_now().uses, 0);
}

static void a_record_that_is_held_is_not_spent(void **state)
{
	struct flock records = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2};
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	int64_t before = unit_milliseconds();
	struct pat_store *store;
	struct pat_use use;

	(void)state;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &records), 0);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_spend(store, ID, &event, 5, pat_deadline_in(300)), PAT_E_BUSY);
	assert_true(unit_milliseconds() - before < 10000);
	assert_int_equal(pat_store_get_use(store, ID, &use), 0);
	assert_int_equal(use.uses, 0);
	close(fd);
	assert_int_equal(pat_store_spend(store, ID, &event, 5, soon()), 0);
	unit_closed();
	assert_int_equal(use_now().uses, 1);
}

enum { LIMIT = 20, CROWD = LIMIT + 1 };

/* All of these, and nothing else: one of the crowd finds nothing left. */
static void all_but_one(const int errors[CROWD])
{
	int made = 0, spent = 0;

	for (int i = 0; i < CROWD; i++) {
		made += errors[i] == 0;
		spent += errors[i] == PAT_E_SPENT;
	}
	assert_int_equal(made, LIMIT);
	assert_int_equal(spent, 1);
	assert_int_equal(use_now().uses, LIMIT);
}

static void of_one_process_more_than_uses_one_is_refused(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		pid_t children[CROWD];
		int errors[CROWD], go[2];

		set_uses(0);
		assert_int_equal(pipe(go), 0);
		for (int i = 0; i < CROWD; i++) {
			children[i] = unit_fork();
			if (children[i] == 0) {
				char byte;

				close(go[1]);
				if (read(go[0], &byte, 1) != 0)
					_exit(100);
				_exit(-spend(LIMIT));
			}
		}
		close(go[1]);
		close(go[0]);
		for (int i = 0; i < CROWD; i++)
			errors[i] = -unit_wait(children[i]);
		all_but_one(errors);
	}
}

static void *spend_one(void *error)
{
	*(int *)error = spend(LIMIT);
	return NULL;
}

static void of_one_thread_more_than_uses_one_is_refused(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		pthread_t threads[CROWD];
		int errors[CROWD];

		set_uses(0);
		for (int i = 0; i < CROWD; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, spend_one, &errors[i]),
					 0);
		for (int i = 0; i < CROWD; i++)
			pthread_join(threads[i], NULL);
		all_but_one(errors);
	}
}

/* All have the store open before the first begins: only the record's lock keeps order. Each tries
 * until nothing is left, and tells how many uses it made. */
static void uses_within_one_opening_are_no_more_than_allowed(void **state)
{
	enum { PROCESSES = 6, USES = 200 };
	pid_t children[PROCESSES];
	int ready[2], go[2], sum = 0;
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			struct pat_store *store;
			int made = 0, error;

			close(go[1]);
			if (pat_store_open(&store, place.path, PAT_STORE_READ, soon()) != 0 ||
			    write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 0)
				_exit(250);
			while ((error = pat_store_spend(store, ID, &event, USES, soon())) == 0)
				made++;
			pat_store_close(store);
			_exit(error == PAT_E_SPENT ? made : 251);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	close(go[1]);
	for (int i = 0; i < PROCESSES; i++)
		sum += unit_wait(children[i]);
	close(go[0]);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(sum, USES);
	assert_int_equal(use_now().uses, USES);
}

static void a_use_is_one_write_and_on_disk_before_it_counts(void **state)
{
	(void)state;
	arm(FAULT_NONE, 0);
	assert_int_equal(spend(2), 0);
	disarm();
	assert_string_equal(fault.trace, "ws");
	assert_true(shadow_clean());
	setenv("TDB_NO_FSYNC", "1", 1);
	arm(FAULT_NONE, 0);
	assert_int_equal(spend(2), 0);
	disarm();
	unsetenv("TDB_NO_FSYNC");
	assert_string_equal(fault.trace, "ws");
	/* And none that is refused costs a write. */
	arm(FAULT_NONE, 0);
	assert_int_equal(spend(2), PAT_E_SPENT);
	disarm();
	assert_string_equal(fault.trace, "");
}

/* A call that fails makes no use, though the count may say so: never the other way round. */
static void when_a_call_fails_no_use_is_made(void **state)
{
	static const enum fault_kind kinds[] = {FAULT_FAIL, FAULT_FAIL_ALL};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (int step = 1; step <= 2; step++) {
			uint64_t counted;

			set_uses(0);
			arm(kinds[i], step);
			assert_int_equal(spend(3), PAT_E_IO);
			disarm();
			assert_int_equal(fault.seen, step);
			counted = use_now().uses;
			assert_in_range(counted, 0, step - 1);
			while (counted++ < 3)
				assert_int_equal(spend(3), 0);
			assert_int_equal(spend(3), PAT_E_SPENT);
		}
	set_uses(0);
	arm(FAULT_DISK_FULL, 1);
	assert_int_equal(spend(3), PAT_E_IO);
	disarm();
	assert_int_equal(use_now().uses, 0);
}

/*
 * What a crowd gets, one after the other, of the uses that are left; by processes of their own,
 * as the one before was killed.
 */
static int take_the_rest(uint32_t limit, int *last)
{
	int made = 0;

	while ((*last = spend(limit)) == 0)
		made++;
	return made;
}

static void killed_at_a_write_or_sync_nobody_gets_a_use_too_many(void **state)
{
	static const enum fault_kind kinds[] = {FAULT_KILL, FAULT_TEAR};
	struct unit_bytes start = unit_read_file(place.path);

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (int step = 1; step <= 2; step++) {
			int made, last;
			pid_t child;

			unit_write_file(place.path, start.data, start.len);
			child = unit_fork();
			if (child == 0) {
				arm(kinds[i], step);
				_exit(spend(3) ? 1 : 0);
			}
			assert_int_equal(unit_wait(child), 1000 + SIGKILL);
			made = take_the_rest(3, &last);
			/* A write that was begun may have been a use. */
			assert_int_equal(made, step == 1 && kinds[i] == FAULT_KILL ? 3 : 2);
			assert_int_equal(last, PAT_E_SPENT);
			assert_int_equal(use_now().uses, 3);
		}
	free(start.data);
}

/* Starts a child that waits to be traced, spends one use, and says so through `told`. */
static pid_t traced_child(uint32_t limit, int told)
{
	pid_t child = unit_fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		raise(SIGSTOP);
		if (spend(limit) == 0 && write(told, "x", 1) != 1)
			_exit(2);
		_exit(0);
	}
	return child;
}

/* Lets it go on until it has stopped so many times before or after a system call, and kills it.
 * True if it came to its end before. */
static bool killed_at(pid_t child, int stops)
{
	int status;

	for (int i = 0; i < stops; i++) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 ||
		    waitpid(child, &status, 0) != child)
			break;
		if (WIFEXITED(status))
			return true;
	}
	unit_kill(child);
	return false;
}

/* The sanitizers make hundreds of calls of their own; and they are there for what one run shows. */
#ifdef __SANITIZE_ADDRESS__
#define EACH_STOP 5
#else
#define EACH_STOP 1
#endif

static void killed_between_any_two_system_calls_nobody_gets_a_use_too_many(void **state)
{
	enum { USES = 2, STOPS_MAX = 2000 };
	struct unit_bytes start = unit_read_file(place.path);
	int lost = 0, kept = 0;
	bool ended = false;

	(void)state;
	for (int stops = 0; !ended; stops += EACH_STOP) {
		int told[2], made, last;
		char byte[2];
		pid_t child;

		assert_true(stops < STOPS_MAX);
		unit_write_file(place.path, start.data, start.len);
		assert_int_equal(pipe2(told, O_CLOEXEC), 0);
		child = traced_child(USES, told[1]);
		close(told[1]);
		if (!unit_wait_stopped(child)) {
			close(told[0]);
			free(start.data);
			unit_skip("needs ptrace(2)");
		}
		ended = killed_at(child, stops);
		made = (int)read(told[0], byte, sizeof(byte));
		close(told[0]);
		assert_in_range(made, ended ? 1 : 0, 1);
		made += take_the_rest(USES, &last);
		/* A use may be lost, when it was killed before it could say so. */
		assert_int_equal(last, PAT_E_SPENT);
		assert_in_range(made, USES - 1, USES);
		assert_int_equal(use_now().uses, USES);
		lost += made < USES;
		kept += made == USES;
	}
	/* Both were seen: it was killed before the write, and after it. */
	assert_true(lost > 0);
	assert_true(kept > 1);
	free(start.data);
}

/* Spends without end; says so through `told` for each. */
static void spend_for_ever(uint32_t limit, int told)
{
	for (;;) {
		int error = spend(limit);

		if (error == PAT_E_SPENT)
			_exit(0);
		if (error || write(told, "x", 1) != 1)
			_exit(1);
	}
}

static void killed_at_any_moment_nobody_gets_a_use_too_many(void **state)
{
	enum { USES = 3000, ROUNDS = 60 };
	int told[2], last, made;
	uint64_t lost;
	char said[USES + ROUNDS];

	(void)state;
	assert_int_equal(pipe2(told, O_CLOEXEC | O_NONBLOCK), 0);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t first = unit_fork(), second;

		if (first == 0)
			spend_for_ever(USES, told[1]);
		second = unit_fork();
		if (second == 0)
			spend_for_ever(USES, told[1]);
		usleep(500 + unit_below(4000));
		unit_kill(first);
		unit_kill(second);
	}
	made = take_the_rest(USES, &last);
	assert_int_equal(last, PAT_E_SPENT);
	made += (int)read(told[0], said, sizeof(said));
	close(told[0]);
	close(told[1]);
	lost = USES - (uint64_t)made;
	assert_true(made <= USES);
	assert_in_range(lost, 0, 2 * ROUNDS);
	assert_int_equal(use_now().uses, USES);
}

/* Stopped with half of the count written, or before it is on disk: the others wait, or get none. */
static void who_is_stopped_in_the_middle_keeps_the_use(void **state)
{
	(void)state;
	for (int step = 1; step <= 2; step++) {
		struct pat_store *store;
		pid_t child;

		set_uses(0);
		child = unit_fork();
		if (child == 0) {
			arm(FAULT_STOP, step);
			_exit(spend(1) ? 1 : 0);
		}
		assert_true(unit_wait_stopped(child));
		alarm(60);
		store = unit_opened(PAT_STORE_READ);
		assert_int_equal(pat_store_spend(store, ID, &event, 1, pat_deadline_in(200)),
				 PAT_E_BUSY);
		unit_closed();
		alarm(0);
		kill(child, SIGCONT);
		assert_int_equal(unit_wait(child), 0);
		assert_int_equal(spend(1), PAT_E_SPENT);
		assert_int_equal(use_now().uses, 1);
	}
}

/* Who removes the lock file lets two at the same count: only one of them makes the use. */
static void a_use_is_not_made_twice_where_the_lock_file_is_gone(void **state)
{
	pid_t child = unit_fork();

	(void)state;
	if (child == 0) {
		stop_after_reading = true;
		_exit(-spend(1));
	}
	assert_true(unit_wait_stopped(child));
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(spend(1), 0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), -PAT_E_BUSY);
	assert_int_equal(use_now().uses, 1);
	assert_int_equal(spend(1), PAT_E_SPENT);

	/* Nor by one who had opened the store before. */
	unit_opened(PAT_STORE_READ);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(pat_store_spend(place.store, ID, &event, 2, soon()), PAT_E_BUSY);
	unit_closed();
	assert_int_equal(spend(2), 0);
	assert_int_equal(use_now().uses, 2);
}

/* A change of another record at the same time, committed or killed, gives no use back. */
static void changes_at_the_same_time_give_no_use_back(void **state)
{
	enum { USES = 300 };
	pid_t minter = unit_fork();
	int made = 0, error = 0;

	(void)state;
	if (minter == 0)
		for (unsigned number = 2;; number++)
			if (unit_add(number, 1000 + number / 900) != 0)
				_exit(1);
	while (made <= USES && (error = spend(USES)) == 0)
		made++;
	unit_kill(minter);
	assert_int_equal(error, PAT_E_SPENT);
	assert_int_equal(made, USES);
	assert_int_equal(spend(USES), PAT_E_SPENT);
	assert_int_equal(use_now().uses, USES);
}

/* Damages that copy of the use record. */
static void damage_copy(unsigned copy)
{
	static const char key[] = "u" ID;
	struct unit_bytes file = unit_read_file(place.path);
	unsigned char *at = memmem(file.data, file.len, key, sizeof(key) - 1);

	assert_non_null(at);
	at[sizeof(key) - 1 + copy * PAT_USE_COPY_SIZE + 8] ^= 0xff;
	unit_write_file(place.path, file.data, file.len);
	free(file.data);
}

/* The copy that had the last use is gone; the other one has one less, and whoever reads it knows
 * that it may. A refusal is written over the one that was lost. */
static void a_refusal_gives_no_use_back(void **state)
{
	struct pat_store *store;

	(void)state;
	assert_int_equal(unit_spend_once(1, 1, 1000), 0);
	damage_copy(use_now().copy);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_note(store, ID, &event, false, false, soon()), 0);
	unit_closed();
	assert_int_equal(unit_spend_once(1, 1, 1001), PAT_E_SPENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_one_token_test(a_refusal_gives_no_use_back),
		unit_one_token_test(so_many_uses_as_allowed_are_made_and_no_more),
		unit_one_token_test(the_limit_holds_from_both_sides),
		unit_one_token_test(a_use_is_noted_like_any_other),
		unit_one_token_test(nothing_is_noted_of_a_use_that_is_not_made),
		unit_one_token_test(of_no_uses_there_is_none),
		unit_one_token_test(half_a_count_stands_for_one_use_more),
		unit_one_token_test(a_damaged_count_allows_nothing),
		unit_one_token_test(inside_a_transaction_nothing_is_spent),
		unit_one_token_test(a_record_that_is_held_is_not_spent),
		unit_one_token_test(of_one_process_more_than_uses_one_is_refused),
		unit_one_token_test(of_one_thread_more_than_uses_one_is_refused),
		unit_one_token_test(uses_within_one_opening_are_no_more_than_allowed),
		unit_one_token_test(a_use_is_one_write_and_on_disk_before_it_counts),
		unit_one_token_test(when_a_call_fails_no_use_is_made),
		unit_one_token_test(killed_at_a_write_or_sync_nobody_gets_a_use_too_many),
		unit_one_token_test(killed_between_any_two_system_calls_nobody_gets_a_use_too_many),
		unit_one_token_test(killed_at_any_moment_nobody_gets_a_use_too_many),
		unit_one_token_test(who_is_stopped_in_the_middle_keeps_the_use),
		unit_one_token_test(a_use_is_not_made_twice_where_the_lock_file_is_gone),
		unit_one_token_test(changes_at_the_same_time_give_no_use_back),
	};

	return unit_run(tests);
}
