/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include <malloc.h>
#include <tdb.h>

#include "../../helper/patd/grants.h"
#include "../../lib/tdbfile.h"
#include "pat/rebuild.h"

/* The list of everybody's tokens, of which not all are read at once: what is done to the store
 * while somebody is told of the first ones. */

enum { TOKENS = 600, OWNERS = 3, ROUND = 100, NOW = 1795300000 };

/* Puts the tokens from a number on into the store, in one transaction. */
static int put_from(unsigned from, unsigned count)
{
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, PAT_STORE_CREATE, soon());

	if (error)
		return error;
	for (unsigned i = from; !error && i < from + count; i++) {
		struct pat_grant grant = unit_numbered_grant(i, 1000 + i / ROUND);

		grant.expires_at = 0;
		grant.max_uses = 0;
		error = unit_put(store, &grant);
	}
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

static int setup(void **state)
{
	return unit_place_setup(state) != 0 || put_from(0, TOKENS) != 0 ? -1 : 0;
}

#define with_tokens(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

static int copy_record(const unsigned char *key, size_t key_len, const unsigned char *value,
		       size_t value_len, void *to)
{
	TDB_DATA tdb_key = {(unsigned char *)(uintptr_t)key, key_len};
	TDB_DATA tdb_value = {(unsigned char *)(uintptr_t)value, value_len};

	return tdb_store(to, tdb_key, tdb_value, TDB_INSERT);
}

/* Puts another file in the place of the store, with the same records and so many chains. */
static void give_chains(unsigned chains)
{
	struct tdb_context *other;
	struct pat_store *store;
	char path[sizeof(place.path) + 8];

	snprintf(path, sizeof(path), "%s.other", place.path);
	other = tdb_open(path, (int)chains, TDB_NOMMAP | TDB_NOSYNC | TDB_INCOMPATIBLE_HASH,
			 O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_non_null(other);
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_READ, soon()), 0);
	assert_int_equal(pat_store_each(store, copy_record, other), 0);
	pat_store_close(store);
	assert_int_equal(tdb_close(other), 0);
	assert_int_equal(rename(path, place.path), 0);
}

/* A list, and what is done after each ROUND tokens of it. */
struct listing {
	void (*meanwhile)(unsigned round);
	unsigned told, times[2 * TOKENS], ended;
};

static int tell(const struct grant_view *view, void *data)
{
	struct listing *listing = data;
	unsigned long number = strtoul(view->grant.id + strlen("id"), NULL, 10);

	assert_true(number < sizeof(listing->times) / sizeof(listing->times[0]));
	listing->times[number]++;
	listing->ended += view->grant.revoked_at != 0;
	if (++listing->told % ROUND == 0 && listing->meanwhile != NULL)
		listing->meanwhile(listing->told / ROUND);
	return 0;
}

/* Lists all, and finds each token that is there all along once. */
static void each_once(struct listing *listing)
{
	assert_int_equal(grants_list(place.path, NULL, tell, listing), 0);
	for (unsigned i = 0; i < TOKENS; i++)
		if (listing->times[i] != 1)
			fail_msg("token %u: %u times", i, listing->times[i]);
}

static void rebuild_it(unsigned round)
{
	struct pat_rebuild order = {
		.task = PAT_REBUILD_STORE, .store = place.path, .deadline = soon()};
	struct pat_rebuild_result result;

	(void)round;
	assert_int_equal(pat_rebuild(&order, &result), 0);
}

static void a_rebuild_meanwhile_costs_a_list_no_token(void **state)
{
	struct listing listing = {.meanwhile = rebuild_it};

	(void)state;
	each_once(&listing);
}

static const unsigned *plan;

static void go_by_plan(unsigned round)
{
	give_chains(plan[round - 1]);
}

static void other_numbers_of_chains_meanwhile_cost_a_list_no_token(void **state)
{
	/* What the store has from the beginning, and then after each round. */
	static const unsigned plans[][1 + TOKENS / ROUND] = {
		{10007, 20014, 40028, 80056, 80056, 40028, 80056},
		{40028, 20014, 10007, 10007, 10007, 20014, 10007},
		{31, 31, 31, 31, 31, 31, 31},
		{31, 10007, 31, 10007, 31, 10007, 31},
		{97, 101, 89, 97, 103, 101, 97},
		{13, 31, 17, 13, 17, 31, 13},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct listing listing = {.meanwhile = go_by_plan};

		give_chains(plans[i][0]);
		plan = &plans[i][1];
		each_once(&listing);
	}
}

