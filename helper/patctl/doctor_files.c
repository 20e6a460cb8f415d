/* SPDX-License-Identifier: ISC */

/* Owners and modes of what pam_pat trusts, and what is in the store's file as far as that can be
 * told at a glance. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "pat/store.h"
#include "tell.h"

static const char unit[] = "patd.socket";

/* What is wrong with one owner and mode, or NULL. */
static char *why_loose(const struct doctor *doctor, const char *path, const struct stat *st)
{
	if (st->st_uid != doctor->owner)
		return doctor_text("%s belongs to uid %lu", path, (unsigned long)st->st_uid);
	if ((st->st_mode & 022) != 0)
		return doctor_text("%s has mode %04o", path, (unsigned)st->st_mode & 07777);
	return NULL;
}

char *doctor_why_writable(struct doctor *doctor, const char *path)
{
	char *dir = strdup(path), *why = NULL;
	struct stat st;

	if (dir == NULL)
		out_of_memory();
	*strrchr(dir, '/') = '\0';
	if (doctor_stat(&doctor->root, path, false, &st))
		why = why_loose(doctor, path, &st);
	else if (errno == EACCES)
		doctor_unseen(&doctor->findings, path, strerror(errno));
	if (why == NULL && dir[0] != '\0' && doctor_stat(&doctor->root, dir, false, &st))
		why = why_loose(doctor, dir, &st);
	free(dir);
	return why;
}

static void judge_trusted(struct doctor *doctor, const char *id, const char *path, const char *harm)
{
	char *why = doctor_why_writable(doctor, path);

	if (why != NULL)
		doctor_find(&doctor->findings, id, NULL, path, 0, doctor_text("%s: %s", why, harm),
			    doctor_text("chown root:root %s; chmod go-w %s, and the same for its "
					"directory",
					path, path));
	free(why);
}

/* What stands at the beginning of every file of TDB. */
static bool is_tdb(int fd)
{
	static const char magic[] = "TDB file\n";
	char head[sizeof(magic) - 1];

	return read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
	       memcmp(head, magic, sizeof(head)) == 0;
}

static void find_unsafe(struct doctor *doctor, const char *path, const char *wrong, char *remedy)
{
	doctor_find(&doctor->findings, "store/unsafe", NULL, path, 0,
		    doctor_text("%s. pam_pat.so and patd trust no such thing: every token is "
				"refused, or others may read or write the store.",
				wrong),
		    remedy);
}

/* One file of the store, or its directory. False if there is none, or it cannot be seen. */
static bool judge_one(struct doctor *doctor, const char *path, mode_t kind, unsigned mode)
{
	struct stat st;
	char *why;

	if (!doctor_stat(&doctor->root, path, true, &st)) {
		if (errno != ENOENT && errno != ENOTDIR)
			doctor_unseen(&doctor->findings, path, strerror(errno));
		return false;
	}
	if ((st.st_mode & S_IFMT) != kind || (kind == S_IFREG && st.st_nlink != 1)) {
		find_unsafe(doctor, path,
			    S_ISLNK(st.st_mode)   ? "It is a symbolic link"
			    : S_ISREG(st.st_mode) ? "It has a second name, by a hard link"
						  : "It is of the wrong kind",
			    doctor_text("Put the thing itself there."));
		return false;
	}
	why = why_loose(doctor, path, &st);
	if (why == NULL && (st.st_mode & 077) != 0)
		why = doctor_text("%s has mode %04o", path, (unsigned)st.st_mode & 07777);
	if (why != NULL)
		find_unsafe(doctor, path, why,
			    doctor_text("chown root:root %s; chmod %o %s", path, mode, path));
	free(why);
	return true;
}

