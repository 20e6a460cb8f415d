/* SPDX-License-Identifier: ISC */

/* Rebuilds and backups that fail or are killed, and what a mint has left that was. */

/* pwrite() and others are defined here, which the inline ones of the headers would hide. */
#undef _FORTIFY_SOURCE

#include "unit_fault.h"
#include "unit_rebuild.h"

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
			int error, why;

			arm(kinds[kind], step);
			error = do_task(PAT_REBUILD_STORE);
			why = errno;
			disarm();
			if (error == PAT_E_IO && why != EIO && why != ENOSPC)
				fail_msg("step %d of %d: %s", step, steps, strerror(why));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(killed_at_any_step_it_leaves_a_whole_store),
		with_store(a_failure_at_any_step_leaves_the_old_state_and_no_rest),
		with_store(a_new_file_that_is_not_what_was_written_does_not_become_the_store),
		with_store(a_failed_backup_leaves_no_file),
		with_store(a_mint_that_was_cut_off_is_not_invented),
		with_store(what_a_mint_that_was_cut_off_has_left_is_not_taken_for_a_token),
		with_store(where_a_chain_has_lost_its_head_what_no_chain_leads_to_is_taken),
	};

	return unit_run(tests);
}
