/* SPDX-License-Identifier: ISC */
#ifndef REPLY_QUEUE_H
#define REPLY_QUEUE_H

#include "pat/varlink.h"

/*
 * What goes to a Varlink client. Replies that others follow wait for those, as many as fit into
 * PAT_VARLINK_MESSAGE_MAX bytes: what is sent together wakes the client once.
 *
 * MUST:
 *  - send in the order in which it was given;
 *  - leave nothing in memory of what was sent, or could not be;
 *  - wait for a client that does not take it no longer than REPLY_WRITE_MS at a time.
 */

enum { REPLY_WRITE_MS = 10000 };

/* What waits has memory from the first reply on. */
struct reply_queue {
	struct pat_varlink link;
	struct pat_varlink_text waiting;
};

/* For the client at `fd`, which stays the caller's. Needs no memory. */
void reply_queue_begin(struct reply_queue *queue, int fd);

/* Wipes what waits, and frees it. */
void reply_queue_end(struct reply_queue *queue);

/* Each of the following returns 0, or an error of pat_varlink_send(). */

/* Copies an encoded reply to the end. What it does not fit behind is sent first. PAT_E_NOMEM. */
int reply_queue_add(struct reply_queue *queue, const struct pat_varlink_text *text);

/* Sends all that waits, and wipes it, whether it could be sent or not. */
int reply_queue_send(struct reply_queue *queue);

/* The same, and then an encoded reply, of which no copy is made: it needs no memory. */
int reply_queue_send_with(struct reply_queue *queue, const struct pat_varlink_text *text);

#endif
