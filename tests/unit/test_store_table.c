/* SPDX-License-Identifier: ISC */
#include "unit_damage.h"

#include <tdb.h>

#include "../../lib/salvage.h"
#include "pat/rebuild.h"

/*
 * Stores of which the header or the heads of the hash chains are damaged, so that records are
 * looked for where they are not: nothing is written to where nobody would find it, a check tells,
 * and a rebuild finds what there is.
 */

enum { TOKENS = 40, HASH_SIZE_AT = 36, RWLOCKS_AT = 40, RECORD_MAGIC = 20 };

static int setup(void **state)
{
	if (unit_place_setup(state) != 0)
		return -1;
	for (unsigned i = 0; i < TOKENS; i++)
		if (unit_add(i, 1000) != 0)
			return -1;
	load();
	return 0;
}

#define with_tokens(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

/* --- what patstore would tell */

static char told[1 << 16];
static struct pat_rebuild_result result;

static void note(void *data, const struct pat_rebuild_told *news)
{
	size_t used = strlen(told);

	(void)data;
	snprintf(told + used, sizeof(told) - used, "%d %.*s: %s\n", (int)news->news,
		 news->file ? (int)strlen(news->file) : (int)news->key.len,
		 news->file ? news->file : news->key.bytes, news->text);
}

static void do_task(enum pat_rebuild_task task)
{
	struct pat_rebuild order = {.task = task,
				    .store = place.path,
				    .thorough = task == PAT_REBUILD_LOOK,
				    .deadline = soon(),
				    .tell = note};

	told[0] = '\0';
	alarm(20);
	assert_int_equal(pat_rebuild(&order, &result), 0);
	alarm(0);
}

static uint64_t tokens(void)
{
	uint64_t sum = 0;

	for (int status = 0; status <= PAT_STATUS_REVOKED; status++)
		sum += result.by_status[status];
	return sum;
}

static void assert_told(const char *text)
{
	do_task(PAT_REBUILD_LOOK);
	if (strstr(told, text) == NULL || result.faults == 0)
		fail_msg("not told: %s, but:\n%s", text, told);
}

/* All tokens are there after it, and nothing is wrong any more. */
static void assert_mended(void)
{
	struct pat_grant grant, want;

	do_task(PAT_REBUILD_STORE);
	assert_int_equal(tokens(), TOKENS);
	do_task(PAT_REBUILD_LOOK);
	assert_int_equal(result.faults + result.lost, 0);
	for (unsigned i = 0; i < TOKENS; i++) {
		want = unit_numbered_grant(i, 1000);
		assert_int_equal(unit_read_grant(i, &grant), 0);
		assert_true(same_grant(&grant, &want));
	}
	assert_int_equal(unit_add(TOKENS, 1000), 0);
}

/* Nothing can be added, and nothing is changed by the attempt. */
static void assert_nothing_added(void)
{
	struct unit_bytes before = unit_read_file(place.path), after;

	for (unsigned i = TOKENS; i < TOKENS + 20; i++)
		assert_int_equal(unit_add(i, 1000), PAT_E_DAMAGED);
	after = unit_read_file(place.path);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	free(before.data);
	free(after.data);
}

/* --- the hash function */

static void lost_hashes_are_told_and_mended_by_a_rebuild(void **state)
{
	(void)state;
	set_word(TDBFILE_HASHES_AT, 0);
	set_word(TDBFILE_HASHES_AT + 4, 0);
	save();
	assert_told("the hash function");
	assert_nothing_added();
	assert_mended();
}

static void the_hashes_of_another_function_are_told_and_mended_by_a_rebuild(void **state)
{
	struct unit_bytes other;
	struct tdb_context *tdb;
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s.other", place.path);
	tdb = tdb_open(path, 7, TDB_NOMMAP, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_non_null(tdb);
	tdb_close(tdb);
	other = unit_read_file(path);
	assert_int_equal(unlink(path), 0);
	memcpy(file.data + TDBFILE_HASHES_AT, other.data + TDBFILE_HASHES_AT, 8);
	free(other.data);
	save();
	assert_told("the hash function");
	assert_nothing_added();
	assert_mended();
}

static void a_header_that_tdb_refuses_is_told_and_mended_by_a_rebuild(void **state)
{
	const char garbage[] = "behind the end, because of which TDB is not asked";
	int fd = open(place.path, O_WRONLY | O_CLOEXEC);

	(void)state;
	set_word(RWLOCKS_AT, 5);
	save();
	assert_int_equal(pwrite(fd, garbage, sizeof(garbage), (off_t)file.len), sizeof(garbage));
	close(fd);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_DAMAGED);
	assert_told("the hash function");
	assert_mended();
}

