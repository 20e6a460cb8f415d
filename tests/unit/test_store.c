/* SPDX-License-Identifier: ISC */
#include "unit_store.h"

#include "pat/verify.h"

/* What the store keeps, and what a transaction is. Files that are not to be trusted are in
 * test_store_file.c, locks in test_store_lock.c, crashes in test_store_crash.c. */

static struct pat_meta meta_now(void)
{
	struct pat_store *store = unit_opened(PAT_STORE_READ);
	struct pat_meta meta;

	assert_int_equal(pat_store_get_meta(store, &meta), 0);
	unit_closed();
	return meta;
}

static void creating_makes_directory_and_file_for_the_owner_alone(void **state)
{
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	unit_opened(PAT_STORE_CREATE);
	unit_closed();
	umask(before);
	assert_int_equal(stat(place.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(place.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(stat(place.lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* The store and its lock file, and nothing left over. */
	assert_int_equal(unit_count_entries(place.dir), 2);
	assert_int_equal(unit_count_entries(place.base), 1);
}

static void a_new_store_is_of_this_schema_and_empty(void **state)
{
	int64_t before = time(NULL);
	struct pat_meta meta;
	struct pat_store *store;
	struct pat_grant grant;
	struct pat_use use;
	static struct pat_index index;

	(void)state;
	unit_opened(PAT_STORE_CREATE);
	unit_closed();
	meta = meta_now();
	assert_int_equal(meta.schema, PAT_SCHEMA);
	assert_true(meta.created_at >= before && meta.created_at <= time(NULL));

	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_get_grant(store, "id000001", &grant), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_get_use(store, "id000001", &use), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_get_index(store, 1000, &index), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_get_grant(store, PAT_STRANGERS_ID, &grant), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_get_use(store, PAT_STRANGERS_ID, &use), 0);
	assert_int_equal(use.refused_unproved, 0);
	unit_closed();
}

static void creating_again_keeps_what_is_there(void **state)
{
	struct pat_grant grant, want = unit_numbered_grant(1, 1000);

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	unit_opened(PAT_STORE_CREATE);
	unit_closed();
	assert_int_equal(unit_add(2, 1000), 0);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_true(same_grant(&grant, &want));
}

static void grants_uses_and_indexes_come_back(void **state)
{
	struct pat_store *store = unit_opened(PAT_STORE_CREATE);
	struct pat_grant largest = unit_numbered_grant(1, UINT32_MAX), small, back;
	struct pat_use use = {.uses = 7, .last = {.time = 99, .service = "sshd"}}, use_back;
	static struct pat_index index, index_back;

	(void)state;
	unit_word(largest.user, PAT_USER_MAX);
	unit_word(largest.services, PAT_SERVICES_MAX);
	unit_word(largest.name, PAT_NAME_MAX);
	unit_word(largest.description, PAT_DESCRIPTION_MAX);
	small = (struct pat_grant){.id = "id000002"};
	index.count = PAT_INDEX_MAX;
	for (unsigned i = 0; i < PAT_INDEX_MAX; i++) {
		char id[PAT_ID_LEN + 1];

		memcpy(index.ids[i], unit_id(id, i), PAT_ID_LEN);
	}
	assert_int_equal(pat_store_put_grant(store, &largest), 0);
	assert_int_equal(pat_store_put_grant(store, &small), 0);
	assert_int_equal(pat_store_put_use(store, largest.id, &use), 0);
	assert_int_equal(pat_store_put_index(store, UINT32_MAX, &index), 0);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();

	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_get_grant(store, largest.id, &back), 0);
	assert_true(same_grant(&largest, &back));
	assert_int_equal(pat_store_get_grant(store, small.id, &back), 0);
	assert_true(same_grant(&small, &back));
	assert_int_equal(pat_store_get_use(store, largest.id, &use_back), 0);
	assert_int_equal(use_back.uses, 7);
	assert_int_equal(use_back.last.time, 99);
	assert_string_equal(use_back.last.service, "sshd");
	assert_int_equal(pat_store_get_index(store, UINT32_MAX, &index_back), 0);
	assert_int_equal(index_back.count, PAT_INDEX_MAX);
	assert_memory_equal(index_back.ids, index.ids, sizeof(index.ids));
	unit_closed();
}

static void a_transaction_sees_its_own_changes(void **state)
{
	struct pat_store *store = unit_opened(PAT_STORE_CREATE);
	struct pat_grant grant = unit_numbered_grant(1, 1000), back;

	(void)state;
	assert_int_equal(unit_put(store, &grant), 0);
	assert_int_equal(pat_store_get_grant(store, grant.id, &back), 0);
	assert_true(same_grant(&grant, &back));
	strcpy(grant.name, "another name, and a longer one than before");
	assert_int_equal(pat_store_put_grant(store, &grant), 0);
	assert_int_equal(pat_store_get_grant(store, grant.id, &back), 0);
	assert_true(same_grant(&grant, &back));
	unit_closed();
}

static void a_commit_is_seen_by_another_process(void **state)
{
	struct pat_grant want = unit_numbered_grant(1, 1000);
	pid_t child;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	child = unit_fork();
	if (child == 0) {
		struct pat_grant grant;

		_exit(unit_read_grant(1, &grant) == 0 && same_grant(&grant, &want) ? 0 : 1);
	}
	assert_int_equal(unit_wait(child), 0);

	child = unit_fork();
	if (child == 0)
		_exit(unit_add(2, 1000) ? 1 : 0);
	assert_int_equal(unit_wait(child), 0);
	want = unit_numbered_grant(2, 1000);
	assert_int_equal(unit_read_grant(2, &want), 0);
}

static void closing_without_a_commit_leaves_nothing(void **state)
{
	struct pat_grant first = unit_numbered_grant(1, 1000),
			 second = unit_numbered_grant(2, 1000);
	struct pat_grant grant;
	struct unit_bytes before, after;
	struct pat_store *store;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	before = unit_read_file(place.path);
	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(unit_put(store, &second), 0);
	assert_int_equal(pat_store_drop_grant(store, first.id), 0);
	unit_closed();

	after = unit_read_file(place.path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	assert_int_equal(unit_read_grant(2, &grant), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_grant(1, &grant), 0);
	assert_true(same_grant(&first, &grant));
	free(before.data);
	free(after.data);
}

static void the_generation_grows_with_every_commit_and_with_nothing_else(void **state)
{
	uint64_t last;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	last = meta_now().generation;
	for (unsigned i = 2; i < 6; i++) {
		assert_int_equal(unit_add(i, 1000), 0);
		assert_true(meta_now().generation > last);
		last = meta_now().generation;
	}
	unit_opened(PAT_STORE_CHANGE);
	unit_closed();
	assert_int_equal(unit_use_once(1, 1000), 0);
	assert_int_equal(meta_now().generation, last);
}

static void writing_outside_a_transaction_is_refused(void **state)
{
	static const struct pat_use use = {.uses = 99};
	static const struct pat_index index;
	struct pat_grant grant = unit_numbered_grant(2, 1000);
	struct unit_bytes before, after;
	struct pat_store *store;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	before = unit_read_file(place.path);
	store = unit_opened(PAT_STORE_READ);
	assert_true(pat_store_put_grant(store, &grant) < 0);
	assert_true(pat_store_put_use(store, "id000001", &use) < 0);
	assert_true(pat_store_put_index(store, 1000, &index) < 0);
	assert_true(pat_store_drop_grant(store, "id000001") < 0);
	assert_true(pat_store_commit(store) < 0);
	unit_closed();
	after = unit_read_file(place.path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	free(before.data);
	free(after.data);
}

static void after_a_commit_nothing_more_is_written(void **state)
{
	struct pat_store *store = unit_opened(PAT_STORE_CREATE);
	struct pat_grant first = unit_numbered_grant(1, 1000),
			 second = unit_numbered_grant(2, 1000);
	struct pat_grant back;

	(void)state;
	assert_int_equal(unit_put(store, &first), 0);
	assert_int_equal(pat_store_commit(store), 0);
	assert_true(pat_store_put_grant(store, &second) < 0);
	assert_true(pat_store_drop_grant(store, first.id) < 0);
	assert_true(pat_store_commit(store) < 0);
	/* Reading goes on. */
	assert_int_equal(pat_store_get_grant(store, first.id, &back), 0);
	unit_closed();
	assert_int_equal(unit_read_grant(2, &back), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_grant(1, &back), 0);
}

static void dropping_a_grant_takes_its_use_record_along_and_nothing_else(void **state)
{
	struct pat_grant first = unit_numbered_grant(1, 1000),
			 second = unit_numbered_grant(2, 1000);
	struct pat_grant grant;
	struct pat_use use;
	struct pat_store *store;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	assert_int_equal(unit_add(2, 1000), 0);
	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(pat_store_drop_grant(store, first.id), 0);
	assert_int_equal(pat_store_get_grant(store, first.id, &grant), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();
	assert_int_equal(unit_read_grant(1, &grant), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_use(1, &use), PAT_E_NOTFOUND);
	assert_int_equal(unit_read_grant(2, &grant), 0);
	assert_true(same_grant(&grant, &second));
	assert_int_equal(unit_read_use(2, &use), 0);
	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(pat_store_drop_grant(store, first.id), PAT_E_NOTFOUND);
	unit_closed();
}

static void dropping_an_index_takes_that_alone(void **state)
{
	struct pat_grant first = unit_numbered_grant(1, 1000), grant;
	static struct pat_index index;
	struct pat_store *store;
	struct pat_use use;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	assert_int_equal(unit_add(2, 1001), 0);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_drop_index(store, 1000), PAT_E_INVALID);
	assert_int_equal(pat_store_get_index(store, 1000, &index), 0);
	unit_closed();

	/* What is not committed is not done. */
	assert_int_equal(pat_store_drop_index(unit_opened(PAT_STORE_CHANGE), 1000), 0);
	unit_closed();
	assert_int_equal(pat_store_get_index(unit_opened(PAT_STORE_READ), 1000, &index), 0);
	unit_closed();

	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(pat_store_drop_index(store, 1002), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_drop_index(store, 1000), 0);
	assert_int_equal(pat_store_get_index(store, 1000, &index), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_drop_index(store, 1000), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_commit(store), 0);
	assert_int_equal(pat_store_drop_index(store, 1001), PAT_E_INVALID);
	unit_closed();

	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_get_index(store, 1000, &index), PAT_E_NOTFOUND);
	assert_int_equal(pat_store_get_index(store, 1001, &index), 0);
	assert_int_equal(index.count, 1);
	assert_int_equal(pat_store_get_grant(store, first.id, &grant), 0);
	assert_true(same_grant(&grant, &first));
	assert_int_equal(pat_store_get_use(store, first.id, &use), 0);
	assert_int_equal(pat_store_check_structure(store), 0);
	unit_closed();
}

static void a_note_is_seen_at_once_and_in_every_mode(void **state)
{
	struct pat_event event = {.time = 5000, .service = "sshd", .rhost = "192.0.2.1"};
	struct pat_event refused = {
		.time = 5001, .outcome = PAT_REFUSED_SERVICE, .service = "sudo"};
	struct pat_store *store;
	struct pat_use use;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_note(store, "id000001", &event, true, true, soon()), 0);
	assert_int_equal(pat_store_get_use(store, "id000001", &use), 0);
	assert_int_equal(use.uses, 1);
	unit_closed();

	store = unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(pat_store_note(store, "id000001", &event, true, true, soon()), 0);
	assert_int_equal(pat_store_note(store, "id000001", &refused, false, true, soon()), 0);
	assert_int_equal(pat_store_note(store, "id000001", &refused, false, false, soon()), 0);
	assert_int_equal(pat_store_commit(store), 0);
	assert_int_equal(pat_store_note(store, "id000001", &event, true, true, soon()), 0);
	unit_closed();

	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 3);
	assert_int_equal(use.refused_proved, 1);
	assert_int_equal(use.refused_unproved, 1);
	assert_int_equal(use.refused_unproved_at, 5001);
	assert_int_equal(use.last.time, 5000);
	assert_string_equal(use.last.rhost, "192.0.2.1");
}

static void a_note_rewrites_its_record_in_place_and_nothing_else(void **state)
{
	struct unit_bytes before, after;
	size_t first = 0, last = 0;

	(void)state;
	for (unsigned i = 1; i < 20; i++)
		assert_int_equal(unit_add(i, 1000), 0);
	before = unit_read_file(place.path);
	for (int i = 0; i < 3 * PAT_USE_RING; i++)
		assert_int_equal(unit_use_once(7, 1000 + i), 0);
	after = unit_read_file(place.path);
	assert_int_equal(before.len, after.len);
	for (size_t i = 0; i < before.len; i++) {
		if (before.data[i] == after.data[i])
			continue;
		if (!last)
			first = i;
		last = i;
	}
	assert_true(last > first);
	assert_in_range(last - first + 1, 1, PAT_USE_SIZE);
	for (unsigned i = 1; i < 20; i++) {
		struct pat_use use;

		assert_int_equal(unit_read_use(i, &use), 0);
		assert_int_equal(use.uses, i == 7 ? 3 * PAT_USE_RING : 0);
	}
	free(before.data);
	free(after.data);
}

static void a_note_for_an_unknown_id_writes_nothing(void **state)
{
	struct pat_event event = {.time = 5000, .service = "sshd"};
	struct unit_bytes before, after;
	struct pat_store *store;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	before = unit_read_file(place.path);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_note(store, "id000002", &event, true, true, soon()),
			 PAT_E_NOTFOUND);
	unit_closed();
	after = unit_read_file(place.path);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	free(before.data);
	free(after.data);
}

/* Counts the records by the first letter of their keys. */
struct census {
	unsigned grants, uses, indexes, metas, others, stop_after, seen;
	bool whole;
};

static int count_record(const unsigned char *key, size_t key_len, const unsigned char *value,
			size_t value_len, void *data)
{
	struct census *census = data;
	char id[PAT_ID_LEN + 1] = "";
	struct pat_grant grant;
	struct pat_use use;

	if (key_len == 1 + PAT_ID_LEN)
		memcpy(id, key + 1, PAT_ID_LEN);
	if (key_len == 9 && key[0] == 't') {
		census->grants++;
		census->whole &= pat_grant_decode(id, value, value_len, &grant) == 0;
	} else if (key_len == 9 && key[0] == 'u') {
		census->uses++;
		census->whole &= pat_use_decode(id, value, value_len, &use) == 0;
	} else if (key_len == 9 && key[0] == 'i') {
		census->indexes++;
	} else if (key_len == 1 && key[0] == 'm') {
		census->metas++;
	} else {
		census->others++;
	}
	return ++census->seen == census->stop_after ? 77 : 0;
}

static void every_record_is_visited_once(void **state)
{
	struct census census = {.whole = true};
	struct pat_store *store = unit_opened(PAT_STORE_CREATE);

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct pat_grant grant = unit_numbered_grant(i, 1000 + i % 3);

		assert_int_equal(unit_put(store, &grant), 0);
	}
	assert_int_equal(pat_store_commit(store), 0);
	unit_closed();

	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_each(store, count_record, &census), 0);
	assert_int_equal(census.grants, 300);
	assert_int_equal(census.uses, 301); /* the strangers' too */
	assert_int_equal(census.indexes, 3);
	assert_int_equal(census.metas, 1);
	assert_int_equal(census.others, 0);
	assert_true(census.whole);

	census = (struct census){.stop_after = 5};
	assert_int_equal(pat_store_each(store, count_record, &census), 77);
	assert_int_equal(census.seen, 5);
	unit_closed();

	store = unit_opened(PAT_STORE_CHANGE);
	census = (struct census){.whole = true};
	assert_int_equal(pat_store_each(store, count_record, &census), 0);
	assert_int_equal(census.grants, 300);
	unit_closed();
}

