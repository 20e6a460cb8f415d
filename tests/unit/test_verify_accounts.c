/* SPDX-License-Identifier: ISC */

/* What is asked about the user, when, and what it decides: the name service, between the two visits
 * to the store, and shadow(5). */

#include "unit_fault.h"
#include "unit_verify_store.h"

#include <pwd.h>

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

/* Nothing is to happen meanwhile, whatever became of the last test. */
static int names_setup(void **state)
{
	names.meanwhile = NULL;
	return store_setup(state);
}

#define with_names(test) cmocka_unit_test_setup_teardown(test, names_setup, unit_place_teardown)

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
		with_names(who_is_alone_in_the_store_keeps_nobody_from_asking_the_name_service),
		with_names(a_locked_account_is_refused_and_one_without_a_password_is_not),
		with_names(a_shadow_that_says_nothing_of_the_account_gives_no_answer),
		with_names(nothing_is_asked_about_the_user_before_the_secret_is_proved),
		with_names(what_changes_while_the_name_service_is_asked_counts),
		with_names(what_breaks_while_the_name_service_is_asked_lets_nobody_in),
	};

	return unit_run(tests);
}
