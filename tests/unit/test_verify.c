/* SPDX-License-Identifier: ISC */
#include "unit_verify.h"

/* The decision alone. With a store and the accounts of the machine: test_verify_store.c. */

#define HOST "192.0.2.1"

static enum pat_outcome decide(void)
{
	return pat_decide(&grant, true, &owner, "sshd", HOST, NOW);
}

static enum pat_outcome decide_from(const char *rhost)
{
	return pat_decide(&grant, true, &owner, "sshd", rhost, NOW);
}

static void a_good_token_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(decide(), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sudo", HOST, NOW), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sudo-i", HOST, NOW), PAT_ACCEPTED);
	grant.expires_at = 0;
	assert_int_equal(decide(), PAT_ACCEPTED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sshd", HOST, INT64_MAX), PAT_ACCEPTED);
}

static void an_unknown_id_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pat_decide(NULL, false, &owner, "sshd", HOST, NOW), PAT_REFUSED_UNKNOWN);
	assert_int_equal(pat_decide(NULL, true, &owner, "sshd", HOST, NOW), PAT_REFUSED_UNKNOWN);
	owner.exists = false;
	assert_int_equal(pat_decide(NULL, false, &owner, "", HOST, NOW), PAT_REFUSED_UNKNOWN);
}

static void a_wrong_secret_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", HOST, NOW), PAT_REFUSED_SECRET);
}

static void a_revoked_token_is_refused(void **state)
{
	(void)state;
	grant.revoked_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_REVOKED);
	/* As it is kept: without the hash, so that no secret can be proved any more. */
	grant.algorithm = PAT_ALGORITHM_NONE;
	memset(grant.hash, 0, PAT_HASH_LEN);
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", HOST, NOW), PAT_REFUSED_REVOKED);
	grant.revoked_at = 0;
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", HOST, NOW), PAT_REFUSED_REVOKED);
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
		assert_int_equal(pat_decide(&grant, true, &owner, services[i], HOST, NOW),
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
		assert_int_equal(pat_decide(&grant, true, &owner, services[i], HOST, NOW),
				 PAT_REFUSED_SERVICE);
	assert_int_equal(decide(), PAT_ACCEPTED);
}

static void a_suspended_token_is_refused_until_it_is_resumed(void **state)
{
	(void)state;
	grant.suspended_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_SUSPENDED);
	grant.suspended_at = NOW + 100;
	assert_int_equal(decide(), PAT_REFUSED_SUSPENDED);
	grant.suspended_at = 0;
	assert_int_equal(decide(), PAT_ACCEPTED);
}

static void a_rotated_token_is_told_from_one_that_only_ended(void **state)
{
	(void)state;
	strcpy(grant.successor, "Ab3dE9xZ");
	/* The overlap: both are good. */
	assert_int_equal(decide(), PAT_ACCEPTED);
	grant.expires_at = NOW;
	assert_int_equal(decide(), PAT_REFUSED_ROTATED);
	grant.revoked_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_ROTATED);
	grant.expires_at = 0;
	assert_int_equal(decide(), PAT_REFUSED_ROTATED);
	leave_a_trace(&grant);
	assert_int_equal(decide(), PAT_REFUSED_ROTATED);
	/* Only to who has it. */
	assert_int_equal(pat_decide(&grant, false, &owner, "sshd", HOST, NOW), PAT_REFUSED_SECRET);
	grant.successor[0] = '\0';
	assert_int_equal(decide(), PAT_REFUSED_REVOKED);
	grant.revoked_at = 0;
	assert_int_equal(decide(), PAT_REFUSED_EXPIRED);
}

static void a_trace_is_refused_as_what_the_token_ended_by(void **state)
{
	(void)state;
	leave_a_trace(&grant);
	/* Before its end, as the clock has it now, and after. */
	assert_int_equal(decide(), PAT_REFUSED_EXPIRED);
	assert_int_equal(pat_decide(&grant, true, &owner, "sshd", HOST, NOW + 2000),
			 PAT_REFUSED_EXPIRED);
	strcpy(grant.successor, "Ab3dE9xZ");
	assert_int_equal(decide(), PAT_REFUSED_ROTATED);
	grant.successor[0] = '\0';
	grant.max_uses = 5;
	assert_int_equal(decide(), PAT_REFUSED_SPENT);
	grant.suspended_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_SPENT);
	grant.revoked_at = NOW - 1;
	assert_int_equal(decide(), PAT_REFUSED_REVOKED);
}

