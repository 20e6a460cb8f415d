/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include "../../helper/patd/grants.h"
#include "../../lib/tdbfile.h"

/* What patd does with the tokens of a store of which a part is damaged. */

enum { TOKENS = 40, HASH_SIZE = 10007, NOW = 4000 };

static const struct pat_account owner = {.exists = true, .uid = 1000, .name = "user1000"};

static int setup(void **state)
{
	if (unit_place_setup(state) != 0)
		return -1;
	for (unsigned i = 0; i < TOKENS; i++) {
		struct pat_grant grant = unit_numbered_grant(i, owner.uid);
		struct pat_store *store;
		int error = pat_store_open(&store, place.path, PAT_STORE_CREATE, soon());

		if (error)
			return -1;
		strcpy(grant.user, owner.name);
		grant.created_at = 1000 + i;
		grant.expires_at = 0;
		if (i == 1)
			strcpy(grant.successor, "id000002");
		error = unit_put(store, &grant);
		if (!error)
			error = pat_store_commit(store);
		pat_store_close(store);
		if (error)
			return -1;
	}
	return 0;
}

#define with_tokens(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

static struct unit_bytes file;

static void load(void)
{
	free(file.data);
	file = unit_read_file(place.path);
}

static void save(void)
{
	unit_write_file(place.path, file.data, file.len);
}

/* Has the chain of a key begin behind the end of the file. */
static void break_chain(const char *key)
{
	const uint32_t nowhere = 0xfffff000;

	load();
	memcpy(file.data + tdbfile_chain(tdbfile_hash(key, (uint32_t)strlen(key)), HASH_SIZE),
	       &nowhere, sizeof(nowhere));
	save();
}

static int count(const struct grant_view *view, void *data)
{
	(void)view;
	++*(unsigned *)data;
	return 0;
}

static int revoke_it(struct pat_grant *grant, bool live, const struct grant_census *others,
		     void *data)
{
	(void)others;
	(void)data;
	if (!live)
		return 1;
	grant_end(grant, 0, NOW);
	return 0;
}

static void nothing(const struct pat_grant *grant, void *data)
{
	(void)grant;
	++*(unsigned *)data;
}

static void a_token_is_listed_and_revoked_though_the_index_is_damaged(void **state)
{
	unsigned seen = 0, replaced = 0;
	const struct grant_change change = {
		.apply = revoke_it, .data = &replaced, .replaced = nothing};
	struct grant_choice choice;
	struct grant_view view;
	struct pat_grant grant;
	bool done;

	(void)state;
	break_chain("i000003e8");
	assert_int_equal(grants_list(place.path, &owner, count, &seen), 0);
	assert_int_equal(seen, TOKENS);
	assert_int_equal(
		grants_change(place.path, &owner, "id000002", NOW, &change, &view, &choice, &done),
		0);
	assert_true(done);
	assert_int_equal(unit_read_grant(2, &grant), 0);
	assert_int_equal(grant.revoked_at, NOW);
	/* And what it replaced. */
	assert_int_equal(replaced, 1);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(grant.revoked_at, NOW);
	/* All that there are, but nobody knows whether there are others behind the break. */
	seen = 0;
	assert_int_equal(grants_revoke_all(place.path, &owner, 0, NOW, nothing, &seen),
			 PAT_E_DAMAGED);
	assert_int_equal(seen, TOKENS - 2);
}

static void who_revokes_all_is_told_that_some_cannot_be_read(void **state)
{
	unsigned seen = 0;

	(void)state;
	break_chain("tid000004");
	assert_int_equal(grants_revoke_all(place.path, &owner, 0, NOW, nothing, &seen),
			 PAT_E_DAMAGED);
	assert_int_equal(seen, TOKENS - 1);
	assert_int_equal(grants_revoke_all(place.path, &owner, 0, NOW, nothing, &seen),
			 PAT_E_DAMAGED);
}

static void a_list_of_all_has_what_can_be_reached_and_then_tells_of_damage(void **state)
{
	unsigned seen = 0;

	(void)state;
	break_chain("tid000004");
	assert_int_equal(grants_list(place.path, NULL, count, &seen), PAT_E_DAMAGED);
	assert_int_equal(seen, TOKENS - 1);
}

static void minting_where_no_id_can_be_looked_up_comes_to_an_end(void **state)
{
	struct pat_grant grant = unit_numbered_grant(TOKENS, 2000);
	const uint32_t nowhere = 0xfffff000;
	struct pat_token token;
	uint64_t index = tdbfile_chain(tdbfile_hash("i000007d0", 9), HASH_SIZE);

	(void)state;
	load();
	for (uint64_t at = TDBFILE_FREE_LIST + 4; at < tdbfile_records(HASH_SIZE); at += 4)
		if (at != index && at != tdbfile_chain(tdbfile_hash("m", 1), HASH_SIZE))
			memcpy(file.data + at, &nowhere, sizeof(nowhere));
	save();
	alarm(20);
	assert_int_equal(grants_create(place.path, 10, &grant, &token), PAT_E_DAMAGED);
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tokens(a_token_is_listed_and_revoked_though_the_index_is_damaged),
		with_tokens(who_revokes_all_is_told_that_some_cannot_be_read),
		with_tokens(a_list_of_all_has_what_can_be_reached_and_then_tells_of_damage),
		with_tokens(minting_where_no_id_can_be_looked_up_comes_to_an_end),
	};

	return unit_run(tests);
}