/* --- the number of chains */

static void nothing_is_added_where_the_table_does_not_end_where_records_begin(void **state)
{
	static const uint32_t sizes[] = {1, 131, 7936, HASH_SIZE + 1, 20014};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		set_word(HASH_SIZE_AT, sizes[i]);
		save();
		if (unit_open_error(PAT_STORE_READ) == 0)
			assert_nothing_added();
		assert_told("the file: ");
		assert_mended();
	}
}

static void a_record_in_a_chain_that_is_not_its_own_is_told_and_mended(void **state)
{
	struct salvage salvage;
	uint32_t one, other;
	int fd;

	(void)state;
	one = word(chain_of("tid000001"));
	other = word(chain_of("tid000002"));
	set_word(chain_of("tid000001"), other);
	set_word(chain_of("tid000002"), one);
	save();
	fd = open(place.path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(salvage_open(&salvage, fd), 0);
	assert_int_equal(salvage.found.chains, 2);
	assert_true(salvage.found.unreached >= 2);
	salvage_close(&salvage);
	close(fd);
	assert_told("the file: 2 of its hash chains lead nowhere");
	assert_mended();
}

static void a_number_of_chains_that_the_file_has_no_room_for_keeps_nobody_waiting(void **state)
{
	(void)state;
	set_word(HASH_SIZE_AT, UINT32_MAX);
	save();
	alarm(20);
	(void)unit_open_error(PAT_STORE_READ);
	alarm(0);
	assert_told("its header is damaged");
	assert_mended();
}

/* --- the heads of the chains */

static void without_any_head_the_tokens_are_told_and_found(void **state)
{
	(void)state;
	memset(file.data + tdbfile_chain(0, HASH_SIZE), 0, 4 * HASH_SIZE);
	save();
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_DAMAGED);
	assert_told("10007 of its hash chains lead nowhere");
	assert_mended();
}

static void a_lost_record_of_the_store_itself_is_told(void **state)
{
	(void)state;
	set_word(chain_of("m"), 0);
	save();
	assert_told("m: the file had lost it");
	assert_mended();
}

static void a_file_without_one_record_is_no_store(void **state)
{
	(void)state;
	set_word(HASH_SIZE_AT, 1);
	set_word(TDBFILE_RECOVERY_AT, 0);
	file.len = (size_t)tdbfile_chain(0, 1);
	save();
	assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_DAMAGED);
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), PAT_E_DAMAGED);
}

/* --- what is said of a recovery area */

static void an_area_that_lies_over_the_heads_is_not_believed(void **state)
{
	static const char key[] = "tid000007";
	uint32_t head = (uint32_t)tdbfile_chain(tdbfile_hash(key, sizeof(key) - 1), HASH_SIZE);
	struct pat_grant grant;

	(void)state;
	/* The head is taken for the length of an area, and no head behind it for its magic. */
	set_word(TDBFILE_RECOVERY_AT, head - 4);
	save();
	for (unsigned i = TOKENS; i < TOKENS + 20; i++)
		assert_int_equal(unit_add(i, 1000), 0);
	for (unsigned i = 0; i < TOKENS + 20; i++)
		assert_int_equal(unit_read_grant(i, &grant), 0);
}

static void records_under_a_forged_recovery_area_are_not_lost(void **state)
{
	/* Over a use record, which is worth less, and over all that is behind it. */
	uint32_t at = record_of("uid000003");

	(void)state;
	set_word(TDBFILE_RECOVERY_AT, at);
	set_word(at + 4, (uint32_t)file.len - at - 24);
	set_word(at + RECORD_MAGIC, 0);
	save();
	do_task(PAT_REBUILD_STORE);
	assert_int_equal(tokens(), TOKENS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tokens(lost_hashes_are_told_and_mended_by_a_rebuild),
		with_tokens(the_hashes_of_another_function_are_told_and_mended_by_a_rebuild),
		with_tokens(a_header_that_tdb_refuses_is_told_and_mended_by_a_rebuild),
		with_tokens(nothing_is_added_where_the_table_does_not_end_where_records_begin),
		with_tokens(a_record_in_a_chain_that_is_not_its_own_is_told_and_mended),
		with_tokens(a_number_of_chains_that_the_file_has_no_room_for_keeps_nobody_waiting),
		with_tokens(without_any_head_the_tokens_are_told_and_found),
		with_tokens(a_lost_record_of_the_store_itself_is_told),
		with_tokens(a_file_without_one_record_is_no_store),
		with_tokens(an_area_that_lies_over_the_heads_is_not_believed),
		with_tokens(records_under_a_forged_recovery_area_are_not_lost),
	};

	return unit_run(tests);
}