static void whether_uses_are_left_is_not_asked_here(void **state)
{
	(void)state;
	grant.max_uses = 1;
	assert_int_equal(decide(), PAT_ACCEPTED);
	grant.max_uses = UINT32_MAX;
	assert_int_equal(decide(), PAT_ACCEPTED);
}

static void a_token_is_good_from_its_sources_alone(void **state)
{
	static const struct {
		const char *sources, *rhost;
		enum pat_outcome outcome;
	} table[] = {
		/* No list: anywhere, whatever is said of it. */
		{"", NULL, PAT_ACCEPTED},
		{"", "", PAT_ACCEPTED},
		{"", "198.51.100.9", PAT_ACCEPTED},
		{"", "host.example.com", PAT_ACCEPTED},
		{"192.0.2.1", "192.0.2.1", PAT_ACCEPTED},
		{"192.0.2.1", "192.0.2.2", PAT_REFUSED_SOURCE},
		{"192.0.2.0/24", "192.0.2.0", PAT_ACCEPTED},
		{"192.0.2.0/24", "192.0.2.255", PAT_ACCEPTED},
		{"192.0.2.0/24", "192.0.1.255", PAT_REFUSED_SOURCE},
		{"192.0.2.0/24", "192.0.3.0", PAT_REFUSED_SOURCE},
		{"198.51.100.0/24,192.0.2.1", "192.0.2.1", PAT_ACCEPTED},
		{"2001:db8::/32", "2001:db8:ffff::1", PAT_ACCEPTED},
		{"2001:db8::/32", "2001:DB8::1", PAT_ACCEPTED},
		{"2001:db8::/32", "2001:db9::1", PAT_REFUSED_SOURCE},
		{"2001:db8::/32", "192.0.2.1", PAT_REFUSED_SOURCE},
		{"fe80::/10", "fe80::1%eth0", PAT_ACCEPTED},
		{"2001:db8::/32", "fe80::1%eth0", PAT_REFUSED_SOURCE},
		/* A peer of a socket for both is the IPv4 one that it is. */
		{"192.0.2.0/24", "::ffff:192.0.2.1", PAT_ACCEPTED},
		{"192.0.2.0/24", "::ffff:c000:201", PAT_ACCEPTED},
		{"192.0.2.0/24", "::ffff:192.0.3.1", PAT_REFUSED_SOURCE},
		{"192.0.2.0/24", "::192.0.2.1", PAT_REFUSED_SOURCE},
		{"::/0", "::ffff:192.0.2.1", PAT_REFUSED_SOURCE},
		{"::/0", "2001:db8::1", PAT_ACCEPTED},
		{"0.0.0.0/0", "::ffff:192.0.2.1", PAT_ACCEPTED},
		{"0.0.0.0/0", "2001:db8::1", PAT_REFUSED_SOURCE},
		/* No remote host. */
		{"local", NULL, PAT_ACCEPTED},
		{"local", "", PAT_ACCEPTED},
		{"local", "127.0.0.1", PAT_REFUSED_SOURCE},
		{"192.0.2.0/24", NULL, PAT_REFUSED_SOURCE},
		{"192.0.2.0/24", "", PAT_REFUSED_SOURCE},
		{"0.0.0.0/0,::/0", "", PAT_REFUSED_SOURCE},
		{"192.0.2.0/24,local", NULL, PAT_ACCEPTED},
		/* A name is never looked up. */
		{"192.0.2.0/24", "host.example.com", PAT_REFUSED_HOST_NAME},
		{"127.0.0.0/8", "localhost", PAT_REFUSED_HOST_NAME},
		{"0.0.0.0/0,::/0,local", "host.example.com", PAT_REFUSED_HOST_NAME},
		{"local", "local", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "192.0.2.1 ", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "192.0.2.1,192.0.2.2", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "192.0.2.0/24", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "192.0.513", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "0300.0.2.1", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "3221225985", PAT_REFUSED_HOST_NAME},
		{"2001:db8::/32", "[2001:db8::1]", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "\n", PAT_REFUSED_HOST_NAME},
		{"192.0.2.0/24", "\xff", PAT_REFUSED_HOST_NAME},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		enum pat_outcome outcome;

		strcpy(grant.sources, table[i].sources);
		outcome = decide_from(table[i].rhost);
		if (outcome != table[i].outcome)
			fail_msg("\"%s\" from \"%s\": %s, not %s", table[i].sources,
				 table[i].rhost ? table[i].rhost : "(none)",
				 pat_outcome_text(outcome), pat_outcome_text(table[i].outcome));
	}
}

