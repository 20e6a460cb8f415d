/* SPDX-License-Identifier: ISC */

/* pwrite() and others are defined here, which the inline ones of the headers would hide. */
#undef _FORTIFY_SOURCE

#include "unit_fault.h"

#include <sys/types.h>
#include <tdb.h>

#include "../../lib/slot.h"
#include "../../lib/store_private.h"
#include "../../lib/tdbfile.h"
#include "pat/rebuild.h"

/* What a rebuild told, a line each: "t12345678: text". */
static char told[1 << 16];

static void note(void *data, enum pat_rebuild_news news, const char *record, const char *text)
{
	size_t used = strlen(told);

	(void)data;
	snprintf(told + used, sizeof(told) - used, "%d %s: %s\n", (int)news, record, text);
}

static struct pat_rebuild_result result;
static char backup[256];

static int do_task(enum pat_rebuild_task task)
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

static void rebuilt(void)
{
	int error = do_task(PAT_REBUILD_STORE);

	if (error)
		fail_msg("%s\n%s", pat_error_text(error), told);
}

/* A look finds nothing. */
static void sound(void)
{
	int error = do_task(PAT_REBUILD_LOOK);

	if (error || result.faults || result.lost)
		fail_msg("%s\n%s", pat_error_text(error), told);
}

enum { TOKENS = 40, OWNERS = 3 };

static int setup(void **state)
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
static int end_token(unsigned number)
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

static int add_to_contents(const unsigned char *key, size_t key_len, const unsigned char *value,
			   size_t value_len, void *data)
{
	struct contents *contents = data;

	contents->records++;
	contents->sum += ((uint64_t)tdbfile_hash(key, (uint32_t)key_len) << 32 | value_len) *
			 tdbfile_hash(value, (uint32_t)value_len);
	return 0;
}

static struct contents contents_of_store(void)
{
	struct contents contents = {0, 0};

	assert_int_equal(pat_store_each(unit_opened(PAT_STORE_READ), add_to_contents, &contents),
			 0);
	unit_closed();
	return contents;
}

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

/* --- damage */

/* Where the value of a record lies, or its head. */
static size_t find(const struct unit_bytes *file, const char *key, bool head)
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

/* Rewrites some bytes of the store, by position. */
static void damage(size_t at, const void *bytes, size_t len)
{
	int fd = open(place.path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)at), len);
	close(fd);
}

static void all_there_but(unsigned missing)
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
	assert_non_null(strstr(told, "uid000012"));
	assert_int_equal(unit_read_use(12, &use), 0);
	assert_int_equal(use.uses, 12);
	assert_int_equal(unit_spend_once(12, 12, 1795290000), PAT_E_SPENT);
	all_there_but(0);
	sound();
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

/* Puts a record that lies in `from` over free space of the store, as if it had been there. */
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

/* --- beside others */

/* A child that runs `work` until it is told to end; its status is 0 if all went well. */
static pid_t meanwhile(int (*work)(unsigned round), unsigned rounds)
{
	pid_t child = unit_fork();

	if (child == 0) {
		for (unsigned i = 0; i < rounds; i++)
			if (work(i) != 0)
				_exit(1);
		_exit(0);
	}
	return child;
}

static int spend_one(unsigned round)
{
	return unit_spend_once(TOKENS, 100000, 1795290000 + round);
}

static int use_one(unsigned round)
{
	return unit_use_once(1, 1795290000 + round);
}

static int revoke_one(unsigned round)
{
	return end_token(1 + round % 30);
}

static int add_one(unsigned round)
{
	return unit_add(1000 + round, 1500 + round % 5);
}

