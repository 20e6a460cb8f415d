/* SPDX-License-Identifier: ISC */

/* The sysadmin's file: what is read from it, and what is wrong with one that is refused. */

#include "unit_groups.h"

#include <sys/stat.h>

#include "pat/error.h"

/* A file that is wrong in this line, and how. */
static void wrong(const char *text, unsigned line, const char *words)
{
	char where[32];

	assert_int_equal(load_bytes(text, strlen(text)), PAT_E_INVALID);
	snprintf(where, sizeof(where), "pat.conf line %u: ", line);
	if (!strstr(fault, where) || !strstr(fault, words))
		print_error("wanted %s...%s, got: %s\n", where, words, fault);
	assert_non_null(strstr(fault, where));
	assert_non_null(strstr(fault, words));
}

static void built_in_rules_hold_where_the_file_says_nothing(void **state)
{
	const struct policy_rules *rules = rules_for("alice", "# nothing\n\n; at all\n");

	(void)state;
	assert_string_equal(rules->default_lifetime, "90d");
	assert_string_equal(rules->max_lifetime, "2y");
	assert_int_equal(rules->max_tokens, 50);
	assert_string_equal(rules->default_services, "sshd");
	assert_true(rules->any_service);
	assert_false(rules->require_from);
	assert_false(rules->require_description);
	assert_false(limits.allow_root);
	assert_int_equal(limits.denied_by, POLICY_KEYS);
	assert_string_equal(policy.keep_revoked, "90d");
	assert_string_equal(policy.expire_unused, "1y");
	for (unsigned key = 0; key < POLICY_KEYS; key++)
		assert_string_equal(limits.origin[key], "built in");
}

static void each_rule_is_taken_with_the_line_it_stands_in(void **state)
{
	const struct policy_rules *rules = rules_for("alice", "default_lifetime = 30d\n"
							      "max_lifetime = 1y\n"
							      "max_tokens = 7\n"
							      "default_services = sshd, sudo\n"
							      "\n"
							      "allowed_services = sshd, sudo, su\n"
							      "require_from = yes\n"
							      "require_description = yes\n"
							      "allow_root = yes\n"
							      "allow_users = alice, bob carol\n"
							      "allow_groups = ci\n"
							      "deny_groups = contractors\n"
							      "verify_for = www-data\n"
							      "keep_revoked = 30d\n"
							      "expire_unused = none");

	(void)state;
	assert_string_equal(rules->default_lifetime, "30d");
	assert_string_equal(rules->max_lifetime, "1y");
	assert_int_equal(rules->max_tokens, 7);
	assert_string_equal(rules->default_services, "sshd,sudo");
	assert_string_equal(rules->allowed_services, "sshd,sudo,su");
	assert_true(rules->require_from && rules->require_description && limits.allow_root);
	assert_string_equal(policy.allow_users, "alice bob carol");
	assert_string_equal(policy.keep_revoked, "30d");
	assert_string_equal(policy.expire_unused, "none");
	assert_string_equal(limits.origin[POLICY_DEFAULT_LIFETIME], "pat.conf line 1");
	assert_string_equal(limits.origin[POLICY_DEFAULT_SERVICES], "pat.conf line 4");
	assert_string_equal(limits.origin[POLICY_ALLOWED_SERVICES], "pat.conf line 6");
	assert_string_equal(limits.origin[POLICY_DENY_GROUPS], "pat.conf line 12");
	assert_string_equal(limits.origin[POLICY_EXPIRE_UNUSED], "pat.conf line 15");
	assert_true(policy_may_verify(&policy, "www-data"));
	assert_false(policy_may_verify(&policy, "www"));
	assert_false(policy_may_verify(&policy, ""));
}

