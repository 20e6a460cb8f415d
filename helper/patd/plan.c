/* SPDX-License-Identifier: ISC */

/*
 * MUST:
 *  - decide by pat.conf as it is now, and by nothing if it cannot be read;
 *  - wipe the token on every path.
 */

#include "plan.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "grants.h"
#include "log.h"
#include "pat/error.h"
#include "pat/text.h"
#include "policy_cache.h"
#include "report.h"
#include "view_json.h"

#define SHOWN 200

static int refuse(struct session *session, int error, const char *rule, const char *message)
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

int plan_refuse_count(struct session *session, const struct plan *plan)
{
	char message[2 * SHOWN];

	if (plan->max_tokens == 0)
		snprintf(message, sizeof(message), "no tokens are minted here (max_tokens, %s)",
			 plan->max_tokens_origin);
	else
		snprintf(message, sizeof(message),
			 "no more than %u live tokens are allowed: revoke one first (max_tokens, "
			 "%s)",
			 plan->max_tokens, plan->max_tokens_origin);
	return refuse(session, PAT_E_ACCESS, "max_tokens", message);
}

/* The services that were asked for, groups expanded. */
static int expand(struct session *session, const struct policy *policy,
		  const struct request *request, char list[PAT_SERVICES_MAX + 1])
{
	char missing[PAT_SERVICE_MAX + 1], shown[SHOWN], message[2 * SHOWN];
	int error;

	list[0] = '\0';
	if (!request->has_services)
		return PAT_OK;
	error = policy_services(policy, request->services, list, missing);
	if (!error)
		return PAT_OK;
	if (error == PAT_E_NOTFOUND)
		snprintf(message, sizeof(message),
			 "there is no group of services @%s here: see patctl policy",
			 pat_escape(shown, sizeof(shown), missing));
	return refuse(session, PAT_E_INVALID, "services",
		      error == PAT_E_NOTFOUND ? message
		      : error == PAT_E_TOOBIG
			      ? "too many services for one token"
			      : "a service is the name of a file in /etc/pam.d, such as sshd");
}

int plan_services(struct session *session, const struct request *request,
		  char list[PAT_SERVICES_MAX + 1])
{
	struct policy *policy = calloc(1, sizeof(*policy));
	char fault[POLICY_FAULT_MAX] = "out of memory";
	int error = policy ? PAT_OK : PAT_E_NOMEM;

	if (!error && strchr(request->services, '@') != NULL)
		error = policy_load(session->settings->policy, policy, fault);
	if (error)
		(void)session_error(session, ERROR_OWN("PolicyUnusable"), fault, NULL);
	else
		error = expand(session, policy, request, list);
	free(policy);
	return error;
}

static int decide(struct session *session, const struct policy *policy,
		  const struct policy_limits *limits, const struct request *request,
		  bool as_long_as_allowed, struct policy_terms *terms)
{
	char list[PAT_SERVICES_MAX + 1], message[POLICY_MESSAGE_MAX];
	struct policy_wish wish = {.for_root = session->owner.uid == 0,
				   .has_description = request->description != NULL &&
						      request->description[0] != '\0',
				   .sources = request->has_sources ? request->sources : NULL,
				   .expires_at = request->expires_text,
				   .max_uses = request->max_uses,
				   .now = request->now};
	const char *rule = "";
	int error = expand(session, policy, request, list);

	if (error)
		return error;
	wish.services = list[0] != '\0' ? list : NULL;
	error = policy_decide(limits, &wish, terms, &rule, message);
	if (error && as_long_as_allowed && strcmp(rule, "max_lifetime") == 0) {
		wish.expires_at = NULL;
		error = policy_decide(limits, &wish, terms, &rule, message);
	}
	return error ? refuse(session, error, rule, message) : PAT_OK;
}

