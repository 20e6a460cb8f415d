/* SPDX-License-Identifier: ISC */

/* What records say: how it stands with a token, and what its uses and refusals were. */

#include "unit_record.h"

static void a_token_is_active_until_the_second_it_expires(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	assert_int_equal(pat_grant_status(&grant, NULL, 1), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, 1999), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, 2000), PAT_STATUS_EXPIRED);
	assert_int_equal(pat_grant_status(&grant, NULL, 2001), PAT_STATUS_EXPIRED);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_EXPIRED);
	grant.expires_at = INT64_MAX;
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX - 1), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_EXPIRED);
}

static void a_token_without_an_end_never_expires(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 0), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_ACTIVE);
}

static void a_revoked_token_is_revoked_for_good(void **state)
{
	static const uint8_t algorithms[] = {PAT_ALGORITHM_NONE, PAT_ALGORITHM_BLAKE2B,
					     PAT_ALGORITHM_TRACE};
	static const int64_t times[] = {0, 1000, 1499, 1500, 3000, INT64_MAX};
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	grant.revoked_at = 1500;
	for (size_t i = 0; i < COUNT(algorithms); i++)
		for (size_t k = 0; k < COUNT(times); k++) {
			grant.algorithm = algorithms[i];
			assert_int_equal(pat_grant_status(&grant, NULL, times[k]),
					 PAT_STATUS_REVOKED);
		}
	/* Nor is one without a hash anything else. */
	grant.algorithm = PAT_ALGORITHM_NONE;
	grant.revoked_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_REVOKED);
}

static void a_suspended_token_is_suspended_whenever_that_was(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	/* Also in the future: the clock may have been set back meanwhile. */
	for (int64_t when = 1; when < 4000; when += 999) {
		grant.suspended_at = when;
		assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_SUSPENDED);
		assert_int_equal(pat_grant_status(&grant, NULL, 1999), PAT_STATUS_SUSPENDED);
		assert_int_equal(pat_grant_status(&grant, NULL, 2000), PAT_STATUS_EXPIRED);
	}
	grant.suspended_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_ACTIVE);
}

static void a_token_is_spent_from_its_last_use_on(void **state)
{
	static const struct {
		uint32_t max_uses;
		uint64_t uses;
		enum pat_status status;
	} table[] = {
		{0, 0, PAT_STATUS_ACTIVE},
		{0, 1, PAT_STATUS_ACTIVE},
		{0, UINT64_MAX, PAT_STATUS_ACTIVE},
		{1, 0, PAT_STATUS_ACTIVE},
		{1, 1, PAT_STATUS_SPENT},
		{1, 2, PAT_STATUS_SPENT},
		{5, 4, PAT_STATUS_ACTIVE},
		{5, 5, PAT_STATUS_SPENT},
		{5, 6, PAT_STATUS_SPENT},
		{5, UINT64_MAX, PAT_STATUS_SPENT},
		/* Not cut to 32 bits. */
		{5, UINT64_C(1) << 32, PAT_STATUS_SPENT},
		{UINT32_MAX, UINT32_MAX - 1, PAT_STATUS_ACTIVE},
		{UINT32_MAX, UINT32_MAX, PAT_STATUS_SPENT},
		{UINT32_MAX, UINT64_MAX, PAT_STATUS_SPENT},
	};
	struct pat_grant grant = small_grant();
	struct pat_use use = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		grant.max_uses = table[i].max_uses;
		use.uses = table[i].uses;
		assert_int_equal(pat_grant_status(&grant, &use, 1795280001), table[i].status);
		assert_int_equal(pat_grant_status(&grant, NULL, 1795280001), PAT_STATUS_ACTIVE);
	}
	/* Refusals are no uses. */
	grant.max_uses = 1;
	use = (struct pat_use){.refused_proved = 9, .refused_unproved = 9};
	assert_int_equal(pat_grant_status(&grant, &use, 1795280001), PAT_STATUS_ACTIVE);
}

