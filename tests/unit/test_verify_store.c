/* SPDX-License-Identifier: ISC */
#include "unit_fault.h"
#include "unit_verify.h"

#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>

/* The decision with a real store and the accounts of this machine, and what is noted of it. */

#define NO_SUCH_USER "no-such-user-here"

/* The name service, which is asked between the two visits to the store: how often, and what is to
 * happen the next time meanwhile. */
static struct {
	unsigned asked;
	void (*meanwhile)(void);
} names;

EXPORTED int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size,
			struct passwd **result)
{
	void (*meanwhile)(void) = names.meanwhile;

	names.asked++;
	names.meanwhile = NULL;
	if (meanwhile)
		meanwhile();
	return real(getpwnam_r)(name, pw, buf, size, result);
}

/* The store of this test holds `grant`, for an account of this machine that is not locked. */
static int store_setup(void **state)
{
	static const char *const candidates[] = {"nobody", "daemon", "bin", "root"};
	static const struct pat_use unused;
	struct pat_store *store;
	int error;

	names.meanwhile = NULL;
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

/* One wait for who changes tokens, not two; and still nothing is asked about the user of one who
 * has not the secret. */
static void who_is_alone_in_the_store_keeps_nobody_from_asking_the_name_service(void **state)
{
	struct flock room = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
	struct pat_attempt good = attempt(), wrong = attempt();
	int fd = open(place.lock, O_RDWR | O_CLOEXEC);
	struct pat_token guess = token;
	struct pat_verdict verdict;

	(void)state;
	guess.text[20] = guess.text[20] == 'a' ? 'b' : 'a';
	wrong.token = &guess;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &room), 0);
	names.asked = 0;
	pat_verify(place.path, &good, NOW, pat_deadline_in(50), &verdict);
	assert_int_equal(verdict.error, PAT_E_BUSY);
	assert_int_equal(names.asked, 1);
	pat_verify(place.path, &wrong, NOW, pat_deadline_in(50), &verdict);
	assert_int_equal(verdict.error, PAT_E_BUSY);
	assert_int_equal(names.asked, 1);
	close(fd);
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

static void a_shadow_that_says_nothing_of_the_account_gives_no_answer(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	const struct passwd *entry;
	char path[256];
	pid_t child;
	int status;

	(void)state;
	need_root();
	/* Not root or nobody: nss-systemd(8) has them in a shadow of its own. */
	entry = getpwnam("daemon");
	if (!entry || strcmp(entry->pw_passwd, "x") != 0)
		unit_skip("needs an account whose password is in shadow(5)");
	owner.uid = entry->pw_uid;
	strcpy(owner.name, entry->pw_name);
	grant = grant_for(&token, &owner);
	put_grant();
	snprintf(path, sizeof(path), "%s/shadow", place.base);
	unit_write_file(path, "somebody-else:*:20000:0:99999:7:::\n", 35);
	child = unit_fork();
	if (child == 0) {
		if (own_mounts() || mount(path, "/etc/shadow", "none", MS_BIND, NULL))
			_exit(77);
		pat_verify(place.path, &good, NOW, soon(), &verdict);
		if (verdict.outcome != PAT_UNAVAILABLE)
			_exit(1);
		_exit(verdict.error == PAT_E_SHADOW ? 0 : 2);
	}
	status = unit_wait(child);
	if (status == 77)
		unit_skip("needs a mount namespace");
	assert_int_equal(status, 0);
	assert_int_equal(use_of(grant.id).uses, 0);
}

static void from_elsewhere_it_is_refused_and_noted(void **state)
{
	struct pat_attempt from = attempt();

	(void)state;
	need_root();
	strcpy(grant.sources, "192.0.2.0/24,local");
	put_grant();
	from.rhost = "198.51.100.1";
	refused(&from, PAT_REFUSED_SOURCE, true);
	from.rhost = "host.example.com";
	refused(&from, PAT_REFUSED_HOST_NAME, true);
	from.rhost = "::ffff:192.0.2.9";
	assert_int_equal(verify(&from).outcome, PAT_ACCEPTED);
	from.rhost = NULL;
	assert_int_equal(verify(&from).outcome, PAT_ACCEPTED);
	strcpy(grant.sources, "192.0.2.0/24");
	put_grant();
	refused(&from, PAT_REFUSED_SOURCE, true);
}