static void the_structure_of_a_good_store_is_good_and_its_size_is_the_files(void **state)
{
	struct pat_store *store;
	uint64_t bytes = 0;
	uint32_t buckets = 0;
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unit_add(i, 1000), 0);
	store = unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_check_structure(store), 0);
	assert_int_equal(pat_store_size(store, &bytes, &buckets), 0);
	unit_closed();
	assert_int_equal(stat(place.path, &st), 0);
	assert_int_equal(bytes, st.st_size);
	assert_true(buckets > 0);
}

static void many_tokens_in_many_transactions_stay_consistent(void **state)
{
	static struct pat_index index;
	struct pat_store *store;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(unit_add(i, 1000 + i % 2), 0);
	store = unit_opened(PAT_STORE_READ);
	for (unsigned i = 0; i < 200; i++) {
		struct pat_grant want = unit_numbered_grant(i, 1000 + i % 2), grant;

		assert_int_equal(pat_store_get_grant(store, want.id, &grant), 0);
		assert_true(same_grant(&grant, &want));
	}
	for (uint32_t uid = 1000; uid < 1002; uid++) {
		assert_int_equal(pat_store_get_index(store, uid, &index), 0);
		assert_int_equal(index.count, 100);
	}
	unit_closed();
}

static void descriptors_do_not_leak(void **state)
{
	int before, after;

	(void)state;
	assert_int_equal(unit_add(1, 1000), 0);
	before = unit_count_entries("/proc/self/fd");
	if (before < 0)
		unit_skip("needs /proc");
	for (int i = 0; i < 200; i++) {
		assert_int_equal(unit_use_once(1, i), 0);
		assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
		assert_int_equal(unit_use_once(2, i), PAT_E_NOTFOUND);
	}
	chmod(place.path, 0666);
	for (int i = 0; i < 50; i++)
		assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_UNSAFE);
	unlink(place.path);
	for (int i = 0; i < 50; i++)
		assert_int_equal(unit_open_error(PAT_STORE_READ), PAT_E_NOSTORE);
	after = unit_count_entries("/proc/self/fd");
	assert_int_equal(before, after);
}