/* Every combination of what a token may be: it is the last of them in the order of the header. */
static void of_several_statuses_a_token_has_the_last(void **state)
{
	enum { SUSPENDED = 1, SPENT = 2, EXPIRED = 4, REVOKED = 8, ALL = 16 };

	(void)state;
	assert_true(PAT_STATUS_ACTIVE < PAT_STATUS_SUSPENDED);
	assert_true(PAT_STATUS_SUSPENDED < PAT_STATUS_SPENT);
	assert_true(PAT_STATUS_SPENT < PAT_STATUS_EXPIRED);
	assert_true(PAT_STATUS_EXPIRED < PAT_STATUS_REVOKED);
	for (unsigned is = 0; is < ALL; is++) {
		struct pat_grant grant = small_grant();
		struct pat_use use = {.uses = is & SPENT ? 3 : 2};
		enum pat_status want = is & REVOKED     ? PAT_STATUS_REVOKED
				       : is & EXPIRED   ? PAT_STATUS_EXPIRED
				       : is & SPENT     ? PAT_STATUS_SPENT
				       : is & SUSPENDED ? PAT_STATUS_SUSPENDED
							: PAT_STATUS_ACTIVE;

		grant.max_uses = 3;
		grant.expires_at = is & EXPIRED ? 2000 : 2001;
		grant.suspended_at = is & SUSPENDED ? 1500 : 0;
		grant.revoked_at = is & REVOKED ? 1600 : 0;
		assert_int_equal(pat_grant_status(&grant, &use, 2000), want);
		/* That it was rotated, or that its account is gone, is no status. */
		strcpy(grant.successor, OTHER_ID);
		grant.gone_at = 1700;
		assert_int_equal(pat_grant_status(&grant, &use, 2000), want);
	}
}

/* What the sweep left of a token that had ended by itself stays ended when the clock is set back.
 */
static void a_swept_token_never_comes_to_life_again(void **state)
{
	static const int64_t times[] = {0, 1, 1000, 1999, 2000, 2001, INT64_MAX};
	struct pat_grant grant = small_grant();
	struct pat_use unused = {0}, used = {.uses = 3};

	(void)state;
	grant.algorithm = PAT_ALGORITHM_TRACE;
	for (size_t i = 0; i < COUNT(times); i++) {
		bool late = times[i] >= 2000;

		grant.expires_at = 2000;
		grant.max_uses = 0;
		assert_int_equal(pat_grant_status(&grant, NULL, times[i]), PAT_STATUS_EXPIRED);
		assert_int_equal(pat_grant_status(&grant, &used, times[i]), PAT_STATUS_EXPIRED);

		grant.max_uses = 3;
		assert_int_equal(pat_grant_status(&grant, &used, times[i]),
				 late ? PAT_STATUS_EXPIRED : PAT_STATUS_SPENT);
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		assert_false(pat_status_live(pat_grant_status(&grant, &unused, times[i])));

		grant.suspended_at = 1500;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.max_uses = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.expires_at = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.suspended_at = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
	}
}

static void of_an_algorithm_that_is_not_known_no_token_is_live(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
		grant.algorithm = (uint8_t)algorithm;
		assert_int_equal(pat_status_live(pat_grant_status(&grant, NULL, 1795280001)),
				 algorithm == PAT_ALGORITHM_BLAKE2B);
	}
}

static void active_and_suspended_tokens_are_live_and_no_others(void **state)
{
	(void)state;
	assert_true(pat_status_live(PAT_STATUS_ACTIVE));
	assert_true(pat_status_live(PAT_STATUS_SUSPENDED));
	assert_false(pat_status_live(PAT_STATUS_SPENT));
	assert_false(pat_status_live(PAT_STATUS_EXPIRED));
	assert_false(pat_status_live(PAT_STATUS_REVOKED));
}

static void the_status_has_the_documented_words(void **state)
{
	(void)state;
	assert_string_equal(pat_status_text(PAT_STATUS_ACTIVE), "active");
	assert_string_equal(pat_status_text(PAT_STATUS_SUSPENDED), "suspended");
	assert_string_equal(pat_status_text(PAT_STATUS_SPENT), "spent");
	assert_string_equal(pat_status_text(PAT_STATUS_EXPIRED), "expired");
	assert_string_equal(pat_status_text(PAT_STATUS_REVOKED), "revoked");
}