static void a_line_that_is_wrong_is_named(void **state)
{
	char text[300];

	(void)state;
	wrong("max_tokens = many", 1, "max_tokens must be a number");
	wrong("\n\nmax_tokens = 1001\n", 3, "max_tokens");
	wrong("max_tokens\n", 1, "key = value");
	wrong("max_tokens: 5\n", 1, "key = value");
	wrong("= 5\n", 1, "unknown key");
	wrong("max_token = 5\n", 1, "unknown key \"max_token\"");
	wrong("max_tokens = 5\nmax_tokens = 5\n", 2, "a second value");
	wrong(" max_tokens = 5\n", 1, "beginning of its line");
	wrong("max_tokens = 5 # five\n", 1, "max_tokens");
	wrong("default_lifetime = 0d\n", 1, "default_lifetime");
	wrong("default_lifetime = none\n", 1, "default_lifetime");
	wrong("max_lifetime = never\n", 1, "max_lifetime");
	wrong("max_lifetime = 9000y\n", 1, "max_lifetime");
	wrong("keep_revoked = none\n", 1, "keep_revoked");
	wrong("expire_unused = never\n", 1, "expire_unused");
	wrong("require_from = perhaps\n", 1, "require_from");
	wrong("require_description = true\n", 1, "require_description");
	wrong("allow_root = YES\n", 1, "allow_root");
	wrong("allow_users = ,\n", 1, "allow_users");
	wrong("deny_groups = ci # all of them\n", 1, "deny_groups");
	wrong("verify_for = bob  # not carol\n", 1, "verify_for must be user names");
	wrong("allow_users = \"alice\"\n", 1, "allow_users");
	wrong("allow_users = -alice\n", 1, "allow_users");
	wrong("allow_users = $\n", 1, "allow_users");
	load("allow_users = _a.b-C9 host$ DOM\\user, user@example.org ; and a comment\n");
	wrong("default_services =\n", 1, "default_services");
	wrong("default_services = sshd,,su\n", 1, "is no PAM service");
	wrong("allowed_services = ss hd\n", 1, "is no PAM service");
	wrong("allowed_services = sshd, passwd\n", 1, "no token may be for \"passwd\"");
	memset(text, 'a', sizeof(text));
	memcpy(text + 198, "\n", 2);
	wrong(text, 1, "197 bytes");
	assert_int_equal(load_bytes("max_tokens = 5\n\0allow_root = yes\n", 33), PAT_E_INVALID);
}

static void the_first_wrong_line_is_the_one_named(void **state)
{
	(void)state;
	wrong("max_tokens = 5\nfoo = 1\nbar = 2\n[baz]\n", 2, "\"foo\"");
	wrong("max_tokens = 5\n[baz]\nfoo = 1\n", 2, "[group NAME]");
}

static void a_section_is_for_a_group_and_begins_so(void **state)
{
	char text[8192] = "";

	(void)state;
	wrong("[section]\n", 1, "[group NAME]");
	wrong("[group]\n", 1, "[group NAME]");
	wrong("[group ]\n", 1, "[group NAME]");
	wrong("[groupci]\n", 1, "[group NAME]");
	wrong("[GROUP ci]\n", 1, "[group NAME]");
	wrong("[user alice]\n", 1, "[group NAME]");
	wrong("[group ci\nmax_tokens = 1\n", 1, "[group NAME]");
	wrong("[group ci] max_tokens = 1\n", 1, "[group NAME]");
	wrong(" [group ci]\n", 1, "beginning of its line");
	wrong("\xef\xbb\xbf[section]\n", 1, "[group NAME]");
	wrong("[group ci]\n\n[group web]\n[group ci]\n", 4, "line 1");
	for (int i = 0; i < POLICY_SECTIONS_MAX + 1; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "[group g%d]\n", i);
	wrong(text, POLICY_SECTIONS_MAX + 1, "sections");
	load("[group ci] # the robots\n[group  domain users ]\r\n");
	assert_int_equal(policy.sections_count, 2);
	assert_string_equal(policy.sections[0].group, "ci");
	assert_string_equal(policy.sections[1].group, "domain users");
}

static void what_is_not_for_a_group_stands_above_all_sections(void **state)
{
	static const char *const above[] = {
		"allow_root = no", "allow_users = a", "allow_groups = a",  "deny_groups = a",
		"verify_for = a",  "@web = nginx",    "keep_revoked = 1d", "expire_unused = 1y",
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(above); i++) {
		snprintf(text, sizeof(text), "[group ci]\n%s\n", above[i]);
		wrong(text, 2, "above all sections");
	}
	wrong("override = yes\n", 1, "unknown key");
	wrong("[group ci]\noverride = maybe\n", 2, "override");
	wrong("[group ci]\noverride = yes\noverride = no\n", 3, "a second value");
	wrong("[group ci]\nmax_tokens = 1\nmax_tokens = 1\n", 3, "a second value");
	load("max_tokens = 5\n[group ci]\nmax_tokens = 1\n[group web]\nmax_tokens = 2\n");
}

