/* SPDX-License-Identifier: ISC */

/* open() is defined here, which the inline one of the headers would hide. */
#undef _FORTIFY_SOURCE

#include "unit_store.h"

#include <dlfcn.h>
#include <sys/resource.h>

/* A file that changes between the look at it and its opening, and processes that are not fit to
 * have the store open. */

static void (*before_opening)(void);
static char other[256]; /* another store, as good as the first */

static void swapped_now(const char *path)
{
	void (*swap)(void) = before_opening;

	if (swap == NULL || strcmp(path, place.path) != 0)
		return;
	before_opening = NULL;
	swap();
}

/* TDB's way to the file, and nobody else's: the look at it is by openat(). */
#define WRAP_OPEN(name)                                                                   \
	__attribute__((visibility("default"))) int name(const char *path, int flags, ...) \
	{                                                                                 \
		int (*next)(const char *, int, ...) =                                     \
			(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);         \
		unsigned mode = 0;                                                        \
		va_list rest;                                                             \
                                                                                          \
		va_start(rest, flags);                                                    \
		if (flags & (O_CREAT | __O_TMPFILE))                                      \
			mode = va_arg(rest, unsigned);                                    \
		va_end(rest);                                                             \
		swapped_now(path);                                                        \
		return next(path, flags, mode);                                           \
	}
#ifndef __USE_FILE_OFFSET64 /* on 32 bits that is another name of the other */
WRAP_OPEN(open)
#endif
WRAP_OPEN(open64)

static int setup(void **state)
{
	struct unit_bytes bytes;

	before_opening = NULL;
	if (unit_place_setup(state) != 0 || unit_add(1, 1000) != 0)
		return -1;
	snprintf(other, sizeof(other), "%s/other.tdb", place.dir);
	bytes = unit_read_file(place.path);
	unit_write_file(other, bytes.data, bytes.len);
	free(bytes.data);
	return 0;
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

static void put_other(void)
{
	(void)rename(other, place.path);
}

static void put_link(void)
{
	(void)unlink(place.path);
	(void)!symlink(other, place.path);
}

static void put_fifo(void)
{
	(void)unlink(place.path);
	(void)mkfifo(place.path, 0600);
}

static void open_to_others(void)
{
	(void)chmod(place.path, 0666);
}

static void give_away(void)
{
	(void)!chown(place.path, 65534, (gid_t)-1);
}

static void give_second_name(void)
{
	(void)unlink(other);
	(void)!link(place.path, other);
}

/* In each mode in which TDB opens what was looked at (for reading there is one opening), and
 * nothing is left locked. */
static void unsafe_after(void **state, void (*swap)(void))
{
	static const enum pat_store_mode modes[] = {PAT_STORE_CHANGE, PAT_STORE_CREATE};

	for (size_t i = 0; i < COUNT(modes); i++) {
		before_opening = swap;
		alarm(60);
		assert_int_equal(unit_open_error(modes[i]), PAT_E_UNSAFE);
		alarm(0);
		assert_null(before_opening);
		unit_remove_tree(place.base);
		assert_int_equal(setup(state), 0);
		assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
	}
}

static void a_file_that_was_not_looked_at_is_not_read(void **state)
{
	unsafe_after(state, put_other);
}

static void a_link_that_came_after_the_look_is_not_followed(void **state)
{
	unsafe_after(state, put_link);
}

static void a_fifo_that_came_after_the_look_holds_nobody(void **state)
{
	before_opening = put_fifo;
	(void)state;
	alarm(60);
	assert_true(unit_open_error(PAT_STORE_CHANGE) < 0);
	alarm(0);
}

static void a_file_that_became_unsafe_after_the_look_is_not_read(void **state)
{
	unsafe_after(state, open_to_others);
	unsafe_after(state, give_second_name);
	if (geteuid() == 0)
		unsafe_after(state, give_away);
}

/* Out of the store and in again, with that in between. */
static int back_after(void (*meanwhile)(void))
{
	struct pat_store *store = unit_opened(PAT_STORE_READ);

	pat_store_leave(store);
	meanwhile();
	return pat_store_enter(store, soon(), NULL);
}

static void add_another(void)
{
	assert_int_equal(unit_add(2, 1000), 0);
}

static void who_left_keeps_no_writer_and_sees_what_it_wrote(void **state)
{
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];

	(void)state;
	unit_id(id, 2);
	assert_int_equal(back_after(add_another), 0);
	assert_int_equal(pat_store_get_grant(place.store, id, &grant), 0);
	unit_closed();
}

