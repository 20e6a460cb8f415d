/* SPDX-License-Identifier: ISC */
#include "unit_verify.h"

#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>

/* The decision with a real store and the accounts of this machine, and what is noted of it. */

#define NO_SUCH_USER "no-such-user-here"

/* The store of this test holds `grant`, for an account of this machine that is not locked. */
static int store_setup(void **state)
{
	static const char *const candidates[] = {"nobody", "daemon", "bin", "root"};
	static const struct pat_use unused;
	struct pat_store *store;
	int error;

	if (unit_place_setup(state) != 0 || prepare(state) != 0)
		return -1;
	owner.exists = false;
	for (size_t i = 0; i < COUNT(candidates); i++)
		if (pat_account_by_name(candidates[i], geteuid() == 0, &owner) == 0 &&
		    owner.exists && !owner.locked)
			break;
	if (!owner.exists || owner.locked)
		return -1;
	grant = grant_for(&token, &owner);
	if (pat_store_open(&store, place.path, PAT_STORE_CREATE, soon()) != 0)
		return -1;
	error = pat_store_put_grant(store, &grant);
	if (!error)
		error = pat_store_put_use(store, grant.id, &unused);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, store_setup, unit_place_teardown)

static void need_root(void)
{
	if (geteuid() != 0)
		unit_skip("needs root, to see whether accounts are locked");
}

static struct pat_verdict verify(const struct pat_attempt *of)
{
	struct pat_verdict verdict;

	memset(&verdict, 0xa5, sizeof(verdict));
	pat_verify(place.path, of, NOW, soon(), &verdict);
	assert_string_equal(verdict.id, grant.id);
	return verdict;
}

static struct pat_use use_of(const char *id)
{
	struct pat_use use;

	assert_int_equal(pat_store_get_use(unit_opened(PAT_STORE_READ), id, &use), 0);
	unit_closed();
	return use;
}

static void put_grant(void)
{
	assert_int_equal(pat_store_put_grant(unit_opened(PAT_STORE_CHANGE), &grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

/* Refused, for this reason; counted as proved, with its place in the history, or as not. */
static void refused(const struct pat_attempt *of, enum pat_outcome outcome, bool proved)
{
	struct pat_use before = use_of(grant.id), after;
	struct pat_verdict verdict = verify(of);
	const struct pat_event *event = &before.ring[before.ring_next];

	assert_int_equal(verdict.outcome, outcome);
	assert_int_equal(verdict.proved, proved);
	assert_true(verdict.found);
	assert_int_equal(verdict.stamp_error, 0);
	after = use_of(grant.id);
	assert_int_equal(after.uses, before.uses);
	assert_int_equal(after.last.time, before.last.time);
	assert_int_equal(after.refused_proved, before.refused_proved + proved);
	assert_int_equal(after.refused_unproved, before.refused_unproved + !proved);
	if (proved) {
		event = &after.ring[before.ring_next];
		assert_int_equal(event->outcome, outcome);
		assert_int_equal(event->time, NOW);
	} else {
		assert_memory_equal(after.ring, before.ring, sizeof(after.ring));
		assert_int_equal(after.refused_unproved_at, NOW);
	}
}

static void an_accepted_token_is_stamped(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	struct pat_use use;

	(void)state;
	need_root();
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
	assert_true(verdict.found);
	assert_true(verdict.proved);
	assert_int_equal(verdict.stamp_error, 0);
	assert_string_equal(verdict.grant.name, "ci");
	assert_string_equal(verdict.grant.user, owner.name);

	use = use_of(grant.id);
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.last.time, NOW);
	assert_int_equal(use.last.outcome, PAT_ACCEPTED);
	assert_string_equal(use.last.service, "sshd");
	assert_string_equal(use.last.rhost, "192.0.2.1");
	assert_int_equal(use.ring[0].time, NOW);
	verify(&good);
	assert_int_equal(use_of(grant.id).uses, 2);
}

static void a_verdict_holds_no_hash(void **state)
{
	static const unsigned char nothing[PAT_HASH_LEN];
	struct pat_attempt good = attempt(), wrong = attempt();
	struct pat_verdict verdict;

	(void)state;
	need_root();
	verdict = verify(&good);
	assert_memory_equal(verdict.grant.hash, nothing, PAT_HASH_LEN);
	assert_null(memmem(&verdict, sizeof(verdict), grant.hash, PAT_HASH_LEN));
	assert_null(memmem(&verdict, sizeof(verdict), token.text + 15, 20));
	wrong.service = "login";
	verdict = verify(&wrong);
	assert_memory_equal(verdict.grant.hash, nothing, PAT_HASH_LEN);
}

static void a_wrong_secret_only_counts(void **state)
{
	struct pat_attempt wrong = attempt();
	struct pat_token guess = token;

	(void)state;
	need_root();
	guess.text[20] = guess.text[20] == 'a' ? 'b' : 'a';
	wrong.token = &guess;
	for (int i = 0; i < 3; i++)
		refused(&wrong, PAT_REFUSED_SECRET, false);
	/* Whatever else is wrong. */
	wrong.service = "login";
	wrong.user = NO_SUCH_USER;
	refused(&wrong, PAT_REFUSED_SECRET, false);
	grant.expires_at = NOW - 1;
	put_grant();
	refused(&wrong, PAT_REFUSED_SECRET, false);
}

static void another_service_is_refused_and_noted(void **state)
{
	struct pat_attempt wrong = attempt();

	(void)state;
	need_root();
	wrong.service = "login";
	refused(&wrong, PAT_REFUSED_SERVICE, true);
	wrong.service = "";
	refused(&wrong, PAT_REFUSED_SERVICE, true);
	wrong.service = NULL;
	refused(&wrong, PAT_REFUSED_SERVICE, true);
}

static void another_user_is_refused_and_noted(void **state)
{
	struct pat_attempt wrong = attempt();
	struct passwd *entry;

	(void)state;
	need_root();
	entry = getpwuid(owner.uid == 0 ? 1 : 0);
	assert_non_null(entry);
	wrong.user = entry->pw_name;
	refused(&wrong, PAT_REFUSED_OTHER_USER, true);
}

static void an_unknown_user_is_refused_and_noted(void **state)
{
	struct pat_attempt wrong = attempt();
	char longest[3 * PAT_USER_MAX];

	(void)state;
	need_root();
	wrong.user = NO_SUCH_USER;
	refused(&wrong, PAT_REFUSED_NO_USER, true);
	wrong.user = "";
	refused(&wrong, PAT_REFUSED_NO_USER, true);
	wrong.user = NULL;
	refused(&wrong, PAT_REFUSED_NO_USER, true);
	wrong.user = unit_word(longest, sizeof(longest) - 1);
	refused(&wrong, PAT_REFUSED_NO_USER, true);
}

static void a_token_of_a_former_owner_of_the_uid_is_refused_and_noted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	strcpy(grant.user, "former-owner");
	put_grant();
	refused(&good, PAT_REFUSED_FORMER_USER, true);
}

static void an_expired_token_is_refused_and_noted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	grant.expires_at = NOW;
	put_grant();
	refused(&good, PAT_REFUSED_EXPIRED, true);
	grant.expires_at = NOW + 1;
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
}