static void mint_and_revoke(unsigned round)
{
	struct pat_store *store;
	char id[PAT_ID_LEN + 1];

	if (round > TOKENS / ROUND)
		return;
	assert_int_equal(put_from(TOKENS + ROUND * (round - 1), ROUND), 0);
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon()), 0);
	for (unsigned i = round - 1; i < TOKENS; i += 2) {
		struct pat_grant grant;

		assert_int_equal(pat_store_get_grant(store, unit_id(id, i), &grant), 0);
		grant_end(&grant, 0, NOW);
		/* It becomes longer, and has to go elsewhere. */
		memset(grant.description, 'x', sizeof(grant.description) - 1);
		assert_int_equal(pat_store_put_grant(store, &grant), 0);
	}
	assert_int_equal(pat_store_commit(store), 0);
	pat_store_close(store);
}

static void what_is_minted_and_revoked_meanwhile_is_listed_once_at_most(void **state)
{
	struct listing listing = {.meanwhile = mint_and_revoke};

	(void)state;
	each_once(&listing);
	for (unsigned i = TOKENS; i < 2 * TOKENS; i++)
		assert_true(listing.times[i] <= 1);
	/* Most were read after they were revoked: nobody waits until all are told. */
	assert_true(listing.ended > TOKENS / 2);
}

static size_t used_at_first;

static int measure(const struct grant_view *view, void *data)
{
	struct mallinfo2 used = mallinfo2();

	(void)view;
	(void)data;
	if (used_at_first == 0)
		used_at_first = used.uordblks + used.hblkhd;
	return 0;
}

static void a_long_list_takes_no_more_memory_than_a_short_one(void **state)
{
	size_t before;

	(void)state;
	used_at_first = 0;
	assert_int_equal(grants_list(place.path, NULL, measure, NULL), 0);
	before = used_at_first;
	assert_int_equal(put_from(TOKENS, 1500), 0);
	used_at_first = 0;
	assert_int_equal(grants_list(place.path, NULL, measure, NULL), 0);
	assert_true(used_at_first <= before + 4096);
}

static void take_it_away(unsigned round)
{
	(void)round;
	(void)unlink(place.path);
}

static void a_list_without_its_store_is_empty_but_one_that_loses_it_is_an_error(void **state)
{
	struct listing listing = {.meanwhile = take_it_away};

	(void)state;
	assert_int_equal(grants_list(place.path, NULL, tell, &listing), PAT_E_NOSTORE);
	assert_true(listing.told >= ROUND && listing.told < TOKENS);
	listing = (struct listing){0};
	assert_int_equal(grants_list(place.path, NULL, tell, &listing), 0);
	assert_int_equal(listing.told, 0);
}

/* Where the record of a key lies in a file. */
static struct tdbfile_record *record_of(const struct unit_bytes *file, const char *key)
{
	char *at = memmem(file->data, file->len, key, strlen(key));

	assert_non_null(at);
	return (struct tdbfile_record *)(void *)(at - sizeof(struct tdbfile_record));
}

static void of_two_records_of_one_token_the_list_has_what_is_found(void **state)
{
	struct listing listing = {0};
	struct pat_store *store;
	struct pat_grant grant;
	struct unit_bytes file;
	struct tdbfile_record *last, *first;

	(void)state;
	give_chains(1);
	/* In the place of another, a copy of it, before it is revoked. */
	file = unit_read_file(place.path);
	first = record_of(&file, "tid000010");
	last = record_of(&file, "tid000011");
	assert_int_equal(first->key_len, last->key_len);
	assert_int_equal(first->data_len, last->data_len);
	last->full_hash = first->full_hash;
	memcpy(last + 1, first + 1, first->key_len + first->data_len);
	unit_write_file(place.path, file.data, file.len);
	free(file.data);
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon()), 0);
	assert_int_equal(pat_store_get_grant(store, "id000010", &grant), 0);
	grant_end(&grant, 0, NOW);
	assert_int_equal(pat_store_put_grant(store, &grant), 0);
	assert_int_equal(pat_store_commit(store), 0);
	pat_store_close(store);
	assert_int_equal(grants_list(place.path, NULL, tell, &listing), 0);
	assert_int_equal(listing.told, TOKENS - 1);
	assert_int_equal(listing.times[10], 1);
	assert_int_equal(listing.ended, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tokens(a_rebuild_meanwhile_costs_a_list_no_token),
		with_tokens(other_numbers_of_chains_meanwhile_cost_a_list_no_token),
		with_tokens(what_is_minted_and_revoked_meanwhile_is_listed_once_at_most),
		with_tokens(a_long_list_takes_no_more_memory_than_a_short_one),
		with_tokens(a_list_without_its_store_is_empty_but_one_that_loses_it_is_an_error),
		with_tokens(of_two_records_of_one_token_the_list_has_what_is_found),
	};

	return unit_run(tests);
}