/* Nothing that may stand in a record by mistake, or by malice, opens more than it says. */
static void a_list_of_sources_that_says_nothing_lets_nobody_in(void **state)
{
	static const char *const lists[] = {",", " ", "anywhere", "0.0.0.0/33", "192.0.2.1/24",
					    "*", "-", "::/129"};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		strcpy(grant.sources, lists[i]);
		assert_int_equal(decide_from("192.0.2.1"), PAT_REFUSED_SOURCE);
		assert_int_equal(decide_from("2001:db8::1"), PAT_REFUSED_SOURCE);
		assert_int_equal(decide_from(""), PAT_REFUSED_SOURCE);
	}
}

/* Every combination of everything that may be wrong; the first of these is the reason. */
static void a_token_is_accepted_only_if_nothing_at_all_is_wrong(void **state)
{
	static const enum pat_outcome reasons[] = {
		PAT_REFUSED_SECRET,      PAT_REFUSED_REVOKED, PAT_REFUSED_EXPIRED,
		PAT_REFUSED_SUSPENDED,   PAT_REFUSED_NO_USER, PAT_REFUSED_OTHER_USER,
		PAT_REFUSED_FORMER_USER, PAT_REFUSED_LOCKED,  PAT_REFUSED_SERVICE,
		PAT_REFUSED_SOURCE,
	};
	enum {
		SECRET = 1,
		REVOKED = 2,
		EXPIRED = 4,
		SUSPENDED = 8,
		GONE = 16,
		OTHER = 32,
		FORMER = 64,
		LOCKED = 128,
		SCOPE = 256,
		SOURCE = 512,
		ALL = 1024
	};

	(void)state;
	strcpy(grant.sources, "192.0.2.0/24");
	for (unsigned wrong = 0; wrong < ALL; wrong++) {
		struct pat_grant g = grant;
		struct pat_account a = owner;
		enum pat_outcome want = PAT_ACCEPTED;

		for (size_t i = COUNT(reasons); i-- > 0;)
			if (wrong & 1U << i)
				want = reasons[i];
		if (wrong & REVOKED)
			g.revoked_at = NOW - 1;
		if (wrong & EXPIRED)
			g.expires_at = NOW - 1;
		if (wrong & SUSPENDED)
			g.suspended_at = NOW - 1;
		if (wrong & OTHER)
			a.uid++;
		if (wrong & FORMER)
			strcpy(a.name, "bob");
		if (wrong & LOCKED)
			a.locked = true;
		if (wrong & GONE)
			memset(&a, 0, sizeof(a));
		assert_int_equal(pat_decide(&g, !(wrong & SECRET), &a,
					    wrong & SCOPE ? "login" : "sshd",
					    wrong & SOURCE ? "198.51.100.1" : "192.0.2.1", NOW),
				 want);
		/* Of one that has ended nothing but that counts, and it never opens anything. */
		leave_a_trace(&g);
		assert_int_equal(pat_decide(&g, !(wrong & SECRET), &a,
					    wrong & SCOPE ? "login" : "sshd",
					    wrong & SOURCE ? "198.51.100.1" : "192.0.2.1", NOW),
				 wrong & SECRET    ? PAT_REFUSED_SECRET
				 : wrong & REVOKED ? PAT_REFUSED_REVOKED
						   : PAT_REFUSED_EXPIRED);
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
	for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
		grant.algorithm = (uint8_t)algorithm;
		assert_false(pat_grant_matches(&grant, &token));
	}
}

static void a_trace_matches_its_token_alone_and_only_as_a_trace(void **state)
{
	unsigned char hash[PAT_HASH_LEN];
	struct pat_token other;

	(void)state;
	memcpy(hash, grant.hash, PAT_HASH_LEN);
	leave_a_trace(&grant);
	assert_true(pat_grant_matches(&grant, &token));
	assert_int_equal(pat_token_generate(&other), 0);
	assert_false(pat_grant_matches(&grant, &other));
	for (size_t bit = 0; bit < 8 * PAT_HASH_LEN; bit++) {
		grant.hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_false(pat_grant_matches(&grant, &token));
		grant.hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
		grant.algorithm = (uint8_t)algorithm;
		assert_int_equal(pat_grant_matches(&grant, &token),
				 algorithm == PAT_ALGORITHM_TRACE);
	}
	/* Nor is the hash itself the trace. */
	memcpy(grant.hash, hash, PAT_HASH_LEN);
	grant.algorithm = PAT_ALGORITHM_TRACE;
	assert_false(pat_grant_matches(&grant, &token));
}

