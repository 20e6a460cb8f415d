/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "bound.h"
#include "confine.h"
#include "grants.h"
#include "hold.h"
#include "log.h"
#include "pat/error.h"
#include "pat/store.h"
#include "pat/text.h"
#include "policy_cache.h"

#define IDLE_MS 30000
#define STACK_USED 65536
#define WRITE_MS 10000
#define REQUESTS 200
#define SHOWN 100
#define KEPT (1 << 20) /* bytes of memory, what a policy takes among it */

static void log_end(const struct session *session, const char *why)
{
	log_line(LOG_NOTICE, "closing a connection of uid=%u pid=%d: %s",
		 (unsigned)session->peer.uid, (int)session->peer.pid, why);
}

static int keep_error(struct session *session, int error)
{
	if (error && !session->link_error)
		session->link_error = error;
	return error;
}

/* Sends what is queued. */
static int flush(struct session *session)
{
	int error = PAT_OK;

	if (session->queue.len > 0) {
		error = pat_varlink_send(&session->link, &session->queue,
					 pat_deadline_in(WRITE_MS));
		explicit_bzero(session->queue.bytes, session->queue.len);
	}
	session->queue.len = 0;
	return keep_error(session, error);
}

/* Has it sent with the next that does not fit into the queue any more, or is the last. */
static int enqueue(struct session *session, const struct pat_varlink_text *text)
{
	int error = PAT_OK;

	if (session->queue.len + text->len > PAT_VARLINK_MESSAGE_MAX)
		error = flush(session);
	if (error)
		return error;
	memcpy(session->queue.bytes + session->queue.len, text->bytes, text->len);
	session->queue.len += text->len;
	return PAT_OK;
}

int session_read(struct session *session, unsigned wait_ms, struct flat_call *call)
{
	int error = flush(session);

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
	session->answered = false;
	if (error)
		session->link_error = error;
	return error;
}

/* With `queued`, with those that follow. */
static int send_message(struct session *session, json_t *message, bool queued)
{
	struct pat_varlink_text text = {NULL, 0};
	int error = PAT_E_NOMEM;

	if (session->queue.bytes == NULL)
		session->queue.bytes = malloc(PAT_VARLINK_MESSAGE_MAX);
	if (message != NULL && session->queue.bytes != NULL)
		error = pat_varlink_encode(message, &text);
	json_decref(message);
	if (!error)
		error = enqueue(session, &text);
	pat_varlink_discard(&text);
	if (!error && !queued)
		error = flush(session);
	return keep_error(session, error);
}

int session_reply(struct session *session, json_t *parameters, bool continues)
{
	session->answered = !continues;
	if (parameters == NULL)
		return send_message(session, NULL, false);
	return send_message(
		session,
		continues ? json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1)
			  : json_pack("{s:o}", "parameters", parameters),
		continues);
}

int session_prepare(json_t *parameters, struct pat_varlink_text *reply)
{
	json_t *message = parameters ? json_pack("{s:o}", "parameters", parameters) : NULL;
	int error = PAT_E_NOMEM;

	*reply = (struct pat_varlink_text){NULL, 0};
	if (message != NULL)
		error = pat_varlink_encode(message, reply);
	json_decref(message);
	return error;
}

int session_send(struct session *session, const struct pat_varlink_text *reply)
{
	int error = PAT_E_NOMEM;

	if (reply->bytes != NULL)
		error = pat_varlink_send(&session->link, reply, pat_deadline_in(WRITE_MS));
	session->answered = true;
	return keep_error(session, error);
}

int session_error(struct session *session, const char *name, const char *message, json_t *extra)
{
	json_t *parameters = extra ? extra : json_object();

	session->answered = true;
	if (message != NULL && parameters != NULL)
		json_object_set_new(parameters, "message", json_string(message));
	(void)send_message(session,
			   json_pack("{s:s, s:o}", "error", name, "parameters", parameters), false);
	return PAT_E_INVALID;
}

static int refuse_parameter(struct session *session, const char *name)
{
	char shown[SHOWN], message[2 * SHOWN];

	snprintf(message, sizeof(message),
		 "the parameter \"%s\" is missing, unknown or of a wrong type",
		 pat_escape(shown, sizeof(shown), name));
	return session_error(session, ERROR_VARLINK("InvalidParameter"), message,
			     json_pack("{s:s}", "parameter", shown));
}

static bool of_type(const json_t *value, json_type type)
{
	if (type == JSON_TRUE)
		return json_is_boolean(value);
	return json_typeof(value) == type;
}

/* Every parameter that is there is known and of its type; those that must be there are. Null stands
 * for one that is not, and is taken out. */
static int check_parameters(struct session *session, const struct method *method, json_t *given)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(given, next, name, value)
	{
		const struct parameter *parameter = method->parameters;

		while (parameter->name != NULL && strcmp(parameter->name, name) != 0)
			parameter++;
		if (parameter->name == NULL)
			return refuse_parameter(session, name);
		if (json_is_null(value))
			json_object_del(given, name);
		else if (!of_type(value, parameter->type))
			return refuse_parameter(session, name);
	}
	for (const struct parameter *p = method->parameters; p->name != NULL; p++)
		if (p->required && json_object_get(given, p->name) == NULL)
			return refuse_parameter(session, p->name);
	return 0;
}

