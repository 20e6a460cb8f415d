/* SPDX-License-Identifier: ISC */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A child that is made before its connection comes: a process of its own for each connection, as
 * any other, but for the time that it takes to make one and to give up its rights. Each of the two
 * sockets has one.
 *
 * MUST:
 *  - have seen no connection before the one that it is given, and see no other after it;
 *  - wait for that with no more rights than it serves it with;
 *  - leave when the parent does.
 */

struct spare {
	pid_t pid; /* 0: there is none */
	int fd;
};

/*
 * Forks. In the parent: true, or false (errno) when there is none. In the child: true, and
 * spare->pid is 0 and spare->fd where the connection will come; no other end of it is open.
 */
bool spare_make(struct spare *spare);

/* The parent: hands the connection over, and returns who has it, or 0 when it is still ours. There
 * is no spare child after that. */
pid_t spare_give(struct spare *spare, int connection);

/* The parent: that process has ended. True if it was the spare one. */
bool spare_ended(struct spare *spare, pid_t pid);

/* The child: waits, and returns the connection, or -1 when there is no parent any more, or when
 * `other`, which may be -1, has ended. */
int spare_wait(int fd, int other);

/* What spare_give() and spare_wait() do, for any such pair of sockets: hands a descriptor over;
 * true if it has gone. Takes one; it, or -1. */
bool spare_pass(int fd, int connection);
int spare_take(int fd);

#endif
