/* SPDX-License-Identifier: ISC */
#ifndef UNIT_GROUPS_H
#define UNIT_GROUPS_H

/*
 * Policies on a machine of our own: alice is in ci and web, bob in contractors. They are
 * definitions: one file of a program includes this.
 */

#include "unit_policy.h"

#include <grp.h>
#include <pwd.h>

/* These stand before those of the C library for the whole program. */
struct passwd *getpwnam(const char *name);
struct group *getgrnam(const char *name);
struct group *getgrgid(gid_t gid);
int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count);

static int name_service_error UNUSED;
static int no_group_database UNUSED;

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

/* The name service works again, whatever became of the last test. */
static UNUSED int groups_set_up(void **state)
{
	name_service_error = 0;
	return set_up(state);
}

#define with_groups(test) cmocka_unit_test_setup_teardown(test, groups_set_up, tear_down)

static struct policy_limits limits UNUSED;

static UNUSED struct pat_account account(const char *name)
{
	struct pat_account user = {.exists = true, .uid = 1000};

	snprintf(user.name, sizeof(user.name), "%s", name);
	return user;
}

/* What holds for this user by this file. */
static UNUSED const struct policy_rules *rules_for(const char *name, const char *text)
{
	struct pat_account user = account(name);

	load(text);
	assert_int_equal(policy_for(&policy, &user, &limits), 0);
	return &limits.rules;
}

/* A policy with sections for two groups. */
static const char several[] UNUSED = "max_lifetime = 1y\n"
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

#endif
