/* SPDX-License-Identifier: ISC */
#include "unit_damage.h"

#include "../../lib/salvage.h"

/*
 * Files of which a part is damaged, or was left so by a power cut: what is not harmed can be used,
 * what is harmed is told of, and nobody is kept waiting.
 */

enum { TOKENS = 40 };

static int setup(void **state)
{
	if (unit_place_setup(state) != 0)
		return -1;
	for (unsigned i = 0; i < TOKENS; i++)
		if (unit_add(i, 1000) != 0)
			return -1;
	return 0;
}

#define with_tokens(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

/* --- the file */

/* Ties a record to itself, so that its chain has no end. */
static void tie(const char *key)
{
	load();
	set_word(record_of(key), record_of(key));
	save();
}

/* --- what is expected */

static int read_error(unsigned number)
{
	struct pat_grant grant, want = unit_numbered_grant(number, 1000);
	int error = unit_read_grant(number, &grant);

	if (!error)
		assert_true(same_grant(&grant, &want));
	return error;
}

static void all_readable(void)
{
	for (unsigned i = 0; i < TOKENS; i++)
		assert_int_equal(read_error(i), 0);
}

static int end(unsigned number)
{
	struct pat_grant grant = unit_numbered_grant(number, 1000);
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon());

	grant.revoked_at = 5000;
	if (error)
		return error;
	error = pat_store_put_grant(store, &grant);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

static void assert_revoked(unsigned number)
{
	struct pat_grant grant;

	assert_int_equal(unit_read_grant(number, &grant), 0);
	assert_int_equal(grant.revoked_at, 5000);
}

/* --- a recovery area that never arrived */

static void opens_in_each_mode(void)
{
	static const enum pat_store_mode modes[] = {PAT_STORE_READ, PAT_STORE_LOOK,
						    PAT_STORE_CHANGE, PAT_STORE_CREATE};

	for (size_t i = 0; i < COUNT(modes); i++) {
		save();
		assert_int_equal(unit_open_error(modes[i]), 0);
		all_readable();
	}
	assert_int_equal(unit_add(TOKENS, 1000), 0);
	assert_int_equal(read_error(TOKENS), 0);
	all_readable();
}

static void a_recovery_area_behind_the_end_locks_nobody_out(void **state)
{
	(void)state;
	load();
	for (uint32_t behind = 0; behind < 3; behind++) {
		set_word(TDBFILE_RECOVERY_AT, (uint32_t)file.len - 8 + behind * 8);
		opens_in_each_mode();
	}
}

static void an_area_that_claims_more_than_the_file_has_is_forgotten(void **state)
{
	uint32_t at;

	(void)state;
	load();
	at = word(TDBFILE_RECOVERY_AT);
	assert_int_not_equal(at, 0);
	set_word(at + 4, (uint32_t)file.len);
	opens_in_each_mode();
	load();
	at = word(TDBFILE_RECOVERY_AT);
	assert_true(at + 24 + (uint64_t)word(at + 4) <= file.len);
}

static void an_area_whose_head_never_arrived_is_forgotten(void **state)
{
	uint32_t at;

	(void)state;
	load();
	at = word(TDBFILE_RECOVERY_AT);
	memset(file.data + at, 0, 24);
	opens_in_each_mode();
	load();
	assert_int_not_equal(word(TDBFILE_RECOVERY_AT), at);
}

static void a_change_that_cannot_be_rolled_back_is_not_forgotten(void **state)
{
	(void)state;
	load();
	/* The magic says that something is to be rolled back, and the length leads out. */
	set_word(word(TDBFILE_RECOVERY_AT) + 12, (uint32_t)file.len);
	set_word(word(TDBFILE_RECOVERY_AT) + 20, TDBFILE_RECOVERY);
	save();
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_DAMAGED);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_DAMAGED);
	load();
	assert_int_equal(word(word(TDBFILE_RECOVERY_AT) + 20), TDBFILE_RECOVERY);
}

/* --- the store's own record */

static void nobody_misses_the_own_record(void)
{
	struct pat_meta meta;

	all_readable();
	assert_int_equal(end(3), 0);
	assert_revoked(3);
	assert_int_equal(pat_store_get_meta(unit_opened(PAT_STORE_READ), &meta), 0);
	assert_int_equal(meta.schema, PAT_SCHEMA);
	assert_int_equal(meta.generation, 1);
	unit_closed();
	assert_int_equal(end(4), 0);
	assert_int_equal(pat_store_get_meta(unit_opened(PAT_STORE_READ), &meta), 0);
	assert_int_equal(meta.generation, 2);
	unit_closed();
}

