/* SPDX-License-Identifier: ISC */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Where a store is: its path taken apart, and its directory opened and looked at. */
struct place {
	const char *path; /* the caller's */
	const char *base; /* the last part of it */
	int dir;          /* -1 when it is not open */
	uid_t owner;      /* of all of it: us */
};

/* Opens the directory of an absolute path, and makes it first if `make`. Whether it fails or not,
 * place_close() is then allowed. PAT_E_INVALID, _TOOBIG, _NOSTORE, _ACCESS, _UNSAFE or _IO. */
int place_open(struct place *place, const char *path, bool make);

/* The same for who only opens what is there: nothing else can be done with that directory. */
int place_find(struct place *place, const char *path);
void place_close(struct place *place);

/* Whether there is anything of the store's name. */
bool place_has_store(const struct place *place);

/* Whether what is open at `fd` is of this kind, and writable by nobody but its owner, us. */
int place_check_ours(int fd, mode_t kind);

/* As fstatat(2), but tells only device, inode, kind and mode, owner, number of names, and size. */
int place_stat(int dir, const char *path, int flags, struct stat *st);

/* The same for an owner who is known, and tells what place_stat() said; and of what it said. */
int place_look(int fd, mode_t kind, uid_t owner, struct stat *st);
int place_judge(const struct stat *st, mode_t kind, uid_t owner);

/* What errno says about a file that could not be opened. */
int place_open_error(void);

#endif
