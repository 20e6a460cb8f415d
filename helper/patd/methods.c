/* SPDX-License-Identifier: ISC */

/* The methods of io.pampat.Tokens and org.varlink.service: a table, and what each of them does. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "create.h"
#include "fresh.h"
#include "grants.h"
#include "history.h"
#include "interface.h"
#include "lifecycle.h"
#include "method.h"
#include "pat/error.h"
#include "pat/text.h"
#include "policy_method.h"
#include "report.h"
#include "rotate.h"
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

static bool flag(const json_t *parameters, const char *name)
{
	return json_is_true(json_object_get(parameters, name));
}

/* ---- List, Get, Revoke --------------------------------------------------------------------------
 */

struct listing {
	struct session *session;
	bool ended;
};

static int list_one(const struct grant_view *view, void *data)
{
	const struct listing *listing = data;
	int64_t when = now();

	if (!listing->ended && !pat_status_live(pat_grant_status(&view->grant, &view->use, when)))
		return 0;
	return session_reply(listing->session, json_pack("{s:o}", "token", view_json(view, when)),
			     true);
}

static int act_list(struct session *session, const json_t *parameters)
{
	struct listing listing = {.session = session, .ended = flag(parameters, "ended")};
	bool everybody = flag(parameters, "all_users");
	int error;

	if (everybody && session->peer.uid != 0)
		return session_error(session, ERROR_OWN("PermissionDenied"),
				     "only root may see the tokens of all users", NULL);
	if (!session->more)
		return session_error(session, ERROR_VARLINK("ExpectedMore"),
				     "List answers with many replies: call it with `more`", NULL);
	error = grants_list(session->settings->store, everybody ? NULL : &session->owner, list_one,
			    &listing);
	if (session->link_error)
		return session->link_error;
	if (error)
		return report_store_failure(session, error);
	return session_reply(session, json_pack("{s:n}", "token"), false);
}

static int act_get(struct session *session, const json_t *parameters)
{
	const char *selector = text(parameters, "selector");
	struct grant_choice choice;
	struct grant_view view;
	int error = grants_get(session->settings->store, &session->owner, selector, now(), &view,
			       &choice);

	if (error)
		return report_not_chosen(session, error, selector, &choice);
	return session_reply(session,
			     json_pack("{s:o, s:o}", "token", view_json(&view, now()), "events",
				       history_of(session, &view)),
			     false);
}

struct revoked {
	struct session *session;
	json_t *ids;
};

static void note_revoked(const struct pat_grant *grant, void *data)
{
	struct revoked *revoked = data;

	report_change(revoked->session, "revoked", grant);
	json_array_append_new(revoked->ids, json_string(grant->id));
}

static int act_revoke_all(struct session *session, const json_t *parameters)
{
	struct revoked revoked = {.session = session, .ids = json_array()};
	int error = grants_revoke_all(session->settings->store, &session->owner,
				      session->caller.uid, now(), note_revoked, &revoked);

	(void)parameters;
	if (error) {
		json_decref(revoked.ids);
		return report_store_failure(session, error);
	}
	return session_reply(session, json_pack("{s:o}", "tokens", revoked.ids), false);
}

/* ---- By the token itself ------------------------------------------------------------------------
 */

static int read_secret(struct session *session, const json_t *parameters, struct pat_token *token)
{
	const char *message;

	switch (pat_token_parse(text(parameters, "secret"), token)) {
	case PAT_FORM_TOKEN:
		return 0;
	case PAT_FORM_BAD_CHECKSUM:
		message = "that is no token: a character of it is wrong";
		break;
	default:
		message =
			"that is no token: one is 64 characters and begins with " PAT_TOKEN_PREFIX;
	}
	pat_token_wipe(token);
	return session_error(session, ERROR_VARLINK("InvalidParameter"), message,
			     json_pack("{s:s}", "parameter", "secret"));
}

static int secret_not_found(struct session *session, int error)
{
	if (error != PAT_E_NOTFOUND)
		return report_store_failure(session, error);
	return session_error(session, ERROR_OWN("NotFound"), "that token is not known here", NULL);
}

static int act_verify(struct session *session, const json_t *parameters)
{
	struct pat_token token;
	struct grant_view view;
	int error = read_secret(session, parameters, &token);

	if (error)
		return error;
	error = grants_get_by_secret(session->settings->store, &token, &view);
	pat_token_wipe(&token);
	return error ? secret_not_found(session, error) : report_view(session, &view);
}

static int act_revoke_secret(struct session *session, const json_t *parameters)
{
	struct pat_token token;
	struct grant_view view;
	bool done;
	int error = read_secret(session, parameters, &token);

	if (error)
		return error;
	error = grants_revoke_by_secret(session->settings->store, &token, session->caller.uid,
					now(), &view, &done);
	pat_token_wipe(&token);
	if (error)
		return secret_not_found(session, error);
	if (done)
		report_change(session, "revoked", &view.grant);
	return report_view(session, &view);
}

