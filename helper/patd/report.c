/* SPDX-License-Identifier: ISC */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "log.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/when.h"

#define SHOWN 200

void report_change(const struct session *session, const char *what, const struct pat_grant *grant)
{
	char name[SHOWN], user[SHOWN], caller[SHOWN], services[SHOWN] = "", time[PAT_RFC3339_MAX];
	char created[2 * SHOWN] = "";

	if (strcmp(what, "created") == 0)
		snprintf(created, sizeof(created), " services=\"%s\" expires=%s",
			 pat_escape(services, sizeof(services), grant->services),
			 grant->expires_at ? pat_rfc3339(time, grant->expires_at) : "never");
	log_line(LOG_NOTICE, "%s token id=%s name=\"%s\" user=\"%s\" uid=%u%s by=%s(%u)", what,
		 grant->id, pat_escape(name, sizeof(name), grant->name),
		 pat_escape(user, sizeof(user), grant->user), (unsigned)grant->uid, created,
		 pat_escape(caller, sizeof(caller), session->caller.name),
		 (unsigned)session->caller.uid);
}

int report_store_failure(struct session *session, int error)
{
	char message[SHOWN];

	log_line(LOG_CRIT, "the store %s: %s", session->settings->store, pat_error_text(error));
	snprintf(message, sizeof(message), "the token store cannot be used: %s",
		 pat_error_text(error));
	return session_error(session, ERROR_OWN("StoreUnavailable"), message, NULL);
}
