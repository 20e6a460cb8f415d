/* SPDX-License-Identifier: ISC */

/* Verifications by a store that is damaged, held, read-only or missing, or cannot be written. */

#include "unit_fault.h"
#include "unit_verify_store.h"

static void a_damaged_grant_is_refused_as_damaged(void **state)
{
	struct pat_attempt good = attempt();
	char key[PAT_ID_LEN + 2];
	struct pat_verdict verdict;

	(void)state;
	need_root();
	snprintf(key, sizeof(key), "t%s", grant.id);
	damage(key, strlen(key) + 10);
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_DAMAGED);
	assert_false(verdict.found);
	assert_false(verdict.proved);
	assert_int_equal(use_of(grant.id).uses, 0);
}

static void a_damaged_use_record_is_no_reason_to_refuse(void **state)
{
	struct pat_attempt good = attempt();
	char key[PAT_ID_LEN + 2];
	struct pat_verdict verdict;

	(void)state;
	need_root();
	snprintf(key, sizeof(key), "u%s", grant.id);
	damage(key, strlen(key) + 10);
	damage(key, strlen(key) + PAT_USE_COPY_SIZE + 10);
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
	assert_int_equal(verdict.stamp_error, PAT_E_DAMAGED);
}

static void a_record_that_is_held_delays_but_refuses_nobody(void **state)
{
	struct flock records = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2};
	struct pat_attempt good = attempt();
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	int64_t before = unit_milliseconds();
	struct pat_verdict verdict;

	(void)state;
	need_root();
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &records), 0);
	pat_verify(place.path, &good, NOW, pat_deadline_in(2000), &verdict);
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
	assert_int_equal(verdict.stamp_error, PAT_E_BUSY);
	assert_true(unit_milliseconds() - before < 10000);
	close(fd);
	assert_int_equal(use_of(grant.id).uses, 0);
}

static void unavailable(int error)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	memset(&verdict, 0xa5, sizeof(verdict));
	pat_verify(place.path, &good, NOW, pat_deadline_in(300), &verdict);
	assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
	assert_int_equal(verdict.error, error);
	assert_false(verdict.found);
	assert_false(verdict.proved);
	assert_string_equal(verdict.id, grant.id);
}

static void without_a_usable_store_no_answer_can_be_had(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(chmod(place.path, 0666), 0);
	unavailable(PAT_E_UNSAFE);
	assert_int_equal(chmod(place.path, 0600), 0);
	assert_int_equal(truncate(place.path, 0), 0);
	unavailable(PAT_E_DAMAGED);
	assert_int_equal(unlink(place.path), 0);
	unavailable(PAT_E_NOSTORE);
	unit_remove_tree(place.dir);
	unavailable(PAT_E_NOSTORE);
}

static void a_store_that_is_held_is_waited_for_no_longer_than_the_deadline(void **state)
{
	pid_t child;
	int64_t before;

	(void)state;
	need_root();
	child = unit_fork();
	if (child == 0) {
		struct pat_store *store;

		if (pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon()) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_true(unit_wait_stopped(child));
	alarm(60);
	before = unit_milliseconds();
	unavailable(PAT_E_BUSY);
	assert_true(unit_milliseconds() - before < 10000);
	alarm(0);
	unit_kill(child);
}

static void on_a_read_only_file_system_no_answer_can_be_had(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	pid_t child;
	int status;

	(void)state;
	need_root();
	child = unit_fork();
	if (child == 0) {
		if (own_mounts() || mount(place.dir, place.dir, "none", MS_BIND, NULL) ||
		    mount("none", place.dir, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
			_exit(77);
		pat_verify(place.path, &good, NOW, soon(), &verdict);
		if (verdict.outcome != PAT_UNAVAILABLE)
			_exit(1);
		if (verdict.error != PAT_E_ACCESS)
			_exit(2);
		if (verdict.system_error != EROFS)
			_exit(3);
		_exit(0);
	}
	status = unit_wait(child);
	if (status == 77)
		unit_skip("needs a mount namespace");
	assert_int_equal(status, 0);
}

/* The deadline is a login's, and more: who has a record does not have the login. */
static void a_record_that_another_holds_does_not_hold_up_the_login(void **state)
{
	struct flock everything = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2};
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	int64_t before;

	(void)state;
	need_root();
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &everything), 0);
	before = unit_milliseconds();
	verdict = verify(&good);
	assert_true(unit_milliseconds() - before < LONG_ENOUGH / 2);
	close(fd);
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
	assert_int_equal(verdict.stamp_error, PAT_E_BUSY);
	assert_int_equal(use_of(grant.id).uses, 0);
}

