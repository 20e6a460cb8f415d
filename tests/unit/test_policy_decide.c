/* SPDX-License-Identifier: ISC */

/* Whom a policy allows what: whose rules hold, and what they make of a wish. */

#include "unit_groups.h"

#include "pat/error.h"
#include "pat/when.h"

static void the_strictest_of_all_sections_wins(void **state)
{
	const struct policy_rules *rules = rules_for("alice", several);

	(void)state;
	assert_string_equal(rules->max_lifetime, "30d");
	assert_string_equal(limits.origin[POLICY_MAX_LIFETIME], "[group ci] line 6");
	assert_string_equal(rules->default_lifetime, "12h");
	assert_string_equal(limits.origin[POLICY_DEFAULT_LIFETIME], "[group web] line 11");
	assert_int_equal(rules->max_tokens, 20);
	assert_string_equal(limits.origin[POLICY_MAX_TOKENS], "pat.conf line 2");
	assert_string_equal(rules->allowed_services, "sshd,sudo-i");
	assert_string_equal(limits.origin[POLICY_ALLOWED_SERVICES],
			    "pat.conf line 3 and [group ci] line 8");
	assert_string_equal(rules->default_services, "sshd,sudo-i");
	assert_true(rules->require_from);
	assert_string_equal(limits.origin[POLICY_REQUIRE_FROM], "[group web] line 14");
	assert_true(rules->require_description);
	assert_string_equal(limits.origin[POLICY_REQUIRE_DESCRIPTION], "[group ci] line 9");
}

static void sections_of_other_groups_do_not_count(void **state)
{
	const struct policy_rules *rules = rules_for("bob", several);

	(void)state;
	assert_string_equal(rules->max_lifetime, "1h");
	assert_string_equal(rules->default_lifetime, "1h");
	assert_int_equal(rules->max_tokens, 1);
	assert_string_equal(rules->allowed_services, "sshd,sudo,su,login");
	assert_false(rules->require_from || rules->require_description);
	rules = rules_for("carol", several);
	assert_string_equal(rules->max_lifetime, "1y");
	assert_int_equal(rules->max_tokens, 20);
	rules = rules_for("carol", "[group users]\nmax_tokens = 3\n");
	assert_int_equal(rules->max_tokens, 3);
	rules = rules_for("alice", "[group domain users]\nmax_tokens = 4\n");
	assert_int_equal(rules->max_tokens, 4);
	rules = rules_for("alice", "[group no-such-group]\nmax_tokens = 3\n");
	assert_int_equal(rules->max_tokens, 50);
}

static void override_takes_the_place_of_the_main_section_only(void **state)
{
	const struct policy_rules *rules = rules_for("alice", "max_lifetime = 90d\n"
							      "max_tokens = 5\n"
							      "allowed_services = sshd\n"
							      "require_from = yes\n"
							      "[group ci]\n"
							      "override = yes\n"
							      "max_lifetime = 5y\n"
							      "max_tokens = 100\n"
							      "allowed_services =\n"
							      "require_from = no\n"
							      "[group contractors]\n"
							      "max_lifetime = 1d\n");

	(void)state;
	assert_string_equal(rules->max_lifetime, "5y");
	assert_string_equal(limits.origin[POLICY_MAX_LIFETIME], "[group ci] line 7");
	assert_int_equal(rules->max_tokens, 100);
	assert_true(rules->any_service);
	assert_false(rules->require_from);
	assert_string_equal(limits.origin[POLICY_REQUIRE_FROM], "[group ci] line 10");
	/* What the section does not say, the main one still does. */
	assert_string_equal(rules->default_lifetime, "90d");

	/* Another group's section is as strict as it was; the order does not matter. */
	rules = rules_for("alice", "max_lifetime = 90d\nmax_tokens = 5\n[group ci]\n"
				   "max_lifetime = 1y\nmax_tokens = 50\n[group web]\n"
				   "override = yes\nmax_lifetime = 5y\nmax_tokens = 40\n");
	assert_string_equal(rules->max_lifetime, "1y");
	assert_int_equal(rules->max_tokens, 40);

	/* Of several that override, the strictest. */
	rules = rules_for("alice", "max_lifetime = 90d\n[group ci]\noverride = yes\n"
				   "max_lifetime = none\n[group web]\noverride = yes\n"
				   "max_lifetime = 5y\n");
	assert_string_equal(rules->max_lifetime, "5y");
}

static void groups_without_a_common_service_leave_none(void **state)
{
	struct policy_wish wish = {.services = "sshd", .now = 1800000000};
	struct policy_terms terms;
	char message[POLICY_MESSAGE_MAX];
	const char *rule;

	(void)state;
	rules_for("alice", "[group ci]\nallowed_services = sshd\n[group web]\n"
			   "allowed_services = nginx\n");
	assert_false(limits.rules.any_service);
	assert_string_equal(limits.rules.allowed_services, "");
	assert_string_equal(limits.origin[POLICY_ALLOWED_SERVICES],
			    "[group ci] line 2 and [group web] line 4");
	assert_int_equal(policy_decide(&limits, &wish, &terms, &rule, message), PAT_E_ACCESS);
	assert_string_equal(rule, "allowed_services");
	wish.services = NULL;
	assert_int_equal(policy_decide(&limits, &wish, &terms, &rule, message), PAT_E_ACCESS);
	assert_string_equal(rule, "default_services");
}

