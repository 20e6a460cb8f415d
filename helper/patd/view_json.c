/* SPDX-License-Identifier: ISC */
#include "view_json.h"

#include <string.h>

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

/* A list with commas, as an array. */
static json_t *split(const char *list)
{
	json_t *array = json_array();

	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		json_array_append_new(array, json_stringn(list, len));
		list += len + (list[len] == ',');
	}
	return array;
}

static int set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static int set_use(json_t *object, const struct grant_view *view)
{
	const struct pat_event *last = &view->use.last;
	const struct pat_use *use = &view->use;
	int failed = set(object, "last_used_at", time_or_null(last->time));

	failed |= set(object, "last_used_service", text_or_null(last->service));
	failed |= set(object, "last_used_from", text_or_null(last->rhost));
	failed |= set(object, "uses", json_integer((json_int_t)use->uses));
	failed |= set(
		object, "refusals",
		json_integer((json_int_t)use->refused_proved + (json_int_t)use->refused_unproved));
	return failed;
}

json_t *view_json(const struct grant_view *view, int64_t now)
{
	const struct pat_grant *grant = &view->grant;
	json_t *object = json_object();
	int failed = object == NULL;

	failed |= set(object, "id", json_string(grant->id));
	failed |= set(object, "name", json_string(grant->name));
	failed |= set(object, "description", json_string(grant->description));
	failed |= set(object, "user", text_or_null(grant->user));
	failed |= set(object, "uid", json_integer(grant->uid));
	failed |= set(object, "services", split(grant->services));
	failed |= set(object, "sources", split(grant->sources));
	failed |= set(object, "created_at", time_or_null(grant->created_at));
	failed |= set(object, "expires_at", time_or_null(grant->expires_at));
	failed |= set_use(object, view);
	failed |= set(object, "max_uses",
		      grant->max_uses ? json_integer(grant->max_uses) : json_null());
	failed |= set(object, "suspended_at", time_or_null(grant->suspended_at));
	failed |= set(object, "revoked_at", time_or_null(grant->revoked_at));
	failed |= set(object, "successor", text_or_null(grant->successor));
	failed |= set(object, "status",
		      json_string(pat_status_text(pat_grant_status(grant, &view->use, now))));
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}