static void uses_and_changes_that_are_made_meanwhile_are_all_there(void **state)
{
	enum { SPENDS = 500, CHANGES = 60 };
	pid_t children[] = {meanwhile(spend_one, SPENDS), meanwhile(spend_one, SPENDS),
			    meanwhile(spend_one, SPENDS), meanwhile(spend_one, SPENDS),
			    meanwhile(use_one, SPENDS),   meanwhile(revoke_one, CHANGES),
			    meanwhile(add_one, CHANGES)};
	struct pat_grant grant;
	struct pat_use use;

	(void)state;
	for (int i = 0; i < 50; i++)
		rebuilt();
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	assert_int_equal(unit_read_use(TOKENS, &use), 0);
	assert_int_equal(use.uses, 4 * SPENDS);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, SPENDS);
	for (unsigned i = 1; i <= 30; i++) {
		assert_int_equal(unit_read_grant(i, &grant), 0);
		assert_int_equal(grant.revoked_at, 1795290000);
	}
	for (unsigned i = 0; i < CHANGES; i++)
		assert_int_equal(unit_read_grant(1000 + i, &grant), 0);
	sound();
}

/* Stops itself at a step of a rebuild, and is left there. */
static pid_t stopped_at(int step)
{
	pid_t child = unit_fork();

	if (child == 0) {
		arm(FAULT_STOP, step);
		_exit(do_task(PAT_REBUILD_STORE) != 0);
	}
	assert_true(unit_wait_stopped(child));
	return child;
}

static void logins_go_on_while_a_rebuild_is_at_work(void **state)
{
	struct pat_store *store;
	struct pat_use use;
	pid_t child = stopped_at(3);
	int64_t from = unit_milliseconds();

	(void)state;
	assert_int_equal(unit_use_once(7, 1795290005), 0);
	assert_int_equal(unit_spend_once(20, 20, 1795290005), 0);
	assert_true(unit_milliseconds() - from < 1000);
	/* Who changes something waits, and keeps nobody out meanwhile. */
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(300)),
			 PAT_E_BUSY);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(unit_read_use(7, &use), 0);
	assert_int_equal(use.uses, 3);
	assert_int_equal(unit_read_use(20, &use), 0);
	assert_int_equal(use.uses, 1);
	assert_int_equal(end_token(4), 0);
	sound();
}

/* The first step of a rebuild by which it has given the pen back: all that is written is synced. */
static int step_of_sync(void)
{
	arm(FAULT_NONE, 0);
	assert_int_equal(do_task(PAT_REBUILD_STORE), 0);
	disarm();
	return (int)(strchr(fault.trace, 's') - fault.trace) + 1;
}

