/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include <poll.h>
#include <pthread.h>

/* Who may be in the store when: waits that end, and counts that are right however many come. */

/* Starts a child that opens the store and stops, as a user can make a setuid program do. */
static pid_t stopped_child(enum pat_store_mode mode)
{
	pid_t child = unit_fork();

	if (child == 0) {
		struct pat_grant grant = unit_numbered_grant(2, 1000);
		struct pat_store *store;

		if (pat_store_open(&store, place.path, mode, soon()) != 0)
			_exit(1);
		if (mode != PAT_STORE_READ && unit_put(store, &grant) != 0)
			_exit(2);
		raise(SIGSTOP);
		pat_store_close(store);
		_exit(0);
	}
	if (!unit_wait_stopped(child))
		return -1;
	return child;
}

/* Opening in this mode gives up in time: not before the deadline, and not long after it. */
static void busy_in_time(enum pat_store_mode mode)
{
	int64_t before = unit_milliseconds(), after;
	struct pat_store *store;

	assert_int_equal(pat_store_open(&store, place.path, mode, pat_deadline_in(SHORT)),
			 PAT_E_BUSY);
	after = unit_milliseconds();
	assert_true(after - before >= SHORT - 20);
	assert_true(after - before < SHORT + 10000);
}

static void a_stopped_writer_keeps_nobody_past_the_deadline(void **state)
{
	pid_t child = stopped_child(PAT_STORE_CHANGE);

	(void)state;
	assert_true(child > 0);
	alarm(120);
	busy_in_time(PAT_STORE_READ);
	busy_in_time(PAT_STORE_CHANGE);
	busy_in_time(PAT_STORE_CREATE);
	alarm(0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
}

static void a_stopped_reader_keeps_writers_no_longer_than_their_deadline(void **state)
{
	pid_t child = stopped_child(PAT_STORE_READ);

	(void)state;
	assert_true(child > 0);
	alarm(120);
	busy_in_time(PAT_STORE_CHANGE);
	alarm(0);
	unit_kill(child);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
}

static void a_stopped_reader_keeps_no_other_reader(void **state)
{
	pid_t child = stopped_child(PAT_STORE_READ);
	struct pat_use use;

	(void)state;
	assert_true(child > 0);
	alarm(120);
	assert_int_equal(unit_use_once(1, 1000), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 1);
	busy_in_time(PAT_STORE_CHANGE);
	/* Nor after a writer has waited in vain. */
	assert_int_equal(unit_use_once(1, 1001), 0);
	alarm(0);
	unit_kill(child);
}

/* Every reader has the time of a login; the writer has ten times that. */
static void readers_pass_a_patient_writer_who_waits_for_a_stopped_reader(void **state)
{
	enum { LOGIN = 2000, PATIENCE = 20000, READERS = 5 };
	pid_t stopped = stopped_child(PAT_STORE_READ), writer;

	(void)state;
	assert_true(stopped > 0);
	writer = unit_fork();
	if (writer == 0) {
		struct pat_store *store;
		int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE,
					   pat_deadline_in(PATIENCE));

		pat_store_close(store);
		_exit(error ? 1 : 0);
	}
	for (int i = 0; i < READERS; i++) {
		struct pat_store *store;

		assert_int_equal(
			pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(LOGIN)),
			0);
		pat_store_close(store);
		usleep(100000);
	}
	kill(stopped, SIGCONT);
	assert_int_equal(unit_wait(stopped), 0);
	assert_int_equal(unit_wait(writer), 0);
}

static void a_deadline_that_has_passed_is_not_waited_for(void **state)
{
	pid_t child = stopped_child(PAT_STORE_CHANGE);
	int64_t before = unit_milliseconds();
	struct pat_store *store;

	(void)state;
	assert_true(child > 0);
	assert_int_equal(
		pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(0) - 1000000),
		PAT_E_BUSY);
	assert_true(unit_milliseconds() - before < 10000);
	unit_kill(child);
}

static void a_killed_holder_holds_nothing(void **state)
{
	pid_t child = stopped_child(PAT_STORE_CHANGE);
	struct pat_grant grant;

	(void)state;
	assert_true(child > 0);
	unit_kill(child);
	/* What it had begun is not there. */
	assert_int_equal(unit_read_grant(2, &grant), PAT_E_NOTFOUND);
	assert_int_equal(unit_add(2, 1000), 0);
	assert_int_equal(unit_read_grant(2, &grant), 0);
}