static void a_damaged_own_record_locks_nobody_out(void **state)
{
	(void)state;
	load();
	file.data[record_of("m") + 24 + 1 + 9] ^= 1;
	save();
	nobody_misses_the_own_record();
}

static void a_missing_own_record_locks_nobody_out(void **state)
{
	(void)state;
	load();
	set_word(chain_of("m"), 0);
	save();
	nobody_misses_the_own_record();
}

static void a_token_is_revoked_though_the_own_record_cannot_be_written(void **state)
{
	(void)state;
	load();
	set_word(record_of("m") + 20, 7);
	save();
	all_readable();
	assert_int_equal(end(3), 0);
	assert_revoked(3);
}

/* --- chains and free space */

struct census {
	unsigned grants, others;
};

static int count(const unsigned char *key, size_t key_len, const unsigned char *value,
		 size_t value_len, void *data)
{
	struct census *census = data;

	(void)value;
	(void)value_len;
	census->grants += key[0] == 't' && key_len == 1 + PAT_ID_LEN;
	census->others += key[0] != 't';
	return 0;
}

/* How many tokens a walk meets, and what it ends with. */
static unsigned walk(int wanted)
{
	struct census census = {0};

	alarm(20);
	assert_int_equal(pat_store_each(unit_opened(PAT_STORE_READ), count, &census), wanted);
	alarm(0);
	unit_closed();
	return census.grants;
}

static void a_chain_tied_into_a_loop_keeps_nobody_waiting(void **state)
{
	char key[] = "tid000005";
	unsigned lost = 0;

	(void)state;
	tie(key);
	alarm(20);
	assert_int_equal(walk(PAT_E_DAMAGED), TOKENS);
	/* What is found on the way can be read, and changed. */
	assert_int_equal(read_error(5), 0);
	assert_int_equal(end(5), 0);
	assert_revoked(5);
	/* Behind it there may be others: that there are none cannot be said. */
	for (unsigned i = 1000; i < 60000 && lost == 0; i++) {
		char id[PAT_ID_LEN + 1], other[2 + PAT_ID_LEN];

		snprintf(other, sizeof(other), "t%s", unit_id(id, i));
		if (chain_of(other) != chain_of(key))
			continue;
		assert_int_equal(read_error(i), PAT_E_DAMAGED);
		assert_int_equal(end(i), PAT_E_DAMAGED);
		lost++;
	}
	assert_int_equal(lost, 1);
	alarm(0);
}

static void a_walk_goes_on_after_a_broken_chain(void **state)
{
	(void)state;
	load();
	set_word(record_of("tid000007") + 20, 7);
	set_word(chain_of("tid000009"), (uint32_t)file.len + 4096);
	save();
	assert_int_equal(walk(PAT_E_DAMAGED), TOKENS - 2);
}

static void a_walk_meets_each_record_once(void **state)
{
	uint32_t last;

	(void)state;
	assert_int_equal(walk(0), TOKENS);
	load();
	/* One chain goes over into another. */
	for (last = record_of("tid000001"); word(last) != 0;)
		last = word(last);
	set_word(last, word(chain_of("tid000002")));
	save();
	assert_int_equal(walk(PAT_E_DAMAGED), TOKENS);
}

static void a_record_that_leads_out_of_the_file_is_damaged_and_not_unknown(void **state)
{
	(void)state;
	load();
	set_word(record_of("tid000006") + 4, (uint32_t)file.len);
	save();
	assert_int_equal(read_error(6), PAT_E_DAMAGED);
	assert_int_equal(end(6), PAT_E_DAMAGED);
	assert_int_equal(read_error(5), 0);
}

static void a_record_whose_hash_is_damaged_is_damaged_and_not_unknown(void **state)
{
	(void)state;
	load();
	set_word(record_of("tid000006") + 16, 5);
	save();
	assert_int_equal(read_error(6), PAT_E_DAMAGED);
	assert_int_equal(end(6), PAT_E_DAMAGED);
	assert_int_equal(walk(PAT_E_DAMAGED), TOKENS - 1);
}

/* By one bit the key of a use record is that of its grant, and chance may have put both into one
 * chain. */
