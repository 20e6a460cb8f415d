/* SPDX-License-Identifier: ISC */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "log.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/when.h"
#include "view_json.h"

#define SHOWN 200

void report_change(const struct session *session, const char *what, const struct pat_grant *grant)
{
	char name[SHOWN], user[SHOWN], caller[SHOWN], services[SHOWN], sources[SHOWN];
	char time[PAT_RFC3339_MAX], uses[32] = "", terms[3 * SHOWN] = "";

	if (grant->max_uses != 0)
		snprintf(uses, sizeof(uses), " max_uses=%u", (unsigned)grant->max_uses);
	if (strcmp(what, "created") == 0 || strcmp(what, "edited") == 0)
		snprintf(terms, sizeof(terms), " services=\"%s\" sources=\"%s\" expires=%s%s",
			 pat_escape(services, sizeof(services), grant->services),
			 pat_escape(sources, sizeof(sources), grant->sources),
			 grant->expires_at ? pat_rfc3339(time, grant->expires_at) : "never", uses);
	log_line(LOG_NOTICE, "%s token id=%s name=\"%s\" user=\"%s\" uid=%u%s by=%s(%u)", what,
		 grant->id, pat_escape(name, sizeof(name), grant->name),
		 pat_escape(user, sizeof(user), grant->user), (unsigned)grant->uid, terms,
		 pat_escape(caller, sizeof(caller), session->caller.name),
		 (unsigned)session->caller.uid);
}

char *report_error_text(char dst[REPORT_ERROR_MAX], int error)
{
	char text[SHOWN];
	const char *why = "";

	/* Whether the disk is full, or read-only, is for whoever can do something about it. */
	if ((error == PAT_E_IO || error == PAT_E_ACCESS) && errno != 0)
		why = strerror_r(errno, text, sizeof(text));
	else if (error == PAT_E_FULL)
		why = "root can make room in it (patstore rebuild), or remove tokens from it";
	if (error == PAT_E_IO && why[0] != '\0')
		snprintf(dst, REPORT_ERROR_MAX, "%s", why);
	else
		snprintf(dst, REPORT_ERROR_MAX, "%s%s%s", pat_error_text(error),
			 why[0] != '\0' ? ": " : "", why);
	return dst;
}

int report_store_failure(struct session *session, int error)
{
	char why[REPORT_ERROR_MAX], message[SHOWN + REPORT_ERROR_MAX], store[SHOWN];

	report_error_text(why, error);
	log_line(LOG_CRIT, "the store %s: %s",
		 pat_escape(store, sizeof(store), session->settings->store), why);
	snprintf(message, sizeof(message), "the token store cannot be used: %s", why);
	return session_error(session, ERROR_OWN("StoreUnavailable"), message, NULL);
}

/* Whose tokens these are may be somebody else's, for root. */
static int report_not_found(struct session *session, const char *shown)
{
	char message[3 * SHOWN], user[SHOWN] = "";
	const char *option = "";

	if (strcmp(session->owner.name, session->caller.name) != 0) {
		pat_escape(user, sizeof(user), session->owner.name);
		option = " --user ";
	}
	snprintf(message, sizeof(message),
		 "there is no token \"%s\": patctl list --all%s%s shows those there are", shown,
		 option, user);
	return session_error(session, ERROR_OWN("NotFound"), message, NULL);
}

int report_not_chosen(struct session *session, int error, const char *selector,
		      const struct grant_choice *choice)
{
	char shown[SHOWN], message[2 * SHOWN];
	json_t *ids = json_array();

	pat_escape(shown, sizeof(shown), selector);
	if (error == PAT_E_NOTFOUND) {
		json_decref(ids);
		return report_not_found(session, shown);
	}
	if (error != PAT_E_EXISTS) {
		json_decref(ids);
		return report_store_failure(session, error);
	}
	for (unsigned i = 0; i < choice->count && i < GRANTS_CANDIDATES; i++)
		json_array_append_new(ids, json_string(choice->ids[i]));
	snprintf(message, sizeof(message), "\"%s\" could be any of %u tokens", shown,
		 choice->count);
	return session_error(session, ERROR_OWN("Ambiguous"), message,
			     json_pack("{s:o}", "ids", ids));
}

int report_view(struct session *session, const struct grant_view *view)
{
	return session_reply(
		session, json_pack("{s:o}", "token", view_json(view, (int64_t)time(NULL))), false);
}

int report_name_taken(struct session *session, const char *name)
{
	char shown[SHOWN], message[2 * SHOWN];

	snprintf(message, sizeof(message),
		 "there is a live token \"%s\" already: rotate or revoke it, or choose "
		 "another name",
		 pat_escape(shown, sizeof(shown), name));
	return session_error(session, ERROR_OWN("NameTaken"), message, NULL);
}

void report_rotation(const struct session *session, const struct grant_rotation *rotation)
{
	char caller[SHOWN];

	log_line(LOG_NOTICE, "rotated token id=%s successor=%s overlap=%llds by=%s(%u)",
		 rotation->id, rotation->next.id, (long long)rotation->overlap,
		 pat_escape(caller, sizeof(caller), session->caller.name),
		 (unsigned)session->caller.uid);
}