static void who_notes_as_the_last_keeps_no_writer_and_nobody_from_the_record(void **state)
{
	const struct pat_event event = {.time = 1795280099, .service = "sshd"};
	struct pat_store *store = unit_opened(PAT_STORE_READ), *next;
	struct pat_use use;

	(void)state;
	assert_int_equal(pat_store_note_and_leave(store, "id000001", &event, true, true, soon()),
			 0);
	add_another();
	assert_int_equal(pat_store_open(&next, place.path, PAT_STORE_READ, soon()), 0);
	assert_int_equal(pat_store_note(next, "id000001", &event, true, true, pat_deadline_in(0)),
			 0);
	pat_store_close(next);
	unit_closed();
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 2);
}

static void put_one_with_another(void)
{
	struct unit_bytes bytes;

	assert_int_equal(unit_add(2, 1000), 0);
	bytes = unit_read_file(place.path);
	(void)unlink(place.path);
	unit_write_file(place.path, bytes.data, bytes.len);
	free(bytes.data);
}

static void who_left_comes_back_into_the_store_that_has_the_name(void **state)
{
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];

	(void)state;
	unit_id(id, 2);
	assert_int_equal(back_after(put_one_with_another), 0);
	assert_int_equal(pat_store_get_grant(place.store, id, &grant), 0);
	unit_closed();
}

static void who_left_does_not_come_back_into_what_became_unsafe(void **state)
{
	static void (*const swaps[])(void) = {put_link, put_fifo, open_to_others, give_second_name};

	for (size_t i = 0; i < COUNT(swaps); i++) {
		alarm(60);
		assert_int_equal(back_after(swaps[i]), PAT_E_UNSAFE);
		alarm(0);
		unit_closed();
		unit_remove_tree(place.base);
		assert_int_equal(setup(state), 0);
	}
}

/* As a power cut may leave it: the header names a recovery area that is not there. */
static void leave_recovery(void)
{
	enum { RECOVERY_AT = 44 };
	const uint32_t nowhere = 0x7fffffff;
	int fd = open(place.path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, &nowhere, sizeof(nowhere), RECOVERY_AT), sizeof(nowhere));
	close(fd);
}

static void who_left_clears_away_what_was_cut_off_meanwhile(void **state)
{
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];

	(void)state;
	unit_id(id, 1);
	assert_int_equal(back_after(leave_recovery), 0);
	/* And once more from there, where TDB had to be asked. */
	pat_store_leave(place.store);
	assert_int_equal(unit_add(2, 1000), 0);
	assert_int_equal(pat_store_enter(place.store, soon(), NULL), 0);
	assert_int_equal(pat_store_get_grant(place.store, id, &grant), 0);
	unit_closed();
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
}

