/* SPDX-License-Identifier: ISC */

/* What a rebuild, a backup and a restore take over, and when they are wanted. */

#include "unit_rebuild.h"

#include <sys/types.h>
#include <tdb.h>

#include "../../lib/slot.h"
#include "../../lib/store_private.h"

static void a_rebuild_keeps_every_record_bit_for_bit(void **state)
{
	struct contents before, after;
	struct stat old, new;

	(void)state;
	assert_int_equal(end_token(3), 0);
	before = contents_of_store();
	assert_int_equal(stat(place.path, &old), 0);
	rebuilt();
	assert_string_equal(told, "");
	after = contents_of_store();
	assert_int_equal(after.records, before.records);
	assert_true(after.sum == before.sum);
	assert_int_equal(stat(place.path, &new), 0);
	assert_true(new.st_size < old.st_size);
	assert_int_equal(new.st_mode & 07777, 0600);
	assert_int_equal(unit_count_entries(place.dir), 2);
	sound();
}

static void what_was_rebuilt_can_be_changed_like_any_other(void **state)
{
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	rebuilt();
	for (unsigned i = TOKENS + 1; i <= 2 * TOKENS; i++)
		assert_int_equal(unit_add(i, 1000 + i % OWNERS), 0);
	assert_int_equal(end_token(5), 0);
	assert_int_equal(unit_use_once(7, 1795290002), 0);
	assert_int_equal(unit_read_use(7, &use), 0);
	assert_int_equal(use.uses, 3);
	sound();
	rebuilt();
	assert_int_equal(unit_read_grant(5, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	assert_int_equal(unit_read_grant(2 * TOKENS, &grant), 0);
	sound();
}

static void what_is_minted_has_no_room_that_it_does_not_need(void **state)
{
	enum { TAIL = 4, NOT_WORTH_A_RECORD = 32 };
	struct unit_bytes file = unit_read_file(place.path);

	(void)state;
	for (unsigned i = 1; i <= TOKENS; i++) {
		for (const char *kind = "tu"; *kind != '\0'; kind++) {
			struct tdbfile_record record;
			char key[16];

			snprintf(key, sizeof(key), "%cid%06u", *kind, i);
			memcpy(&record, file.data + find(&file, key, true), sizeof(record));
			assert_in_range(record.rec_len - record.key_len - record.data_len, TAIL,
					TAIL + NOT_WORTH_A_RECORD);
		}
	}
	free(file.data);
}

/* --- damage */

static void a_damaged_record_is_named_and_costs_no_other(void **state)
{
	struct unit_bytes file = unit_read_file(place.path);

	(void)state;
	damage(find(&file, "tid000009", false) + 30, "XXXX", 4);
	assert_int_equal(do_task(PAT_REBUILD_LOOK), 0);
	assert_non_null(strstr(told, "tid000009: damaged"));
	assert_int_equal(result.lost, 1);
	rebuilt();
	assert_int_equal(result.lost, 1);
	/* Of token 9 nothing is left but its use record, and that its owner had it. */
	assert_non_null(strstr(told, "tid000009: cannot be read, uid 1000\n"));
	all_there_but(9);
	sound();
	free(file.data);
}

static void a_record_whose_head_is_gone_costs_no_other(void **state)
{
	struct unit_bytes file = unit_read_file(place.path);

	(void)state;
	damage(find(&file, "tid000009", true), "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	rebuilt();
	/* Its checksum holds, and its key. */
	all_there_but(0);
	damage(find(&file, "tid000009", true), file.data, 0);
	free(file.data);
	file = unit_read_file(place.path);
	damage(find(&file, "tid000011", true),
	       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	       "\xff\xff\xff\xff",
	       24);
	assert_int_equal(do_task(PAT_REBUILD_LOOK), 0);
	assert_true(result.lost > 0);
	rebuilt();
	all_there_but(11);
	sound();
	free(file.data);
}

static void a_table_of_chains_that_is_gone_costs_nothing(void **state)
{
	static const unsigned char nothing[4096];

	(void)state;
	for (size_t at = tdbfile_chain(0, 10007); at < tdbfile_records(10007); at += 4096) {
		size_t len = tdbfile_records(10007) - at;

		damage(at, nothing, len < 4096 ? len : 4096);
	}
	assert_int_equal(do_task(PAT_REBUILD_LOOK), 0);
	assert_true(result.faults > 0);
	rebuilt();
	all_there_but(0);
	sound();
}

static void a_page_of_that_table_costs_nothing_either(void **state)
{
	static const unsigned char nothing[4096];

	(void)state;
	for (size_t at = 4096; at + 4096 < tdbfile_records(10007); at += 4096) {
		damage(at, nothing, 4096);
		rebuilt();
		all_there_but(0);
		sound();
	}
}

static void a_header_that_is_gone_costs_nothing(void **state)
{
	static const unsigned char nothing[168];

	(void)state;
	damage(0, nothing, 168);
	assert_int_not_equal(unit_open_error(PAT_STORE_READ), 0);
	assert_int_equal(do_task(PAT_REBUILD_LOOK), 0);
	assert_true(result.faults > 0);
	rebuilt();
	all_there_but(0);
	sound();
}

/* Where the use record lies that a look-up finds; old copies may lie elsewhere. */
static size_t find_use(const char key[1 + PAT_ID_LEN])
{
	int fd = open(place.path, O_RDONLY | O_CLOEXEC);
	off_t at = 0;

	assert_int_equal(slot_find(fd, key, 1 + PAT_ID_LEN, PAT_USE_SIZE, &at), 0);
	close(fd);
	return (size_t)at;
}

static void a_token_without_its_use_record_is_spent_if_it_was_counted(void **state)
{
	struct pat_use use;

	(void)state;
	damage(find_use("uid000012") + 30, "XXXX", 4);
	damage(find_use("uid000012") + 30 + PAT_USE_COPY_SIZE, "XXXX", 4);
	rebuilt();
	assert_non_null(strstr(told, "uid000012: missing: its token, whose uses are counted, is "
				     "spent, uid 1000\n"));
	assert_int_equal(unit_read_use(12, &use), 0);
	assert_int_equal(use.uses, 12);
	assert_int_equal(unit_spend_once(12, 12, 1795290000), PAT_E_SPENT);
	all_there_but(0);
	sound();
}

static void a_token_that_is_gone_altogether_is_told_with_its_owner(void **state)
{
	struct unit_bytes file = unit_read_file(place.path);
	const char nobody[9] = "";

	(void)state;
	damage(find(&file, "tid000013", false) - sizeof(nobody), nobody, sizeof(nobody));
	damage(find(&file, "uid000013", false) - sizeof(nobody), nobody, sizeof(nobody));
	assert_int_equal(do_task(PAT_REBUILD_LOOK), 0);
	assert_non_null(strstr(told, "tid000013: is gone, uid 1001\n"));
	free(file.data);
}

static void an_index_that_is_gone_is_written_from_the_tokens(void **state)
{
	struct unit_bytes file = unit_read_file(place.path);
	struct contents before = contents_of_store(), after;

	(void)state;
	damage(find(&file, "i000003e9", false) + 30, "XXXX", 4);
	rebuilt();
	after = contents_of_store();
	assert_true(after.sum == before.sum);
	sound();
	free(file.data);
}

static void a_revoked_token_does_not_come_back_from_an_old_copy(void **state)
{
	struct unit_bytes before = unit_read_file(place.path), after;
	struct pat_grant grant;
	size_t head = find(&before, "tid000013", true), end;
	unsigned char old[1024];
	uint32_t len;

	(void)state;
	memcpy(&len, before.data + head + 4, sizeof(len));
	len += 24;
	assert_true(len <= sizeof(old));
	memcpy(old, before.data + head, len);
	assert_int_equal(end_token(13), 0);
	rebuilt();
	/* The old copy behind the end, and the new one unreadable: the old one is in doubt. */
	after = unit_read_file(place.path);
	end = after.len;
	damage(end + 8, old, len);
	damage(find(&after, "tid000013", true),
	       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	       "\0\0\0\0\0\0\0",
	       48);
	rebuilt();
	if (unit_read_grant(13, &grant) == 0) {
		assert_int_not_equal(grant.suspended_at, 0);
		assert_non_null(strstr(told, "tid000013: the file had lost it, and this may be"));
	}
	/* And with the new one readable, that counts. */
	free(after.data);
	free(before.data);
	sound();
}

static void an_old_copy_changes_nothing_where_the_record_is_whole(void **state)
{
	struct unit_bytes before = unit_read_file(place.path), after;
	struct pat_grant grant;
	size_t head = find(&before, "tid000013", true);

	(void)state;
	assert_int_equal(end_token(13), 0);
	rebuilt();
	after = unit_read_file(place.path);
	damage(after.len, before.data + head, 400);
	damage(after.len + 404, before.data + head, 400);
	/* Damage elsewhere makes it look everywhere. */
	damage(find(&after, "tid000014", true), "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	rebuilt();
	assert_int_equal(unit_read_grant(13, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	free(after.data);
	free(before.data);
}

/* --- backup and restore */

static void a_backup_is_a_store_with_all_that_there_is(void **state)
{
	struct contents before = contents_of_store(), after;
	struct stat st;

	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	assert_int_equal(stat(backup, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(do_task(PAT_REBUILD_RESTORE), 0);
	assert_int_equal(result.back, TOKENS);
	after = contents_of_store();
	assert_int_equal(after.records, before.records);
	all_there_but(0);
	sound();
}

static void a_restore_brings_back_what_is_missing_and_keeps_the_rest(void **state)
{
	struct unit_bytes file;
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	assert_int_equal(end_token(2), 0);
	assert_int_equal(unit_spend_once(20, 20, 1795290000), 0);
	assert_int_equal(unit_add(TOKENS + 1, 1000), 0);
	file = unit_read_file(place.path);
	damage(find(&file, "tid000009", false) + 30, "XXXX", 4);
	damage(find(&file, "tid000010", true), file.data, 168);
	assert_int_equal(do_task(PAT_REBUILD_RESTORE), 0);
	assert_non_null(strstr(told, "3 tid000009: back from the backup"));
	assert_non_null(strstr(told, "3 tid000010: back from the backup"));
	assert_int_equal(unit_read_grant(2, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	assert_int_equal(unit_read_use(20, &use), 0);
	assert_int_equal(use.uses, 1);
	assert_int_equal(unit_read_grant(TOKENS + 1, &grant), 0);
	assert_int_equal(unit_read_grant(9, &grant), 0);
	assert_int_equal(unit_read_grant(10, &grant), 0);
	sound();
	free(file.data);
}

static void a_restore_that_replaces_says_what_it_undoes(void **state)
{
	struct pat_grant grant;

	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	assert_int_equal(end_token(2), 0);
	assert_int_equal(unit_add(TOKENS + 1, 1000), 0);
	assert_int_equal(do_task(PAT_REBUILD_REPLACE), 0);
	assert_non_null(strstr(told, "tid000002: it was revoked, and is active again"));
	assert_non_null(strstr(told, "tid000041: not in the backup, gone now"));
	assert_int_equal(unit_read_grant(TOKENS + 1, &grant), PAT_E_NOTFOUND);
	all_there_but(0);
	sound();
}

static void a_backup_that_others_may_write_is_not_trusted(void **state)
{
	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	assert_int_equal(chmod(backup, 0666), 0);
	assert_int_equal(do_task(PAT_REBUILD_RESTORE), PAT_E_UNSAFE);
	assert_int_equal(chmod(backup, 0600), 0);
	assert_int_equal(do_task(PAT_REBUILD_RESTORE), 0);
}

/* --- when one is wanted */

static void a_full_store_takes_no_more_and_can_still_be_changed(void **state)
{
	struct pat_grant grant = unit_numbered_grant(900, 1000);
	struct pat_store *store = unit_opened(PAT_STORE_CHANGE);

	(void)state;
	store->full_at = 1000;
	assert_int_equal(pat_store_put_grant(store, &grant), PAT_E_FULL);
	grant = unit_numbered_grant(4, 1001);
	grant.revoked_at = 1;
	assert_int_equal(pat_store_put_grant(store, &grant), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
	assert_int_equal(unit_read_grant(4, &grant), 0);
	assert_int_equal(grant.revoked_at, 1);
}

static void long_chains_are_noticed_and_a_rebuild_makes_them_short(void **state)
{
	struct pat_rebuild_need need;
	struct tdb_context *tdb;
	struct unit_bytes file;

	(void)state;
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_false(need.crowded);
	/* The same records in a file with 7 chains. */
	rebuilt();
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	assert_int_equal(unlink(place.path), 0);
	tdb = tdb_open(place.path, 7, STORE_TDB_FLAGS, O_RDWR | O_CREAT, 0600);
	assert_non_null(tdb);
	tdb_close(tdb);
	file = unit_read_file(backup);
	tdb = tdb_open(place.path, 7, STORE_TDB_FLAGS, O_RDWR, 0600);
	for (size_t at = tdbfile_records(10007); at + 24 < file.len;) {
		struct tdbfile_record record;
		TDB_DATA key, value;

		memcpy(&record, file.data + at, sizeof(record));
		key = (TDB_DATA){.dptr = file.data + at + 24, .dsize = record.key_len};
		value = (TDB_DATA){.dptr = key.dptr + key.dsize, .dsize = record.data_len};
		assert_int_equal(tdb_store(tdb, key, value, TDB_INSERT), 0);
		at += 24 + record.rec_len;
	}
	tdb_close(tdb);
	free(file.data);
	all_there_but(0);
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_true(need.crowded);
	rebuilt();
	assert_int_equal(result.buckets, 7);
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_false(need.crowded);
	all_there_but(0);
	sound();
}

/* Adds records that are none of ours, or takes every second of them out again. */
static void junk(unsigned from, unsigned to, bool out)
{
	struct tdb_context *tdb = tdb_open(place.path, 0, STORE_TDB_FLAGS, O_RDWR, 0600);
	unsigned char none[4] = "";
	TDB_DATA value = {.dptr = none, .dsize = sizeof(none)};
	char text[16];

	assert_non_null(tdb);
	for (unsigned i = from; i < to; i += 1 + out) {
		TDB_DATA key = {.dptr = (unsigned char *)text};

		key.dsize = (size_t)snprintf(text, sizeof(text), "x%u", i);
		assert_int_equal(
			out ? tdb_delete(tdb, key) : tdb_store(tdb, key, value, TDB_INSERT), 0);
	}
	tdb_close(tdb);
}

static void scattered_free_space_is_noticed_and_a_rebuild_gathers_it(void **state)
{
	enum { MANY = 2 * 2100 };
	struct pat_rebuild_need need;

	(void)state;
	junk(0, MANY, false);
	junk(0, MANY / 2, true);
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_false(need.scattered);
	junk(MANY / 2, MANY, true);
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_true(need.scattered && !need.crowded);
	rebuilt();
	assert_int_equal(pat_rebuild_need(place.path, soon(), &need), 0);
	assert_false(need.scattered);
	all_there_but(0);
	sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_rebuild_keeps_every_record_bit_for_bit),
		with_store(what_was_rebuilt_can_be_changed_like_any_other),
		with_store(what_is_minted_has_no_room_that_it_does_not_need),
		with_store(a_damaged_record_is_named_and_costs_no_other),
		with_store(a_record_whose_head_is_gone_costs_no_other),
		with_store(a_table_of_chains_that_is_gone_costs_nothing),
		with_store(a_page_of_that_table_costs_nothing_either),
		with_store(a_header_that_is_gone_costs_nothing),
		with_store(a_token_without_its_use_record_is_spent_if_it_was_counted),
		with_store(a_token_that_is_gone_altogether_is_told_with_its_owner),
		with_store(an_index_that_is_gone_is_written_from_the_tokens),
		with_store(a_revoked_token_does_not_come_back_from_an_old_copy),
		with_store(an_old_copy_changes_nothing_where_the_record_is_whole),
		with_store(a_backup_is_a_store_with_all_that_there_is),
		with_store(a_restore_brings_back_what_is_missing_and_keeps_the_rest),
		with_store(a_restore_that_replaces_says_what_it_undoes),
		with_store(a_backup_that_others_may_write_is_not_trusted),
		with_store(a_full_store_takes_no_more_and_can_still_be_changed),
		with_store(long_chains_are_noticed_and_a_rebuild_makes_them_short),
		with_store(scattered_free_space_is_noticed_and_a_rebuild_gathers_it),
	};

	return unit_run(tests);
}