static void a_suspended_token_is_refused_and_noted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	grant.suspended_at = NOW - 1;
	put_grant();
	refused(&good, PAT_REFUSED_SUSPENDED, true);
	grant.suspended_at = 0;
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
}

static void a_rotated_token_is_refused_from_the_end_of_the_overlap_on_and_noted(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	strcpy(grant.successor, "Ab3dE9xZ");
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	grant.expires_at = NOW;
	put_grant();
	refused(&good, PAT_REFUSED_ROTATED, true);
	assert_string_equal(verify(&good).grant.successor, "Ab3dE9xZ");
}

static void of_what_is_left_of_an_ended_token_the_reason_is_known_to_who_has_it(void **state)
{
	static const unsigned char nothing[PAT_HASH_LEN];
	struct pat_attempt good = attempt(), wrong = attempt();
	struct pat_token guess = token;

	(void)state;
	need_root();
	guess.text[20] = guess.text[20] == 'a' ? 'b' : 'a';
	wrong.token = &guess;
	leave_a_trace(&grant);
	/* Its end is yet to come, as the clock has it now. */
	put_grant();
	refused(&good, PAT_REFUSED_EXPIRED, true);
	refused(&wrong, PAT_REFUSED_SECRET, false);
	grant.revoked_at = NOW - 1;
	put_grant();
	refused(&good, PAT_REFUSED_REVOKED, true);
	refused(&wrong, PAT_REFUSED_SECRET, false);
	strcpy(grant.successor, "Ab3dE9xZ");
	put_grant();
	refused(&good, PAT_REFUSED_ROTATED, true);
	assert_memory_equal(verify(&good).grant.hash, nothing, PAT_HASH_LEN);
}

static void a_counted_token_is_accepted_as_often_as_it_says(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	need_root();
	grant.max_uses = 3;
	put_grant();
	for (unsigned i = 1; i <= 3; i++) {
		struct pat_verdict verdict = verify(&good);

		assert_int_equal(verdict.outcome, PAT_ACCEPTED);
		assert_int_equal(verdict.stamp_error, 0);
		assert_int_equal(use_of(grant.id).uses, i);
		assert_int_equal(use_of(grant.id).last.time, NOW);
	}
	refused(&good, PAT_REFUSED_SPENT, true);
	refused(&good, PAT_REFUSED_SPENT, true);
	/* Another end is another reason; more uses are more uses. */
	grant.expires_at = NOW;
	put_grant();
	refused(&good, PAT_REFUSED_EXPIRED, true);
	grant.expires_at = NOW + 1;
	grant.max_uses = 4;
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	refused(&good, PAT_REFUSED_SPENT, true);
	grant.max_uses = 1;
	put_grant();
	refused(&good, PAT_REFUSED_SPENT, true);
}

static void a_refusal_costs_no_use(void **state)
{
	struct pat_attempt good = attempt(), wrong = attempt();
	struct pat_token guess = token;

	(void)state;
	need_root();
	grant.max_uses = 1;
	strcpy(grant.sources, "192.0.2.0/24");
	put_grant();
	wrong.service = "login";
	refused(&wrong, PAT_REFUSED_SERVICE, true);
	wrong = attempt();
	wrong.rhost = "198.51.100.1";
	refused(&wrong, PAT_REFUSED_SOURCE, true);
	wrong.rhost = "host.example.com";
	refused(&wrong, PAT_REFUSED_HOST_NAME, true);
	wrong = attempt();
	wrong.user = NO_SUCH_USER;
	refused(&wrong, PAT_REFUSED_NO_USER, true);
	wrong = attempt();
	guess.text[20] = guess.text[20] == 'a' ? 'b' : 'a';
	wrong.token = &guess;
	refused(&wrong, PAT_REFUSED_SECRET, false);
	grant.suspended_at = NOW;
	put_grant();
	refused(&good, PAT_REFUSED_SUSPENDED, true);
	grant.suspended_at = 0;
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	refused(&good, PAT_REFUSED_SPENT, true);
}