static void contradictions_are_found_with_their_lines(void **state)
{
	(void)state;
	wrong("max_lifetime = 30d\ndefault_lifetime = 31d\n", 2, "max_lifetime (pat.conf line 1)");
	wrong("default_lifetime = 3y\n", 1, "max_lifetime (built in)");
	wrong("default_lifetime = never\n", 1, "longer than max_lifetime");
	wrong("default_lifetime = 90d\n[group ci]\nmax_lifetime = 7d\ndefault_lifetime = 8d\n", 4,
	      "max_lifetime ([group ci] line 3)");
	wrong("max_lifetime = 1y\n[group ci]\ndefault_lifetime = 2y\n", 3, "(pat.conf line 1)");
	wrong("allowed_services = sshd\ndefault_services = sshd, sudo\n", 2,
	      "allowed_services (pat.conf line 1)");
	wrong("[group ci]\ndefault_services = sshd\nallowed_services = sudo\n", 2,
	      "allowed_services ([group ci] line 3)");
	wrong("allowed_services = sshd\n[group ci]\nallowed_services = sudo\n", 3,
	      "nothing in common");
	wrong("default_services = sshd\n[group ci]\ndefault_services = sudo\n", 3,
	      "nothing in common");
	wrong("allow_groups = ci, web\ndeny_groups = contractors, web\n", 2,
	      "the group web is in allow_groups (line 1)");
	wrong("default_services = @nowhere\n", 1, "no group of services \"@nowhere\"");
	wrong("[group ci]\n\nallowed_services = sshd, @web\n", 3, "\"@web\"");
}

static void what_only_looks_like_a_contradiction_is_none(void **state)
{
	(void)state;
	load("max_lifetime = none\ndefault_lifetime = never\n");
	load("max_lifetime = 90d\ndefault_lifetime = 90d\n");
	load("max_lifetime = 1M\ndefault_lifetime = 31d\n");
	load("allowed_services = sudo\ndefault_services = sudo-i\n");
	load("[group ci]\noverride = yes\ndefault_services = sudo\n");
	load("allowed_services = sshd\n[group ci]\noverride = yes\nallowed_services = sudo\n"
	     "default_services = sudo\n");
}

static void what_is_not_written_gives_way_to_what_is(void **state)
{
	const struct policy_rules *rules =
		rules_for("alice", "max_lifetime = 30d\nallowed_services = sudo\n");

	(void)state;
	assert_string_equal(rules->default_lifetime, "30d");
	assert_string_equal(limits.origin[POLICY_DEFAULT_LIFETIME], "pat.conf line 1");
	assert_string_equal(rules->default_services, "");
	rules = rules_for("alice", "default_services = sshd, sudo\ndefault_lifetime = 60d\n"
				   "[group ci]\nmax_lifetime = 30d\nallowed_services = sudo, su\n");
	assert_string_equal(rules->default_lifetime, "30d");
	assert_string_equal(limits.origin[POLICY_DEFAULT_LIFETIME], "[group ci] line 4");
	assert_string_equal(rules->default_services, "sudo");
}

static void groups_of_services_stand_for_their_services(void **state)
{
	char list[PAT_SERVICES_MAX + 1] = "", missing[PAT_SERVICE_MAX + 1];

	(void)state;
	/* Where the definition stands does not matter. */
	load("default_services = sshd, @web\nallowed_services = @web, @remote, su\n"
	     "@Web = nginx, apache2\n");
	assert_string_equal(policy.main.default_services, "sshd,nginx,apache2");
	assert_true(pat_services_cover(policy.main.allowed_services, "vsftpd"));
	assert_int_equal(policy_services(&policy, " @web ,su", list, NULL), 0);
	assert_string_equal(list, "nginx,apache2,su");
	assert_int_equal(policy_services(&policy, "@WEB,login", list, NULL), 0);
	assert_string_equal(list, "nginx,apache2,su,login");
	assert_int_equal(
		policy_services(&policy, "sudo, @web, @nowhere , @elsewhere", list, missing),
		PAT_E_NOTFOUND);
	assert_string_equal(missing, "nowhere");
	assert_int_equal(policy_services(&policy, "sudo,", list, NULL), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "", list, NULL), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "@", list, NULL), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "@@web", list, NULL), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "web@", list, NULL), PAT_E_INVALID);
	assert_string_equal(list, "nginx,apache2,su,login");
}

