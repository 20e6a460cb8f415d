/* SPDX-License-Identifier: ISC */
#include "owner.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "grants.h"
#include "log.h"
#include "pat/error.h"
#include "pat/text.h"

#define SHOWN 100

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

int owner_find(struct session *session, const json_t *parameters)
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
