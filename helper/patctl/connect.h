/* SPDX-License-Identifier: ISC */
#ifndef CONNECT_H
#define CONNECT_H

/*
 * Connects to a socket where root listens, and nobody else: who listens there gets what is typed
 * here. *fd is then the caller's to close, and non-blocking; on failure it is -1.
 */
int connect_to_root(const char *path, int *fd);

#endif