static void descriptors_are_closed_on_exec(void **state)
{
	struct dirent *entry;
	DIR *dir;
	int ours = 0;

	(void)state;
	unit_opened(PAT_STORE_CREATE);
	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir))) {
		char link[300], target[300] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%s", entry->d_name);
		if (readlink(link, target, sizeof(target) - 1) < 0 || !strstr(target, place.base))
			continue;
		ours++;
		assert_true(fcntl(atoi(entry->d_name), F_GETFD) & FD_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	unit_closed();
	if (!dir)
		unit_skip("needs /proc");
	assert_true(ours > 0);
}

static void closing_nothing_is_allowed_and_closing_keeps_errno(void **state)
{
	(void)state;
	errno = ENOTTY;
	pat_store_close(NULL);
	assert_int_equal(errno, ENOTTY);
	unit_opened(PAT_STORE_CREATE);
	errno = ENOTTY;
	unit_closed();
	assert_int_equal(errno, ENOTTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_store_test(creating_makes_directory_and_file_for_the_owner_alone),
		unit_store_test(a_new_store_is_of_this_schema_and_empty),
		unit_store_test(creating_again_keeps_what_is_there),
		unit_store_test(grants_uses_and_indexes_come_back),
		unit_store_test(a_transaction_sees_its_own_changes),
		unit_store_test(a_commit_is_seen_by_another_process),
		unit_store_test(closing_without_a_commit_leaves_nothing),
		unit_store_test(the_generation_grows_with_every_commit_and_with_nothing_else),
		unit_store_test(writing_outside_a_transaction_is_refused),
		unit_store_test(after_a_commit_nothing_more_is_written),
		unit_store_test(dropping_a_grant_takes_its_use_record_along_and_nothing_else),
		unit_store_test(dropping_an_index_takes_that_alone),
		unit_store_test(a_note_is_seen_at_once_and_in_every_mode),
		unit_store_test(a_note_rewrites_its_record_in_place_and_nothing_else),
		unit_store_test(a_note_for_an_unknown_id_writes_nothing),
		unit_store_test(every_record_is_visited_once),
		unit_store_test(the_structure_of_a_good_store_is_good_and_its_size_is_the_files),
		unit_store_test(many_tokens_in_many_transactions_stay_consistent),
		unit_store_test(descriptors_do_not_leak),
		unit_store_test(descriptors_are_closed_on_exec),
		unit_store_test(closing_nothing_is_allowed_and_closing_keeps_errno),
	};

	return unit_run(tests);
}
