/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include <dlfcn.h>

#include "../../lib/store_private.h"

/*
 * A disk that is full, or of which somebody has had all that is theirs: whatever finds no room,
 * that is what is told, and not just that something failed.
 */

/* The calls that may find no room are ours here, before libc's, for TDB too. */
static struct {
	int error;    /* that they find none, if not 0 */
	int at;       /* the call that does, from 1 */
	bool for_all; /* that come behind it, too */
	bool asked;   /* by posix_fallocate(3) alone, but each time */
	int calls;
	int asked_at; /* the last of them that was posix_fallocate(3) */
} room;

static bool lacks(void)
{
	bool now = ++room.calls == room.at || (room.for_all && room.calls > room.at);

	if (!now || room.error == 0 || room.asked)
		return false;
	errno = room.error;
	return true;
}

/* The definition that would be found without ours. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define EXPORTED __attribute__((visibility("default")))
#define WRAP(type, name, parameters, arguments)             \
	EXPORTED type name parameters                       \
	{                                                   \
		return lacks() ? -1 : real(name) arguments; \
	}
WRAP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, renameat, (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to))

/* This one returns why, and leaves errno alone. */
#define WRAP_FALLOCATE(name, offset_type)                                        \
	EXPORTED int name(int fd, offset_type at, offset_type len)               \
	{                                                                        \
		int saved = errno;                                               \
		bool now = lacks() || room.asked;                                \
                                                                                 \
		errno = saved;                                                   \
		room.asked_at = room.calls;                                      \
		return now && room.error ? room.error : real(name)(fd, at, len); \
	}
#define WRAP_OFFSETS(suffix, offset_type)                                                     \
	WRAP(ssize_t, pwrite##suffix, (int fd, const void *data, size_t len, offset_type at), \
	     (fd, data, len, at))                                                             \
	WRAP(int, ftruncate##suffix, (int fd, offset_type len), (fd, len))                    \
	WRAP_FALLOCATE(posix_fallocate##suffix, offset_type)
#ifndef __USE_FILE_OFFSET64 /* on 32 bits that is another name of the other */
WRAP_OFFSETS(, off_t)
#endif
WRAP_OFFSETS(64, off64_t)

static void lack(int error, int at, bool for_all)
{
	memset(&room, 0, sizeof(room));
	room.error = error;
	room.at = at;
	room.for_all = for_all;
}

static void lack_what_is_asked_for(int error)
{
	lack(error, 0, false);
	room.asked = true;
}

static void lack_nothing(void)
{
	room.error = 0;
}

static int begin(void **state)
{
	lack_nothing();
	return unit_place_setup(state);
}

#define with_room(test) cmocka_unit_test_setup_teardown(test, begin, unit_place_teardown)

static const int errors[] = {ENOSPC, EDQUOT};

/* --- a store is made */

/* Makes a store while a call finds no room. False when there are not so many. */
static bool made_without_room(int lacking, int at, bool for_all)
{
	int error, why, entries;

	unit_remove_tree(place.dir);
	lack(lacking, at, for_all);
	error = unit_open_error(PAT_STORE_CREATE);
	why = errno;
	lack_nothing();
	if (room.calls < at) {
		assert_int_equal(error, 0);
		assert_true(room.asked_at > 0);
		return false;
	}
	/* TDB does without posix_fallocate(3) if it can. */
	if (!error && room.asked_at == at && lacking == EDQUOT)
		return true;
	if (error != PAT_E_IO || why != lacking)
		fail_msg("call %d, %s: %s, %s", at, strerror(lacking), pat_error_text(error),
			 strerror(why));
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_NOSTORE);
	/* The first call is for the name of the directory; else there may be a lock file in it. */
	entries = unit_count_entries(place.dir);
	assert_true(at == 1 ? entries < 0 : entries <= 1);
	assert_int_equal(unit_add(1, 1000), 0);
	return true;
}

static void where_a_store_finds_no_room_to_be_made_that_is_told_and_none_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++)
		for (int for_all = 0; for_all < 2; for_all++)
			for (int at = 1; made_without_room(errors[i], at, for_all); at++)
				;
}

