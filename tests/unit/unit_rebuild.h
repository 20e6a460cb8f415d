/* SPDX-License-Identifier: ISC */
#ifndef UNIT_REBUILD_H
#define UNIT_REBUILD_H

/*
 * A store with tokens, what may be done to its file, and rebuilds, backups and restores of it, of
 * which is kept what they told.
 */

#include "unit_store.h"

#include "../../lib/tdbfile.h"
#include "pat/rebuild.h"

/* What a rebuild told, a line each: "t12345678: text". */
static char told[1 << 16] UNUSED;

static UNUSED void note(void *data, const struct pat_rebuild_told *news)
{
	size_t used = strlen(told);

	(void)data;
	snprintf(told + used, sizeof(told) - used, "%d %.*s: %s", (int)news->news,
		 news->file ? (int)strlen(news->file) : (int)news->key.len,
		 news->file ? news->file : news->key.bytes, news->text);
	used = strlen(told);
	if (news->has_uid)
		snprintf(told + used, sizeof(told) - used, ", uid %u", (unsigned)news->uid);
	used = strlen(told);
	snprintf(told + used, sizeof(told) - used, "\n");
}

static struct pat_rebuild_result result UNUSED;
static char backup[256] UNUSED;

static UNUSED int do_task(enum pat_rebuild_task task)
{
	struct pat_rebuild order = {.task = task,
				    .store = place.path,
				    .file = backup,
				    .force = true,
				    .thorough = task == PAT_REBUILD_LOOK,
				    .deadline = soon(),
				    .tell = note};

	told[0] = '\0';
	return pat_rebuild(&order, &result);
}

static UNUSED void rebuilt(void)
{
	int error = do_task(PAT_REBUILD_STORE);

	if (error)
		fail_msg("%s\n%s", pat_error_text(error), told);
}

/* A look finds nothing. */
static UNUSED void sound(void)
{
	int error = do_task(PAT_REBUILD_LOOK);

	if (error || result.faults || result.lost)
		fail_msg("%s\n%s", pat_error_text(error), told);
}

/* A store with tokens of several owners, one of them used twice. */
enum { TOKENS = 40, OWNERS = 3 };

static UNUSED int setup(void **state)
{
	if (unit_place_setup(state) != 0)
		return -1;
	snprintf(backup, sizeof(backup), "%s/backup.tdb", place.base);
	for (unsigned i = 1; i <= TOKENS; i++)
		if (unit_add(i, 1000 + i % OWNERS) != 0)
			return -1;
	return unit_use_once(7, 1795290000) || unit_use_once(7, 1795290001);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

/* Ends a token in the store, as a revocation does. */
static UNUSED int end_token(unsigned number)
{
	struct pat_store *store;
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];
	int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon());

	if (error)
		return error;
	error = pat_store_get_grant(store, unit_id(id, number), &grant);
	grant.algorithm = PAT_ALGORITHM_TRACE;
	grant.revoked_at = 1795290000;
	if (!error)
		error = pat_store_put_grant(store, &grant);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

/* Sum over all records, in no order. */
struct contents {
	unsigned records;
	uint64_t sum;
};

static UNUSED int add_to_contents(const unsigned char *key, size_t key_len,
				  const unsigned char *value, size_t value_len, void *data)
{
	struct contents *contents = data;

	contents->records++;
	contents->sum += ((uint64_t)tdbfile_hash(key, (uint32_t)key_len) << 32 | value_len) *
			 tdbfile_hash(value, (uint32_t)value_len);
	return 0;
}

static UNUSED struct contents contents_of_store(void)
{
	struct contents contents = {0, 0};

	assert_int_equal(pat_store_each(unit_opened(PAT_STORE_READ), add_to_contents, &contents),
			 0);
	unit_closed();
	return contents;
}

/* Where the value of a record lies, or its head. */
static UNUSED size_t find(const struct unit_bytes *file, const char *key, bool head)
{
	for (size_t at = tdbfile_records(10007); at + 33 < file->len; at += 4) {
		uint32_t magic;

		memcpy(&magic, file->data + at + 20, sizeof(magic));
		if (magic == TDBFILE_USED && !memcmp(file->data + at + 24, key, strlen(key)))
			return head ? at : at + 24 + strlen(key);
	}
	fail_msg("no record %s", key);
	return 0;
}

/* Rewrites some bytes of the store, by position. */
static UNUSED void damage(size_t at, const void *bytes, size_t len)
{
	int fd = open(place.path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)at), len);
	close(fd);
}

static UNUSED void all_there_but(unsigned missing)
{
	for (unsigned i = 1; i <= TOKENS; i++) {
		struct pat_grant grant, want = unit_numbered_grant(i, 1000 + i % OWNERS);
		int error = unit_read_grant(i, &grant);

		if (i == missing) {
			assert_int_equal(error, PAT_E_NOTFOUND);
			continue;
		}
		if (error)
			fail_msg("token %u: %s\n%s", i, pat_error_text(error), told);
		assert_true(same_grant(&grant, &want));
	}
}

#endif