/* Processor time of so many comparisons, in nanoseconds: the least of several tries. */
static int64_t cost(const struct pat_grant *of, const struct pat_token *with)
{
	enum { TRIES = 30, ROUNDS = 300 };
	int64_t least = INT64_MAX;
	volatile bool sink;

	for (int i = 0; i < TRIES; i++) {
		struct timespec from, to;
		int64_t took;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		for (int k = 0; k < ROUNDS; k++)
			sink = pat_grant_matches(of, with);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		took = (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + to.tv_nsec - from.tv_nsec;
		if (took < least)
			least = took;
	}
	(void)sink;
	return least;
}

/* Coarse: one hash more or less would be a third or a half of it. */
static void a_comparison_costs_the_same_whatever_it_is_with(void **state)
{
	struct pat_grant ended = grant, none = grant;
	struct pat_token other;
	bool same = false;

	(void)state;
	assert_int_equal(pat_token_generate(&other), 0);
	leave_a_trace(&ended);
	none.algorithm = PAT_ALGORITHM_NONE;
	/* On a busy machine one measurement may be off. */
	for (int i = 0; i < 20 && !same; i++) {
		const int64_t costs[] = {cost(&grant, &token), cost(&grant, &other),
					 cost(&ended, &token), cost(&ended, &other),
					 cost(&none, &token),  cost(NULL, &token)};
		int64_t least = costs[0], most = costs[0];

		for (size_t k = 1; k < COUNT(costs); k++) {
			least = costs[k] < least ? costs[k] : least;
			most = costs[k] > most ? costs[k] : most;
		}
		same = most - least < least / 5;
	}
	assert_true(same);
}

/* Whatever else stands in the record, and whenever it is asked. */
static void an_ended_token_is_never_accepted(void **state)
{
	static const int64_t times[] = {0, 1, NOW - 1000, NOW, NOW + 999, NOW + 1000, INT64_MAX};

	(void)state;
	leave_a_trace(&grant);
	for (unsigned algorithm = 0; algorithm < 256; algorithm++)
		for (unsigned bits = 0; bits < 32; bits++)
			for (size_t i = 0; i < COUNT(times); i++) {
				struct pat_grant g = grant;

				if (algorithm == PAT_ALGORITHM_BLAKE2B)
					continue;
				g.algorithm = (uint8_t)algorithm;
				g.expires_at = bits & 1 ? 0 : grant.expires_at;
				g.max_uses = bits & 2 ? 5 : 0;
				g.suspended_at = bits & 4 ? NOW : 0;
				g.revoked_at = bits & 8 ? NOW : 0;
				strcpy(g.successor, bits & 16 ? "Ab3dE9xZ" : "");
				assert_int_not_equal(
					pat_decide(&g, true, &owner, "sshd", HOST, times[i]),
					PAT_ACCEPTED);
				assert_int_not_equal(
					pat_decide(&g, false, &owner, "sshd", HOST, times[i]),
					PAT_ACCEPTED);
			}
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
		{PAT_REFUSED_ROTATED, 13, "rotated"},
		{PAT_REFUSED_SUSPENDED, 14, "suspended"},
		{PAT_REFUSED_SPENT, 15, "spent"},
		{PAT_REFUSED_SOURCE, 16, "source"},
		{PAT_REFUSED_HOST_NAME, 17, "host-name"},
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
		unit_verify_test(a_suspended_token_is_refused_until_it_is_resumed),
		unit_verify_test(a_rotated_token_is_told_from_one_that_only_ended),
		unit_verify_test(a_trace_is_refused_as_what_the_token_ended_by),
		unit_verify_test(whether_uses_are_left_is_not_asked_here),
		unit_verify_test(a_token_is_good_from_its_sources_alone),
		unit_verify_test(a_list_of_sources_that_says_nothing_lets_nobody_in),
		unit_verify_test(a_token_is_accepted_only_if_nothing_at_all_is_wrong),
		unit_verify_test(a_grant_matches_its_token_alone),
		unit_verify_test(a_grant_without_a_known_hash_matches_nothing),
		unit_verify_test(a_trace_matches_its_token_alone_and_only_as_a_trace),
		unit_verify_test(a_comparison_costs_the_same_whatever_it_is_with),
		unit_verify_test(an_ended_token_is_never_accepted),
		unit_verify_test(outcomes_have_the_documented_words_and_numbers),
	};

	return unit_run(tests);
}
