/* SPDX-License-Identifier: ISC */
#include "view_json.h"

#include "pat/text.h"
#include "pat/when.h"

static json_t *time_or_null(int64_t when)
{
	char text[PAT_RFC3339_MAX];

	return when == 0 ? json_null() : json_string(pat_rfc3339(text, when));
}

/* Hosts and services come from outside and may be no UTF-8, which JSON must be. */
static json_t *text_or_null(const char *text)
{
	char shown[PAT_ESCAPED(PAT_USER_MAX)];

	return text[0] == '\0' ? json_null() : json_string(pat_escape(shown, sizeof(shown), text));
}

static int add_service(const char *service, void *array)
{
	return json_array_append_new(array, json_string(service));
}

json_t *view_json(const struct grant_view *view, int64_t now)
{
	const struct pat_grant *grant = &view->grant;
	const struct pat_event *last = &view->use.last;
	json_t *services = json_array();

	if (services == NULL || pat_services_each(grant->services, add_service, services) != 0) {
		json_decref(services);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s}", "id",
			 grant->id, "name", grant->name, "description", grant->description, "user",
			 text_or_null(grant->user), "uid", (json_int_t)grant->uid, "services",
			 services, "created_at", time_or_null(grant->created_at), "expires_at",
			 time_or_null(grant->expires_at), "last_used_at", time_or_null(last->time),
			 "last_used_service", text_or_null(last->service), "last_used_from",
			 text_or_null(last->rhost), "uses", (json_int_t)view->use.uses, "status",
			 pat_status_text(pat_grant_status(grant, now)));
}