static void who_may_have_tokens_is_as_the_lists_say(void **state)
{
	(void)state;
	rules_for("alice", "allow_users = alice\nallow_groups = web\ndeny_groups = contractors\n");
	assert_int_equal(limits.denied_by, POLICY_KEYS);
	rules_for("alice", "allow_users = bob alicex\n");
	assert_int_equal(limits.denied_by, POLICY_ALLOW_USERS);
	rules_for("alice", "allow_groups = contractors, no-such-group\n");
	assert_int_equal(limits.denied_by, POLICY_ALLOW_GROUPS);
	/* Each list must let them. */
	rules_for("bob", "allow_users = bob\nallow_groups = ci\n");
	assert_int_equal(limits.denied_by, POLICY_ALLOW_GROUPS);
	rules_for("bob", "allow_users = bob\ndeny_groups = ci, contractors\n");
	assert_int_equal(limits.denied_by, POLICY_DENY_GROUPS);
	assert_string_equal(limits.denied_group, "contractors");
	rules_for("alice", "deny_groups = contractors\n");
	assert_int_equal(limits.denied_by, POLICY_KEYS);
}

static void a_name_service_that_fails_is_no_absence_of_groups(void **state)
{
	struct pat_account alice = account("alice"), nobody = account("nobody-here");

	(void)state;
	load("deny_groups = contractors\n");
	name_service_error = EIO;
	assert_int_equal(policy_for(&policy, &alice, &limits), PAT_E_IO);
	assert_int_equal(errno, EIO);
	load("[group ci]\nmax_tokens = 1\n");
	assert_int_equal(policy_for(&policy, &alice, &limits), PAT_E_IO);
	/* No group matters: nothing is asked. */
	load("max_tokens = 1\n");
	assert_int_equal(policy_for(&policy, &alice, &limits), 0);
	name_service_error = 0;
	load("[group ci]\nmax_tokens = 1\n");
	assert_int_equal(policy_for(&policy, &nobody, &limits), PAT_E_IO);
}

static void a_group_database_that_is_not_there_denies_rather_than_allows(void **state)
{
	struct pat_account bob = account("bob");

	(void)state;
	load("deny_groups = contractors\n");
	no_group_database = 1;
	assert_int_equal(policy_for(&policy, &bob, &limits), PAT_E_IO);
	no_group_database = 0;
	assert_int_equal(policy_for(&policy, &bob, &limits), 0);
}

/* ---- Decisions ----------------------------------------------------------------------------------
 */

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

static struct policy_terms terms;
static const char *rule;
static char message[POLICY_MESSAGE_MAX];

/* By this file, for alice. */
static int decide(const char *text, struct policy_wish wish)
{
	wish.now = NOW;
	rules_for("alice", text);
	return policy_decide(&limits, &wish, &terms, &rule, message);
}

static void forbidden(const char *text, struct policy_wish wish, const char *by, const char *where)
{
	char end[200];

	assert_int_equal(decide(text, wish), PAT_E_ACCESS);
	assert_string_equal(rule, by);
	snprintf(end, sizeof(end), "(%s, %s)", by, where);
	if (!strstr(message, end))
		print_error("%s\n", message);
	assert_non_null(strstr(message, end));
}

static void malformed(struct policy_wish wish, const char *parameter)
{
	assert_int_equal(decide("", wish), PAT_E_INVALID);
	assert_string_equal(rule, parameter);
	assert_true(message[0] != '\0');
}

static void a_wish_within_all_rules_is_granted(void **state)
{
	(void)state;
	assert_int_equal(decide("", (struct policy_wish){0}), 0);
	assert_string_equal(terms.services, "sshd");
	assert_string_equal(terms.sources, "");
	assert_int_equal(terms.expires_at, NOW + 90 * 86400);
	assert_int_equal(terms.max_uses, 0);
	assert_int_equal(decide("require_from = yes\nrequire_description = yes\n",
				(struct policy_wish){.services = "sudo,login",
						     .sources = "::FFFF:192.0.2.7, local",
						     .expires_at = "2027-02-01T00:00:00Z",
						     .has_description = true,
						     .max_uses = 3}),
			 0);
	assert_string_equal(terms.services, "sudo,login");
	assert_string_equal(terms.sources, "192.0.2.7,local");
	assert_int_equal(terms.expires_at, 1801440000);
	assert_int_equal(terms.max_uses, 3);
	assert_string_equal(message, "");
}

