/* SPDX-License-Identifier: ISC */

/* Which groups a user is in. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "policy_private.h"

/* Linux has no more for a process (NGROUPS_MAX). */
#define GIDS_MAX 65536

/* getpwnam(3) and getgrnam(3): "not found" may come as one of these. */
static bool not_found(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH;
}

int policy_look_up(const char *user, struct policy_membership *membership)
{
	const struct passwd *entry;
	int size = 64, count;

	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL) {
		errno = errno ? errno : ENOENT;
		return PAT_E_IO;
	}
	/* Without a name for the user's own group the database is not there, and a group that must
	 * be denied would look as if it had no members. */
	errno = 0;
	if (getgrgid(entry->pw_gid) == NULL) {
		errno = errno ? errno : ENOENT;
		return PAT_E_IO;
	}
	for (; size <= GIDS_MAX; size *= 4) {
		gid_t *more = reallocarray(membership->gids, (size_t)size, sizeof(*more));

		if (more == NULL)
			return PAT_E_NOMEM;
		membership->gids = more;
		count = size;
		if (getgrouplist(user, entry->pw_gid, membership->gids, &count) >= 0) {
			membership->user = user;
			membership->count = count;
			return PAT_OK;
		}
	}
	errno = E2BIG;
	return PAT_E_IO;
}

int policy_find(const struct policy_membership *membership, const char *group, bool *member)
{
	const struct group *entry;

	*member = false;
	errno = 0;
	entry = getgrnam(group);
	if (entry == NULL)
		return not_found(errno) ? PAT_OK : PAT_E_IO;
	for (int i = 0; i < membership->count && !*member; i++)
		*member = membership->gids[i] == entry->gr_gid;
	for (char **name = entry->gr_mem; *name != NULL && !*member; name++)
		*member = strcmp(*name, membership->user) == 0;
	return PAT_OK;
}

/* Takes the first of these groups that the user is in; "" if there is none. */
int policy_find_any(const struct policy_membership *membership, const char *names,
		    char group[POLICY_GROUP_MAX + 1])
{
	char name[POLICY_NAMES_MAX + 1];
	bool member;
	int error;

	group[0] = '\0';
	while ((names = policy_names_next(names, name, sizeof(name))) != NULL) {
		error = policy_find(membership, name, &member);
		if (error)
			return error;
		if (member) {
			snprintf(group, POLICY_GROUP_MAX + 1, "%.*s", POLICY_GROUP_MAX, name);
			return PAT_OK;
		}
	}
	return PAT_OK;
}

static void tell_if_unknown(const char *group, unsigned line,
			    void (*each)(const char *group, unsigned line, void *data), void *data)
{
	errno = 0;
	if (getgrnam(group) == NULL && not_found(errno))
		each(group, line, data);
}

void policy_unknown_groups(const struct policy *policy,
			   void (*each)(const char *group, unsigned line, void *data), void *data)
{
	const struct {
		const char *names;
		unsigned line;
	} lists[] = {
		{policy->allow_groups, policy->line[POLICY_ALLOW_GROUPS]},
		{policy->deny_groups, policy->line[POLICY_DENY_GROUPS]},
	};
	char name[POLICY_NAMES_MAX + 1];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const char *rest = lists[i].names;
		     (rest = policy_names_next(rest, name, sizeof(name))) != NULL;)
			tell_if_unknown(name, lists[i].line, each, data);
	for (unsigned i = 0; i < policy->sections_count; i++)
		tell_if_unknown(policy->sections[i].group, policy->sections[i].line, each, data);
}

void policy_forget(struct policy_membership *membership)
{
	free(membership->gids);
	membership->gids = NULL;
}