static void change_first(void (*change)(struct pat_grant *grant))
{
	struct pat_grant grant = unit_numbered_grant(1, 1000);

	change(&grant);
	assert_int_equal(pat_store_put_grant(unit_opened(PAT_STORE_CHANGE), &grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

static void set_revoked(struct pat_grant *grant)
{
	grant->revoked_at = 1;
}

static void set_longer(struct pat_grant *grant)
{
	strcat(grant->name, " ");
}

static void revoke_first(void)
{
	change_first(set_revoked);
}

static void lengthen_first(void)
{
	change_first(set_longer);
}

static void drop_first(void)
{
	assert_int_equal(pat_store_drop_grant(unit_opened(PAT_STORE_CHANGE), "id000001"), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

static void change_nothing(void)
{
}

/* Whether the grant that was read outside is told to be there unchanged. */
static bool unchanged_after(void **state, void (*meanwhile)(void), const char *id)
{
	struct pat_store *store;
	struct pat_grant grant;
	bool unchanged = true;

	assert_int_equal(pat_store_open_outside(&store, place.path, PAT_STORE_READ), 0);
	assert_int_equal(pat_store_get_grant(store, "id000001", &grant), 0);
	if (strcmp(id, "id000001") != 0)
		assert_int_equal(pat_store_get_grant(store, id, &grant), PAT_E_NOTFOUND);
	meanwhile();
	assert_int_equal(pat_store_enter(store, soon(), &unchanged), 0);
	pat_store_close(store);
	unit_remove_tree(place.base);
	assert_int_equal(setup(state), 0);
	return unchanged;
}

static void who_comes_in_is_told_whether_the_grant_is_as_it_was(void **state)
{
	static void (*const changes[])(void) = {revoke_first, lengthen_first, drop_first,
						put_one_with_another, leave_recovery};

	assert_true(unchanged_after(state, change_nothing, "id000001"));
	assert_true(unchanged_after(state, add_another, "id000001"));
	assert_false(unchanged_after(state, change_nothing, "id000009"));
	for (size_t i = 0; i < COUNT(changes); i++)
		assert_false(unchanged_after(state, changes[i], "id000001"));
}

/* A child that may write no further than `limit`: what opening says to it. */
static int opened_with_limit(rlim_t limit, enum pat_store_mode mode)
{
	pid_t child = unit_fork();

	if (child == 0) {
		const struct rlimit size = {limit, limit};
		int error;

		signal(SIGXFSZ, SIG_DFL);
		if (setrlimit(RLIMIT_FSIZE, &size) < 0)
			_exit(99);
		error = mode == PAT_STORE_READ ? unit_use_once(1, 1000) : unit_open_error(mode);
		_exit(-error);
	}
	return -unit_wait(child);
}

static void who_may_not_write_that_far_is_told_and_not_killed(void **state)
{
	struct pat_use use;
	struct stat st;

	(void)state;
	assert_int_equal(stat(place.path, &st), 0);
	assert_int_equal(opened_with_limit(0, PAT_STORE_READ), PAT_E_ACCESS);
	assert_int_equal(opened_with_limit(1024, PAT_STORE_READ), PAT_E_ACCESS);
	assert_int_equal(opened_with_limit((rlim_t)st.st_size - 1, PAT_STORE_READ), PAT_E_ACCESS);
	assert_int_equal(opened_with_limit(1024, PAT_STORE_CHANGE), PAT_E_ACCESS);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 0);
	assert_int_equal(opened_with_limit((rlim_t)st.st_size, PAT_STORE_READ), 0);
	assert_int_equal(opened_with_limit(RLIM_INFINITY, PAT_STORE_READ), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 2);
}

/* Opens it without the descriptors in `closed`, and complains on all three meanwhile. */
static int complain_while_open(unsigned closed)
{
	struct pat_store *store;
	int error;

	for (int fd = 0; fd < 3; fd++) {
		int null = open("/dev/null", O_RDWR);

		if (null < 0 || (null != fd && dup2(null, fd) < 0))
			return 1;
		if (null > 2)
			close(null);
	}
	for (int fd = 0; fd < 3; fd++)
		if (closed & 1U << fd)
			close(fd);
	error = pat_store_open(&store, place.path, PAT_STORE_READ, soon());
	if (error)
		return error == PAT_E_ACCESS ? 0 : 2;
	for (int fd = 0; fd < 3; fd++)
		if (!write(fd, "a complaint\n", 12))
			return 3;
	pat_store_close(store);
	return 0;
}

static void a_complaint_on_a_closed_descriptor_lands_in_no_file_of_ours(void **state)
{
	struct unit_bytes before = unit_read_file(place.path);

	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		struct unit_bytes after;
		struct stat st;
		pid_t child = unit_fork();

		if (child == 0)
			_exit(complain_while_open(closed));
		assert_int_equal(unit_wait(child), 0);
		after = unit_read_file(place.path);
		assert_int_equal(after.len, before.len);
		assert_memory_equal(after.data, before.data, before.len);
		free(after.data);
		assert_int_equal(stat(place.lock, &st), 0);
		if (st.st_size != 0)
			fail_msg("without %u: %d bytes in the lock file", closed, (int)st.st_size);
	}
	free(before.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(who_left_keeps_no_writer_and_sees_what_it_wrote),
		with_store(who_notes_as_the_last_keeps_no_writer_and_nobody_from_the_record),
		with_store(who_left_comes_back_into_the_store_that_has_the_name),
		with_store(who_left_does_not_come_back_into_what_became_unsafe),
		with_store(who_left_clears_away_what_was_cut_off_meanwhile),
		with_store(who_comes_in_is_told_whether_the_grant_is_as_it_was),
		with_store(a_file_that_was_not_looked_at_is_not_read),
		with_store(a_link_that_came_after_the_look_is_not_followed),
		with_store(a_fifo_that_came_after_the_look_holds_nobody),
		with_store(a_file_that_became_unsafe_after_the_look_is_not_read),
		with_store(who_may_not_write_that_far_is_told_and_not_killed),
		with_store(a_complaint_on_a_closed_descriptor_lands_in_no_file_of_ours),
	};

	return unit_run(tests);
}