static void each_rule_refuses_and_is_named(void **state)
{
	struct policy_wish plain = {0};

	(void)state;
	forbidden("", (struct policy_wish){.for_root = true}, "allow_root", "built in");
	forbidden("allow_users = bob\n", plain, "allow_users", "pat.conf line 1");
	forbidden("allow_groups = contractors\n", plain, "allow_groups", "pat.conf line 1");
	forbidden("\ndeny_groups = ci\n", plain, "deny_groups", "pat.conf line 2");
	forbidden("allowed_services = sshd\n", (struct policy_wish){.services = "sshd,su"},
		  "allowed_services", "pat.conf line 1");
	forbidden("allowed_services = sudo\n", plain, "default_services",
		  "built in and pat.conf line 1");
	forbidden("[group ci]\nrequire_from = yes\n", plain, "require_from", "[group ci] line 2");
	forbidden("require_from = yes\n", (struct policy_wish){.sources = ""}, "require_from",
		  "pat.conf line 1");
	forbidden("require_from = yes\n", (struct policy_wish){.sources = "local,0.0.0.0/0"},
		  "require_from", "pat.conf line 1");
	forbidden("require_from = yes\n", (struct policy_wish){.sources = "::/0"}, "require_from",
		  "pat.conf line 1");
	forbidden("require_description = yes\n", plain, "require_description", "pat.conf line 1");
	forbidden("", (struct policy_wish){.expires_at = "never"}, "max_lifetime", "built in");
	assert_int_equal(decide("", (struct policy_wish){.services = "sshd,passwd"}), PAT_E_ACCESS);
	assert_string_equal(rule, "forbidden_services");
}

static void a_life_may_be_as_long_as_max_lifetime_and_no_longer(void **state)
{
	static const char conf[] = "max_lifetime = 10d\n";
	char text[PAT_RFC3339_MAX];

	(void)state;
	pat_rfc3339(text, NOW + 10 * 86400);
	assert_int_equal(decide(conf, (struct policy_wish){.expires_at = text}), 0);
	/* Two hours more, for months that are counted in another zone. */
	pat_rfc3339(text, NOW + 10 * 86400 + 7200);
	assert_int_equal(decide(conf, (struct policy_wish){.expires_at = text}), 0);
	pat_rfc3339(text, NOW + 10 * 86400 + 7201);
	forbidden(conf, (struct policy_wish){.expires_at = text}, "max_lifetime",
		  "pat.conf line 1");
	assert_int_equal(
		decide("max_lifetime = none\n", (struct policy_wish){.expires_at = "never"}), 0);
	assert_int_equal(terms.expires_at, PAT_NEVER);
	assert_int_equal(
		decide("max_lifetime = none\ndefault_lifetime = never\n", (struct policy_wish){0}),
		0);
	assert_int_equal(terms.expires_at, PAT_NEVER);
}

/* 1800000000 is in January; the month from the middle of February has 28 days. */
static void a_default_that_is_longer_in_some_months_is_cut(void **state)
{
	struct policy_wish wish = {.now = NOW + 31 * 86400};

	(void)state;
	rules_for("alice", "default_lifetime = 31d\nmax_lifetime = 1M\n");
	assert_int_equal(policy_decide(&limits, &wish, &terms, &rule, message), 0);
	assert_int_equal(terms.expires_at, wish.now + 28 * 86400);
}

static void a_wish_that_is_none_is_told_from_one_that_is_refused(void **state)
{
	char text[PAT_RFC3339_MAX];

	(void)state;
	malformed((struct policy_wish){.services = "ss hd"}, "services");
	malformed((struct policy_wish){.services = "@remote"}, "services");
	malformed((struct policy_wish){.sources = "example.org"}, "sources");
	malformed((struct policy_wish){.sources = "192.0.2.7/24"}, "sources");
	malformed((struct policy_wish){.expires_at = "90d"}, "expires_at");
	malformed((struct policy_wish){.expires_at = ""}, "expires_at");
	malformed((struct policy_wish){.expires_at = pat_rfc3339(text, NOW)}, "expires_at");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_groups(the_strictest_of_all_sections_wins),
		with_groups(sections_of_other_groups_do_not_count),
		with_groups(override_takes_the_place_of_the_main_section_only),
		with_groups(groups_without_a_common_service_leave_none),
		with_groups(who_may_have_tokens_is_as_the_lists_say),
		with_groups(a_name_service_that_fails_is_no_absence_of_groups),
		with_groups(a_group_database_that_is_not_there_denies_rather_than_allows),
		with_groups(a_wish_within_all_rules_is_granted),
		with_groups(each_rule_refuses_and_is_named),
		with_groups(a_life_may_be_as_long_as_max_lifetime_and_no_longer),
		with_groups(a_default_that_is_longer_in_some_months_is_cut),
		with_groups(a_wish_that_is_none_is_told_from_one_that_is_refused),
	};

	return unit_run(tests);
}