static void a_note_waits_for_a_free_record_no_longer_than_its_deadline(void **state)
{
	struct pat_event event = {.time = 1, .service = "sshd"};
	struct flock everything = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2};
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	int64_t before;
	struct pat_store *store;

	(void)state;
	/* All that stands in the lock file for records; the two bytes before are the way in. */
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &everything), 0);
	store = unit_opened(PAT_STORE_READ);
	before = unit_milliseconds();
	assert_int_equal(
		pat_store_note(store, "id000001", &event, true, true, pat_deadline_in(SHORT)),
		PAT_E_BUSY);
	assert_true(unit_milliseconds() - before < SHORT + 10000);
	close(fd);
	assert_int_equal(pat_store_note(store, "id000001", &event, true, true, soon()), 0);
	unit_closed();
}

static void readers_are_in_together(void **state)
{
	pid_t children[4];
	int ready[2], go[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			struct pat_store *store;

			close(go[1]);
			if (pat_store_open(&store, place.path, PAT_STORE_READ, soon()) != 0)
				_exit(1);
			/* In; says so, and leaves only when all are in. */
			if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 0)
				_exit(2);
			pat_store_close(store);
			_exit(0);
		}
	}
	close(ready[1]);
	for (size_t i = 0; i < COUNT(children); i++) {
		struct pollfd coming = {.fd = ready[0], .events = POLLIN};

		assert_int_equal(poll(&coming, 1, LONG_ENOUGH), 1);
		assert_int_equal(read(ready[0], &byte, 1), 1);
	}
	close(go[1]);
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	close(ready[0]);
	close(go[0]);
}

static void a_writer_is_in_alone(void **state)
{
	pid_t child;

	(void)state;
	child = stopped_child(PAT_STORE_CHANGE);
	assert_true(child > 0);
	busy_in_time(PAT_STORE_READ);
	unit_kill(child);
}

static void a_stream_of_readers_does_not_starve_a_writer(void **state)
{
	pid_t children[4];

	(void)state;
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		while (children[i] == 0) {
			struct pat_store *store;

			/* Long enough that one of them is always in. */
			if (pat_store_open(&store, place.path, PAT_STORE_READ, soon()) != 0)
				_exit(1);
			usleep(20000 + 3000 * (useconds_t)i);
			pat_store_close(store);
		}
	}
	usleep(50000);
	for (unsigned i = 10; i < 20; i++) {
		struct pat_store *store;
		int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE,
					   pat_deadline_in(20000));

		if (!error)
			pat_store_close(store);
		if (error) {
			for (size_t k = 0; k < COUNT(children); k++)
				unit_kill(children[k]);
			fail_msg("writer %u: %d", i, error);
		}
	}
	for (size_t i = 0; i < COUNT(children); i++)
		unit_kill(children[i]);
}

static void a_stream_of_writers_does_not_starve_a_reader(void **state)
{
	pid_t children[2];

	(void)state;
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		if (children[i] == 0)
			for (unsigned k = 0;; k++)
				if (unit_open_error(PAT_STORE_CHANGE) != 0)
					_exit(1);
	}
	for (unsigned i = 0; i < 50; i++) {
		int error = unit_use_once(1, i);

		if (error) {
			unit_kill(children[0]);
			unit_kill(children[1]);
			fail_msg("reader %u: %d", i, error);
		}
	}
	unit_kill(children[0]);
	unit_kill(children[1]);
}

enum { CROWD = 8, TIMES = 200 };

static void *use_many_times(void *failures)
{
	for (int i = 0; i < TIMES; i++)
		if (unit_use_once(1, 1000 + i) != 0)
			__atomic_fetch_add((int *)failures, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void uses_by_threads_are_all_counted(void **state)
{
	pthread_t threads[CROWD];
	struct pat_use use;
	int failures = 0;

	(void)state;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_many_times, &failures), 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failures, 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, CROWD * TIMES);
}

static void uses_by_processes_are_all_counted(void **state)
{
	pid_t children[CROWD];
	struct pat_use use;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			int failures = 0;

			use_many_times(&failures);
			_exit(failures ? 1 : 0);
		}
	}
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(unit_wait(children[i]), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, CROWD * TIMES);
}

/* Notes while all the others have the store open as well: only the record's lock keeps order. */
static void uses_within_one_opening_are_all_counted(void **state)
{
	pid_t children[4];
	struct pat_use use;

	(void)state;
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			struct pat_event event = {.time = 1000, .service = "sshd"};
			struct pat_store *store;

			if (pat_store_open(&store, place.path, PAT_STORE_READ, soon()) != 0)
				_exit(1);
			for (int k = 0; k < 2000; k++) {
				struct pat_use seen;

				if (pat_store_note(store, "id000001", &event, true, true, soon()) !=
				    0)
					_exit(2);
				if (pat_store_get_use(store, "id000001", &seen) != 0)
					_exit(3);
			}
			pat_store_close(store);
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 8000);
}

