/* SPDX-License-Identifier: ISC */
#ifndef PAT_VARLINK_H
#define PAT_VARLINK_H

#include <jansson.h>
#include <stddef.h>

#include "pat/deadline.h"

/*
 * Varlink's framing (https://varlink.org): JSON objects with a NUL after each, over a stream
 * socket. For patd and patctl; the module speaks pat/wire.h.
 */

#define PAT_VARLINK_MESSAGE_MAX 16384 /* bytes, the NUL included */

/* What was read from a connection and not yet used. Wiped and freed by pat_varlink_end(). */
struct pat_varlink {
	int fd;    /* owned by the caller, non-blocking or not */
	int other; /* -1, or another connection, at the end of which waiting ends, too */
	size_t used;
	char *buffer;
};

/* 0 or PAT_E_NOMEM. */
int pat_varlink_begin(struct pat_varlink *link, int fd);
void pat_varlink_end(struct pat_varlink *link);

/*
 * Reads one message; on success *message is the caller's to json_decref(). PAT_E_CLOSED at an end
 * between two messages, or when `other` has ended; PAT_E_BUSY when the whole of it did not come
 * before the deadline; PAT_E_TOOBIG; PAT_E_INVALID when it is no JSON object, has a name twice, or
 * was cut short; PAT_E_IO; PAT_E_NOMEM.
 */
int pat_varlink_read(struct pat_varlink *link, pat_deadline deadline, json_t **message);

/*
 * Writes one message. The text of it is wiped from memory afterwards. PAT_E_BUSY when the other
 * end does not take it before the deadline; PAT_E_CLOSED; PAT_E_TOOBIG; PAT_E_INVALID when it is no
 * object; PAT_E_IO; PAT_E_NOMEM, also when there was none for a part of the message while it was
 * made.
 */
int pat_varlink_write(struct pat_varlink *link, const json_t *message, pat_deadline deadline);

/*
 * The same in two steps, of which only the first needs memory. A text that was encoded is to be
 * discarded, which wipes so much of it as is its length; {NULL} may be.
 */
struct pat_varlink_text {
	char *bytes;
	size_t len;
};
int pat_varlink_encode(const json_t *message, struct pat_varlink_text *text);
int pat_varlink_send(struct pat_varlink *link, const struct pat_varlink_text *text,
		     pat_deadline deadline);
void pat_varlink_discard(struct pat_varlink_text *text);

/*
 * Has jansson wipe all memory that it frees, in the whole process, so that no token and no password
 * stays behind in it, and a message that there is no memory for fail as a whole (varlink_memory.h).
 * For a program to call once, before its first use of jansson.
 */
void pat_varlink_wipe_json(void);

#endif