static void of_one_login_more_than_uses_one_is_refused(void **state)
{
	enum { USES = 12 };
	struct pat_attempt good = attempt();
	pid_t children[USES + 1];
	int accepted = 0, spent = 0, go[2];

	(void)state;
	need_root();
	grant.max_uses = USES;
	put_grant();
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i <= USES; i++) {
		children[i] = unit_fork();
		if (children[i] == 0) {
			struct pat_verdict verdict;
			char byte;

			close(go[1]);
			if (read(go[0], &byte, 1) != 0)
				_exit(250);
			pat_verify(place.path, &good, NOW, soon(), &verdict);
			_exit((int)verdict.outcome);
		}
	}
	close(go[1]);
	close(go[0]);
	for (int i = 0; i <= USES; i++) {
		int outcome = unit_wait(children[i]);

		accepted += outcome == PAT_ACCEPTED;
		spent += outcome == PAT_REFUSED_SPENT;
	}
	assert_int_equal(accepted, USES);
	assert_int_equal(spent, 1);
	assert_int_equal(use_of(grant.id).uses, USES);
	assert_int_equal(use_of(grant.id).refused_proved, 1);
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

static void nothing_is_asked_about_the_user_before_the_secret_is_proved(void **state)
{
	struct pat_attempt good = attempt(), wrong = attempt();
	struct pat_token guess = token, unknown;
	struct pat_verdict verdict;

	(void)state;
	need_root();
	names.asked = 0;
	guess.text[20] = guess.text[20] == 'a' ? 'b' : 'a';
	wrong.token = &guess;
	assert_int_equal(verify(&wrong).outcome, PAT_REFUSED_SECRET);
	wrong.user = NO_SUCH_USER;
	assert_int_equal(verify(&wrong).outcome, PAT_REFUSED_SECRET);
	assert_int_equal(pat_token_generate(&unknown), 0);
	wrong.token = &unknown;
	pat_verify(place.path, &wrong, NOW, soon(), &verdict);
	assert_int_equal(verdict.outcome, PAT_REFUSED_UNKNOWN);
	assert_int_equal(names.asked, 0);
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	assert_true(names.asked > 0);
}

static void open_it_meanwhile(void)
{
	struct pat_store *store;
	pid_t child;

	/* Neither this process has it, nor does any lock keep another out. */
	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(500)),
			 0);
	pat_store_close(store);
	child = unit_fork();
	if (child == 0)
		_exit(pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(500))
			      ? 1
			      : 0);
	assert_int_equal(unit_wait(child), 0);
}

static void revoke_it_meanwhile(void)
{
	grant.revoked_at = NOW;
	put_grant();
}

static void suspend_it_meanwhile(void)
{
	grant.suspended_at = NOW;
	put_grant();
}

static void narrow_it_meanwhile(void)
{
	strcpy(grant.services, "sudo");
	put_grant();
}

static void replace_it_meanwhile(void)
{
	memset(grant.hash, 0x5a, PAT_HASH_LEN);
	put_grant();
}

