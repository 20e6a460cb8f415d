/* SPDX-License-Identifier: ISC */
#include "unit_fault.h"

/* Notes that cannot be written: a record is rewritten in its place, or nothing is. */

enum { TOKENS = 60 };

static int setup(void **state)
{
	struct pat_store *store;
	int error;

	if (unit_place_setup(state) != 0 ||
	    pat_store_open(&store, place.path, PAT_STORE_CREATE, soon()) != 0)
		return -1;
	error = 0;
	for (unsigned i = 0; i < TOKENS && !error; i++) {
		struct pat_grant grant = unit_numbered_grant(i, 1000);

		error = unit_put(store, &grant);
	}
	/* Free room, which a record that was allocated anew would take. */
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	if (!error)
		error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon());
	if (error)
		return error;
	error = pat_store_drop_grant(store, "id000007");
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

#define with_tokens(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

/* Every token but the one that was dropped is there and whole; how many uses they had together. */
static uint64_t all_whole(void)
{
	struct pat_store *store = unit_opened(PAT_STORE_READ);
	uint64_t uses = 0;

	assert_int_equal(pat_store_check_structure(store), 0);
	for (unsigned i = 0; i < TOKENS; i++) {
		struct pat_grant grant, want = unit_numbered_grant(i, 1000);
		struct pat_use use;

		if (i == 7)
			continue;
		assert_int_equal(pat_store_get_grant(store, want.id, &grant), 0);
		assert_true(same_grant(&grant, &want));
		assert_int_equal(pat_store_get_use(store, want.id, &use), 0);
		uses += use.uses;
	}
	unit_closed();
	return uses;
}

/* Notes a use with this fault: that is told, nothing else is tried, and no byte has changed. */
static void fails_without_a_trace(enum fault_kind kind, int error)
{
	struct unit_bytes before = unit_read_file(place.path), after;

	arm(kind, 1);
	fault.error = error;
	errno = 0;
	assert_int_equal(unit_use_once(1, 1000), PAT_E_IO);
	assert_int_equal(errno, error);
	disarm();
	assert_string_equal(fault.trace, "w");
	after = unit_read_file(place.path);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	free(before.data);
	free(after.data);
	assert_int_equal(all_whole(), 0);
}

static void a_note_that_fails_changes_nothing(void **state)
{
	(void)state;
	fails_without_a_trace(FAULT_FAIL, ENOSPC);
	fails_without_a_trace(FAULT_FAIL, EIO);
	fails_without_a_trace(FAULT_FAIL, EDQUOT);
	fails_without_a_trace(FAULT_FAIL, EFBIG);
	fails_without_a_trace(FAULT_FAIL_ALL, EIO);
	fails_without_a_trace(FAULT_DISK_FULL, ENOSPC);
	assert_int_equal(unit_use_once(1, 1000), 0);
	assert_int_equal(all_whole(), 1);
}

static void processes_whose_notes_fail_now_and_then_harm_no_record(void **state)
{
	enum { TIMES = 300 };
	pid_t children[6];
	uint32_t *told;

	(void)state;
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(told, MAP_FAILED);
	for (unsigned i = 0; i < COUNT(children); i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			arm(FAULT_FAIL, -1);
			fault.every = 3;
			fault.error = ENOSPC;
			for (unsigned k = 0; k < TIMES; k++) {
				unsigned number = (i * 11 + k * 7) % TOKENS;

				if (number != 7 && unit_use_once(number, 1000 + k) == 0)
					__atomic_fetch_add(told, 1, __ATOMIC_RELAXED);
			}
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT(children); i++)
		assert_int_equal(unit_wait(children[i]), 0);
	/* And what was told is there, no more and no less. */
	assert_in_range(*told, 1, COUNT(children) * TIMES - 1);
	assert_int_equal(all_whole(), *told);
	munmap(told, sizeof(*told));
}

/*
 * Where the key of the use record of token 1 is, the record's header before it: the copy whose
 * value a note changes, for the recovery area may have others.
 */
static size_t use_key(struct unit_bytes *file)
{
	static const char key[] = "uid000001";
	struct unit_bytes before = unit_read_file(place.path);
	size_t changed = 0;

	assert_int_equal(unit_use_once(1, 1000), 0);
	*file = unit_read_file(place.path);
	assert_int_equal(file->len, before.len);
	while (file->data[changed] == before.data[changed])
		assert_true(++changed < file->len);
	free(before.data);
	for (; changed > 24; changed--)
		if (!memcmp(file->data + changed, key, sizeof(key) - 1))
			return changed;
	fail_msg("no use record");
	return 0;
}

static void a_record_whose_size_is_damaged_is_not_written_elsewhere(void **state)
{
	/* rec_len and data_len, so many bytes before the key. */
	static const size_t fields[] = {20, 12};
	struct unit_bytes file, after;
	size_t key = use_key(&file);

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		uint32_t was, small = 16;

		memcpy(&was, file.data + key - fields[i], sizeof(was));
		memcpy(file.data + key - fields[i], &small, sizeof(small));
		unit_write_file(place.path, file.data, file.len);
		assert_int_equal(unit_use_once(1, 1000), PAT_E_DAMAGED);
		after = unit_read_file(place.path);
		assert_int_equal(after.len, file.len);
		assert_memory_equal(after.data, file.data, file.len);
		free(after.data);
		memcpy(file.data + key - fields[i], &was, sizeof(was));
	}
	free(file.data);
}

static void a_chain_that_is_a_loop_ends(void **state)
{
	struct unit_bytes file;
	size_t key = use_key(&file);
	uint32_t self = (uint32_t)(key - 24);

	(void)state;
	/* Its `next` is itself, and it is not the one that is looked for. */
	memcpy(file.data + key - 24, &self, sizeof(self));
	file.data[key + 3] ^= 1;
	unit_write_file(place.path, file.data, file.len);
	alarm(60);
	assert_int_equal(unit_use_once(1, 1000), PAT_E_DAMAGED);
	alarm(0);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tokens(a_note_that_fails_changes_nothing),
		with_tokens(processes_whose_notes_fail_now_and_then_harm_no_record),
		with_tokens(a_record_whose_size_is_damaged_is_not_written_elsewhere),
		with_tokens(a_chain_that_is_a_loop_ends),
	};

	return unit_run(tests);
}
