/* SPDX-License-Identifier: ISC */

/*
 * Create: mints a token.
 *
 * MUST:
 *  - decide by pat.conf as it is now, and by nothing if it cannot be read;
 *  - have the token on disk before it is told to anybody, and take it back if it cannot be told;
 *  - wipe the token on every path.
 */

#include "create.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "grants.h"
#include "log.h"
#include "pat/error.h"
#include "pat/text.h"
#include "policy.h"
#include "report.h"
#include "view_json.h"

#define SHOWN 200

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

static const char *text(const json_t *parameters, const char *name)
{
	return json_string_value(json_object_get(parameters, name));
}

/* The parameter `services` as one list; NULL if there is none. */
static int read_services(const json_t *parameters, char list[PAT_SERVICES_MAX + 1],
			 const char **services)
{
	const json_t *array = json_object_get(parameters, "services");

	list[0] = '\0';
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *service = json_string_value(json_array_get(array, i));
		int error = service && !strchr(service, ',') ? pat_services_add(list, service)
							     : PAT_E_INVALID;

		if (error)
			return error;
	}
	*services = array ? list : NULL;
	return PAT_OK;
}

static int refuse_wish(struct session *session, int error, const char *rule, const char *message)
{
	char user[SHOWN];

	if (error == PAT_E_INVALID)
		return session_error(session, ERROR_VARLINK("InvalidParameter"), message,
				     json_pack("{s:s}", "parameter", rule));
	log_line(LOG_NOTICE, "refused to mint for user=\"%s\" uid=%u: rule %s",
		 pat_escape(user, sizeof(user), session->owner.name), (unsigned)session->owner.uid,
		 rule);
	return session_error(session, ERROR_OWN("PolicyViolation"), message,
			     json_pack("{s:s}", "rule", rule));
}

/* Puts together what is to be granted, or sends the error that says why not. */
static int plan(struct session *session, const json_t *parameters, struct policy *policy,
		struct pat_grant *grant)
{
	const char *name = text(parameters, "name"), *description = text(parameters, "description");
	char list[PAT_SERVICES_MAX + 1], message[POLICY_MESSAGE_MAX], fault[POLICY_FAULT_MAX];
	struct policy_wish wish = {.for_root = session->owner.uid == 0,
				   .expires_at = text(parameters, "expires_at"),
				   .now = now()};
	struct policy_terms terms;
	const char *rule = "";
	int error;

	if (!session->owner.exists)
		return session_error(session, ERROR_OWN("NotFound"),
				     "there is no such user any more", NULL);
	if (!pat_text_valid(name, 1, PAT_NAME_CHARS))
		return session_error(
			session, ERROR_OWN("InvalidName"),
			"a name is 1 to 100 characters, none of them a control character", NULL);
	if (description && !pat_text_valid(description, 0, PAT_DESCRIPTION_CHARS))
		return session_error(session, ERROR_VARLINK("InvalidParameter"),
				     "a description is at most 250 characters, none of them a "
				     "control character",
				     json_pack("{s:s}", "parameter", "description"));
	if (policy_load(session->settings->policy, policy, fault) != PAT_OK) {
		log_line(LOG_ERR, "no token is minted: %s", fault);
		return session_error(session, ERROR_OWN("PolicyUnusable"), fault, NULL);
	}
	if (read_services(parameters, list, &wish.services) != PAT_OK)
		return refuse_wish(session, PAT_E_INVALID, "services",
				   "a service is the name of a file in /etc/pam.d, such as sshd");
	error = policy_decide(policy, &wish, &terms, &rule, message);
	if (error)
		return refuse_wish(session, error, rule, message);

	*grant = (struct pat_grant){.uid = session->owner.uid,
				    .created_by = session->caller.uid,
				    .created_at = wish.now,
				    .expires_at = terms.expires_at};
	memcpy(grant->user, session->owner.name, sizeof(grant->user));
	memcpy(grant->services, terms.services, sizeof(grant->services));
	snprintf(grant->name, sizeof(grant->name), "%s", name);
	snprintf(grant->description, sizeof(grant->description), "%s",
		 description ? description : "");
	return PAT_OK;
}

static int refuse_count(struct session *session, const struct policy *policy)
{
	char message[SHOWN];

	snprintf(message, sizeof(message),
		 policy->max_tokens == 0
			 ? "no tokens are minted here (max_tokens in pat.conf is %u)"
			 : "no user may have more than %u live tokens here: revoke one first",
		 policy->max_tokens);
	return refuse_wish(session, PAT_E_ACCESS, "max_tokens", message);
}

static int refuse_name(struct session *session)
{
	return session_error(
		session, ERROR_OWN("NameTaken"),
		"there is a live token of that name: revoke it first, or choose another", NULL);
}

int create_check(struct session *session, const json_t *parameters)
{
	struct policy policy;
	struct pat_grant grant;
	struct grant_census census;
	int error = plan(session, parameters, &policy, &grant);

	if (error)
		return error;
	error = grants_census(session->settings->store, &session->owner, grant.name,
			      grant.created_at, &census);
	if (error)
		return report_store_failure(session, error);
	if (census.name_taken)
		return refuse_name(session);
	return census.live >= policy.max_tokens ? refuse_count(session, &policy) : 0;
}

/* A token that its owner never saw is worth nothing to them, and should be to anybody. */
static void take_back(struct session *session, const struct pat_token *token)
{
	struct grant_view view;

	if (grants_revoke_by_secret(session->settings->store, token, session->caller.uid, now(),
				    &view) == PAT_OK)
		report_change(session, "revoked", &view.grant);
	else
		log_line(LOG_CRIT,
			 "token id=%.8s was minted, could not be told to its owner, and could "
			 "not be revoked again",
			 token->text + PAT_TOKEN_PREFIX_LEN);
}

int create_act(struct session *session, const json_t *parameters)
{
	struct policy policy;
	struct grant_view view = {0};
	struct pat_token token;
	int error = plan(session, parameters, &policy, &view.grant);

	if (error)
		return error;
	error = grants_create(session->settings->store, policy.max_tokens, &view.grant, &token);
	if (error == PAT_E_EXISTS)
		return refuse_name(session);
	if (error == PAT_E_TOOBIG)
		return refuse_count(session, &policy);
	if (error)
		return report_store_failure(session, error);
	report_change(session, "created", &view.grant);
	/* jansson wipes what it frees (pat_varlink_wipe_json). */
	if (session_reply(
		    session,
		    json_pack("{s:s, s:o}", "token", token.text, "info", view_json(&view, now())),
		    false) != 0)
		take_back(session, &token);
	pat_token_wipe(&token);
	return 0;
}
