/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "../../helper/patd/policy.h"
#include "pat/error.h"
#include "pat/when.h"

/* ---- A machine of our own: alice is in ci and web, bob in contractors ---------------------------
 */

/* These stand before those of the C library for the whole program. */
struct passwd *getpwnam(const char *name);
struct group *getgrnam(const char *name);
struct group *getgrgid(gid_t gid);
int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count);

static int name_service_error;
static int no_group_database;

#define GID(number) (4000000000u + (number))

static const struct {
	const char *name;
	gid_t gid;
} groups_here[] = {
	{"users", GID(0)},       {"ci", GID(1)},           {"web", GID(2)},
	{"contractors", GID(3)}, {"domain users", GID(4)},
};

struct passwd *getpwnam(const char *name)
{
	static struct passwd entry;

	errno = name_service_error;
	if (name_service_error || !strcmp(name, "nobody-here"))
		return NULL;
	entry.pw_gid = GID(0);
	return &entry;
}

struct group *getgrnam(const char *name)
{
	static char *nobody[] = {NULL}, by_name[] = "alice", *alice[] = {by_name, NULL};
	static struct group entry;

	errno = name_service_error;
	for (size_t i = 0; !name_service_error && i < COUNT(groups_here); i++)
		if (!strcmp(groups_here[i].name, name)) {
			entry.gr_gid = groups_here[i].gid;
			entry.gr_mem = !strcmp(name, "domain users") ? alice : nobody;
			return &entry;
		}
	return NULL;
}

struct group *getgrgid(gid_t gid)
{
	errno = name_service_error;
	return name_service_error || no_group_database || gid != GID(0) ? NULL : getgrnam("users");
}

/* alice has more groups than fit into the first try. */
int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
	int wanted = !strcmp(user, "alice") ? 100 : 2, room = *count;

	*count = wanted;
	if (room < wanted)
		return -1;
	for (int i = 0; i < wanted; i++)
		groups[i] = 70000 + (gid_t)i;
	groups[0] = group;
	if (!strcmp(user, "alice")) {
		groups[98] = GID(1);
		groups[99] = GID(2);
	} else if (!strcmp(user, "bob")) {
		groups[1] = GID(3);
	}
	return wanted;
}

/* ---- Files --------------------------------------------------------------------------------------
 */

static char directory[64], path[96], fault[POLICY_FAULT_MAX];
static struct policy policy;
static struct policy_limits limits;

static int set_up(void **state)
{
	(void)state;
	name_service_error = 0;
	snprintf(directory, sizeof(directory), "/tmp/policy.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/pat.conf", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static int load_bytes(const void *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	fault[0] = '\0';
	return policy_load(path, &policy, fault);
}

/* A file that is right. */
static void load(const char *text)
{
	int error = load_bytes(text, strlen(text));

	if (error)
		print_error("%s\n", fault);
	assert_int_equal(error, 0);
}

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

static struct pat_account account(const char *name)
{
	struct pat_account user = {.exists = true, .uid = 1000};

	snprintf(user.name, sizeof(user.name), "%s", name);
	return user;
}

/* What holds for this user by this file. */
static const struct policy_rules *rules_for(const char *name, const char *text)
{
	struct pat_account user = account(name);

	load(text);
	assert_int_equal(policy_for(&policy, &user, &limits), 0);
	return &limits.rules;
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
	char list[PAT_SERVICES_MAX + 1] = "";

	(void)state;
	/* Where the definition stands does not matter. */
	load("default_services = sshd, @web\nallowed_services = @web, @remote, su\n"
	     "@Web = nginx, apache2\n");
	assert_string_equal(policy.main.default_services, "sshd,nginx,apache2");
	assert_true(pat_services_cover(policy.main.allowed_services, "vsftpd"));
	assert_int_equal(policy_services(&policy, " @web ,su", list), 0);
	assert_string_equal(list, "nginx,apache2,su");
	assert_int_equal(policy_services(&policy, "@WEB,login", list), 0);
	assert_string_equal(list, "nginx,apache2,su,login");
	assert_int_equal(policy_services(&policy, "sudo,@nowhere", list), PAT_E_NOTFOUND);
	assert_int_equal(policy_services(&policy, "sudo,", list), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "", list), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "@", list), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "@@web", list), PAT_E_INVALID);
	assert_int_equal(policy_services(&policy, "web@", list), PAT_E_INVALID);
	assert_string_equal(list, "nginx,apache2,su,login");
}

