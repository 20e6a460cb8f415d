/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tdb.h>

/* Files and directories that are not there, not to be trusted, damaged, or of another version. */

#define OTHER_UID 65534

static int both_setup(void **state)
{
	if (unit_place_setup(state) != 0)
		return -1;
	return unit_add(1, 1000);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, both_setup, unit_place_teardown)

/* No mode opens it, for this reason, and not after a hang. */
static void refused(int error)
{
	alarm(60);
	assert_int_equal(unit_open_error(PAT_STORE_READ), error);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), error);
	assert_int_equal(unit_open_error(PAT_STORE_CREATE), error);
	alarm(0);
}

static void good(void)
{
	struct pat_grant grant, want = unit_numbered_grant(1, 1000);

	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_true(same_grant(&grant, &want));
}

static void a_missing_store_is_no_store_and_is_not_made_by_looking(void **state)
{
	(void)state;
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_NOSTORE);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_NOSTORE);
	assert_int_equal(unit_count_entries(place.base), 0);
	assert_int_equal(mkdir(place.dir, 0700), 0);
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_NOSTORE);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_NOSTORE);
	assert_int_not_equal(access(place.path, F_OK), 0);
}

static void a_store_is_not_made_in_a_directory_that_has_no_parent(void **state)
{
	(void)state;
	snprintf(place.path, sizeof(place.path), "%s/none/pat/tokens.tdb", place.base);
	assert_true(unit_open_error(PAT_STORE_CREATE) < 0);
	assert_int_equal(unit_count_entries(place.base), 0);
}

static void a_file_that_others_may_write_is_unsafe(void **state)
{
	static const mode_t modes[] = {0620, 0602, 0622, 0660, 0606, 0666, 0777};

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(place.path, modes[i]), 0);
		refused(PAT_E_UNSAFE);
	}
	assert_int_equal(chmod(place.path, 0600), 0);
	good();
}

static void a_directory_that_others_may_write_is_unsafe(void **state)
{
	static const mode_t modes[] = {0720, 0702, 0770, 0707, 0777, 01777, 02770};

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(place.dir, modes[i]), 0);
		refused(PAT_E_UNSAFE);
	}
	assert_int_equal(chmod(place.dir, 0755), 0);
	good();
	assert_int_equal(chmod(place.dir, 0700), 0);
	good();
}

static void nothing_is_made_in_an_unsafe_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir(place.dir, 0700), 0);
	assert_int_equal(chmod(place.dir, 01777), 0);
	assert_int_equal(unit_open_error(PAT_STORE_CREATE), PAT_E_UNSAFE);
	assert_int_equal(unit_count_entries(place.dir), 0);
}

