/* SPDX-License-Identifier: ISC */
#ifndef POLICY_PRIVATE_H
#define POLICY_PRIVATE_H

#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "policy.h"

/* What the parts of the policy share with each other and with nobody else. */

/* The first thing that is wrong with the file. */
struct policy_complaint {
	unsigned line; /* 0: nothing is wrong */
	char text[POLICY_FAULT_MAX * 3 / 4];
};

void policy_complain(struct policy_complaint *complaint, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* policy_check.c: expands the groups of services and looks for rules that contradict each other. */
void policy_check(struct policy *policy, struct policy_complaint *complaint);

/*
 * When what begins at `now` is over after this span; INT64_MAX for "none" and "never", and for what
 * is none.
 */
int64_t policy_span_end(const char *span, int64_t now);

/* policy_services.c: takes the definition of `@name`. */
void policy_define_services(struct policy *policy, unsigned line, const char *name,
			    const char *value, struct policy_complaint *complaint);

/* What both lists cover, into a third. */
void policy_services_common(const char *one, const char *other, char both[PAT_SERVICES_MAX + 1]);

/* The same for what is allowed by two sections, into the first. */
void policy_allow_common(struct policy_rules *rules, const struct policy_rules *other);

/* True if `name` is among names with one space between. */
bool policy_names_have(const char *names, const char *name);

/*
 * Takes the first of such names into `name`, cut to `size`, and returns what follows it; NULL when
 * there is none.
 */
const char *policy_names_next(const char *names, char *name, size_t size);

/* policy_groups.c: the groups of a user, as login would set them. */
struct policy_membership {
	const char *user;
	gid_t *gids;
	int count;
};

/* 0; PAT_E_IO (errno); PAT_E_NOMEM. Whatever came of it is for policy_forget(). */
int policy_look_up(const char *user, struct policy_membership *membership);
void policy_forget(struct policy_membership *membership);

/* Whether the user is in this group; in none that does not exist. 0 or PAT_E_IO (errno). */
int policy_find(const struct policy_membership *membership, const char *group, bool *member);

/* Takes the first of these groups that the user is in; "" if there is none. */
int policy_find_any(const struct policy_membership *membership, const char *names,
		    char group[POLICY_GROUP_MAX + 1]);

/*
 * policy_read.c: the file as it was when it was read; all zero for none. It is the same as long as
 * nothing of it changes, if it was `settled`: its last change lay so far back that the next one has
 * another time, however coarse the times of the file system are.
 */
struct policy_stamp {
	bool settled;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

/* The stamp of a file of which that was told at `now`, which is no later. */
struct policy_stamp policy_stamp_of(const struct stat *st, const struct timespec *now);

/*
 * The whole file, NUL-terminated, for the caller to free; checked for who may write it. NULL if it
 * is the one that *stamp tells of; otherwise that is set. What is wrong is in *why, with errno or
 * 0, and *stamp tells of none.
 */
#define POLICY_SIZE_MAX (64 * 1024)
int policy_read(const char *path, struct policy_stamp *stamp, char **text, size_t *len,
		const char **why);

/*
 * policy_file.c: as policy_load(), but leaves `policy` as it is if it comes from the file that
 * *stamp tells of.
 */
int policy_reload(const char *path, struct policy_stamp *stamp, struct policy *policy,
		  char fault[POLICY_FAULT_MAX]);

#endif
