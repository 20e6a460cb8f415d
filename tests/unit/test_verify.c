/* SPDX-License-Identifier: ISC */
#include "unit_verify.h"

/* The decision alone. With a store and the accounts of the machine: test_verify_store.c. */

static enum pat_outcome decide(void)
{
	return pat_decide(&grant, true, &owner, "sshd", NOW);
}

static void a_good_token_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(decide(), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sudo", NOW), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sudo-i", NOW), PAT_ACCEPTED);
	grant.expires_at = 0;
	assert_int_equal(decide(), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sshd", INT64_MAX), PAT_ACCEPTED);
}

static void an_unknown_id_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pat_decide(NULL, false, &owner, "sshd", NOW), PAT_REFUSED_UNKNOWN);
	assert_int_equal(pat_decide(NULL, true, &owner, "sshd", NOW), PAT_REFUSED_UNKNOWN);
	owner.exists = false;
	assert_int_equal(pat_decide(NULL, false, &owner, "", NOW), PAT_REFUSED_UNKNOWN);
}

static void a_wrong_secret_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", NOW), PAT_REFUSED_SECRET);
}

static void a_revoked_token_is_refused(void **state)
{
	(void)state;
	grant.revoked_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_REVOKED);
	/* As it is kept: without the hash, so that no secret can be proved any more. */
	grant.algorithm = PAT_ALGORITHM_NONE;
	memset(grant.hash, 0, PAT_HASH_LEN);
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", NOW), PAT_REFUSED_REVOKED);
	grant.revoked_at = 0;
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", NOW), PAT_REFUSED_REVOKED);
}

static void an_expired_token_is_refused_from_that_second_on(void **state)
{
	(void)state;
	grant.expires_at = NOW + 1;
	assert_int_equal(decide(), PAT_ACCEPTED);
	grant.expires_at = NOW;
	assert_int_equal(decide(), PAT_REFUSED_EXPIRED);
	grant.expires_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_EXPIRED);
}

static void a_user_that_does_not_exist_is_refused(void **state)
{
	(void)state;
	memset(&owner, 0, sizeof(owner));
	assert_int_equal(decide(), PAT_REFUSED_NO_USER);
	/* Nor is uid 0, which such an account is filled with, anybody's. */
	grant.uid = 0;
	grant.user[0] = '\0';
	assert_int_equal(decide(), PAT_REFUSED_NO_USER);
}

static void another_user_is_refused(void **state)
{
	(void)state;
	owner.uid = 1001;
	assert_int_equal(decide(), PAT_REFUSED_OTHER_USER);
	strcpy(owner.name, "bob");
	assert_int_equal(decide(), PAT_REFUSED_OTHER_USER);
	owner.uid = 0;
	strcpy(owner.name, "root");
	assert_int_equal(decide(), PAT_REFUSED_OTHER_USER);
}

static void another_name_of_the_same_uid_is_refused(void **state)
{
	static const char *const names[] = {"bob", "alic", "alice2", "Alice", "", "alice "};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		strcpy(owner.name, names[i]);
		assert_int_equal(decide(), PAT_REFUSED_FORMER_USER);
	}
}

static void a_locked_account_is_refused(void **state)
{
	(void)state;
	owner.locked = true;
	assert_int_equal(decide(), PAT_REFUSED_LOCKED);
}

static void a_service_out_of_scope_is_refused(void **state)
{
	static const char *const services[] = {"login",   "su", "ssh",      "sshd2",
					       "sudoers", "",   "sshd,sudo"};

	(void)state;
	for (size_t i = 0; i < COUNT(services); i++)
		assert_int_equal(pat_decide(&grant, true, &owner, services[i], NOW),
				 PAT_REFUSED_SERVICE);
	grant.services[0] = '\0';
	assert_int_equal(decide(), PAT_REFUSED_SERVICE);
}

static void a_forbidden_service_is_refused_even_in_scope(void **state)
{
	static const char *const services[] = {"patd", "passwd", "chsh", "userdel"};

	(void)state;
	strcpy(grant.services, "patd,passwd,chsh,userdel,sshd");
	for (size_t i = 0; i < COUNT(services); i++)
		assert_int_equal(pat_decide(&grant, true, &owner, services[i], NOW),
				 PAT_REFUSED_SERVICE);
	assert_int_equal(decide(), PAT_ACCEPTED);
}