static void changes_and_uses_at_once_lose_nothing(void **state)
{
	pid_t writers[3], users[2];
	static struct pat_index index;
	struct pat_store *store;
	struct pat_use use;

	(void)state;
	for (unsigned i = 0; i < COUNT(writers); i++) {
		writers[i] = unit_fork();
		if (writers[i] == 0) {
			for (unsigned k = 0; k < 30; k++)
				if (unit_add(100 * (i + 1) + k, 1001) != 0)
					_exit(1);
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT(users); i++) {
		users[i] = unit_fork();
		if (users[i] == 0) {
			int failures = 0;

			use_many_times(&failures);
			_exit(failures ? 1 : 0);
		}
	}
	for (size_t i = 0; i < COUNT(writers); i++)
		assert_int_equal(unit_wait(writers[i]), 0);
	for (size_t i = 0; i < COUNT(users); i++)
		assert_int_equal(unit_wait(users[i]), 0);

	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, COUNT(users) * TIMES);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_get_index(store, 1001, &index), 0);
	assert_int_equal(index.count, COUNT(writers) * 30);
	assert_int_equal(pat_store_check_structure(store), 0);
	unit_closed();
}

static void processes_that_create_the_store_at_once_all_find_their_work(void **state)
{
	pid_t children[6];
	struct pat_grant grant;

	(void)state;
	for (unsigned i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		if (children[i] == 0)
			_exit(unit_add(i, 1000) ? 1 : 0);
	}
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	for (unsigned i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_read_grant(i, &grant), 0);
}

static void *open_while_held(void *error)
{
	struct pat_store *store;

	*(int *)error =
		pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(SHORT));
	if (*(int *)error == 0)
		pat_store_close(store);
	return NULL;
}

static void a_thread_waits_for_another_no_longer_than_its_deadline(void **state)
{
	pthread_t thread;
	int error = 1;

	(void)state;
	unit_opened(PAT_STORE_CHANGE);
	alarm(60);
	assert_int_equal(pthread_create(&thread, NULL, open_while_held, &error), 0);
	pthread_join(thread, NULL);
	assert_int_equal(error, PAT_E_BUSY);
	alarm(0);
	unit_closed();
	assert_int_equal(unit_open_error(PAT_STORE_READ), 0);
}

static void *read_while_read(void *error)
{
	struct pat_store *store;

	*(int *)error = pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(SHORT));
	if (*(int *)error == 0)
		pat_store_close(store);
	return NULL;
}

static void threads_read_together(void **state)
{
	pthread_t thread;
	int error = 1;

	(void)state;
	unit_opened(PAT_STORE_READ);
	assert_int_equal(pthread_create(&thread, NULL, read_while_read, &error), 0);
	pthread_join(thread, NULL);
	assert_int_equal(error, 0);
	unit_closed();
}

static void failed_openings_leave_the_way_free(void **state)
{
	(void)state;
	assert_int_equal(chmod(place.path, 0666), 0);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_UNSAFE);
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_UNSAFE);
	assert_int_equal(chmod(place.path, 0600), 0);
	assert_int_equal(unit_open_error(PAT_STORE_READ), 0);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
}

/* Removed as stale, or replaced by a restore. */
static void a_writer_whose_lock_file_is_gone_commits_nothing(void **state)
{
	struct pat_grant grant = unit_numbered_grant(2, 1000);
	static struct pat_index index;
	struct pat_meta meta;
	pid_t another = unit_fork();

	(void)state;
	/* In a process of its own, that was there before this one opened the store. */
	if (another == 0) {
		raise(SIGSTOP);
		_exit(unit_add(3, 1000) ? 1 : 0);
	}
	assert_true(unit_wait_stopped(another));
	assert_int_equal(unit_put(unit_opened(PAT_STORE_CHANGE), &grant), 0);
	assert_int_equal(unlink(place.lock), 0);
	kill(another, SIGCONT);
	assert_int_equal(unit_wait(another), 0);
	assert_int_equal(pat_store_commit(place.store), PAT_E_BUSY);
	unit_closed();

	assert_int_equal(unit_read_grant(3, &grant), 0);
	assert_int_equal(unit_read_grant(2, &grant), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_check_structure(unit_opened(PAT_STORE_READ)), 0);
	assert_int_equal(pat_store_get_index(place.store, 1000, &index), 0);
	assert_int_equal(index.count, 2);
	assert_int_equal(pat_store_get_meta(place.store, &meta), 0);
	assert_int_equal(meta.generation, 2);
	unit_closed();
	assert_int_equal(unit_add(2, 1000), 0);
}

