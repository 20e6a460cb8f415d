/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "log.h"
#include "method.h"
#include "pat/error.h"
#include "pat/store.h"
#include "policy_cache.h"
#include "spare.h"

#define IDLE_MS 30000
#define STACK_USED 65536
#define REQUESTS 200
#define KEPT (1 << 20) /* bytes of memory, what a policy takes among it */

static void log_end(const struct session *session, const char *why)
{
	log_line(LOG_NOTICE, "closing a connection of uid=%u pid=%d: %s",
		 (unsigned)session->peer.uid, (int)session->peer.pid, why);
}

int session_read(struct session *session, unsigned wait_ms, struct flat_call *call)
{
	int error = reply_queue_send(&session->replies);

	if (!error)
		error = calls_next(&session->calls, wait_ms, call);
	if (!error && ++session->requests > REQUESTS) {
		json_decref(call->message);
		error = PAT_E_TOOBIG;
		log_end(session, "too many requests");
	} else if (error == PAT_E_INVALID) {
		log_end(session, "malformed message");
	} else if (error == PAT_E_TOOBIG) {
		log_end(session, "message too large");
	} else if (error == PAT_E_PEER) {
		log_end(session, session->calls.why);
	}
	session->more = !error && call->more;
	if (error)
		session->link_error = error;
	return error;
}

static void serve_calls(struct session *session)
{
	struct flat_call call;
	int error = pat_account_by_uid(session->peer.uid, false, &session->caller);

	if (error) {
		log_end(session, "its account could not be looked up");
		return;
	}
	/* Who has no account may still end a token that was found: the table says what needs one.
	 */
	if (!session->caller.exists)
		session->caller.uid = session->peer.uid;
	while (session->link_error == 0 && session_read(session, IDLE_MS, &call) == 0) {
		method_call(session, call.method, call.parameters);
		json_decref(call.message);
		/* Where the calls were, with what the linker and libraries saved there. */
		sodium_stackzero(STACK_USED);
	}
}

/* The reader of this process, which may be there before its client is. */
static struct calls calls = {.fd = -1};

/* Starts the reader, which takes rights that the session is to have no more. */
static int begin(void)
{
	if (calls_begin(&calls, SESSION_SECONDS) != 0) {
		log_line(LOG_ERR, "cannot start a reader: %s", strerror(errno));
		return PAT_E_IO;
	}
	if (confine_session() == 0)
		return PAT_OK;
	log_line(LOG_ERR, "cannot give up rights: %s", strerror(errno));
	calls_end(&calls);
	return PAT_E_IO;
}

/* Waits for nobody. */
static void look_at_store(const struct settings *settings)
{
	struct pat_store *store;
	struct pat_grant grant;

	if (pat_store_open(&store, settings->store, PAT_STORE_LOOK, pat_deadline_in(0)) != PAT_OK)
		return;
	(void)pat_store_look_up(store, PAT_STRANGERS_ID, &grant);
	pat_store_close(store);
}

int session_warm_up(const struct settings *settings, int fd)
{
	struct pat_account account;
	char fault[POLICY_FAULT_MAX];

	if (begin() != 0)
		_exit(0);
	/* What was had once is kept, and not given back to be had anew. */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
	(void)mallopt(M_MMAP_THRESHOLD, KEPT);
	if (!spare_has_come(fd)) {
		(void)pat_account_by_uid(0, false, &account);
		tzset();
	}
	if (!spare_has_come(fd))
		(void)policy_current(settings->policy, fault);
	if (!spare_has_come(fd))
		look_at_store(settings);
	return calls.fd;
}

int session_serve(int fd, const struct peer *peer, const struct settings *settings)
{
	struct session session = {.settings = settings, .peer = *peer};

	if (calls.fd < 0 && begin() != 0)
		return 0;
	calls_serve(&calls, fd);
	/* It may read while the caller is looked up. */
	calls_ask(&calls, IDLE_MS);
	session.calls = calls;
	calls.fd = -1;
	reply_queue_begin(&session.replies, fd);
	serve_calls(&session);
	calls_end(&session.calls);
	reply_queue_end(&session.replies);
	return 0;
}