/* --- one that is there grows */

/* Adds a token to a store of these bytes while a call finds no room. */
static bool added_without_room(const struct unit_bytes *start, int lacking, int at)
{
	struct pat_grant grant;
	int error, why;

	unit_write_file(place.path, start->data, start->len);
	lack(lacking, at, false);
	error = unit_add(1, 1000);
	why = errno;
	lack_nothing();
	if (error && (error != PAT_E_IO || why != lacking))
		fail_msg("call %d, %s: %s, %s", at, strerror(lacking), pat_error_text(error),
			 strerror(why));
	assert_int_equal(unit_read_grant(1, &grant), error ? PAT_E_NOTFOUND : 0);
	return room.calls >= at;
}

static void where_a_change_finds_no_room_that_is_told_and_the_old_state_stands(void **state)
{
	struct unit_bytes start;

	(void)state;
	assert_int_equal(unit_open_error(PAT_STORE_CREATE), 0);
	start = unit_read_file(place.path);
	for (size_t i = 0; i < COUNT(errors); i++) {
		for (int at = 1; added_without_room(&start, errors[i], at); at++)
			;
		assert_true(room.asked_at > 0);
	}
	free(start.data);
}

/* Adds tokens in one transaction. */
static int add_some(unsigned from, unsigned to)
{
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, PAT_STORE_CREATE, soon());

	for (; !error && from < to; from++) {
		struct pat_grant grant = unit_numbered_grant(from, 1000 + from % 3);

		error = unit_put(store, &grant);
	}
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

/* For what is to be rolled back after a crash, or for records, or for both. */
static void whatever_a_store_grows_for_it_is_told_that_there_is_no_room(void **state)
{
	enum { ROUNDS = 30, SOME = 25 };
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		int error, why;

		lack_what_is_asked_for(ENOSPC);
		error = add_some(i * SOME, (i + 1) * SOME);
		why = errno;
		lack_nothing();
		if (!error)
			continue;
		refused++;
		assert_int_equal(error, PAT_E_IO);
		assert_int_equal(why, ENOSPC);
		assert_int_equal(add_some(i * SOME, (i + 1) * SOME), 0);
	}
	assert_in_range(refused, 2, ROUNDS - 1);
}

/* --- outside of a transaction, as in a file that nobody else has */

static int put_outside(struct tdb_context *tdb, const char *name, size_t len)
{
	static unsigned char bytes[1 << 16];
	TDB_DATA key = {.dptr = (unsigned char *)(uintptr_t)name, .dsize = strlen(name)};

	errno = 0;
	return tdb_store(tdb, key, (TDB_DATA){.dptr = bytes, .dsize = len}, TDB_REPLACE) == 0
		       ? PAT_OK
		       : store_put_error(tdb);
}

static void a_record_that_finds_no_room_is_not_taken_for_one_that_is_not_there(void **state)
{
	struct tdb_context *tdb;

	(void)state;
	assert_int_equal(mkdir(place.dir, 0700), 0);
	tdb = tdb_open(place.path, 7, STORE_TDB_FLAGS, O_RDWR | O_CREAT, 0600);
	assert_non_null(tdb);
	assert_int_equal(put_outside(tdb, "old", 10), 0);
	lack_what_is_asked_for(ENOSPC);
	assert_int_equal(put_outside(tdb, "new", 60000), PAT_E_IO);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(put_outside(tdb, "old", 60000), PAT_E_IO);
	assert_int_equal(errno, ENOSPC);
	lack(EDQUOT, 1, true);
	assert_int_equal(put_outside(tdb, "new", 60000), PAT_E_IO);
	lack_nothing();
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(put_outside(tdb, "new", 60000), 0);
	tdb_close(tdb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_room(where_a_store_finds_no_room_to_be_made_that_is_told_and_none_is_left),
		with_room(where_a_change_finds_no_room_that_is_told_and_the_old_state_stands),
		with_room(whatever_a_store_grows_for_it_is_told_that_there_is_no_room),
		with_room(a_record_that_finds_no_room_is_not_taken_for_one_that_is_not_there),
	};

	return unit_run(tests);
}