/* Takes a token out of the store, as the sweep does. */
static void remove_token(unsigned number, uint32_t uid)
{
	struct pat_store *store = unit_opened(PAT_STORE_CHANGE);
	struct pat_index index;
	char id[PAT_ID_LEN + 1];

	assert_int_equal(pat_store_drop_grant(store, unit_id(id, number)), 0);
	assert_int_equal(pat_store_get_index(store, uid, &index), 0);
	for (uint32_t i = 0; i < index.count; i++)
		if (memcmp(index.ids[i], id, PAT_ID_LEN) == 0)
			memcpy(index.ids[i], index.ids[--index.count], PAT_ID_LEN);
	assert_int_equal(pat_store_put_index(store, uid, &index), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
}

/* Changes of each kind, while a rebuild is stopped. */
static void change_much(void)
{
	int64_t from = unit_milliseconds();

	assert_int_equal(end_token(4), 0);
	assert_true(unit_milliseconds() - from < 1000);
	assert_int_equal(unit_use_once(7, 1795290005), 0);
	assert_int_equal(unit_spend_once(20, 20, 1795290005), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unit_add(600 + i, 1000), 0);
	assert_int_equal(unit_spend_once(600, 600, 1795290005), 0);
	remove_token(9, 1000);
}

static void much_was_changed(void)
{
	struct pat_grant grant;
	struct pat_use use;

	assert_int_equal(unit_read_grant(4, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	assert_int_equal(unit_read_use(7, &use), 0);
	assert_int_equal(use.uses, 3);
	assert_int_equal(unit_read_use(20, &use), 0);
	assert_int_equal(use.uses, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unit_read_grant(600 + i, &grant), 0);
	assert_int_equal(unit_read_use(600, &use), 0);
	assert_int_equal(use.uses, 1);
	assert_int_equal(unit_read_grant(9, &grant), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_use(9, &use), PAT_E_NOTFOUND);
	sound();
}

static void changes_during_a_rebuild_do_not_wait_for_it_and_hold(void **state)
{
	struct contents before, after;
	pid_t child = stopped_at(step_of_sync());
	struct stat old, new;

	(void)state;
	change_much();
	before = contents_of_store();
	assert_int_equal(stat(place.path, &old), 0);
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	assert_int_equal(stat(place.path, &new), 0);
	assert_true(old.st_ino != new.st_ino);
	after = contents_of_store();
	assert_int_equal(after.records, before.records);
	assert_true(after.sum == before.sum);
	much_was_changed();
}

static void changes_whose_notes_are_lost_are_not(void **state)
{
	char lock[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", place.path);
	assert_int_equal(end_token(5), 0);
	assert_int_equal(truncate(lock, 0), 0);
	change_much();
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	much_was_changed();
}

static void notes_of_a_killed_rebuild_are_for_nobody(void **state)
{
	struct stat before, after;
	char lock[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", place.path);
	kill(child, SIGKILL);
	(void)unit_wait(child);
	assert_int_equal(stat(lock, &before), 0);
	assert_true(before.st_size > 0);
	change_much();
	assert_int_equal(stat(lock, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	rebuilt();
	assert_int_equal(stat(lock, &after), 0);
	assert_int_equal(after.st_size, 0);
	much_was_changed();
}

/* Who would write another file of the same name waits for who is at it, though that has no pen. */
static void two_do_not_write_the_new_file_at_once(void **state)
{
	struct pat_rebuild order = {
		.task = PAT_REBUILD_REPLACE, .store = place.path, .file = backup};
	struct stat ours, named;
	char path[300];
	pid_t child;

	(void)state;
	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	child = stopped_at(step_of_sync());
	snprintf(path, sizeof(path), "%s.new", place.path);
	assert_int_equal(stat(path, &ours), 0);
	order.deadline = pat_deadline_in(200);
	assert_int_equal(pat_rebuild(&order, &result), PAT_E_BUSY);
	assert_int_equal(stat(path, &named), 0);
	assert_true(ours.st_ino == named.st_ino);
	change_much();
	kill(child, SIGCONT);
	assert_int_equal(unit_wait(child), 0);
	much_was_changed();
}

/* A file that somebody else has put in the place of the new one does not become the store. */
static void another_file_does_not_become_the_store(void **state)
{
	struct unit_bytes half;
	char path[300];
	pid_t child = stopped_at(step_of_sync());

	(void)state;
	snprintf(path, sizeof(path), "%s.new", place.path);
	half = unit_read_file(path);
	assert_int_equal(unlink(path), 0);
	unit_write_file(path, half.data, half.len / 2);
	free(half.data);
	change_much();
	kill(child, SIGCONT);
	(void)unit_wait(child);
	much_was_changed();
}

/* Mints token number 700, and is killed at that step. True if it had so many. */
static bool mint_that_is_killed(int step)
{
	pid_t child = unit_fork();

	if (child == 0) {
		arm(FAULT_KILL, step);
		_exit(unit_add(700, 1000) != 0);
	}
	return unit_wait(child) != 0;
}

static void half_a_change_during_a_rebuild_is_not_taken_over(void **state)
{
	struct contents before = contents_of_store(), after;
	int step = 0;
	bool killed;

	(void)state;
	do {
		struct pat_grant grant;
		struct pat_use use;
		pid_t child = stopped_at(step_of_sync());

		killed = mint_that_is_killed(++step);
		kill(child, SIGCONT);
		assert_int_equal(unit_wait(child), 0);
		sound();
		after = contents_of_store();
		if (unit_read_grant(700, &grant) == PAT_E_NOTFOUND) {
			assert_int_equal(after.records, before.records);
			assert_true(after.sum == before.sum);
			continue;
		}
		assert_int_equal(unit_read_use(700, &use), 0);
		remove_token(700, 1000);
		before = contents_of_store();
	} while (killed);
	assert_true(step > 8);
}

/* Damaged ones, so far from each other that there is a look between them at who waits. */
static const unsigned far_apart[] = {206, 226, 246, 266, 286};

/* Somebody who revokes, when told to; until that is done the last record is not left. */
static pid_t revoker;
static int start[2];
static bool revoked_in_time;

static int revoke_when_told(unsigned round)
{
	char byte;

	return read(start[0], &byte, 1) != 1 || revoke_one(round) != 0;
}

static void note_slowly(void *data, enum pat_rebuild_news news, const char *record,
			const char *text)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	siginfo_t info;

	note(data, news, record, text);
	assert_int_equal(write(start[1], "", 1), 1);
	(void)nanosleep(&pause, NULL);
	if (strcmp(record, "tid000286") != 0)
		return;
	for (int i = 0; i < 50 && !revoked_in_time; i++) {
		info.si_pid = 0;
		revoked_in_time =
			waitid(P_PID, (id_t)revoker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			info.si_pid == revoker;
		(void)nanosleep(&pause, NULL);
	}
}

static void who_looks_gives_way_to_a_revocation(void **state)
{
	struct pat_rebuild order = {.task = PAT_REBUILD_LOOK,
				    .store = place.path,
				    .deadline = soon(),
				    .patience_ms = 50,
				    .tell = note_slowly};
	struct unit_bytes file;
	struct pat_grant grant;

	(void)state;
	for (unsigned i = 200; i < 300; i++)
		assert_int_equal(unit_add(i, 1000 + i % OWNERS), 0);
	rebuilt();
	file = unit_read_file(place.path);
	for (size_t i = 0; i < COUNT(far_apart); i++) {
		char key[16];

		snprintf(key, sizeof(key), "tid%06u", far_apart[i]);
		damage(find(&file, key, false) + 30, "XXXX", 4);
	}
	told[0] = '\0';
	assert_int_equal(pipe(start), 0);
	revoker = meanwhile(revoke_when_told, 1);
	revoked_in_time = false;
	assert_int_equal(pat_rebuild(&order, &result), 0);
	assert_int_equal(unit_wait(revoker), 0);
	assert_true(revoked_in_time);
	close(start[0]);
	close(start[1]);
	assert_int_equal(result.lost, COUNT(far_apart));
	/* What it had told by then it does not tell again. */
	assert_non_null(strstr(told, "tid000206: damaged"));
	assert_null(strstr(strstr(told, "tid000206: damaged") + 1, "tid000206: damaged"));
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_int_equal(grant.revoked_at, 1795290000);
	free(file.data);
}

/* --- failures */

static int steps_of(enum pat_rebuild_task task)
{
	arm(FAULT_NONE, 0);
	assert_int_equal(do_task(task), 0);
	disarm();
	return fault.seen;
}

static void killed_at_any_step_it_leaves_a_whole_store(void **state)
{
	struct contents before = contents_of_store(), after;
	int steps = steps_of(PAT_REBUILD_STORE);

	(void)state;
	assert_true(steps >= 6);
	for (int kind = FAULT_KILL; kind <= FAULT_TEAR; kind++) {
		for (int step = 1; step <= steps; step++) {
			pid_t child = unit_fork();

			if (child == 0) {
				arm((enum fault_kind)kind, step);
				_exit(do_task(PAT_REBUILD_STORE) != 0);
			}
			(void)unit_wait(child);
			after = contents_of_store();
			assert_int_equal(after.records, before.records);
			assert_true(after.sum == before.sum);
		}
	}
	rebuilt();
	assert_int_equal(unit_count_entries(place.dir), 2);
}

static void a_failure_at_any_step_leaves_the_old_state_and_no_rest(void **state)
{
	static const enum fault_kind kinds[] = {FAULT_FAIL, FAULT_FAIL_ALL, FAULT_DISK_FULL};
	struct contents before = contents_of_store(), after;
	int steps = steps_of(PAT_REBUILD_STORE);

	(void)state;
	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		for (int step = 1; step <= steps; step++) {
			int error;

			arm(kinds[kind], step);
			error = do_task(PAT_REBUILD_STORE);
			disarm();
			/* The last one clears the notes away, which nobody reads any more. */
			if (kinds[kind] != FAULT_DISK_FULL && !error && step < steps)
				fail_msg("step %d of %d failed, and nobody heard of it", step,
					 steps);
			after = contents_of_store();
			assert_int_equal(after.records, before.records);
			assert_true(after.sum == before.sum);
			assert_int_equal(unit_count_entries(place.dir), 2);
			rebuilt();
		}
	}
}

/* One byte of each write at a time; of long ones only some. */
static void a_new_file_that_is_not_what_was_written_does_not_become_the_store(void **state)
{
	struct contents before = contents_of_store(), after;
	int steps = steps_of(PAT_REBUILD_STORE);
	unsigned refused = 0;

	(void)state;
	for (int step = 1; step <= steps; step++) {
		size_t far = 0;

		do {
			int error;

			arm(FAULT_WRONG, step);
			fault.where = far;
			error = do_task(PAT_REBUILD_STORE);
			disarm();
			refused += error == PAT_E_DAMAGED;
			after = contents_of_store();
			if (after.records != before.records || after.sum != before.sum)
				fail_msg("byte %zu of step %d is wrong, and the store now", far,
					 step);
			sound();
			assert_int_equal(unit_count_entries(place.dir), 2);
			far += far < 256 ? 4 : 331;
		} while (fault.was_there);
	}
	assert_true(refused > 100);
}

static void a_failed_backup_leaves_no_file(void **state)
{
	int steps = steps_of(PAT_REBUILD_BACKUP);

	(void)state;
	assert_int_equal(unlink(backup), 0);
	for (int step = 1; step < steps; step++) {
		int error;

		arm(FAULT_FAIL, step);
		error = do_task(PAT_REBUILD_BACKUP);
		disarm();
		if (!error)
			fail_msg("step %d of %d failed, and nobody heard of it", step, steps);
		assert_int_equal(unit_count_entries(place.base), 1);
	}
}

static void a_mint_that_was_cut_off_is_not_invented(void **state)
{
	struct pat_grant grant;

	(void)state;
	for (int step = 1; step < 40; step++) {
		pid_t child = unit_fork();
		int status;

		if (child == 0) {
			arm(FAULT_KILL, step);
			_exit(unit_add(500 + (unsigned)step, 2000 + (unsigned)step) != 0);
		}
		status = unit_wait(child);
		if (unit_read_grant(500 + (unsigned)step, &grant) == 0)
			continue;
		assert_int_not_equal(status, 0);
		sound();
		assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
		rebuilt();
		assert_int_equal(unit_read_grant(500 + (unsigned)step, &grant), PAT_E_NOTFOUND);
		assert_int_equal(unlink(place.path), 0);
		assert_int_equal(do_task(PAT_REBUILD_RESTORE), 0);
		assert_int_equal(unit_read_grant(500 + (unsigned)step, &grant), PAT_E_NOTFOUND);
	}
}

/* Takes a record out of its chain, as if it had never been put there: its bytes stay. */
static void unlink_from_chain(const char key[1 + PAT_ID_LEN])
{
	struct unit_bytes file = unit_read_file(place.path);
	const uint32_t hash = tdbfile_hash(key, 1 + PAT_ID_LEN);
	size_t link = (size_t)tdbfile_chain(hash, 10007);
	uint32_t at;

	for (memcpy(&at, file.data + link, sizeof(at)); at != 0;
	     memcpy(&at, file.data + link, sizeof(at))) {
		if (memcmp(file.data + at + sizeof(struct tdbfile_record), key, 1 + PAT_ID_LEN) ==
		    0) {
			damage(link, file.data + at, sizeof(at));
			break;
		}
		link = at;
	}
	assert_int_not_equal(at, 0);
	free(file.data);
}

/* What is in the file of a mint whose transaction came so far and no further. */
static void what_a_mint_that_was_cut_off_has_left_is_not_taken_for_a_token(void **state)
{
	struct pat_store *store;
	struct pat_grant grant;
	char grant_key[] = "t00000000", use_key[] = "u00000000";

	(void)state;
	assert_int_equal(unit_add(500, 2000), 0);
	memcpy(grant_key + 1, unit_id((char[PAT_ID_LEN + 1]){""}, 500), PAT_ID_LEN);
	memcpy(use_key + 1, grant_key + 1, PAT_ID_LEN);
	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(pat_store_drop_index(store, 2000), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
	unlink_from_chain(grant_key);
	unlink_from_chain(use_key);
	assert_int_equal(unit_read_grant(500, &grant), PAT_E_NOTFOUND);

	assert_int_equal(do_task(PAT_REBUILD_BACKUP), 0);
	rebuilt();
	assert_int_equal(unit_read_grant(500, &grant), PAT_E_NOTFOUND);
	all_there_but(0);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(do_task(PAT_REBUILD_RESTORE), 0);
	assert_int_equal(unit_read_grant(500, &grant), PAT_E_NOTFOUND);
}

/* As proof that it is this that decides: in a file that has lost others, it may be one of them. */
static void where_a_chain_has_lost_its_head_what_no_chain_leads_to_is_taken(void **state)
{
	const uint32_t nowhere = 0xfffff000;
	struct pat_grant grant;
	char key[] = "t00000000";

	(void)state;
	assert_int_equal(unit_add(500, 2000), 0);
	memcpy(key + 1, unit_id((char[PAT_ID_LEN + 1]){""}, 500), PAT_ID_LEN);
	damage((size_t)tdbfile_chain(tdbfile_hash(key, 9), 10007), &nowhere, sizeof(nowhere));
	assert_true(unit_read_grant(500, &grant) != 0);
	rebuilt();
	assert_int_equal(unit_read_grant(500, &grant), 0);
}

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
		with_store(an_index_that_is_gone_is_written_from_the_tokens),
		with_store(a_revoked_token_does_not_come_back_from_an_old_copy),
		with_store(an_old_copy_changes_nothing_where_the_record_is_whole),
		with_store(a_backup_is_a_store_with_all_that_there_is),
		with_store(a_restore_brings_back_what_is_missing_and_keeps_the_rest),
		with_store(a_restore_that_replaces_says_what_it_undoes),
		with_store(a_backup_that_others_may_write_is_not_trusted),
		with_store(uses_and_changes_that_are_made_meanwhile_are_all_there),
		with_store(logins_go_on_while_a_rebuild_is_at_work),
		with_store(changes_during_a_rebuild_do_not_wait_for_it_and_hold),
		with_store(changes_whose_notes_are_lost_are_not),
		with_store(notes_of_a_killed_rebuild_are_for_nobody),
		with_store(two_do_not_write_the_new_file_at_once),
		with_store(another_file_does_not_become_the_store),
		with_store(half_a_change_during_a_rebuild_is_not_taken_over),
		with_store(who_looks_gives_way_to_a_revocation),
		with_store(killed_at_any_step_it_leaves_a_whole_store),
		with_store(a_failure_at_any_step_leaves_the_old_state_and_no_rest),
		with_store(a_new_file_that_is_not_what_was_written_does_not_become_the_store),
		with_store(a_failed_backup_leaves_no_file),
		with_store(a_mint_that_was_cut_off_is_not_invented),
		with_store(what_a_mint_that_was_cut_off_has_left_is_not_taken_for_a_token),
		with_store(where_a_chain_has_lost_its_head_what_no_chain_leads_to_is_taken),
		with_store(a_full_store_takes_no_more_and_can_still_be_changed),
		with_store(long_chains_are_noticed_and_a_rebuild_makes_them_short),
		with_store(scattered_free_space_is_noticed_and_a_rebuild_gathers_it),
	};

	return unit_run(tests);
}
