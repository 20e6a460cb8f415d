/* SPDX-License-Identifier: ISC */

/* What a session tells its client: replies and errors as Varlink has them. */

#include "pat/error.h"
#include "session.h"

static int keep_error(struct session *session, int error)
{
	if (error && !session->link_error)
		session->link_error = error;
	return error;
}

/* Takes over the message. With `queued`, it is sent with those that follow. */
static int send_message(struct session *session, json_t *message, bool queued)
{
	struct pat_varlink_text text = {NULL, 0};
	int error = PAT_E_NOMEM;

	if (message != NULL)
		error = pat_varlink_encode(message, &text);
	json_decref(message);
	if (!error)
		error = reply_queue_add(&session->replies, &text);
	pat_varlink_discard(&text);
	if (!error && !queued)
		error = reply_queue_send(&session->replies);
	return keep_error(session, error);
}

int session_reply(struct session *session, json_t *parameters, bool continues)
{
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
		error = reply_queue_send_with(&session->replies, reply);
	return keep_error(session, error);
}

int session_error(struct session *session, const char *name, const char *message, json_t *extra)
{
	json_t *parameters = extra ? extra : json_object();

	if (message != NULL && parameters != NULL)
		json_object_set_new(parameters, "message", json_string(message));
	(void)send_message(session,
			   json_pack("{s:s, s:o}", "error", name, "parameters", parameters), false);
	return PAT_E_INVALID;
}
