/* SPDX-License-Identifier: ISC */

/* Rotate: another token with the same name, scope, limits and length of life, in place of one. */

#include "rotate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "grants.h"
#include "grow.h"
#include "pat/error.h"
#include "pat/when.h"
#include "plan.h"
#include "report.h"

/* A month: what is longer is no overlap but a second token. */
#define OVERLAP_MAX (31 * 86400)

static int refuse_old(struct session *session, const struct grant_view *view, int64_t now)
{
	const char *status = pat_status_text(pat_grant_status(&view->grant, &view->use, now));
	char message[200];

	if (view->grant.successor[0] != '\0')
		snprintf(message, sizeof(message),
			 "token %s was rotated already: token %s took its place", view->grant.id,
			 view->grant.successor);
	else
		snprintf(message, sizeof(message),
			 "token %s is %s: what has ended is not rotated; make another with create",
			 view->grant.id, status);
	return session_error(session, ERROR_OWN("NotLive"), message,
			     json_pack("{s:s}", "status", status));
}

/* What would have to be asked of Create to get such a token again. */
static void same_again(const struct pat_grant *old, int64_t now, struct request *request,
		       char expires[PAT_RFC3339_MAX])
{
	*request = (struct request){.name = old->name,
				    .description = old->description,
				    .has_services = true,
				    .has_sources = old->sources[0] != '\0',
				    .max_uses = old->max_uses,
				    .now = now};
	memcpy(request->services, old->services, sizeof(request->services));
	memcpy(request->sources, old->sources, sizeof(request->sources));
	request->expires_text = "never";
	if (old->expires_at != PAT_NEVER)
		request->expires_text =
			pat_rfc3339(expires, now + (old->expires_at - old->created_at));
}

/* All that can be found out without a change. 0, or a negative error once it was sent. */
static int prepare(struct session *session, const json_t *parameters, struct plan *plan,
		   struct grant_rotation *rotation)
{
	const char *selector = json_string_value(json_object_get(parameters, "selector"));
	json_int_t overlap = json_integer_value(json_object_get(parameters, "overlap"));
	char expires[PAT_RFC3339_MAX];
	struct grant_choice choice;
	struct grant_view view;
	struct request request;
	int64_t now = (int64_t)time(NULL);
	int error;

	if (overlap < 0 || overlap > OVERLAP_MAX)
		return session_error(session, ERROR_VARLINK("InvalidParameter"),
				     "an overlap is a month at most",
				     json_pack("{s:s}", "parameter", "overlap"));
	error = grants_get(session->settings->store, &session->owner, selector, now, &view,
			   &choice);
	if (error)
		return report_not_chosen(session, error, selector, &choice);
	if (!pat_status_live(pat_grant_status(&view.grant, &view.use, now)) ||
	    view.grant.successor[0] != '\0')
		return refuse_old(session, &view, now);
	same_again(&view.grant, now, &request, expires);
	error = plan_make(session, &request, true, plan);
	if (error)
		return error;
	*rotation = (struct grant_rotation){
		.overlap = overlap, .max_tokens = plan->max_tokens, .next = plan->grant};
	rotation->seen = view.grant;
	memcpy(rotation->id, view.grant.id, sizeof(rotation->id));
	return 0;
}

int rotate_check(struct session *session, const json_t *parameters)
{
	struct grant_rotation rotation;
	struct plan plan;

	return prepare(session, parameters, &plan, &rotation);
}

int rotate_act(struct session *session, const json_t *parameters)
{
	struct pat_varlink_text reply = {NULL, 0};
	struct grant_rotation rotation;
	struct pat_token token;
	struct plan plan;
	int error = prepare(session, parameters, &plan, &rotation);

	if (error)
		return error;
	rotation.ready = plan_reply;
	rotation.data = &reply;
	error = grants_rotate(session->settings->store, &rotation, &token);
	if (error)
		pat_varlink_discard(&reply);
	if (error == PAT_E_INVALID)
		return session_error(session, ERROR_OWN("NotLive"),
				     "the token was changed meanwhile: look at it again", NULL);
	if (error == PAT_E_EXISTS)
		return report_name_taken(session, rotation.next.name);
	if (error == PAT_E_TOOBIG)
		return plan_refuse_count(session, &plan);
	if (error)
		return report_store_failure(session, error);
	grow_note_mint();
	report_rotation(session, &rotation);
	return plan_deliver(session, &token, &rotation.next, &reply);
}
