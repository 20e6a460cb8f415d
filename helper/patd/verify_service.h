/* SPDX-License-Identifier: ISC */
#ifndef VERIFY_SERVICE_H
#define VERIFY_SERVICE_H

#include "peer.h"
#include "settings.h"

/* When it is ended if it has not ended itself. */
enum { VERIFY_SECONDS = 10 };

/* What the child learned of the peer, as the status that it ends with. */
enum verify_status {
	VERIFY_DONE,            /* nothing: it is root, or asked about itself */
	VERIFY_FOR_OTHERS = 10, /* pat.conf lets it ask about anybody */
	VERIFY_FOR_NONE,        /* it asked about another, and may not */
};

/*
 * One connection of the module, in a child of its own: one request, one reply (pat/wire.h).
 *
 * MUST:
 *  - wait for the request REQUEST_MS and no longer: a su that its user has stopped may hold a child
 *    for that time;
 *  - answer whoever it has heard, also when it is told to make place meanwhile (SIGTERM);
 *  - use nothing of a request that is not of the exact size, or whose text does not end in its
 * field;
 *  - have no more rights than the look-ups and the store need: whoever calls has given up the
 * others before (confine_alone());
 *  - answer root about anybody, others about themselves, and about anybody only if pat.conf names
 * them;
 *  - tell the peer yes, no, or that there is no answer, and the log everything but the secret.
 *
 * Returns an enum verify_status.
 */
int verify_serve(int fd, const struct peer *peer, const struct settings *settings);

/*
 * Does once what takes longer the first time in a process, as long as there is nothing to read from
 * `fd`. Changes nothing, and waits for no lock. Returns -1: there is nothing else to wait for.
 */
int verify_warm_up(const struct settings *settings, int fd);

#endif