static void a_record_that_has_the_key_of_another_does_not_hide_it(void **state)
{
	uint32_t use;

	(void)state;
	load();
	use = record_of("uid000001");
	file.data[use + sizeof(struct tdbfile_record)] ^= 't' ^ 'u';
	set_word(use, word(chain_of("tid000001")));
	set_word(chain_of("tid000001"), use);
	save();
	assert_int_equal(read_error(1), 0);
	assert_int_equal(end(1), 0);
	assert_revoked(1);
}

static void a_rebuild_finds_what_a_look_up_finds_behind_a_damaged_record(void **state)
{
	uint32_t first, second;
	struct salvage salvage;
	int fd;

	(void)state;
	load();
	first = record_of("tid000010");
	second = record_of("tid000020");
	set_word(chain_of("tid000010"), 0);
	set_word(chain_of("tid000020"), first);
	set_word(first, second);
	/* It ends where none can, and its checksum does not hold. */
	set_word(first + 4, word(first + 4) + 2);
	file.data[first + 24 + 30] ^= 1;
	save();
	assert_int_equal(read_error(20), 0);
	fd = open(place.path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(salvage_open(&salvage, fd), 0);
	assert_int_equal(salvage.found.unreached, 0);
	assert_int_equal(salvage.found.chains, 1);
	salvage_close(&salvage);
	close(fd);
}

static void what_is_left_over_has_no_fault(void **state)
{
	struct salvage salvage;
	uint32_t at;
	size_t len;
	int fd;

	(void)state;
	load();
	at = record_of("tid000010");
	len = 24 + word(at + 8) + word(at + 12);
	fd = open(place.path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	/* As a change leaves it that was cut off while it wrote behind the old end. */
	assert_int_equal(pwrite(fd, file.data + at, len, (off_t)file.len), len);
	assert_int_equal(ftruncate(fd, (off_t)(file.len + 4096)), 0);
	assert_int_equal(salvage_open(&salvage, fd), 0);
	assert_int_equal(salvage.found.unreached, 1);
	assert_int_equal(salvage.found.untailed, 0);
	salvage_close(&salvage);
	close(fd);
}

/* Makes the list of free space one that has no end: of a piece that is too small for anything. */
static void tie_free_space(void)
{
	uint32_t at;

	load();
	at = word(TDBFILE_FREE_LIST);
	assert_int_not_equal(at, 0);
	assert_int_equal(word(at + 20), TDBFILE_FREE);
	set_word(at, at);
	save();
}

static void free_space_tied_into_a_loop_keeps_nobody_waiting(void **state)
{
	(void)state;
	tie_free_space();
	alarm(20);
	/* What needs room cannot be had, and what stays where it is can. */
	assert_int_equal(unit_add(TOKENS, 1000), PAT_E_DAMAGED);
	assert_int_equal(end(3), 0);
	assert_revoked(3);
	assert_int_equal(walk(0), TOKENS);
	alarm(0);
}

static void free_space_that_is_a_record_is_not_given_away(void **state)
{
	(void)state;
	load();
	set_word(TDBFILE_FREE_LIST, record_of("tid000008"));
	save();
	assert_int_equal(unit_add(TOKENS, 1000), PAT_E_DAMAGED);
	all_readable();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tokens(a_recovery_area_behind_the_end_locks_nobody_out),
		with_tokens(an_area_that_claims_more_than_the_file_has_is_forgotten),
		with_tokens(an_area_whose_head_never_arrived_is_forgotten),
		with_tokens(a_change_that_cannot_be_rolled_back_is_not_forgotten),
		with_tokens(a_damaged_own_record_locks_nobody_out),
		with_tokens(a_missing_own_record_locks_nobody_out),
		with_tokens(a_token_is_revoked_though_the_own_record_cannot_be_written),
		with_tokens(a_chain_tied_into_a_loop_keeps_nobody_waiting),
		with_tokens(a_walk_goes_on_after_a_broken_chain),
		with_tokens(a_walk_meets_each_record_once),
		with_tokens(a_record_that_leads_out_of_the_file_is_damaged_and_not_unknown),
		with_tokens(a_record_whose_hash_is_damaged_is_damaged_and_not_unknown),
		with_tokens(a_record_that_has_the_key_of_another_does_not_hide_it),
		with_tokens(a_rebuild_finds_what_a_look_up_finds_behind_a_damaged_record),
		with_tokens(what_is_left_over_has_no_fault),
		with_tokens(free_space_tied_into_a_loop_keeps_nobody_waiting),
		with_tokens(free_space_that_is_a_record_is_not_given_away),
	};

	return unit_run(tests);
}