static void drop_it_meanwhile(void)
{
	assert_int_equal(pat_store_drop_grant(unit_opened(PAT_STORE_CHANGE), grant.id), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

static void damage_it_meanwhile(void)
{
	char key[PAT_ID_LEN + 2];

	snprintf(key, sizeof(key), "t%s", grant.id);
	damage(key, strlen(key) + 10);
}

static void remove_the_store_meanwhile(void)
{
	assert_int_equal(unlink(place.path), 0);
}

static void spend_it_meanwhile(void)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	pat_verify(place.path, &good, NOW, soon(), &verdict);
	assert_int_equal(verdict.outcome, PAT_ACCEPTED);
}

/* What is decided is what holds when it is decided, not what held when the secret was proved. */
static void what_changes_while_the_name_service_is_asked_counts(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	(void)state;
	need_root();
	names.meanwhile = open_it_meanwhile;
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	names.meanwhile = suspend_it_meanwhile;
	assert_int_equal(verify(&good).outcome, PAT_REFUSED_SUSPENDED);
	grant.suspended_at = 0;
	grant.max_uses = (uint32_t)use_of(grant.id).uses + 1;
	put_grant();
	names.meanwhile = spend_it_meanwhile;
	assert_int_equal(verify(&good).outcome, PAT_REFUSED_SPENT);
	grant.max_uses = 0;
	put_grant();
	names.meanwhile = narrow_it_meanwhile;
	assert_int_equal(verify(&good).outcome, PAT_REFUSED_SERVICE);
	strcpy(grant.services, "sshd,sudo");
	put_grant();
	names.meanwhile = revoke_it_meanwhile;
	assert_int_equal(verify(&good).outcome, PAT_REFUSED_REVOKED);
	grant.revoked_at = 0;
	put_grant();
	assert_int_equal(verify(&good).outcome, PAT_ACCEPTED);
	names.meanwhile = drop_it_meanwhile;
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_UNKNOWN);
	assert_false(verdict.found);
	assert_false(verdict.proved);
}

static void what_breaks_while_the_name_service_is_asked_lets_nobody_in(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;
	unsigned char hash[PAT_HASH_LEN];

	(void)state;
	need_root();
	memcpy(hash, grant.hash, sizeof(hash));
	names.meanwhile = replace_it_meanwhile;
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_SECRET);
	assert_false(verdict.proved);
	memcpy(grant.hash, hash, sizeof(hash));
	put_grant();
	names.meanwhile = damage_it_meanwhile;
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_REFUSED_DAMAGED);
	assert_false(verdict.found);
	assert_false(verdict.proved);
	put_grant();
	names.meanwhile = remove_the_store_meanwhile;
	verdict = verify(&good);
	assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
	assert_int_equal(verdict.error, PAT_E_NOSTORE);
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
		with_store(who_is_alone_in_the_store_keeps_nobody_from_asking_the_name_service),
		with_store(without_a_usable_store_no_answer_can_be_had),
		with_store(a_store_that_is_held_is_waited_for_no_longer_than_the_deadline),
		with_store(on_a_read_only_file_system_no_answer_can_be_had),
		with_store(a_locked_account_is_refused_and_one_without_a_password_is_not),
		with_store(a_record_that_another_holds_does_not_hold_up_the_login),
		with_store(a_shadow_that_says_nothing_of_the_account_gives_no_answer),
		with_store(from_elsewhere_it_is_refused_and_noted),
		with_store(a_suspended_token_is_refused_and_noted),
		with_store(a_rotated_token_is_refused_from_the_end_of_the_overlap_on_and_noted),
		with_store(of_what_is_left_of_an_ended_token_the_reason_is_known_to_who_has_it),
		with_store(a_counted_token_is_accepted_as_often_as_it_says),
		with_store(a_refusal_costs_no_use),
		with_store(of_one_login_more_than_uses_one_is_refused),
		with_store(a_counted_token_is_refused_where_its_count_is_damaged_or_missing),
		with_store(a_use_that_cannot_be_kept_is_not_granted),
		with_store(a_use_is_on_disk_before_it_is_granted),
		with_store(a_count_that_is_held_gives_no_answer),
		with_store(nothing_is_asked_about_the_user_before_the_secret_is_proved),
		with_store(what_changes_while_the_name_service_is_asked_counts),
		with_store(what_breaks_while_the_name_service_is_asked_lets_nobody_in),
	};

	return unit_run(tests);
}
