/* SPDX-License-Identifier: ISC */
#ifndef LISTENERS_H
#define LISTENERS_H

/* The two sockets that patd listens on. */
struct listeners {
	int verify;  /* SOCK_SEQPACKET */
	int varlink; /* SOCK_STREAM */
};

/*
 * Takes the sockets that systemd, or another that speaks sd_listen_fds(3)'s protocol, passed down:
 * one of each kind, told apart by their type. 0, or PAT_E_NOTFOUND when none were passed to this
 * process, or PAT_E_INVALID when they are not such sockets.
 */
int listeners_inherit(struct listeners *listeners);

/*
 * Makes both in the directory, which is made if need be, and must be root's alone to write. Each
 * takes its name by a rename, so that there is no moment without one. PAT_E_EXISTS when another
 * process is listening there; PAT_E_UNSAFE, _TOOBIG, _IO (errno).
 */
int listeners_make(struct listeners *listeners, const char *dir);

/* Takes the names of sockets made above away again. */
void listeners_remove(const char *dir);

#endif