static void a_revoked_token_is_refused_and_only_counted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	grant.algorithm = PAT_ALGORITHM_NONE;
	memset(grant.hash, 0, PAT_HASH_LEN);
	grant.revoked_at = NOW - 1;
	put_grant();
	refused(&good, PAT_REFUSED_REVOKED, false);
}

static void an_unknown_id_is_counted_with_the_strangers(void **state)
{
	struct pat_use before = use_of(PAT_STRANGERS_ID), ours = use_of(grant.id), after;
	struct pat_attempt stranger = attempt();
	struct pat_verdict verdict;
	struct pat_token unknown;
	char id[PAT_ID_LEN + 1];

	(void)state;
	need_root();
	assert_int_equal(pat_token_generate(&unknown), 0);
	stranger.token = &unknown;
	pat_verify(place.path, &stranger, NOW, soon(), &verdict);
	pat_token_id(&unknown, id);
	assert_string_equal(verdict.id, id);
	assert_int_equal(verdict.outcome, PAT_REFUSED_UNKNOWN);
	assert_false(verdict.found);
	assert_false(verdict.proved);
	assert_int_equal(verdict.stamp_error, 0);
	after = use_of(PAT_STRANGERS_ID);
	assert_int_equal(after.refused_unproved, before.refused_unproved + 1);
	assert_int_equal(after.uses, 0);
	after = use_of(grant.id);
	assert_int_equal(after.refused_unproved, ours.refused_unproved);
}

static void a_bad_checksum_is_never_accepted(void **state)
{
	struct pat_attempt wrong = attempt();
	struct pat_token typo = token;
	struct pat_verdict verdict;

	(void)state;
	need_root();
	typo.text[PAT_TOKEN_LEN - 1] = typo.text[PAT_TOKEN_LEN - 1] == 'a' ? 'b' : 'a';
	wrong.token = &typo;
	verdict = verify(&wrong);
	assert_int_not_equal(verdict.outcome, PAT_ACCEPTED);
	assert_false(verdict.proved);
	assert_int_equal(use_of(grant.id).uses, 0);
}