/* Every combination of everything that may be wrong. */
static void a_token_is_accepted_only_if_nothing_at_all_is_wrong(void **state)
{
	enum {
		SECRET = 1,
		REVOKED = 2,
		EXPIRED = 4,
		GONE = 8,
		OTHER = 16,
		FORMER = 32,
		LOCKED = 64,
		SCOPE = 128,
		ALL = 256
	};

	(void)state;
	for (unsigned wrong = 0; wrong < ALL; wrong++) {
		struct pat_grant g = grant;
		struct pat_account a = owner;
		enum pat_outcome outcome;

		if (wrong & REVOKED)
			g.revoked_at = NOW - 1;
		if (wrong & EXPIRED)
			g.expires_at = NOW - 1;
		if (wrong & OTHER)
			a.uid++;
		if (wrong & FORMER)
			strcpy(a.name, "bob");
		if (wrong & LOCKED)
			a.locked = true;
		if (wrong & GONE)
			memset(&a, 0, sizeof(a));
		outcome = pat_decide(&g, !(wrong & SECRET), &a, wrong & SCOPE ? "login" : "sshd",
				     NOW);
		assert_int_equal(outcome == PAT_ACCEPTED, wrong == 0);
		/* Who did not prove the secret learns nothing else, and enters no history. */
		if ((wrong & SECRET) && !(wrong & REVOKED))
			assert_int_equal(outcome, PAT_REFUSED_SECRET);
		if (wrong & REVOKED)
			assert_true(outcome == PAT_REFUSED_REVOKED ||
				    outcome == PAT_REFUSED_SECRET);
	}
}

static void a_grant_matches_its_token_alone(void **state)
{
	struct pat_token other;

	(void)state;
	assert_true(pat_grant_matches(&grant, &token));
	assert_int_equal(pat_token_generate(&other), 0);
	assert_false(pat_grant_matches(&grant, &other));
	assert_false(pat_grant_matches(NULL, &token));
	for (size_t bit = 0; bit < 8 * PAT_HASH_LEN; bit++) {
		grant.hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_false(pat_grant_matches(&grant, &token));
		grant.hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	assert_true(pat_grant_matches(&grant, &token));
}

static void a_grant_without_a_known_hash_matches_nothing(void **state)
{
	(void)state;
	for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
		grant.algorithm = (uint8_t)algorithm;
		assert_int_equal(pat_grant_matches(&grant, &token),
				 algorithm == PAT_ALGORITHM_BLAKE2B);
	}
	memset(grant.hash, 0, PAT_HASH_LEN);
	grant.algorithm = PAT_ALGORITHM_NONE;
	assert_false(pat_grant_matches(&grant, &token));
	grant.algorithm = PAT_ALGORITHM_BLAKE2B;
	assert_false(pat_grant_matches(&grant, &token));
}

static void outcomes_have_the_documented_words_and_numbers(void **state)
{
	static const struct {
		enum pat_outcome outcome;
		int number;
		const char *word;
	} table[] = {
		{PAT_ACCEPTED, 0, "accepted"},
		{PAT_REFUSED_CHECKSUM, 1, "checksum"},
		{PAT_REFUSED_UNKNOWN, 2, "unknown"},
		{PAT_REFUSED_SECRET, 3, "secret"},
		{PAT_REFUSED_REVOKED, 4, "revoked"},
		{PAT_REFUSED_EXPIRED, 5, "expired"},
		{PAT_REFUSED_NO_USER, 6, "no-user"},
		{PAT_REFUSED_OTHER_USER, 7, "other-user"},
		{PAT_REFUSED_FORMER_USER, 8, "former-user"},
		{PAT_REFUSED_LOCKED, 9, "locked"},
		{PAT_REFUSED_SERVICE, 10, "service"},
		{PAT_REFUSED_DAMAGED, 11, "damaged"},
		{PAT_REFUSED_PEER, 12, "peer"},
		{PAT_UNAVAILABLE, 100, "unavailable"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(table[i].outcome, table[i].number);
		assert_string_equal(pat_outcome_text(table[i].outcome), table[i].word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_verify_test(a_good_token_is_accepted),
		unit_verify_test(an_unknown_id_is_refused),
		unit_verify_test(a_wrong_secret_is_refused),
		unit_verify_test(a_revoked_token_is_refused),
		unit_verify_test(an_expired_token_is_refused_from_that_second_on),
		unit_verify_test(a_user_that_does_not_exist_is_refused),
		unit_verify_test(another_user_is_refused),
		unit_verify_test(another_name_of_the_same_uid_is_refused),
		unit_verify_test(a_locked_account_is_refused),
		unit_verify_test(a_service_out_of_scope_is_refused),
		unit_verify_test(a_forbidden_service_is_refused_even_in_scope),
		unit_verify_test(a_token_is_accepted_only_if_nothing_at_all_is_wrong),
		unit_verify_test(a_grant_matches_its_token_alone),
		unit_verify_test(a_grant_without_a_known_hash_matches_nothing),
		unit_verify_test(outcomes_have_the_documented_words_and_numbers),
	};

	return unit_run(tests);
}