/* Who makes a store, or tries to, makes its lock first, and removes it never. */
static void judge_missing(struct doctor *doctor, const char *path, const char *lock)
{
	struct stat st;

	if (doctor_stat(&doctor->root, path, true, &st) || errno != ENOENT ||
	    !doctor_stat(&doctor->root, lock, true, &st))
		return;
	doctor_find(&doctor->findings, "store/missing", NULL, path, 0,
		    doctor_text("There is the lock of a store, and no store: it is gone, or could "
				"never be made. Every token is refused; the next one that is "
				"minted makes a new store."),
		    doctor_text("If there were tokens, patstore restore FILE brings them back."));
}

static void judge_store(struct doctor *doctor, const char *path)
{
	char *dir = strdup(path), *lock = doctor_text("%s.lock", path);
	int fd;

	if (dir == NULL)
		out_of_memory();
	if (strrchr(dir, '/') > dir)
		*strrchr(dir, '/') = '\0';
	if (!judge_one(doctor, dir, S_IFDIR, 0700)) {
		/* None at all: the first token makes it. */
	} else if (!judge_one(doctor, path, S_IFREG, 0600)) {
		judge_missing(doctor, path, lock);
	} else {
		(void)judge_one(doctor, lock, S_IFREG, 0600);
		fd = doctor_open(&doctor->root, path, O_RDONLY | O_NOFOLLOW);
		if (fd < 0)
			doctor_unseen(&doctor->findings, path, strerror(errno));
		else if (!is_tdb(fd))
			doctor_find(&doctor->findings, "store/damaged", NULL, path, 0,
				    doctor_text("It is not a store. Every token is refused."),
				    doctor_text("patstore check says more; patstore restore FILE "
						"brings a backup back."));
		if (fd >= 0)
			close(fd);
	}
	free(lock);
	free(dir);
}

/* Those that the stacks name, and the usual one. */
static void judge_stores(struct doctor *doctor)
{
	judge_store(doctor, PAT_STORE_PATH);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct pamd_handler *pat =
			doctor_find_pat(&doctor->stacks[i]->chains[PAMD_AUTH]);

		for (size_t a = 0; pat != NULL && a < pat->count; a++)
			if (strncmp(pat->arguments[a], "store=/", 7) == 0 &&
			    strcmp(pat->arguments[a] + 6, PAT_STORE_PATH) != 0)
				judge_store(doctor, pat->arguments[a] + 6);
	}
}

static bool has_unit(const struct doctor *doctor, const char *const dirs[], size_t count,
		     const char *below)
{
	for (size_t i = 0; i < count; i++) {
		char *path = doctor_text("%s/systemd/system/%s%s", dirs[i], below, unit);
		struct stat st;
		bool found = doctor_stat(&doctor->root, path, true, &st);

		free(path);
		if (found)
			return true;
	}
	return false;
}

/* Where systemd starts services, and knows ours, but was not told to start it. */
static void judge_enabled(struct doctor *doctor)
{
	static const char *const dirs[] = {"/etc", "/run", "/usr/lib", "/lib"};
	const size_t count = sizeof(dirs) / sizeof(dirs[0]);
	struct stat st;

	if (!doctor->root.remote && !doctor_stat(&doctor->root, "/run/systemd/system", false, &st))
		return;
	if (has_unit(doctor, dirs, count, "") &&
	    !has_unit(doctor, dirs, count, "sockets.target.wants/"))
		doctor_find(&doctor->findings, "patd/not-enabled", NULL, NULL, 0,
			    doctor_text("%s is not started when the machine is: nothing can be "
					"minted or revoked then, and sudo and su take no tokens.",
					unit),
			    doctor_text("systemctl enable --now %s", unit));
}

void doctor_judge_files(struct doctor *doctor)
{
	char *module = doctor_module_file(&doctor->root, &doctor->modules, "pam_pat.so");

	if (module != NULL)
		judge_trusted(doctor, "module/writable", module,
			      "who can write it is root at the next login.");
	free(module);
	judge_trusted(doctor, "policy/writable", PAT_POLICY_PATH,
		      "who can write it decides what tokens may be minted.");
	judge_stores(doctor);
	judge_enabled(doctor);
}