static void long_services_and_hosts_are_cut_in_the_stamp(void **state)
{
	char rhost[300], service[PAT_SERVICE_MAX + 1];
	struct pat_attempt good = attempt();
	struct pat_use use;

	(void)state;
	need_root();
	unit_word(service, PAT_SERVICE_MAX);
	strcpy(grant.services, service);
	put_grant();
	good.service = service;
	good.rhost = unit_word(rhost, sizeof(rhost) - 1);
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	use = use_of(grant.id);
	assert_int_equal(strlen(use.last.service), PAT_EVENT_SERVICE_MAX);
	assert_int_equal(strncmp(use.last.service, service, PAT_EVENT_SERVICE_MAX), 0);
	assert_int_equal(strlen(use.last.rhost), PAT_EVENT_RHOST_MAX);
	assert_int_equal(strncmp(use.last.rhost, rhost, PAT_EVENT_RHOST_MAX), 0);

	/* One of just that length is whole. */
	rhost[PAT_EVENT_RHOST_MAX] = '\0';
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	assert_string_equal(use_of(grant.id).last.rhost, rhost);
}

static void a_missing_rhost_and_tty_are_no_obstacle(void **state)
{
	struct pat_attempt bare = attempt();

	(void)state;
	need_root();
	bare.rhost = NULL;
	bare.tty = NULL;
	assert_int_equal(verify(&bare).outcome, PAT_ACCEPTED);
	assert_string_equal(use_of(grant.id).last.rhost, "");
}

static void damage(const char *near, size_t offset)
{
	struct unit_bytes file = unit_read_file(place.path);
	unsigned char *found = memmem(file.data, file.len, near, strlen(near));

	assert_non_null(found);
	found[offset] ^= 1;
	unit_write_file(place.path, file.data, file.len);
	free(file.data);
}

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

/* Runs in a child with a mount namespace of its own. 77: not allowed here. */
static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ? 77
											     : 0;
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

/* What pat_verify() says when /etc/shadow has this line alone for the owner. */
static int outcome_with_shadow(const char *hash)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	char path[256], line[512];
	pid_t child;

	snprintf(path, sizeof(path), "%s/shadow", place.base);
	snprintf(line, sizeof(line), "%s:%s:20000:0:99999:7:::\n", owner.name, hash);
	unit_write_file(path, line, strlen(line));
	child = unit_fork();
	if (child == 0) {
		if (own_mounts() || mount(path, "/etc/shadow", "none", MS_BIND, NULL))
			_exit(77);
		pat_verify(place.path, &good, NOW, soon(), &verdict);
		_exit(verdict.outcome);
	}
	return unit_wait(child);
}

static void a_locked_account_is_refused_and_one_without_a_password_is_not(void **state)
{
	int first;

	(void)state;
	need_root();
	first = outcome_with_shadow("!$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317");
	if (first == 77)
		unit_skip("needs a mount namespace");
	assert_int_equal(first, PAT_REFUSED_LOCKED);
	assert_int_equal(outcome_with_shadow("!*"), PAT_REFUSED_LOCKED);
	assert_int_equal(outcome_with_shadow("*"), PAT_ACCEPTED);
	assert_int_equal(outcome_with_shadow("!"), PAT_ACCEPTED);
	assert_int_equal(outcome_with_shadow("!!"), PAT_ACCEPTED);
	assert_int_equal(outcome_with_shadow(""), PAT_ACCEPTED);
	assert_int_equal(outcome_with_shadow("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o."),
			 PAT_ACCEPTED);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(an_accepted_token_is_stamped),
		with_store(a_verdict_holds_no_hash),
		with_store(a_wrong_secret_only_counts),
		with_store(another_service_is_refused_and_noted),
		with_store(another_user_is_refused_and_noted),
		with_store(an_unknown_user_is_refused_and_noted),
		with_store(a_token_of_a_former_owner_of_the_uid_is_refused_and_noted),
		with_store(an_expired_token_is_refused_and_noted),
		with_store(a_revoked_token_is_refused_and_only_counted),
		with_store(an_unknown_id_is_counted_with_the_strangers),
		with_store(a_bad_checksum_is_never_accepted),
		with_store(long_services_and_hosts_are_cut_in_the_stamp),
		with_store(a_missing_rhost_and_tty_are_no_obstacle),
		with_store(a_damaged_grant_is_refused_as_damaged),
		with_store(a_damaged_use_record_is_no_reason_to_refuse),
		with_store(a_record_that_is_held_delays_but_refuses_nobody),
		with_store(without_a_usable_store_no_answer_can_be_had),
		with_store(a_store_that_is_held_is_waited_for_no_longer_than_the_deadline),
		with_store(on_a_read_only_file_system_no_answer_can_be_had),
		with_store(a_locked_account_is_refused_and_one_without_a_password_is_not),
		with_store(a_record_that_another_holds_does_not_hold_up_the_login),
	};

	return unit_run(tests);
}