/* ---- org.varlink.service ------------------------------------------------------------------------
 */

static const char service_text[] =
	"# What every Varlink service says of itself.\n"
	"interface org.varlink.service\n"
	"\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
	"interfaces: []string)\n"
	"\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static int act_info(struct session *session, const json_t *parameters)
{
	(void)parameters;
	return session_reply(session,
			     json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "pam_pat",
				       "product", "patd", "version", PAT_VERSION, "url", "",
				       "interfaces", "org.varlink.service", "io.pampat.Tokens"),
			     false);
}

static int act_description(struct session *session, const json_t *parameters)
{
	const char *name = text(parameters, "interface");
	const char *description = NULL;
	char shown[SHOWN];

	if (strcmp(name, "io.pampat.Tokens") == 0)
		description = interface_text;
	else if (strcmp(name, "org.varlink.service") == 0)
		description = service_text;
	if (description == NULL)
		return session_error(
			session, ERROR_VARLINK("InterfaceNotFound"), NULL,
			json_pack("{s:s}", "interface", pat_escape(shown, sizeof(shown), name)));
	return session_reply(session, json_pack("{s:s}", "description", description), false);
}

/* ---- The table ----------------------------------------------------------------------------------
 */

#define OWNER                              \
	{                                  \
		"user", JSON_STRING, false \
	}
#define SELECTOR                              \
	{                                     \
		"selector", JSON_STRING, true \
	}
#define SECRET                              \
	{                                   \
		"secret", JSON_STRING, true \
	}

/* What may be said of a token that is minted or edited; `name` says itself whether it must be. */
#define TERMS                                                                       \
	{"description", JSON_STRING, false}, {"services", JSON_ARRAY, false},       \
		{"sources", JSON_ARRAY, false}, {"expires_at", JSON_STRING, false}, \
		{"max_uses", JSON_INTEGER, false}, OWNER

const struct method methods[] = {
	{ERROR_VARLINK("GetInfo"), NEED_NOTHING, NULL, act_info, {{0}}},
	{ERROR_VARLINK("GetInterfaceDescription"),
	 NEED_NOTHING,
	 NULL,
	 act_description,
	 {{"interface", JSON_STRING, true}}},
	{ERROR_OWN("Authenticate"),
	 NEED_ACCOUNT,
	 NULL,
	 fresh_authenticate,
	 {{"responses", JSON_ARRAY, false}}},
	{ERROR_OWN("Create"),
	 NEED_OWNER | NEED_FRESH | NEED_WHOLE,
	 create_check,
	 create_act,
	 {{"name", JSON_STRING, true}, TERMS}},
	{ERROR_OWN("Rotate"),
	 NEED_OWNER | NEED_FRESH | NEED_WHOLE,
	 rotate_check,
	 rotate_act,
	 {SELECTOR, {"overlap", JSON_INTEGER, false}, OWNER}},
	{ERROR_OWN("Edit"),
	 NEED_OWNER | NEED_WHOLE,
	 NULL,
	 lifecycle_edit,
	 {SELECTOR, {"name", JSON_STRING, false}, TERMS}},
	{ERROR_OWN("Suspend"), NEED_OWNER | NEED_WHOLE, NULL, lifecycle_suspend, {SELECTOR, OWNER}},
	{ERROR_OWN("Resume"),
	 NEED_OWNER | NEED_FRESH | NEED_WHOLE,
	 NULL,
	 lifecycle_resume,
	 {SELECTOR, OWNER}},
	{ERROR_OWN("List"),
	 NEED_OWNER,
	 NULL,
	 act_list,
	 {OWNER, {"all_users", JSON_TRUE, false}, {"ended", JSON_TRUE, false}}},
	{ERROR_OWN("Get"), NEED_OWNER, NULL, act_get, {SELECTOR, OWNER}},
	{ERROR_OWN("Refusals"),
	 NEED_OWNER,
	 NULL,
	 history_refusals,
	 {{"since", JSON_STRING, false}, OWNER}},
	{ERROR_OWN("Policy"), NEED_OWNER, NULL, policy_method, {OWNER}},
	{ERROR_OWN("Revoke"), NEED_OWNER | NEED_WHOLE, NULL, lifecycle_revoke, {SELECTOR, OWNER}},
	{ERROR_OWN("RevokeAll"), NEED_OWNER | NEED_WHOLE, NULL, act_revoke_all, {OWNER}},
	{ERROR_OWN("RevokeSecret"), NEED_WHOLE, NULL, act_revoke_secret, {SECRET}},
	{ERROR_OWN("Verify"), NEED_NOTHING, NULL, act_verify, {SECRET}},
};

const unsigned methods_count = sizeof(methods) / sizeof(methods[0]);
