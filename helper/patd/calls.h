/* SPDX-License-Identifier: ISC */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "flat.h"

/*
 * The calls of a Varlink client as the session sees them: its end of the reader (reader.h), which
 * it starts, asks and ends.
 *
 * MUST:
 *  - believe the reader nothing but that a client may have sent this;
 *  - wait for it no longer than for the client;
 *  - leave no reader behind, and reap no other child: PAM modules have some of their own.
 */
struct calls {
	pid_t reader;
	int fd;
	unsigned char *record;
	bool asked;   /* for a call that has not been taken */
	char why[96]; /* after PAT_E_PEER: what became of the reader */
};

/* Starts a reader, which waits for its client, and has at most `seconds` to live from then on. 0,
 * or a negative error (errno). */
int calls_begin(struct calls *calls, unsigned seconds);

/* Gives it the socket of its client, once. That it did not get there is told by the next call. */
void calls_serve(struct calls *calls, int client);

/* Asks for the next call, which may take `wait_ms` to come, and is to be taken with no less. */
void calls_ask(struct calls *calls, unsigned wait_ms);

/*
 * The next call, which may take `wait_ms` to come. 0; or, as pat_varlink_read() has it,
 * PAT_E_CLOSED, _BUSY, _TOOBIG, _INVALID, _IO; or PAT_E_PEER when the reader broke down, with the
 * reason in `why`. There are no more calls then.
 */
int calls_next(struct calls *calls, unsigned wait_ms, struct flat_call *call);

/* Ends the reader. */
void calls_end(struct calls *calls);

#endif