static void a_file_of_another_owner_is_unsafe(void **state)
{
	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to give files away");
	assert_int_equal(chown(place.path, OTHER_UID, (gid_t)-1), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(chown(place.path, 0, (gid_t)-1), 0);
	good();
}

/* As root, and as one who may read and write it, but has no say in its times. */
static void a_file_of_another_owner_that_we_may_write_is_unsafe(void **state)
{
	const char *const ours[] = {place.base, place.dir, place.lock};
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to give files away");
	for (size_t i = 0; i < COUNT(ours); i++)
		assert_int_equal(chown(ours[i], OTHER_UID, (gid_t)-1), 0);
	assert_int_equal(chmod(place.path, 0666), 0);
	child = unit_fork();
	if (child == 0) {
		if (setresuid(OTHER_UID, OTHER_UID, OTHER_UID))
			_exit(9);
		_exit(unit_open_error(PAT_STORE_READ) == PAT_E_UNSAFE ? 0 : 1);
	}
	assert_int_equal(unit_wait(child), 0);
}

static void a_directory_of_another_owner_is_unsafe(void **state)
{
	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to give files away");
	assert_int_equal(chown(place.dir, OTHER_UID, (gid_t)-1), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(chown(place.dir, 0, (gid_t)-1), 0);
	good();
}

static void a_lock_file_that_others_may_take_is_unsafe(void **state)
{
	(void)state;
	/* Whoever can lock it can keep everybody else out. */
	assert_int_equal(chmod(place.lock, 0622), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(chmod(place.lock, 0644), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(chmod(place.lock, 0600), 0);
	good();
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(place.lock, OTHER_UID, (gid_t)-1), 0);
	refused(PAT_E_UNSAFE);
}

static void a_process_of_another_user_cannot_open_it(void **state)
{
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to become another user");
	child = unit_fork();
	if (child == 0) {
		int read_error, change_error, create_error;

		if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) ||
		    setresuid(OTHER_UID, OTHER_UID, OTHER_UID))
			_exit(9);
		read_error = unit_open_error(PAT_STORE_READ);
		change_error = unit_open_error(PAT_STORE_CHANGE);
		create_error = unit_open_error(PAT_STORE_CREATE);
		if (read_error != PAT_E_ACCESS && read_error != PAT_E_UNSAFE)
			_exit(1);
		if (change_error != PAT_E_ACCESS && change_error != PAT_E_UNSAFE)
			_exit(2);
		if (create_error != PAT_E_ACCESS && create_error != PAT_E_UNSAFE)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(unit_wait(child), 0);
}

static void a_symbolic_link_to_a_store_is_unsafe(void **state)
{
	char real[256];

	(void)state;
	snprintf(real, sizeof(real), "%s/real.tdb", place.dir);
	assert_int_equal(rename(place.path, real), 0);
	assert_int_equal(symlink(real, place.path), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(rename(real, place.path), 0);
	good();
}

static void a_dangling_link_is_not_filled(void **state)
{
	char target[256];

	(void)state;
	snprintf(target, sizeof(target), "%s/target", place.base);
	assert_int_equal(mkdir(place.dir, 0700), 0);
	assert_int_equal(symlink(target, place.path), 0);
	assert_int_equal(unit_open_error(PAT_STORE_CREATE), PAT_E_UNSAFE);
	assert_int_not_equal(access(target, F_OK), 0);
}

static void a_symbolic_link_to_its_directory_is_unsafe(void **state)
{
	char real[256];

	(void)state;
	snprintf(real, sizeof(real), "%s/real", place.base);
	assert_int_equal(rename(place.dir, real), 0);
	assert_int_equal(symlink(real, place.dir), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(unlink(place.dir), 0);
	assert_int_equal(rename(real, place.dir), 0);
	good();
}

static void a_linked_lock_file_is_unsafe_and_its_target_untouched(void **state)
{
	char target[256];

	(void)state;
	snprintf(target, sizeof(target), "%s/target", place.base);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(symlink(target, place.lock), 0);
	refused(PAT_E_UNSAFE);
	assert_int_not_equal(access(target, F_OK), 0);
}

static void a_fifo_is_unsafe_and_nobody_hangs(void **state)
{
	(void)state;
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(mkfifo(place.path, 0600), 0);
	refused(PAT_E_UNSAFE);
}

static void a_lock_file_that_is_a_fifo_or_directory_is_unsafe(void **state)
{
	(void)state;
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(mkfifo(place.lock, 0600), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(mkdir(place.lock, 0700), 0);
	alarm(60);
	assert_true(unit_open_error(PAT_STORE_READ) < 0);
	assert_true(unit_open_error(PAT_STORE_CHANGE) < 0);
	alarm(0);
	assert_int_equal(rmdir(place.lock), 0);
	good();
}

static void a_directory_or_socket_in_its_place_is_unsafe(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(mkdir(place.path, 0700), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(rmdir(place.path), 0);

	assert_true(strlen(place.path) < sizeof(address.sun_path));
	strcpy(address.sun_path, place.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(place.path, 0600), 0);
	refused(PAT_E_UNSAFE);
	close(fd);
}

static void a_file_where_the_directory_should_be_is_not_a_store(void **state)
{
	(void)state;
	unit_write_file(place.dir, "x", 1);
	alarm(60);
	assert_true(unit_open_error(PAT_STORE_READ) < 0);
	assert_true(unit_open_error(PAT_STORE_CREATE) < 0);
	alarm(0);
}

static void a_store_with_a_second_name_is_unsafe(void **state)
{
	char second[256];

	(void)state;
	snprintf(second, sizeof(second), "%s/second", place.base);
	assert_int_equal(link(place.path, second), 0);
	refused(PAT_E_UNSAFE);
	assert_int_equal(unlink(second), 0);
	good();
}

static void an_empty_file_is_damaged_and_stays_as_it_is(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(truncate(place.path, 0), 0);
	refused(PAT_E_DAMAGED);
	/* Whoever can tell what happened must find it. */
	assert_int_equal(stat(place.path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void garbage_is_damaged_and_stays_as_it_is(void **state)
{
	unsigned char garbage[65536];
	struct unit_bytes after;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (unsigned char)unit_random();
	unit_write_file(place.path, garbage, sizeof(garbage));
	refused(PAT_E_DAMAGED);
	after = unit_read_file(place.path);
	assert_int_equal(after.len, sizeof(garbage));
	assert_memory_equal(after.data, garbage, sizeof(garbage));
	free(after.data);
	unit_write_file(place.path, "TDB file\n", 9);
	refused(PAT_E_DAMAGED);
	memset(garbage, 0, sizeof(garbage));
	unit_write_file(place.path, garbage, sizeof(garbage));
	refused(PAT_E_DAMAGED);
}

/* Where the bytes are in the file. */
static size_t find(const struct unit_bytes *file, const void *bytes, size_t len)
{
	const unsigned char *found = memmem(file->data, file->len, bytes, len);

	assert_non_null(found);
	return (size_t)(found - file->data);
}

/* What is read from a store that was damaged is what was written, or an error. */
static void nothing_false(void)
{
	struct pat_grant want = unit_numbered_grant(1, 1000), grant;
	struct pat_event event = {.time = 5000, .service = "sshd"};
	static struct pat_index index;
	struct pat_store *store;
	struct pat_meta meta;
	struct pat_use use;

	if (pat_store_open(&store, place.path, PAT_STORE_READ, soon()) != 0)
		return;
	place.store = store; /* for the teardown, if an assertion fails */
	if (pat_store_get_grant(store, "id000001", &grant) == 0)
		assert_true(same_grant(&want, &grant));
	if (pat_store_get_use(store, "id000001", &use) == 0)
		assert_int_equal(use.uses, 0);
	if (pat_store_get_index(store, 1000, &index) == 0) {
		assert_int_equal(index.count, 1);
		assert_memory_equal(index.ids[0], "id000001", PAT_ID_LEN);
	}
	if (pat_store_get_meta(store, &meta) == 0)
		assert_int_equal(meta.schema, PAT_SCHEMA);
	if (pat_store_note(store, "id000001", &event, true, true, soon()) == 0) {
		assert_int_equal(pat_store_get_use(store, "id000001", &use), 0);
		assert_int_equal(use.uses, 1);
	}
	if (pat_store_get_grant(store, "id000001", &grant) == 0)
		assert_true(same_grant(&want, &grant));
	unit_closed();
}

static void a_file_cut_short_is_damaged(void **state)
{
	struct unit_bytes whole = unit_read_file(place.path);

	(void)state;
	alarm(120);
	for (size_t len = 0; len < whole.len; len += len < 200 ? 1 : whole.len / 700) {
		struct pat_grant grant, want = unit_numbered_grant(1, 1000);
		int error;

		unit_write_file(place.path, whole.data, len);
		error = unit_read_grant(1, &grant);
		if (error ? error != PAT_E_DAMAGED : !same_grant(&grant, &want))
			fail_msg("cut to %zu of %zu: %d", len, whole.len, error);
		nothing_false();
	}
	alarm(0);
	free(whole.data);
}

static void a_file_cut_short_is_found_by_its_structure(void **state)
{
	struct unit_bytes whole = unit_read_file(place.path);
	size_t grant_at = find(&whole, "token number 1", 14);

	(void)state;
	unit_write_file(place.path, whole.data, grant_at);
	if (pat_store_open(&place.store, place.path, PAT_STORE_READ, soon()) == 0)
		assert_int_equal(pat_store_check_structure(place.store), PAT_E_DAMAGED);
	free(whole.data);
}

static void a_damaged_structure_is_found_by_its_check(void **state)
{
	struct unit_bytes whole = unit_read_file(place.path);
	size_t key_at = find(&whole, "tid000001", 9);

	(void)state;
	/* TDB's magic of the record stands before its key. */
	whole.data[key_at - 1] ^= 1;
	unit_write_file(place.path, whole.data, whole.len);
	assert_int_equal(pat_store_check_structure(unit_opened(PAT_STORE_READ)), PAT_E_DAMAGED);
	free(whole.data);
}

static void a_flipped_bit_anywhere_gives_an_error_or_the_truth(void **state)
{
	struct unit_bytes whole = unit_read_file(place.path);

	(void)state;
	alarm(300);
	for (size_t i = 0; i < whole.len; i++) {
		unsigned char was = whole.data[i];

		/* All of the header, whatever is not zero, and some of the rest. */
		if (i >= 168 && was == 0 && unit_below((unsigned)whole.len) > 1000)
			continue;
		whole.data[i] ^= (unsigned char)(1U << unit_below(8));
		unit_write_file(place.path, whole.data, whole.len);
		nothing_false();
		whole.data[i] = was;
	}
	alarm(0);
	free(whole.data);
}

static void changing_a_damaged_store_falsifies_nothing(void **state)
{
	struct unit_bytes whole;
	size_t *at, count = 0;

	(void)state;
	for (unsigned i = 2; i < 6; i++)
		assert_int_equal(unit_add(i, 1001), 0);
	whole = unit_read_file(place.path);
	at = calloc(whole.len, sizeof(*at));
	assert_non_null(at);
	for (size_t i = 0; i < whole.len; i++)
		if (i < 168 || whole.data[i])
			at[count++] = i;
	alarm(300);
	for (int round = 0; round < 300; round++) {
		size_t i = at[unit_below((unsigned)count)];
		unsigned char was = whole.data[i];

		whole.data[i] ^= (unsigned char)(1U << unit_below(8));
		unit_write_file(place.path, whole.data, whole.len);
		whole.data[i] = was;
		(void)unit_add(100, 1002);
		for (unsigned number = 1; number < 6; number++) {
			struct pat_grant want, grant;

			want = unit_numbered_grant(number, number == 1 ? 1000 : 1001);
			if (unit_read_grant(number, &grant) == 0)
				assert_true(same_grant(&want, &grant));
		}
	}
	alarm(0);
	free(at);
	free(whole.data);
}

static void a_damaged_record_is_refused_and_harms_no_other(void **state)
{
	struct unit_bytes file;
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	assert_int_equal(unit_add(2, 1000), 0);
	file = unit_read_file(place.path);
	file.data[find(&file, "token number 1", 14)] ^= 0x20;
	unit_write_file(place.path, file.data, file.len);
	assert_int_equal(unit_read_grant(1, &grant), PAT_E_DAMAGED);
	assert_int_equal(unit_read_grant(2, &grant), 0);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(unit_use_once(1, 1000), 0);
	free(file.data);
}

/* Who was killed while the file grew may leave it so; TDB then lets no transaction grow any more.
 */
static void a_file_that_ends_within_a_page_still_grows(void **state)
{
	struct stat st;
	long page = sysconf(_SC_PAGESIZE);

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(stat(place.path, &st), 0);
		assert_int_equal(truncate(place.path, st.st_size + 84), 0);
		for (unsigned i = 1; i <= 150; i++)
			assert_int_equal(unit_add(200 * round + i, 1000 + i % 7), 0);
		assert_int_equal(stat(place.path, &st), 0);
		assert_int_equal(st.st_size % page, 0);
	}
}

/* TDB then takes its other hash function, and would put a revoked grant where nobody looks. */
static void a_header_that_lost_its_hash_is_not_changed_upon(void **state)
{
	static const unsigned char nothing[8];
	struct unit_bytes file = unit_read_file(place.path);
	struct pat_grant grant;

	(void)state;
	memcpy(file.data + 52, nothing, sizeof(nothing));
	unit_write_file(place.path, file.data, file.len);
	free(file.data);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_DAMAGED);
	assert_int_equal(unit_read_grant(1, &grant), 0);
}

static void a_damaged_use_record_is_not_written_over(void **state)
{
	struct unit_bytes file, after;
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	assert_int_equal(unit_add(2, 1000), 0);
	file = unit_read_file(place.path);
	/* The key and then the record. */
	file.data[find(&file, "uid000001", 9) + 9 + 40] ^= 1;
	file.data[find(&file, "uid000001", 9) + 9 + PAT_USE_COPY_SIZE + 40] ^= 1;
	unit_write_file(place.path, file.data, file.len);
	assert_int_equal(unit_read_use(1, &use), PAT_E_DAMAGED);
	assert_int_equal(unit_use_once(1, 1000), PAT_E_DAMAGED);
	after = unit_read_file(place.path);
	assert_int_equal(after.len, file.len);
	assert_memory_equal(after.data, file.data, file.len);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(unit_use_once(2, 1000), 0);
	free(file.data);
	free(after.data);
}

/* Writes a record with TDB itself. */
static void write_raw(const struct pat_key *key, unsigned char *bytes, size_t len)
{
	struct pat_key copy = *key;
	struct tdb_context *tdb = tdb_open(place.path, 0, TDB_NOMMAP, O_RDWR, 0);
	TDB_DATA tdb_key = {(unsigned char *)copy.bytes, copy.len}, value = {bytes, len};

	assert_non_null(tdb);
	assert_int_equal(tdb_store(tdb, tdb_key, value, TDB_REPLACE), 0);
	tdb_close(tdb);
}

static void a_record_copied_to_another_key_is_refused(void **state)
{
	struct pat_grant stolen = unit_numbered_grant(1, 1000), grant;
	unsigned char bytes[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(bytes);
	struct pat_key key;

	(void)state;
	assert_int_equal(unit_add(2, 0), 0);
	assert_int_equal(pat_grant_encode(&stolen, bytes, &len), 0);
	key = pat_key_grant("id000002");
	write_raw(&key, bytes, len);
	assert_int_equal(unit_read_grant(2, &grant), PAT_E_DAMAGED);
	assert_int_equal(unit_read_grant(1, &grant), 0);
}

static void a_store_of_a_later_schema_is_not_opened(void **state)
{
	struct pat_meta meta = {PAT_SCHEMA + 1, 1795280000, 1};
	unsigned char bytes[PAT_META_SIZE];
	size_t len = sizeof(bytes);
	struct pat_key key = pat_key_meta();

	(void)state;
	assert_int_equal(pat_meta_encode(&meta, bytes, &len), 0);
	write_raw(&key, bytes, len);
	refused(PAT_E_VERSION);
}

static void a_tdb_file_that_is_not_ours_is_damaged(void **state)
{
	struct tdb_context *tdb;

	(void)state;
	assert_int_equal(unlink(place.path), 0);
	tdb = tdb_open(place.path, 131, TDB_NOMMAP, O_RDWR | O_CREAT, 0600);
	assert_non_null(tdb);
	tdb_close(tdb);
	refused(PAT_E_DAMAGED);
}

/* In a mount namespace of its own, the directory of the store read-only. 0, or why not. */
static int read_only(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
	    mount(place.dir, place.dir, "none", MS_BIND, NULL) ||
	    mount("none", place.dir, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return -1;
	return 0;
}

static void a_store_that_cannot_be_written_is_no_access(void **state)
{
	pid_t child;
	int status;

	(void)state;
	child = unit_fork();
	if (child == 0) {
		if (read_only() != 0)
			_exit(77);
		if (unit_open_error(PAT_STORE_READ) != PAT_E_ACCESS)
			_exit(1);
		if (unit_open_error(PAT_STORE_CHANGE) != PAT_E_ACCESS)
			_exit(2);
		_exit(0);
	}
	status = unit_wait(child);
	if (status == 77)
		unit_skip("needs root and a mount namespace");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_store_test(a_missing_store_is_no_store_and_is_not_made_by_looking),
		unit_store_test(a_store_is_not_made_in_a_directory_that_has_no_parent),
		with_store(a_file_that_others_may_write_is_unsafe),
		with_store(a_directory_that_others_may_write_is_unsafe),
		unit_store_test(nothing_is_made_in_an_unsafe_directory),
		with_store(a_file_of_another_owner_is_unsafe),
		with_store(a_file_of_another_owner_that_we_may_write_is_unsafe),
		with_store(a_directory_of_another_owner_is_unsafe),
		with_store(a_lock_file_that_others_may_take_is_unsafe),
		with_store(a_process_of_another_user_cannot_open_it),
		with_store(a_symbolic_link_to_a_store_is_unsafe),
		unit_store_test(a_dangling_link_is_not_filled),
		with_store(a_symbolic_link_to_its_directory_is_unsafe),
		with_store(a_linked_lock_file_is_unsafe_and_its_target_untouched),
		with_store(a_fifo_is_unsafe_and_nobody_hangs),
		with_store(a_lock_file_that_is_a_fifo_or_directory_is_unsafe),
		with_store(a_directory_or_socket_in_its_place_is_unsafe),
		unit_store_test(a_file_where_the_directory_should_be_is_not_a_store),
		with_store(a_store_with_a_second_name_is_unsafe),
		with_store(an_empty_file_is_damaged_and_stays_as_it_is),
		with_store(garbage_is_damaged_and_stays_as_it_is),
		with_store(a_file_cut_short_is_damaged),
		with_store(a_file_cut_short_is_found_by_its_structure),
		with_store(a_damaged_structure_is_found_by_its_check),
		with_store(a_flipped_bit_anywhere_gives_an_error_or_the_truth),
		with_store(changing_a_damaged_store_falsifies_nothing),
		with_store(a_damaged_record_is_refused_and_harms_no_other),
		with_store(a_file_that_ends_within_a_page_still_grows),
		with_store(a_header_that_lost_its_hash_is_not_changed_upon),
		with_store(a_damaged_use_record_is_not_written_over),
		with_store(a_record_copied_to_another_key_is_refused),
		with_store(a_store_of_a_later_schema_is_not_opened),
		with_store(a_tdb_file_that_is_not_ours_is_damaged),
		with_store(a_store_that_cannot_be_written_is_no_access),
	};

	return unit_run(tests);
}
