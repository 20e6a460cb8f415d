/* SPDX-License-Identifier: ISC */
#ifndef WORLD_ACCOUNTS_H
#define WORLD_ACCOUNTS_H

/* A part of world.h: the accounts and groups that there are, alice, bob and root. */

OURS int getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
	if (!world.armed)
		return REAL(getresuid)(real, effective, saved);
	*real = *effective = *saved = world.nobody_is_root ? ALICE : 0;
	return fails() ? -1 : 0;
}

static const struct {
	const char *name;
	uid_t uid;
} people[] = {{"root", 0}, {"alice", ALICE}, {"bob", BOB}};
static char no_text[] = "", in_shadow[] = "x", locked_hash[] = "!$y$j9T$", open_hash[] = "$y$j9T$";
static char *no_members[] = {NULL};

static int find_person(unsigned person, struct passwd *entry, struct passwd **found)
{
	*found = NULL;
	if (fails())
		return errno;
	if (person < COUNT(people)) {
		*entry = (struct passwd){.pw_name = (char *)(uintptr_t)people[person].name,
					 .pw_passwd = in_shadow,
					 .pw_uid = people[person].uid,
					 .pw_gid = people[person].uid,
					 .pw_gecos = no_text,
					 .pw_dir = no_text,
					 .pw_shell = no_text};
		*found = entry;
	}
	return 0;
}

static unsigned person_named(const char *name)
{
	unsigned i = 0;

	while (i < COUNT(people) && strcmp(people[i].name, name) != 0)
		i++;
	return i;
}

static unsigned person_of(uid_t uid)
{
	unsigned i = 0;

	while (i < COUNT(people) && people[i].uid != uid)
		i++;
	return i;
}

OURS int getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
		    struct passwd **found)
{
	if (!world.armed)
		return REAL(getpwnam_r)(name, entry, buf, size, found);
	return find_person(person_named(name), entry, found);
}

OURS int getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size, struct passwd **found)
{
	if (!world.armed)
		return REAL(getpwuid_r)(uid, entry, buf, size, found);
	return find_person(person_of(uid), entry, found);
}

OURS int getspnam_r(const char *name, struct spwd *entry, char *buf, size_t size,
		    struct spwd **found)
{
	(void)buf;
	(void)size;
	*found = NULL;
	if (fails())
		return errno;
	*entry = (struct spwd){.sp_namp = (char *)(uintptr_t)name,
			       .sp_pwdp = world.locked ? locked_hash : open_hash};
	if (person_named(name) < COUNT(people))
		*found = entry;
	return 0;
}

OURS struct passwd *getpwnam(const char *name)
{
	static struct passwd entry;
	struct passwd *found;

	return find_person(person_named(name), &entry, &found) == 0 ? found : NULL;
}

/* Each has a group of the same name and number; alice is in `ci`, 2000, as well. */
static struct group *find_group(const char *name, gid_t gid)
{
	static struct group entry;

	entry = (struct group){
		.gr_name = (char *)(uintptr_t)name, .gr_gid = gid, .gr_mem = no_members};
	return fails() || (gid != 2000 && person_of(gid) == COUNT(people)) ? NULL : &entry;
}

OURS struct group *getgrgid(gid_t gid)
{
	errno = 0;
	return find_group(gid == 2000 ? "ci" : "x", gid);
}

OURS struct group *getgrnam(const char *name)
{
	unsigned person = person_named(name);

	errno = 0;
	return find_group(name, strcmp(name, "ci") == 0  ? 2000
				: person < COUNT(people) ? people[person].uid
							 : 4242);
}

OURS int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
	groups[0] = group;
	groups[1] = 2000;
	*count = strcmp(user, "alice") == 0 ? 2 : 1;
	return *count;
}

#endif