/* Whether the process sleeps, as one that waits for a lock does. */
static bool asleep(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file != NULL && fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	return strstr(line, ") S ") != NULL;
}

static void who_waited_for_a_lock_file_that_is_gone_waits_for_the_new_one(void **state)
{
	pid_t first = stopped_child(PAT_STORE_CHANGE), waiting, second;
	struct pat_grant grant;

	(void)state;
	assert_true(first > 0);
	waiting = unit_fork();
	if (waiting == 0)
		_exit(unit_add(3, 1000) ? 1 : 0);
	for (int i = 0; i < 100 || (!asleep(waiting) && i < 5000); i++)
		usleep(1000);
	assert_int_equal(unlink(place.lock), 0);
	/* The one with the new file is in, and has read what it will change. */
	second = unit_fork();
	if (second == 0) {
		struct pat_store *store;
		int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon());

		grant = unit_numbered_grant(4, 1000);
		if (!error)
			error = unit_put(store, &grant);
		raise(SIGSTOP);
		if (!error)
			error = pat_store_commit(store);
		pat_store_close(store);
		_exit(error ? 1 : 0);
	}
	assert_true(unit_wait_stopped(second));
	/* The first leaves, and the one who waits gets a lock that is worth nothing. */
	kill(first, SIGCONT);
	assert_int_equal(unit_wait(first), 0);
	usleep(100000);
	assert_int_equal(waitpid(waiting, NULL, WNOHANG), 0);
	kill(second, SIGCONT);
	assert_int_equal(unit_wait(second), 0);
	assert_int_equal(unit_wait(waiting), 0);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(unit_read_grant(3, &grant), 0);
	assert_int_equal(unit_read_grant(4, &grant), 0);
}

/* A host may fork in another thread at any time, and the child may live long and never exec. */
static void a_child_forked_while_the_store_was_open_holds_nothing(void **state)
{
	static const enum pat_store_mode modes[] = {PAT_STORE_READ, PAT_STORE_CHANGE};

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct pat_store *store;
		pid_t child;
		int change, use;

		unit_opened(modes[i]);
		child = unit_fork();
		if (child == 0)
			for (;;)
				pause();
		unit_closed();
		change = pat_store_open(&store, place.path, PAT_STORE_CHANGE,
					pat_deadline_in(SHORT));
		if (!change)
			pat_store_close(store);
		use = unit_use_once(1, 1000);
		unit_kill(child);
		assert_int_equal(change, 0);
		assert_int_equal(use, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_one_token_test(a_stopped_writer_keeps_nobody_past_the_deadline),
		unit_one_token_test(a_stopped_reader_keeps_writers_no_longer_than_their_deadline),
		unit_one_token_test(a_stopped_reader_keeps_no_other_reader),
		unit_one_token_test(readers_pass_a_patient_writer_who_waits_for_a_stopped_reader),
		unit_one_token_test(a_deadline_that_has_passed_is_not_waited_for),
		unit_one_token_test(a_killed_holder_holds_nothing),
		unit_one_token_test(a_note_waits_for_a_free_record_no_longer_than_its_deadline),
		unit_one_token_test(readers_are_in_together),
		unit_one_token_test(a_writer_is_in_alone),
		unit_one_token_test(a_stream_of_readers_does_not_starve_a_writer),
		unit_one_token_test(a_stream_of_writers_does_not_starve_a_reader),
		unit_one_token_test(uses_by_threads_are_all_counted),
		unit_one_token_test(uses_by_processes_are_all_counted),
		unit_one_token_test(uses_within_one_opening_are_all_counted),
		unit_one_token_test(changes_and_uses_at_once_lose_nothing),
		unit_store_test(processes_that_create_the_store_at_once_all_find_their_work),
		unit_one_token_test(a_thread_waits_for_another_no_longer_than_its_deadline),
		unit_one_token_test(threads_read_together),
		unit_one_token_test(a_writer_whose_lock_file_is_gone_commits_nothing),
		unit_one_token_test(who_waited_for_a_lock_file_that_is_gone_waits_for_the_new_one),
		unit_one_token_test(a_child_forked_while_the_store_was_open_holds_nothing),
		unit_one_token_test(failed_openings_leave_the_way_free),
	};

	return unit_run(tests);
}
