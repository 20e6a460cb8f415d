/* SPDX-License-Identifier: ISC */
#ifndef GROW_H
#define GROW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "settings.h"

/*
 * The growth of the store. With the number of tokens its hash chains become longer, and each login
 * slower; a rebuild gives it more of them. A child that served a connection and has minted looks,
 * once its client is gone, and says by its exit status that it is time; the parent has another
 * child do it.
 *
 * MUST: never make a mint fail, nor a client wait; be at work once at a time; tell the log when it
 * begins and ends, and of a failure once, and try that again much later; give way to who changes
 * something.
 */
struct grow {
	pid_t pid;          /* of the child at work, or 0 */
	int64_t not_before; /* CLOCK_MONOTONIC, in seconds: when it may be tried again */
	bool failed;        /* the last time: the log has that */
	int64_t pause;      /* after one that gave way, in seconds: longer each time */
};

/* In the child of a connection: notes that it has minted. */
void grow_note_mint(void);

/* In the same at its end: what to exit with. */
int grow_exit_status(const struct settings *settings);

/* In the parent, for each child that ended: begins, or notes that it ended. True if it was about
 * growth alone, and so no connection. */
bool grow_take_exit(struct grow *grow, pid_t pid, int status, const struct settings *settings);

/* For the sweep: rebuilds at once, in this process, if that is wanted; also where most of the file
 * is free space. */
void grow_now(const struct settings *settings);

#endif
