/* SPDX-License-Identifier: ISC */
#include "verify_service.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#include "hold.h"
#include "log.h"
#include "pat/deadline.h"
#include "pat/error.h"
#include "pat/store.h"
#include "pat/token.h"
#include "pat/verify.h"
#include "pat/wire.h"
#include "policy_cache.h"
#include "spare.h"

#define REQUEST_MS 1000
/* Less than the module waits, so that it hears of the failure. */
#define VERIFY_MS 1500

static int receive(int fd, struct pat_wire_request *request)
{
	pat_deadline deadline = pat_deadline_in(REQUEST_MS);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready;
	ssize_t got;

	do
		ready = poll(&poll_fd, 1, pat_deadline_left(deadline));
	while (ready < 0 && errno == EINTR && !pat_deadline_passed(deadline));
	if (ready <= 0)
		return ready == 0 ? PAT_E_BUSY : PAT_E_IO;
	/* What was not read, the module asks again. What was read it does not, because it may have
	 * been the one use that the token was good for: so that is answered, also when told to make
	 * place. */
	hold_begin();
	got = recv(fd, request, sizeof(*request), MSG_DONTWAIT | MSG_TRUNC);
	if (got == 0)
		return PAT_E_CLOSED;
	if (got < 0)
		return PAT_E_IO;
	return got == sizeof(*request) ? PAT_OK : PAT_E_INVALID;
}

static bool ends(const char *field, size_t size)
{
	return memchr(field, '\0', size) != NULL;
}

/* Every text ends within its field, and the token is one. */
static bool well_formed(const struct pat_wire_request *request, struct pat_token *token)
{
	return request->magic == PAT_WIRE_MAGIC && ends(request->token, sizeof(request->token)) &&
	       ends(request->user, sizeof(request->user)) &&
	       ends(request->service, sizeof(request->service)) &&
	       ends(request->rhost, sizeof(request->rhost)) &&
	       ends(request->tty, sizeof(request->tty)) &&
	       pat_token_parse(request->token, token) == PAT_FORM_TOKEN;
}

/*
 * Whether this peer may ask about this user. Whom pat.conf lets ask about others, may, without a
 * look at who that is, which would take its time before the secret is proved. One that cannot be
 * read allows nobody more.
 */
static enum verify_status judge_peer(const struct peer *peer, const char *user,
				     const struct settings *settings)
{
	struct pat_account asker, account;
	const struct policy *policy;
	char fault[POLICY_FAULT_MAX];
	bool known;

	if (peer->uid == 0)
		return VERIFY_DONE;
	known = pat_account_by_uid(peer->uid, false, &asker) == PAT_OK && asker.exists;
	policy = known ? policy_current(settings->policy, fault) : NULL;
	if (policy != NULL && policy_may_verify(policy, asker.name))
		return VERIFY_FOR_OTHERS;
	if (pat_account_by_name(user, false, &account) == PAT_OK && account.exists &&
	    account.uid == peer->uid)
		return VERIFY_DONE;
	if (known && policy == NULL)
		log_line(LOG_ERR, "verify_for is not in force: %s", fault);
	return VERIFY_FOR_NONE;
}

static enum verify_status decide(const struct pat_attempt *attempt, const struct peer *peer,
				 const struct settings *settings, struct pat_wire_reply *reply)
{
	enum verify_status status = judge_peer(peer, attempt->user, settings);
	struct pat_verdict verdict = {.outcome = PAT_REFUSED_PEER};
	pat_deadline deadline = pat_deadline_in(VERIFY_MS);
	char line[PAT_LOG_LINE_MAX];

	pat_token_id(attempt->token, verdict.id);
	if (status != VERIFY_FOR_NONE) {
		pat_verify(settings->store, attempt, (int64_t)time(NULL), deadline, &verdict);
		if (pat_verdict_read_only(&verdict))
			pat_verify_read_only(settings->store, attempt, (int64_t)time(NULL),
					     deadline, &verdict);
	}
	log_line(pat_verdict_priority(&verdict), "%s peer=\"uid=%u pid=%d\"",
		 pat_verdict_line(line, sizeof(line), attempt, &verdict), (unsigned)peer->uid,
		 (int)peer->pid);
	switch (verdict.outcome) {
	case PAT_ACCEPTED:
		reply->result = PAT_WIRE_ACCEPTED;
		reply->expires_at = verdict.grant.expires_at;
		memcpy(reply->name, verdict.grant.name, sizeof(reply->name));
		break;
	case PAT_UNAVAILABLE:
		reply->result = PAT_WIRE_UNAVAILABLE;
		break;
	default:
		reply->result = PAT_WIRE_REFUSED;
	}
	return status;
}