static void a_counted_token_is_refused_where_its_count_is_damaged_or_missing(void **state)
{
	struct pat_attempt good = attempt();
	char key[PAT_ID_LEN + 2];
	struct pat_verdict verdict;

	(void)state;
	need_root();
	grant.max_uses = 5;
	put_grant();
	snprintf(key, sizeof(key), "u%s", grant.id);
	damage(key, strlen(key) + 10);
	damage(key, strlen(key) + PAT_USE_COPY_SIZE + 10);
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_DAMAGED);
	assert_int_equal(verdict.error, PAT_E_DAMAGED);

	assert_int_equal(pat_store_drop_grant(unit_opened(PAT_STORE_CHANGE), grant.id), 0);
	assert_int_equal(pat_store_put_grant(place.store, &grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_DAMAGED);
	assert_int_equal(verdict.error, PAT_E_DAMAGED);
}

static void a_use_that_cannot_be_kept_is_not_granted(void **state)
{
	static const enum fault_kind kinds[] = {FAULT_FAIL, FAULT_FAIL_ALL};
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	(void)state;
	need_root();
	grant.max_uses = 9;
	put_grant();
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (int step = 1; step <= 2; step++) {
			arm(kinds[i], step);
			verdict = verify(&good);
			disarm();
			assert_true(fault.seen >= step);
			assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
			assert_int_equal(verdict.error, PAT_E_IO);
			assert_int_equal(verdict.system_error, EIO);
		}
	arm(FAULT_DISK_FULL, 1);
	verdict = verify(&good);
	disarm();
	assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
	assert_int_equal(verdict.system_error, ENOSPC);
	/* Both times that it was the sync that failed, it may have been counted; never more. */
	assert_true(use_of(grant.id).uses <= 2);
	assert_int_equal(use_of(grant.id).refused_proved, 0);

	/* Whose uses are not counted is let in. */
	grant.max_uses = 0;
	put_grant();
	arm(FAULT_FAIL_ALL, 1);
	verdict = verify(&good);
	disarm();
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
	assert_int_equal(verdict.stamp_error, PAT_E_IO);
}

static void a_use_is_on_disk_before_it_is_granted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	grant.max_uses = 1;
	put_grant();
	arm(FAULT_NONE, 0);
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	disarm();
	assert_string_equal(fault.trace, "ws");
	assert_true(shadow_clean());
}

static void a_count_that_is_held_gives_no_answer(void **state)
{
	struct flock records = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2};
	struct pat_attempt good = attempt();
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	struct pat_verdict verdict;

	(void)state;
	need_root();
	grant.max_uses = 5;
	put_grant();
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &records), 0);
	pat_verify(place.path, &good, NOW, pat_deadline_in(500), &verdict);
	assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
	assert_int_equal(verdict.error, PAT_E_BUSY);
	close(fd);
	assert_int_equal(use_of(grant.id).uses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_damaged_grant_is_refused_as_damaged),
		with_store(a_damaged_use_record_is_no_reason_to_refuse),
		with_store(a_record_that_is_held_delays_but_refuses_nobody),
		with_store(without_a_usable_store_no_answer_can_be_had),
		with_store(a_store_that_is_held_is_waited_for_no_longer_than_the_deadline),
		with_store(on_a_read_only_file_system_no_answer_can_be_had),
		with_store(a_record_that_another_holds_does_not_hold_up_the_login),
		with_store(a_counted_token_is_refused_where_its_count_is_damaged_or_missing),
		with_store(a_use_that_cannot_be_kept_is_not_granted),
		with_store(a_use_is_on_disk_before_it_is_granted),
		with_store(a_count_that_is_held_gives_no_answer),
	};

	return unit_run(tests);
}
