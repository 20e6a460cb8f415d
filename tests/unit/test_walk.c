/* SPDX-License-Identifier: ISC */
/* A walk of a store by and by. */

#include "unit_store.h"

#include <fcntl.h>
#include <tdb.h>
#include <unistd.h>

enum { RECORDS = 600, SOME = 16 };

static void put(struct tdb_context *tdb, struct pat_key key, unsigned char *buf, size_t len)
{
	assert_int_equal(tdb_store(tdb, (TDB_DATA){(unsigned char *)key.bytes, key.len},
				   (TDB_DATA){buf, len}, TDB_INSERT),
			 0);
}

/* A store of so many chains, always with the same records. */
static void pour(int chains)
{
	const struct pat_meta meta = {.schema = PAT_SCHEMA, .created_at = 1};
	const struct pat_use use = {0};
	unsigned char buf[PAT_USE_SIZE];
	char id[PAT_ID_LEN + 1];
	struct tdb_context *tdb;
	size_t len = sizeof(buf);

	(void)unlink(place.path);
	tdb = tdb_open(place.path, chains, TDB_NOMMAP | TDB_NOLOCK | TDB_INCOMPATIBLE_HASH,
		       O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_non_null(tdb);
	assert_int_equal(pat_meta_encode(&meta, buf, &len), 0);
	put(tdb, pat_key_meta(), buf, len);
	for (unsigned i = 0; i < RECORDS; i++) {
		len = sizeof(buf);
		assert_int_equal(pat_use_encode(unit_id(id, i), &use, buf, &len), 0);
		put(tdb, pat_key_use(id), buf, len);
	}
	tdb_close(tdb);
}

static int count(const unsigned char *key, size_t key_len, const unsigned char *value,
		 size_t value_len, void *data)
{
	(void)key, (void)key_len, (void)value, (void)value_len;
	++*(unsigned *)data;
	return 0;
}

/* What was handed on before takes the store's time, too. */
static void a_visit_is_short_also_where_most_was_handed_on_before(void **state)
{
	struct pat_walk walk = {0};
	unsigned handed_on = 0;
	bool more = true;

	(void)state;
	assert_int_equal(mkdir(place.dir, 0700), 0);
	pour(64);
	while (walk.tables[0].done < 56) {
		unit_opened(PAT_STORE_READ);
		assert_int_equal(
			pat_store_each_some(place.store, &walk, SOME, count, &handed_on, &more), 0);
		unit_closed();
	}
	pour(128);
	for (unsigned before = 0; more; before = walk.tables[1].done) {
		unit_opened(PAT_STORE_READ);
		assert_int_equal(
			pat_store_each_some(place.store, &walk, SOME, count, &handed_on, &more), 0);
		unit_closed();
		assert_true(walk.tables[1].done - before < 20);
	}
	assert_int_equal(handed_on, RECORDS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_store_test(a_visit_is_short_also_where_most_was_handed_on_before)};

	return unit_run(tests);
}
