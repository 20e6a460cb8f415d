/* SPDX-License-Identifier: ISC */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Children that are made before their connections come: a process of its own for each connection,
 * as any other, but for the time that it takes to make one and to give up its rights. Each of the
 * two sockets has some: one is made while another serves.
 *
 * MUST:
 *  - have seen no connection before the one that it is given, and see no other after it;
 *  - wait for that with no more rights than it serves it with;
 *  - leave when the parent does.
 */

enum { SPARES = 3 };

struct spare {
	pid_t pid; /* 0: there is none */
	int fd;    /* the parent's end, or -1 */
};

/* A ring, in the order in which they were made: who waits longest is ready. */
struct spares {
	struct spare all[SPARES];
	unsigned made, given;
};

void spare_begin(struct spares *spares);

/* Whether there is room for one more. */
bool spare_wanted(const struct spares *spares);

/*
 * Forks. In the parent: true, or false (errno) when there is none; *fd is -1. In the child: true,
 * and *fd is where the connection will come; no other end of it is open.
 */
bool spare_make(struct spares *spares, int *fd);

/*
 * The parent: hands the connection over, and returns who has it, or 0 when it is still ours. Our
 * end stays open until spare_tidy(): closed while a descriptor is on its way, it has the kernel
 * look for garbage there and then, and the client wait for that.
 */
pid_t spare_give(struct spares *spares, int connection);
void spare_tidy(struct spares *spares);

/* The parent: that process has ended. True if it was one that waited. */
bool spare_ended(struct spares *spares, pid_t pid);

/* Any child: closes the parent's ends. */
void spare_leave(struct spares *spares);

/* The child: whether its connection has come, or its parent has gone, so that it is no time for
 * anything else. Does not wait. */
bool spare_has_come(int fd);

/* The child: waits, and returns the connection, or -1 when there is no parent any more, or when
 * `other`, which may be -1, has ended. */
int spare_wait(int fd, int other);

/* What spare_give() and spare_wait() do, for any such pair of sockets: hands a descriptor over;
 * true if it has gone. Takes one; it, or -1. */
bool spare_pass(int fd, int connection);
int spare_take(int fd);

#endif
