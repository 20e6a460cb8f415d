/* SPDX-License-Identifier: ISC */

/* The decision with a real store and the accounts of this machine, and what is noted of it. */

#include "unit_verify_store.h"

#include <pwd.h>

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
		with_store(from_elsewhere_it_is_refused_and_noted),
		with_store(a_suspended_token_is_refused_and_noted),
		with_store(a_rotated_token_is_refused_from_the_end_of_the_overlap_on_and_noted),
		with_store(of_what_is_left_of_an_ended_token_the_reason_is_known_to_who_has_it),
		with_store(a_counted_token_is_accepted_as_often_as_it_says),
		with_store(a_refusal_costs_no_use),
		with_store(of_one_login_more_than_uses_one_is_refused),
	};

	return unit_run(tests);
}