/* The account that root names: one that exists, or one that some token was minted for. */
static int find_named(struct session *session, const char *user)
{
	char shown[SHOWN], message[2 * SHOWN];
	int error = pat_account_by_name(user, false, &session->owner);

	if (!error && session->owner.exists)
		return 0;
	if ((!error || error == PAT_E_TOOBIG) &&
	    grants_owner_by_name(session->settings->store, user, &session->owner) == 0)
		return 0;
	pat_escape(shown, sizeof(shown), user);
	if (error && error != PAT_E_TOOBIG) {
		log_line(LOG_ERR, "the account %s could not be looked up: %s", shown,
			 pat_error_text(error));
		snprintf(message, sizeof(message), "the account %s could not be looked up", shown);
		return session_error(session, ERROR_OWN("AccountsUnavailable"), message, NULL);
	}
	snprintf(message, sizeof(message), "there is no user %s", shown);
	return session_error(session, ERROR_OWN("NotFound"), message, NULL);
}

/* For root: the owner of whatever token has that id, who may be gone; nobody else, if there is
 * none. */
static void find_by_id(struct session *session, const char *id)
{
	struct pat_account owner, account;

	if (grants_owner_by_id(session->settings->store, id, &owner) != PAT_OK)
		return;
	session->owner = owner;
	if (pat_account_by_name(owner.name, false, &account) == PAT_OK && account.exists &&
	    account.uid == owner.uid)
		session->owner = account;
}

/* Whose tokens are meant: the caller's, or, for root, those of `user`, or of whoever has the id. */
static int find_owner(struct session *session, const json_t *parameters)
{
	const char *user = json_string_value(json_object_get(parameters, "user"));
	const char *id = json_string_value(json_object_get(parameters, "selector"));

	session->owner = session->caller;
	if (session->peer.uid == 0 && user == NULL && id != NULL)
		find_by_id(session, id);
	if (user == NULL || strcmp(user, session->caller.name) == 0)
		return 0;
	if (session->peer.uid != 0)
		return session_error(session, ERROR_OWN("PermissionDenied"),
				     "only root may act for another user", NULL);
	return find_named(session, user);
}

/* What the table asks for before a method looks at anything. */
static int admit(struct session *session, const struct method *method, const json_t *parameters)
{
	if (method->needs & (NEED_ACCOUNT | NEED_OWNER) && !session->caller.exists)
		return session_error(session, ERROR_OWN("PermissionDenied"),
				     "your uid has no account on this machine", NULL);
	if (method->needs & NEED_OWNER)
		return find_owner(session, parameters);
	return 0;
}

/* A list may be as long as it is, and is in nobody's way. */
static void act(struct session *session, const struct method *method, const json_t *parameters)
{
	const bool changes = method->needs & NEED_WHOLE;
	/* Whether many replies are wanted is the caller's word, and may be another's behind the
	 * act. */
	const bool bounded = changes || !session->more;

	if (changes)
		hold_begin();
	if (bounded)
		bound_begin(SIG_DFL);
	(void)method->act(session, parameters);
	if (bounded)
		bound_end();
	if (changes)
		hold_end();
}

static void dispatch(struct session *session, const char *name, json_t *parameters)
{
	const struct method *method = methods;

	while (method < methods + methods_count && strcmp(method->name, name) != 0)
		method++;
	if (method == methods + methods_count) {
		char shown[SHOWN];

		session_error(session, ERROR_VARLINK("MethodNotFound"), NULL,
			      json_pack("{s:s}", "method", pat_escape(shown, sizeof(shown), name)));
		return;
	}
	if (check_parameters(session, method, parameters) != 0)
		return;
	if (admit(session, method, parameters) != 0)
		return;
	/* Root need not authenticate, and hears the same from the method itself. */
	if (method->check != NULL && session->peer.uid != 0 &&
	    method->check(session, parameters) != 0)
		return;
	if (method->needs & NEED_FRESH && session->peer.uid != 0) {
		if (!session->fresh) {
			session_error(session, ERROR_OWN("AuthenticationRequired"),
				      "this needs fresh authentication", NULL);
			return;
		}
		session->fresh = false;
	}
	act(session, method, parameters);
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
		dispatch(session, call.method, call.parameters);
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

static bool has_come(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) != 0;
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
	if (!has_come(fd)) {
		(void)pat_account_by_uid(0, false, &account);
		tzset();
	}
	if (!has_come(fd))
		(void)policy_current(settings->policy, fault);
	if (!has_come(fd))
		look_at_store(settings);
	return calls.fd;
}

int session_serve(int fd, const struct peer *peer, const struct settings *settings)
{
	struct session session = {
		.settings = settings, .peer = *peer, .link = {.fd = fd, .other = -1}};

	if (calls.fd < 0 && begin() != 0)
		return 0;
	calls_serve(&calls, fd);
	/* It may read while the caller is looked up. */
	calls_ask(&calls, IDLE_MS);
	session.calls = calls;
	calls.fd = -1;
	serve_calls(&session);
	calls_end(&session.calls);
	pat_varlink_discard(&session.queue);
	return 0;
}
