/* SPDX-License-Identifier: ISC */
#ifndef PEER_H
#define PEER_H

#include <sys/types.h>

/* Who is at the other end of a connection, as the kernel says: the one identity there is here. */
struct peer {
	uid_t uid;
	pid_t pid;
};

/* 0 or PAT_E_IO. */
int peer_get(int fd, struct peer *peer);

#endif