/* All that a verification does before it notes something, for nobody: waits for none, and leaves
 * nothing behind. */
static void rehearse(const struct settings *settings)
{
	struct pat_token token = {PAT_TOKEN_PREFIX PAT_STRANGERS_ID};
	const struct pat_attempt attempt = {
		.token = &token, .user = "", .service = "", .rhost = "", .tty = ""};
	const struct pat_verdict verdict = {.outcome = PAT_REFUSED_UNKNOWN};
	const time_t now = time(NULL);
	struct pat_store *store;
	struct pat_grant grant;
	struct pat_use use;
	char line[PAT_LOG_LINE_MAX];
	struct tm tm;

	(void)pat_grant_matches(NULL, &token);
	if (pat_store_open_outside(&store, settings->store, PAT_STORE_LOOK) == PAT_OK) {
		(void)pat_store_look_up(store, PAT_STRANGERS_ID, &grant);
		if (pat_store_enter(store, pat_deadline_in(0), NULL) == PAT_OK)
			(void)pat_store_get_use(store, PAT_STRANGERS_ID, &use);
		pat_store_close(store);
	}
	(void)pat_verdict_line(line, sizeof(line), &attempt, &verdict);
	/* What syslog(3) writes to and needs. */
	(void)setlogmask(0);
	(void)localtime_r(&now, &tm);
	(void)sched_yield();
}

int verify_warm_up(const struct settings *settings, int fd)
{
	struct pat_account account;
	char fault[POLICY_FAULT_MAX];

	if (!spare_has_come(fd))
		(void)pat_account_by_uid(0, true, &account);
	if (!spare_has_come(fd))
		(void)policy_current(settings->policy, fault);
	if (!spare_has_come(fd))
		rehearse(settings);
	return -1;
}

static enum verify_status answer(int fd, const struct pat_attempt *attempt, const struct peer *peer,
				 const struct settings *settings)
{
	struct pat_wire_reply reply = {.magic = PAT_WIRE_MAGIC};
	enum verify_status status = decide(attempt, peer, settings, &reply);

	/* One message into an empty queue: it fits, or the peer is gone. */
	(void)send(fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	/* It goes first: to end takes long, and on the same processor it would wait for that. */
	(void)sched_yield();
	return status;
}

int verify_serve(int fd, const struct peer *peer, const struct settings *settings)
{
	struct pat_wire_request request;
	struct pat_token token = {""};
	struct pat_attempt attempt = {.token = &token,
				      .user = request.user,
				      .service = request.service,
				      .rhost = request.rhost,
				      .tty = request.tty};
	enum verify_status status = VERIFY_DONE;
	int error;

	error = receive(fd, &request);
	if (!error && !well_formed(&request, &token))
		error = PAT_E_INVALID;
	sodium_memzero(request.token, sizeof(request.token));
	if (error) {
		log_line(error == PAT_E_CLOSED ? LOG_DEBUG : LOG_NOTICE,
			 "closing a connection of uid=%u pid=%d: request %s", (unsigned)peer->uid,
			 (int)peer->pid, pat_error_text(error));
	} else {
		status = answer(fd, &attempt, peer, settings);
	}
	pat_token_wipe(&token);
	return status;
}
