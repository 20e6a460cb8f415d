/* SPDX-License-Identifier: ISC */
#include "fresh.h"

#include <security/pam_appl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "log.h"
#include "pat/error.h"
#include "pat/text.h"

#define SERVICE "patd"
#define ATTEMPTS 3
/* As long as sshd gives: a password may have to be fetched from somewhere. */
#define ANSWER_MS 120000
#define SHOWN 100

/* An exchange: what the client has been told, and what it has still to be shown. */
struct exchange {
	struct session *session;
	json_t *prompts;
	bool spoken;
	bool broken; /* the client gave no sensible answer: nothing more to say to it */
};

static const char *style_name(int style)
{
	switch (style) {
	case PAM_PROMPT_ECHO_ON:
		return "echo_on";
	case PAM_PROMPT_ECHO_OFF:
		return "echo_off";
	case PAM_ERROR_MSG:
		return "error";
	case PAM_TEXT_INFO:
		return "info";
	default:
		return NULL;
	}
}

/* JSON is UTF-8; what a module says in another character set is escaped. */
static json_t *prompt(const struct pam_message *message, const char *style)
{
	char shown[PAM_MAX_MSG_SIZE];
	const char *text = message->msg ? message->msg : "";

	return json_pack("{s:s, s:s}", "style", style, "text",
			 pat_text_valid(text, 0, sizeof(shown))
				 ? text
				 : pat_escape(shown, sizeof(shown), text));
}

static json_t *state(struct exchange *exchange, bool authenticated)
{
	json_t *reply = json_pack("{s:b, s:o}", "authenticated", authenticated, "prompts",
				  exchange->prompts);

	exchange->prompts = json_array();
	return reply;
}

/* Shows the prompts, and reads the next call, which must be Authenticate with `wanted` responses.
 */
static json_t *ask(struct exchange *exchange, size_t wanted)
{
	struct session *session = exchange->session;
	struct flat_call call;
	json_t *responses;

	if (session_reply(session, state(exchange, false), false) != 0 ||
	    session_read(session, ANSWER_MS, &call) != 0)
		return NULL;
	responses = json_object_get(call.parameters, "responses");
	if (strcmp(call.method, ERROR_OWN("Authenticate")) != 0 ||
	    json_array_size(responses) != wanted) {
		session_error(session, ERROR_OWN("AuthenticationFailed"),
			      "authentication was broken off", NULL);
		json_decref(call.message);
		return NULL;
	}
	json_incref(responses);
	json_decref(call.message);
	return responses ? responses : json_array();
}

static void free_replies(struct pam_response *replies, int count)
{
	for (int i = 0; replies != NULL && i < count; i++) {
		if (replies[i].resp != NULL)
			sodium_memzero(replies[i].resp, strlen(replies[i].resp));
		free(replies[i].resp);
	}
	free(replies);
}

/* Hands the client's responses over, in their order, to the messages that wanted one. */
static int fill_replies(const json_t *responses, int count, const struct pam_message **messages,
			struct pam_response *replies)
{
	size_t next = 0;

