/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include <sodium.h>

#include "../../lib/chain.h"
#include "../../lib/tdbwrite.h"
#include "pat/rebuild.h"

/*
 * From how many pieces of free space on a store is written anew: never for fewer than 2048, and
 * never more than 64 records for each of them, as far as they are counted.
 *
 * How many records there are is told by how long some chains are, of which chance says which. All
 * chains of the stores here lead to the same record: so that is as many as they have chains.
 */

enum { FEW = 2048, RECORDS_A_PIECE = 64 };

static struct tdbwrite out;

static int end(void **state)
{
	tdbwrite_close(&out);
	return unit_place_teardown(state);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, unit_place_setup, end)

/* Free space, in so many pieces. */
static void put_pieces(unsigned pieces)
{
	static const unsigned char none[1];
	uint32_t at;

	for (unsigned i = 0; i < pieces; i++) {
		struct pat_key key;

		key.len = (size_t)snprintf(key.bytes, sizeof(key.bytes), "x%u", i);
		assert_int_equal(tdbwrite_put(&out, &key, none, 0, 0, &at), 0);
		assert_int_equal(tdbwrite_drop(&out, &key, at), 0);
	}
}

/* Whether a store with so many records should be rebuilt for its free space. */
static bool scattered(uint32_t records, unsigned pieces)
{
	const struct pat_meta meta = {.schema = PAT_SCHEMA};
	struct pat_key key = pat_key_meta();
	unsigned char value[PAT_META_SIZE];
	struct pat_rebuild_need need;
	size_t len = sizeof(value);
	uint32_t at;

	unit_remove_tree(place.dir);
	assert_int_equal(mkdir(place.dir, 0700), 0);
	assert_int_equal(tdbwrite_open(&out, place.path, records), 0);
	/* One more is from the last record to the end of its page. */
	put_pieces(pieces - 1);
	assert_int_equal(pat_meta_encode(&meta, value, &len), 0);
	assert_int_equal(tdbwrite_put(&out, &key, value, len, 0, &at), 0);
	for (uint32_t i = 0; i < records; i++)
		out.heads[i] = (uint32_t)(at - key.len - sizeof(struct tdbfile_record));
	assert_int_equal(tdbwrite_finish(&out), 0);
	tdbwrite_close(&out);

	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_false(need.crowded);
	return need.scattered;
}

static void a_small_store_is_not_written_anew_for_a_few_pieces(void **state)
{
	(void)state;
	assert_false(scattered(100, FEW));
	assert_true(scattered(100, FEW + 1));
	/* Up to here the number of pieces tells alone. */
	assert_false(scattered(FEW * RECORDS_A_PIECE, FEW));
	assert_true(scattered(FEW * RECORDS_A_PIECE, FEW + 1));
}

static void no_more_than_64_records_are_written_anew_for_a_piece(void **state)
{
	enum { PIECES = 3000, RECORDS = PIECES * RECORDS_A_PIECE };

	(void)state;
	assert_false(scattered(RECORDS, PIECES));
	assert_true(scattered(RECORDS - 1, PIECES));
	assert_true(scattered(RECORDS, PIECES + 1));
	assert_true(scattered(RECORDS + RECORDS_A_PIECE - 1, PIECES + 1));
	assert_false(scattered(RECORDS + RECORDS_A_PIECE, PIECES + 1));
}

static void a_store_with_more_pieces_than_are_counted_is_written_anew_however_large(void **state)
{
	enum { RECORDS = CHAIN_PIECES_MAX * RECORDS_A_PIECE };

	(void)state;
	assert_false(scattered(RECORDS, CHAIN_PIECES_MAX - 1));
	assert_true(scattered(RECORDS, CHAIN_PIECES_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_place(a_small_store_is_not_written_anew_for_a_few_pieces),
		with_place(no_more_than_64_records_are_written_anew_for_a_piece),
		with_place(a_store_with_more_pieces_than_are_counted_is_written_anew_however_large),
	};

	return unit_run(tests);
}