static void fill(const struct session *session, const struct request *request,
		 const struct policy_terms *terms, struct pat_grant *grant)
{
	*grant = (struct pat_grant){.uid = session->owner.uid,
				    .created_by = session->caller.uid,
				    .created_at = request->now,
				    .expires_at = terms->expires_at,
				    .max_uses = terms->max_uses};
	memcpy(grant->user, session->owner.name, sizeof(grant->user));
	memcpy(grant->services, terms->services, sizeof(grant->services));
	memcpy(grant->sources, terms->sources, sizeof(grant->sources));
	snprintf(grant->name, sizeof(grant->name), "%s", request->name);
	snprintf(grant->description, sizeof(grant->description), "%s",
		 request->description ? request->description : "");
}

/* A session may outlive the account that it began with, whose tokens the next one to have the name
 * and the uid would not have made. 0, or a negative error once it was sent. */
static int check_owner(struct session *session)
{
	const struct pat_account *owner = &session->owner;
	struct pat_account account = {.exists = false};
	char shown[SHOWN];
	int error = owner->exists ? pat_account_by_name(owner->name, false, &account) : PAT_OK;

	if (error) {
		log_line(LOG_ERR, "no token is minted: the account %s could not be looked up: %s",
			 pat_escape(shown, sizeof(shown), owner->name), pat_error_text(error));
		return session_error(session, ERROR_OWN("AccountsUnavailable"),
				     "the account could not be looked up", NULL);
	}
	if (account.exists && account.uid == owner->uid)
		return PAT_OK;
	return session_error(session, ERROR_OWN("NotFound"), "there is no such user any more",
			     NULL);
}

int plan_make(struct session *session, const struct request *request, bool as_long_as_allowed,
	      struct plan *plan)
{
	char fault[POLICY_FAULT_MAX];
	const struct policy *policy = policy_current(session->settings->policy, fault);
	struct policy_limits limits;
	struct policy_terms terms;
	int error = policy ? PAT_OK : PAT_E_INVALID;

	if (check_owner(session) != PAT_OK)
		return PAT_E_NOTFOUND;
	if (!error && policy_for(policy, &session->owner, &limits) != PAT_OK) {
		snprintf(fault, sizeof(fault), "the groups of the user cannot be looked up");
		error = PAT_E_IO;
	}
	if (error) {
		log_line(LOG_ERR, "no token is minted: %s", fault);
		(void)session_error(session, ERROR_OWN("PolicyUnusable"), fault, NULL);
	} else {
		error = decide(session, policy, &limits, request, as_long_as_allowed, &terms);
	}
	if (!error) {
		fill(session, request, &terms, &plan->grant);
		plan->max_tokens = limits.rules.max_tokens;
		memcpy(plan->max_tokens_origin, limits.origin[POLICY_MAX_TOKENS],
		       sizeof(plan->max_tokens_origin));
	}
	return error;
}

static void take_back(struct session *session, const struct pat_token *token)
{
	struct grant_view view;
	bool done;

	if (grants_revoke_by_secret(session->settings->store, token, session->caller.uid,
				    (int64_t)time(NULL), &view, &done) == PAT_OK &&
	    done)
		report_change(session, "revoked", &view.grant);
	else
		log_line(LOG_CRIT,
			 "token id=%.8s was minted, could not be told to its owner, and could not "
			 "be "
			 "revoked again",
			 token->text + PAT_TOKEN_PREFIX_LEN);
}

int plan_reply(const struct pat_token *token, const struct pat_grant *grant, void *reply)
{
	struct grant_view view = {.grant = *grant};

	sodium_memzero(view.grant.hash, sizeof(view.grant.hash));
	/* jansson wipes what it frees (pat_varlink_wipe_json). */
	return session_prepare(json_pack("{s:s, s:o}", "token", token->text, "info",
					 view_json(&view, grant->created_at)),
			       reply);
}

int plan_deliver(struct session *session, struct pat_token *token, const struct pat_grant *grant,
		 struct pat_varlink_text *reply)
{
	int error;

	report_change(session, "created", grant);
	error = session_send(session, reply);
	if (error)
		take_back(session, token);
	pat_varlink_discard(reply);
	pat_token_wipe(token);
	return error;
}