	for (int i = 0; i < count; i++) {
		const char *text;

		if (messages[i]->msg_style != PAM_PROMPT_ECHO_ON &&
		    messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
			continue;
		text = json_string_value(json_array_get(responses, next++));
		if (text == NULL || strlen(text) >= PAM_MAX_RESP_SIZE)
			return PAM_CONV_ERR;
		replies[i].resp = strdup(text);
		if (replies[i].resp == NULL)
			return PAM_BUF_ERR;
	}
	return PAM_SUCCESS;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct exchange *exchange = data;
	struct pam_response *replies;
	json_t *responses;
	size_t wanted = 0;
	int answer;

	if (exchange->broken || count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++) {
		const char *style = style_name(messages[i]->msg_style);

		if (style == NULL ||
		    json_array_append_new(exchange->prompts, prompt(messages[i], style)) != 0)
			return PAM_CONV_ERR;
		wanted += style[0] == 'e' && style[1] == 'c';
	}
	exchange->spoken = true;
	responses = ask(exchange, wanted);
	if (responses == NULL) {
		exchange->broken = true;
		return PAM_CONV_ERR;
	}
	replies = calloc((size_t)count, sizeof(*replies));
	answer = replies ? fill_replies(responses, count, messages, replies) : PAM_BUF_ERR;
	json_decref(responses);
	if (answer == PAM_SUCCESS)
		*out = replies;
	else
		free_replies(replies, count);
	return answer;
}

static int unspoken(const char *user)
{
	char shown[SHOWN];

	log_line(LOG_CRIT,
		 "the PAM service " SERVICE
		 " let user=\"%s\" in without asking for anything: that is "
		 "not taken for authentication",
		 pat_escape(shown, sizeof(shown), user));
	return PAM_SYSTEM_ERR;
}

/* What PAM says of the caller, account included. */
static int run_pam(struct exchange *exchange, const char *user)
{
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = exchange};
	pam_handle_t *pamh = NULL;
	int answer = pam_start(SERVICE, user, &conversation, &pamh);

	if (answer != PAM_SUCCESS)
		return answer;
	(void)pam_set_item(pamh, PAM_RUSER, user);
	answer = pam_authenticate(pamh, PAM_DISALLOW_NULL_AUTHTOK);
	/* Asked here, because the account phase may say something, too. */
	if (answer == PAM_SUCCESS && !exchange->spoken)
		answer = unspoken(user);
	if (answer == PAM_SUCCESS)
		answer = pam_acct_mgmt(pamh, PAM_DISALLOW_NULL_AUTHTOK);
	/* A module may have changed whom it is about. */
	if (answer == PAM_SUCCESS) {
		const void *item = NULL;

		if (pam_get_item(pamh, PAM_USER, &item) != PAM_SUCCESS || item == NULL ||
		    strcmp(item, user) != 0)
			answer = PAM_AUTH_ERR;
	}
	pam_end(pamh, answer);
	return answer;
}

static const char *explain(int answer)
{
	switch (answer) {
	case PAM_ACCT_EXPIRED:
		return "your account has expired";
	case PAM_NEW_AUTHTOK_REQD:
		return "your password has expired: change it first, with passwd";
	case PAM_MAXTRIES:
		return "too many attempts";
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_PERM_DENIED:
		return "wrong password: it takes that of your account, and a token cannot make a "
		       "token "
		       "(who has no password asks root: patctl create --user NAME)";
	default:
		return "authentication failed: the system could not do it; see its log";
	}
}

int fresh_authenticate(struct session *session, const json_t *parameters)
{
	struct exchange exchange = {.session = session, .prompts = json_array()};
	char shown[SHOWN];
	int answer;

	session->fresh = false;
	if (json_array_size(json_object_get(parameters, "responses")) != 0 ||
	    exchange.prompts == NULL) {
		json_decref(exchange.prompts);
		return session_error(session, ERROR_OWN("AuthenticationFailed"),
				     "no prompt is waiting for a response", NULL);
	}
	if (++session->attempts > ATTEMPTS)
		answer = PAM_MAXTRIES;
	else
		answer = run_pam(&exchange, session->caller.name);
	/* The client has heard that it is over, whatever the stack made of it. */
	if (exchange.broken)
		answer = PAM_CONV_ERR;
	session->fresh = answer == PAM_SUCCESS;
	if (answer == PAM_SUCCESS) {
		(void)session_reply(session, state(&exchange, true), false);
	} else {
		log_line(LOG_NOTICE, "refused authentication for minting user=\"%s\" uid=%u: %s",
			 pat_escape(shown, sizeof(shown), session->caller.name),
			 (unsigned)session->caller.uid, pam_strerror(NULL, answer));
		if (!exchange.broken)
			session_error(session, ERROR_OWN("AuthenticationFailed"), explain(answer),
				      NULL);
	}
	json_decref(exchange.prompts);
	return answer == PAM_SUCCESS ? 0 : PAT_E_INVALID;
}
