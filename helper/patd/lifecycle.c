/* SPDX-License-Identifier: ISC */

/*
 * Changes of a token that exists.
 *
 * MUST:
 *  - never widen what a token opens, but for Resume, which the table lets through only after fresh
 *    authentication;
 *  - never bring back a token that has ended.
 */

#include "lifecycle.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"
#include "plan.h"
#include "report.h"
#include "request.h"

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

/* Applies a change to the token that the request names, logs it as `what`, and replies. `explain`
 * sends the error for what the change itself refused. */
static int change(struct session *session, const json_t *parameters,
		  const struct grant_change *asked, const char *what,
		  int (*explain)(struct session *session, int error, const struct grant_view *view,
				 void *data))
{
	const char *selector = json_string_value(json_object_get(parameters, "selector"));
	struct grant_choice choice = {0};
	struct grant_view view = {0};
	bool done;
	int error = grants_change(session->settings->store, &session->owner, selector, now(), asked,
				  &view, &choice, &done);

	if (choice.refused && explain != NULL)
		return explain(session, choice.refused, &view, asked->data);
	if (error)
		return report_not_chosen(session, error, selector, &choice);
	if (done)
		report_change(session, what, &view.grant);
	return report_view(session, &view);
}

static int not_live(struct session *session, int error, const struct grant_view *view, void *data)
{
	const char *status = pat_status_text(pat_grant_status(&view->grant, &view->use, now()));
	char message[200];

	(void)error;
	(void)data;
	snprintf(message, sizeof(message), "token %s is %s: what has ended does not come back",
		 view->grant.id, status);
	return session_error(session, ERROR_OWN("NotLive"), message,
			     json_pack("{s:s}", "status", status));
}

/* ---- Suspend, Resume, Revoke --------------------------------------------------------------------
 */

static int apply_suspend(struct pat_grant *grant, bool live, const struct grant_census *others,
			 void *data)
{
	(void)others;
	(void)data;
	if (!live)
		return PAT_E_INVALID;
	if (grant->suspended_at != 0)
		return 1;
	grant->suspended_at = now();
	return 0;
}

static int apply_resume(struct pat_grant *grant, bool live, const struct grant_census *others,
			void *data)
{
	(void)others;
	(void)data;
	if (!live)
		return PAT_E_INVALID;
	if (grant->suspended_at == 0)
		return 1;
	grant->suspended_at = 0;
	return 0;
}

static int apply_revoke(struct pat_grant *grant, bool live, const struct grant_census *others,
			void *data)
{
	const struct session *session = data;

	(void)live;
	(void)others;
	if (grant->revoked_at != 0)
		return 1;
	grant_end(grant, session->caller.uid, now());
	return 0;
}

int lifecycle_suspend(struct session *session, const json_t *parameters)
{
	const struct grant_change suspend = {.apply = apply_suspend};

	return change(session, parameters, &suspend, "suspended", not_live);
}

int lifecycle_resume(struct session *session, const json_t *parameters)
{
	const struct grant_change resume = {.apply = apply_resume};

	return change(session, parameters, &resume, "resumed", not_live);
}

static void report_replaced(const struct pat_grant *grant, void *data)
{
	report_change(data, "revoked", grant);
}

/* What rotation has replaced and still works for a while ends with what replaced it. */
int lifecycle_revoke(struct session *session, const json_t *parameters)
{
	const struct grant_change revoke = {
		.apply = apply_revoke, .data = session, .replaced = report_replaced};

	return change(session, parameters, &revoke, "revoked", NULL);
}

/* ---- Edit ---------------------------------------------------------------------------------------
 */

/* What is to become of a token: NULL, or false, for what stays as it is. */
struct edit {
	const char *name;
	const char *description;
	const char *services;
	const char *sources;
	bool has_expiry;
	int64_t expires_at;
	uint32_t max_uses;
	const char *wide; /* the parameter that would widen it */
};

/* The parameter that would open more than before, or NULL. */
static const char *widening(const struct edit *edit, const struct pat_grant *grant)
{
	if (edit->services && !pat_services_within(edit->services, grant->services))
		return "services";
	if (edit->sources && !pat_sources_within(edit->sources, grant->sources))
		return "sources";
	if (edit->has_expiry && edit->expires_at != grant->expires_at &&
	    (edit->expires_at == PAT_NEVER ||
	     (grant->expires_at != PAT_NEVER && edit->expires_at > grant->expires_at)))
		return "expires_at";
	if (edit->max_uses != 0 && grant->max_uses != 0 && edit->max_uses > grant->max_uses)
		return "max_uses";
	return NULL;
}

static void set_text(char *field, size_t size, const char *value)
{
	if (value != NULL)
		snprintf(field, size, "%s", value);
}

static int apply_edit(struct pat_grant *grant, bool live, const struct grant_census *others,
		      void *data)
{
	struct edit *edit = data;

	if (!live)
		return PAT_E_INVALID;
	edit->wide = widening(edit, grant);
	if (edit->wide != NULL)
		return PAT_E_ACCESS;
	if (edit->name != NULL && others->name_taken)
		return PAT_E_EXISTS;
	set_text(grant->name, sizeof(grant->name), edit->name);
	set_text(grant->description, sizeof(grant->description), edit->description);
	set_text(grant->services, sizeof(grant->services), edit->services);
	set_text(grant->sources, sizeof(grant->sources), edit->sources);
	if (edit->has_expiry)
		grant->expires_at = edit->expires_at;
	if (edit->max_uses != 0)
		grant->max_uses = edit->max_uses;
	return 0;
}

/* What people call a parameter. */
static const char *words_for(const char *parameter)
{
	if (strcmp(parameter, "expires_at") == 0)
		return "lifetime";
	return strcmp(parameter, "max_uses") == 0 ? "number of uses" : parameter;
}

static int edit_refused(struct session *session, int error, const struct grant_view *view,
			void *data)
{
	const struct edit *edit = data;
	char message[300];

	if (error == PAT_E_INVALID)
		return not_live(session, error, view, data);
	if (error == PAT_E_EXISTS)
		return report_name_taken(session, edit->name);
	snprintf(message, sizeof(message),
		 "that would widen the %s of token %s, which edit never does: rotate gives it a "
		 "fresh "
		 "life, create makes one with other limits",
		 words_for(edit->wide), view->grant.id);
	return session_error(session, ERROR_OWN("Widening"), message,
			     json_pack("{s:s}", "parameter", edit->wide));
}

int lifecycle_edit(struct session *session, const json_t *parameters)
{
	struct request request;
	struct edit edit = {0};
	char services[PAT_SERVICES_MAX + 1];
	struct grant_change apply = {.apply = apply_edit, .data = &edit};
	int error = request_read(session, parameters, &request);

	if (error)
		return error;
	edit.name = request.name;
	edit.description = request.description;
	if (request.has_services) {
		error = plan_services(session, &request, services);
		if (error)
			return error;
		edit.services = services;
	}
	edit.sources = request.has_sources ? request.sources : NULL;
	edit.has_expiry = request.has_expiry;
	edit.expires_at = request.expires_at;
	edit.max_uses = request.max_uses;
	apply.new_name = request.name;
	return change(session, parameters, &apply, "edited", edit_refused);
}
