/* SPDX-License-Identifier: ISC */
#ifndef UNIT_STORE_H
#define UNIT_STORE_H

/*
 * A directory of its own for each test, with the path of a store in it, and tokens to put there.
 * What children call here reports by its return value, because they must not assert.
 */

#include "unit.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

#include "pat/error.h"
#include "pat/store.h"
#include "same_grant.h"

/* Milliseconds: nothing here takes that long, unless it hangs; and a wait that ends in BUSY. */
#define LONG_ENOUGH 30000
#define SHORT 300

static struct {
	char base[128];
	char dir[160];  /* where the store is, mode 0700; made with it */
	char path[192]; /* the store */
	char lock[208];
	struct pat_store *store; /* open now, by unit_opened() */
} place UNUSED;

static UNUSED int unit_remove_entry(const char *path, const struct stat *st, int type,
				    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static UNUSED void unit_remove_tree(const char *path)
{
	nftw(path, unit_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static UNUSED int unit_place_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(place.base, sizeof(place.base), "%.90s/pat-unit-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(place.base))
		return -1;
	snprintf(place.dir, sizeof(place.dir), "%s/pat", place.base);
	snprintf(place.path, sizeof(place.path), "%s/tokens.tdb", place.dir);
	snprintf(place.lock, sizeof(place.lock), "%s.lock", place.path);
	return 0;
}

/* Opens the store, asserting that it can be. A test that fails leaves it to the teardown. */
static UNUSED struct pat_store *unit_opened(enum pat_store_mode mode)
{
	assert_null(place.store);
	assert_int_equal(
		pat_store_open(&place.store, place.path, mode, pat_deadline_in(LONG_ENOUGH)), 0);
	assert_non_null(place.store);
	return place.store;
}

static UNUSED void unit_closed(void)
{
	pat_store_close(place.store);
	place.store = NULL;
}

static UNUSED int unit_place_teardown(void **state)
{
	(void)state;
	alarm(0);
	unit_closed();
	unit_remove_tree(place.base);
	return 0;
}

#define unit_store_test(test) \
	cmocka_unit_test_setup_teardown(test, unit_place_setup, unit_place_teardown)

static UNUSED pat_deadline soon(void)
{
	return pat_deadline_in(LONG_ENOUGH);
}

/* The id of a numbered token. */
static UNUSED char *unit_id(char id[PAT_ID_LEN + 1], unsigned number)
{
	snprintf(id, PAT_ID_LEN + 1, "id%06u", number % 1000000);
	return id;
}

/* The grant of a numbered token, always the same. */
static UNUSED struct pat_grant unit_numbered_grant(unsigned number, uint32_t uid)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = uid,
		.created_by = uid,
		.created_at = 1795280000 + number,
		.expires_at = 1803056000 + number,
		.max_uses = number,
		.services = "sshd,sudo",
		.sources = "192.0.2.0/24,2001:db8::/32,local",
	};

	unit_id(grant.id, number);
	memset(grant.hash, (int)(number % 255) + 1, PAT_HASH_LEN);
	snprintf(grant.user, sizeof(grant.user), "user%u", uid);
	snprintf(grant.name, sizeof(grant.name), "token number %u", number);
	snprintf(grant.description, sizeof(grant.description), "what token %u is for", number);
	return grant;
}

/* Puts a grant, its use record and its place in the index into an open transaction. */
static UNUSED int unit_put(struct pat_store *store, const struct pat_grant *grant)
{
	static const struct pat_use unused;
	struct pat_index *index = calloc(1, sizeof(*index));
	int error;

	if (!index)
		return PAT_E_NOMEM;
	error = pat_store_get_index(store, grant->uid, index);
	if (error == PAT_E_NOTFOUND)
		error = 0;
	if (!error && index->count == PAT_INDEX_MAX)
		error = PAT_E_TOOBIG;
	if (!error) {
		memcpy(index->ids[index->count++], grant->id, PAT_ID_LEN);
		error = pat_store_put_index(store, grant->uid, index);
	}
	if (!error)
		error = pat_store_put_grant(store, grant);
	if (!error)
		error = pat_store_put_use(store, grant->id, &unused);
	free(index);
	return error;
}

/* Adds a numbered token in a transaction of its own; makes the store if there is none. */
static UNUSED int unit_add(unsigned number, uint32_t uid)
{
	struct pat_grant grant = unit_numbered_grant(number, uid);
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, PAT_STORE_CREATE, soon());

	if (error)
		return error;
	error = unit_put(store, &grant);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

/* A store with token number 1, of uid 1000. */
static UNUSED int unit_one_token_setup(void **state)
{
	return unit_place_setup(state) != 0 ? -1 : unit_add(1, 1000);
}

#define unit_one_token_test(test) \
	cmocka_unit_test_setup_teardown(test, unit_one_token_setup, unit_place_teardown)

/* Notes one use of a numbered token, as an authentication does. */
static UNUSED int unit_use_once(unsigned number, int64_t now)
{
	struct pat_event event = {.time = now, .service = "sshd", .rhost = "192.0.2.1"};
	struct pat_store *store;
	char id[PAT_ID_LEN + 1];
	int error = pat_store_open(&store, place.path, PAT_STORE_READ, soon());

	if (error)
		return error;
	error = pat_store_note(store, unit_id(id, number), &event, true, true, soon());
	pat_store_close(store);
	return error;
}

/* Makes one of `max_uses` uses of a numbered token, as an authentication does. */
static UNUSED int unit_spend_once(unsigned number, uint32_t max_uses, int64_t now)
{
	struct pat_event event = {.time = now, .service = "sshd", .rhost = "192.0.2.1"};
	struct pat_store *store;
	char id[PAT_ID_LEN + 1];
	int error = pat_store_open(&store, place.path, PAT_STORE_READ, soon());

	if (error)
		return error;
	error = pat_store_spend(store, unit_id(id, number), &event, max_uses, soon());
	pat_store_close(store);
	return error;
}

static UNUSED int unit_read_grant(unsigned number, struct pat_grant *grant)
{
	struct pat_store *store;
	char id[PAT_ID_LEN + 1];
	int error = pat_store_open(&store, place.path, PAT_STORE_READ, soon());

	if (error)
		return error;
	error = pat_store_get_grant(store, unit_id(id, number), grant);
	pat_store_close(store);
	return error;
}

static UNUSED int unit_read_use(unsigned number, struct pat_use *use)
{
	struct pat_store *store;
	char id[PAT_ID_LEN + 1];
	int error = pat_store_open(&store, place.path, PAT_STORE_READ, soon());

	if (error)
		return error;
	error = pat_store_get_use(store, unit_id(id, number), use);
	pat_store_close(store);
	return error;
}

/* What opening the store says; it is closed again. */
static UNUSED int unit_open_error(enum pat_store_mode mode)
{
	struct pat_store *store = NULL;
	int error = pat_store_open(&store, place.path, mode, soon());

	if (!error)
		pat_store_close(store);
	return error;
}

/* The bytes of a file. */
struct unit_bytes {
	unsigned char *data;
	size_t len;
};

static UNUSED struct unit_bytes unit_read_file(const char *path)
{
	struct unit_bytes bytes = {NULL, 0};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes.len = (size_t)st.st_size;
	bytes.data = malloc(bytes.len + 1);
	assert_non_null(bytes.data);
	assert_int_equal(read(fd, bytes.data, bytes.len), bytes.len);
	close(fd);
	return bytes;
}

/* Makes a file, or the one that is there, have these bytes. */
static UNUSED void unit_write_file(const char *path, const void *data, size_t len)
{
	/* Not O_TRUNC: some file systems then write to the disk when it is closed. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

static UNUSED int unit_count_entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

#endif
