/* SPDX-License-Identifier: ISC */
#ifndef ASK_H
#define ASK_H

#include "pat/deadline.h"
#include "pat/verify.h"
#include "pat/wire.h"

/*
 * Asks patd, on its socket `path`, whether the token opens the door. 0 and *reply; or PAT_E_PEER
 * when the socket is not root's, PAT_E_BUSY at the deadline, PAT_E_CLOSED when patd hung up,
 * PAT_E_INVALID when its reply makes no sense, PAT_E_IO (errno) when it cannot be
 * reached; PAT_E_TOOBIG for a name that is no user's, or in no token's scope, because it is too
 * long.
 *
 * MUST: hand the token to nobody but uid 0; raise no signal; leave nothing open.
 */
int ask_patd(const char *path, const struct pat_attempt *attempt, pat_deadline deadline,
	     struct pat_wire_reply *reply);

#endif