static void a_use_counts_and_is_the_last_and_enters_the_ring(void **state)
{
	struct pat_use use = {0};
	struct pat_event event = event_at(1000, PAT_ACCEPTED, "sshd", "192.0.2.1");

	(void)state;
	pat_use_note(&use, &event, true, true);
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.refused_proved, 0);
	assert_int_equal(use.refused_unproved, 0);
	assert_int_equal(use.refused_unproved_at, 0);
	assert_int_equal(use.ring_next, 1);
	same_event(&use.last, &event);
	same_event(&use.ring[0], &event);
	assert_int_equal(use.ring[1].time, 0);
}

static void a_proved_refusal_counts_and_enters_the_ring_but_is_no_use(void **state)
{
	struct pat_use use = {0};
	struct pat_event used = event_at(1000, PAT_ACCEPTED, "sshd", "192.0.2.1");
	struct pat_event refused = event_at(1001, PAT_REFUSED_SERVICE, "sudo", "");

	(void)state;
	pat_use_note(&use, &used, true, true);
	pat_use_note(&use, &refused, false, true);
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.refused_proved, 1);
	assert_int_equal(use.refused_unproved, 0);
	assert_int_equal(use.refused_unproved_at, 0);
	assert_int_equal(use.ring_next, 2);
	same_event(&use.last, &used);
	same_event(&use.ring[0], &used);
	same_event(&use.ring[1], &refused);
}

static void a_stranger_cannot_push_the_history_out(void **state)
{
	struct pat_use use = {0}, before;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pat_event used = event_at(1000 + i, PAT_ACCEPTED, "sshd", "192.0.2.1");

		pat_use_note(&use, &used, true, true);
	}
	before = use;
	for (int i = 0; i < 100; i++) {
		struct pat_event guess =
			event_at(2000 + i, PAT_REFUSED_SECRET, "sshd", "198.51.100.1");

		pat_use_note(&use, &guess, false, false);
		assert_int_equal(use.refused_unproved, i + 1);
		assert_int_equal(use.refused_unproved_at, 2000 + i);
	}
	before.refused_unproved = use.refused_unproved;
	before.refused_unproved_at = use.refused_unproved_at;
	same_use(&before, &use);
}

static void the_ring_keeps_the_most_recent_events(void **state)
{
	struct pat_use use = {0};
	const int events = 3 * PAT_USE_RING + 2;

	(void)state;
	for (int i = 0; i < events; i++) {
		struct pat_event event =
			event_at(1000 + i, i % 2 ? PAT_REFUSED_EXPIRED : PAT_ACCEPTED,
				 i % 2 ? "sudo" : "sshd", "192.0.2.7");

		pat_use_note(&use, &event, i % 2 == 0, true);
		assert_int_equal(use.ring_next, (i + 1) % PAT_USE_RING);
		same_event(&use.ring[i % PAT_USE_RING], &event);
		/* The one that was in that place is gone, the others stand. */
		for (int k = 1; k < PAT_USE_RING && k <= i; k++)
			assert_int_equal(use.ring[(i - k) % PAT_USE_RING].time, 1000 + i - k);
	}
	assert_int_equal(use.uses, (events + 1) / 2);
	assert_int_equal(use.refused_proved, events / 2);
	assert_int_equal(use.last.time, 1000 + (events - 1) / 2 * 2);
	use_comes_back(&use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_active_until_the_second_it_expires),
		cmocka_unit_test(a_token_without_an_end_never_expires),
		cmocka_unit_test(a_revoked_token_is_revoked_for_good),
		cmocka_unit_test(a_suspended_token_is_suspended_whenever_that_was),
		cmocka_unit_test(a_token_is_spent_from_its_last_use_on),
		cmocka_unit_test(of_several_statuses_a_token_has_the_last),
		cmocka_unit_test(a_swept_token_never_comes_to_life_again),
		cmocka_unit_test(of_an_algorithm_that_is_not_known_no_token_is_live),
		cmocka_unit_test(active_and_suspended_tokens_are_live_and_no_others),
		cmocka_unit_test(the_status_has_the_documented_words),
		cmocka_unit_test(a_use_counts_and_is_the_last_and_enters_the_ring),
		cmocka_unit_test(a_proved_refusal_counts_and_enters_the_ring_but_is_no_use),
		cmocka_unit_test(a_stranger_cannot_push_the_history_out),
		cmocka_unit_test(the_ring_keeps_the_most_recent_events),
	};

	return unit_run(tests);
}