static void remote_and_local_are_there_and_may_be_defined_anew(void **state)
{
	static const char *const neither[] = {"sudo",   "sudo-i", "polkit-1",
					      "passwd", "patd",   "cron"};
	char remote[PAT_SERVICES_MAX + 1] = "", local[PAT_SERVICES_MAX + 1] = "";

	(void)state;
	load("");
	assert_int_equal(policy_services(&policy, "@remote", remote), 0);
	assert_int_equal(policy_services(&policy, "@local", local), 0);
	assert_true(pat_services_within("sshd,cockpit,vsftpd,dovecot", remote));
	assert_true(pat_services_within("login,su,su-l,i3lock,gdm-password", local));
	for (size_t i = 0; i < COUNT(neither); i++) {
		assert_false(pat_services_cover(remote, neither[i]));
		assert_false(pat_services_cover(local, neither[i]));
	}
	load("@remote = sshd\n");
	remote[0] = '\0';
	assert_int_equal(policy_services(&policy, "@remote", remote), 0);
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

static const char several[] = "max_lifetime = 1y\n"
			      "max_tokens = 20\n"
			      "allowed_services = sshd, sudo, su, login\n"
			      "default_services = sshd, sudo\n"
			      "[group ci]\n"
			      "max_lifetime = 30d\n"
			      "max_tokens = 40\n"
			      "allowed_services = sshd, sudo-i, cron\n"
			      "require_description = yes\n"
			      "[group web]\n"
			      "default_lifetime = 12h\n"
			      "max_lifetime = 60d\n"
			      "allowed_services = sshd, sudo\n"
			      "require_from = yes\n"
			      "require_description = no\n"
			      "[group contractors]\n"
			      "max_tokens = 1\n"
			      "max_lifetime = 1h\n";

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(built_in_rules_hold_where_the_file_says_nothing),
		TEST(each_rule_is_taken_with_the_line_it_stands_in),
		TEST(a_line_that_is_wrong_is_named),
		TEST(the_first_wrong_line_is_the_one_named),
		TEST(a_section_is_for_a_group_and_begins_so),
		TEST(what_is_not_for_a_group_stands_above_all_sections),
		TEST(contradictions_are_found_with_their_lines),
		TEST(what_only_looks_like_a_contradiction_is_none),
		TEST(what_is_not_written_gives_way_to_what_is),
		TEST(groups_of_services_stand_for_their_services),
		TEST(remote_and_local_are_there_and_may_be_defined_anew),
		TEST(definitions_of_services_that_are_wrong_are_named),
		TEST(the_strictest_of_all_sections_wins),
		TEST(sections_of_other_groups_do_not_count),
		TEST(override_takes_the_place_of_the_main_section_only),
		TEST(groups_without_a_common_service_leave_none),
		TEST(who_may_have_tokens_is_as_the_lists_say),
		TEST(a_name_service_that_fails_is_no_absence_of_groups),
		TEST(a_group_database_that_is_not_there_denies_rather_than_allows),
		TEST(a_wish_within_all_rules_is_granted),
		TEST(each_rule_refuses_and_is_named),
		TEST(a_life_may_be_as_long_as_max_lifetime_and_no_longer),
		TEST(a_default_that_is_longer_in_some_months_is_cut),
		TEST(a_wish_that_is_none_is_told_from_one_that_is_refused),
		TEST(a_file_that_others_may_write_is_not_used),
		TEST(a_file_with_any_byte_wrong_does_no_harm),
	};

	return unit_run(tests);
}