static void remote_and_local_are_there_and_may_be_defined_anew(void **state)
{
	static const char *const neither[] = {"sudo",   "sudo-i", "polkit-1",
					      "passwd", "patd",   "cron"};
	char remote[PAT_SERVICES_MAX + 1] = "", local[PAT_SERVICES_MAX + 1] = "";

	(void)state;
	load("");
	assert_int_equal(policy_services(&policy, "@remote", remote, NULL), 0);
	assert_int_equal(policy_services(&policy, "@local", local, NULL), 0);
	assert_true(pat_services_within("sshd,cockpit,vsftpd,dovecot", remote));
	assert_true(pat_services_within("login,su,su-l,i3lock,gdm-password", local));
	for (size_t i = 0; i < COUNT(neither); i++) {
		assert_false(pat_services_cover(remote, neither[i]));
		assert_false(pat_services_cover(local, neither[i]));
	}
	load("@remote = sshd\n");
	remote[0] = '\0';
	assert_int_equal(policy_services(&policy, "@remote", remote, NULL), 0);
	assert_string_equal(remote, "sshd");
}

static void definitions_of_services_that_are_wrong_are_named(void **state)
{
	char text[8192] = "";

	(void)state;
	wrong("@web =\n", 1, "@web must be");
	wrong("@web = nginx, passwd\n", 1, "@web must be");
	wrong("@web = nginx apache2\n", 1, "@web must be");
	wrong("@web = nginx, @remote\n", 1, "not groups");
	wrong("@ = nginx\n", 1, "no name");
	wrong("@a,b = nginx\n", 1, "no name");
	wrong("@web = nginx\n@WEB = sshd\n", 2, "line 1");
	for (int i = 0; i < POLICY_SERVICE_GROUPS_MAX + 1; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "@g%d = s%d\n", i, i);
	wrong(text, POLICY_SERVICE_GROUPS_MAX + 1, "groups of services");
}

static void a_file_that_others_may_write_is_not_used(void **state)
{
	(void)state;
	load("");
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(policy_load(path, &policy, fault), PAT_E_IO);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(policy_load(path, &policy, fault), PAT_E_IO);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(policy_load(path, &policy, fault), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(policy_load(path, &policy, fault), PAT_E_IO);
	assert_non_null(strstr(fault, path));
	assert_int_equal(policy_load(directory, &policy, fault), PAT_E_IO);
}

/* Any change of a byte leaves a file that is right or is refused, and never a crash. */
static void a_file_with_any_byte_wrong_does_no_harm(void **state)
{
	char text[sizeof(several)];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct pat_account alice = account("alice");

		memcpy(text, several, sizeof(text));
		for (unsigned i = 0; i <= unit_below(3); i++)
			text[unit_below(sizeof(text) - 1)] = (char)unit_random();
		if (load_bytes(text, sizeof(text) - 1) == 0)
			assert_int_equal(policy_for(&policy, &alice, &limits), 0);
		else
			assert_true(fault[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_groups(built_in_rules_hold_where_the_file_says_nothing),
		with_groups(each_rule_is_taken_with_the_line_it_stands_in),
		with_groups(a_line_that_is_wrong_is_named),
		with_groups(the_first_wrong_line_is_the_one_named),
		with_groups(a_section_is_for_a_group_and_begins_so),
		with_groups(what_is_not_for_a_group_stands_above_all_sections),
		with_groups(contradictions_are_found_with_their_lines),
		with_groups(what_only_looks_like_a_contradiction_is_none),
		with_groups(what_is_not_written_gives_way_to_what_is),
		with_groups(groups_of_services_stand_for_their_services),
		with_groups(remote_and_local_are_there_and_may_be_defined_anew),
		with_groups(definitions_of_services_that_are_wrong_are_named),
		with_groups(a_file_that_others_may_write_is_not_used),
		with_groups(a_file_with_any_byte_wrong_does_no_harm),
	};

	return unit_run(tests);
}
