/* SPDX-License-Identifier: ISC */
#ifndef SESSION_H
#define SESSION_H

#include <jansson.h>
#include <stdbool.h>

#include "calls.h"
#include "pat/account.h"
#include "peer.h"
#include "reply_queue.h"
#include "settings.h"

/*
 * One connection of a Varlink client, in a child of its own. It reads nothing from the client: its
 * reader does (calls.h). It writes the replies.
 *
 * MUST:
 *  - know who calls from the kernel alone; `user` in a request only names whose tokens are meant,
 *    and other than the caller's own is for root;
 *  - do what grants more only after fresh authentication, which is good for one such request;
 *  - end at the first message that is not well-formed, after IDLE_MS of silence, after REQUESTS
 *    requests, and in any case after SESSION_SECONDS;
 *  - be ended when a call that is not for a list computes without an end (bound.h);
 *  - have no more rights than a PAM module may need (confine.h).
 */

/* When it is ended if it has not ended itself. */
enum { SESSION_SECONDS = 300 };

struct session {
	const struct settings *settings;
	struct peer peer;
	struct pat_account caller;
	struct pat_account owner; /* whose tokens the present request is about */
	struct calls calls;
	struct reply_queue replies;
	bool fresh;        /* has authenticated, and not used that yet */
	unsigned attempts; /* at authentication */
	unsigned requests;
	bool more;      /* the present request takes many replies */
	int link_error; /* the first failure of the connection, after which it ends */
};

/* Before there is a connection, and until something comes to `fd`: starts its reader, gives up
 * rights, and looks up what each session does. Returns a descriptor, of which nothing may be done
 * but to wait for its end, which is that of the reader. Ends the process where that cannot be. */
int session_warm_up(const struct settings *settings, int fd);

/* Serves the connection until it ends; `fd` stays the caller's. Returns 0, the exit status of the
 * child: the log has what went wrong. */
int session_serve(int fd, const struct peer *peer, const struct settings *settings);

/*
 * Sends the replies that wait for others, and reads the next request, which may take `wait_ms` to
 * come: 0, and then call->message is the caller's to json_decref(). On failure, an error of
 * calls_next() or reply_queue_send(), PAT_E_TOOBIG for too many requests, the connection is to end;
 * the log has the reason, unless the client has gone or kept silent.
 */
int session_read(struct session *session, unsigned wait_ms, struct flat_call *call);

/* ---- session_reply.c ----------------------------------------------------------------------------
 */

/* Sends a reply and takes over `parameters`; NULL stands for out of memory. 0 or a negative error,
 * which is also kept in link_error. With `continues` more replies follow, with which it may be
 * sent: what is sent together wakes the client once. */
int session_reply(struct session *session, json_t *parameters, bool continues);

/*
 * A reply in two steps: made, before what it tells is done, and sent after. The first takes over
 * `parameters`, and needs memory; 0 or a negative error. The second is as session_reply(), also for
 * what could not be made. It is to be discarded.
 */
int session_prepare(json_t *parameters, struct pat_varlink_text *reply);
int session_send(struct session *session, const struct pat_varlink_text *reply);

/* Sends an error, which ends the call. `name` has its interface before it; `message` (may be NULL)
 * is for people; `extra` (may be NULL), other parameters of the error, is taken over. Returns
 * PAT_E_INVALID, for the caller to return. */
int session_error(struct session *session, const char *name, const char *message, json_t *extra);

/* The names of errors. */
#define ERROR_OWN(name) "io.pampat.Tokens." name
#define ERROR_VARLINK(name) "org.varlink.service." name

#endif
