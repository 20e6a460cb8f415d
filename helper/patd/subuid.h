/* SPDX-License-Identifier: ISC */
#ifndef SUBUID_H
#define SUBUID_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/*
 * The ranges of uids that users have for namespaces of their own, subuid(5). One user can connect
 * as each of them in turn: for what a user may have, they count as one.
 */

struct subuid_range {
	uid_t first;
	unsigned long count;
};

struct subuids {
	bool known;              /* the file was read */
	struct timespec changed; /* when it had been written last then */
	struct subuid_range *ranges;
	unsigned count;
};

/* The uid by which this one is counted: the first of its range, or itself. Reads the file at `path`
 * again when it has changed; what cannot be read has no ranges. */
uid_t subuid_counted_as(struct subuids *subuids, const char *path, uid_t uid);

#endif
