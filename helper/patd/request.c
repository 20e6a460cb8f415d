/* SPDX-License-Identifier: ISC */
#include "request.h"

#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"

static int wrong(struct session *session, const char *parameter, const char *message)
{
	return session_error(session, ERROR_VARLINK("InvalidParameter"), message,
			     json_pack("{s:s}", "parameter", parameter));
}

/*
 * An array of names joined with commas. Names of groups are left as they are, for policy to expand:
 * the caller checks what comes of it.
 */
static int join(const json_t *array, char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		size_t len = text ? strlen(text) : 0;

		if (len == 0 || strchr(text, ',') != NULL)
			return PAT_E_INVALID;
		if (used + len + 2 > size)
			return PAT_E_TOOBIG;
		if (used > 0)
			list[used++] = ',';
		memcpy(list + used, text, len + 1);
		used += len;
	}
	return PAT_OK;
}

static int read_services(struct session *session, const json_t *parameters, struct request *request)
{
	const json_t *array = json_object_get(parameters, "services");

	if (array == NULL)
		return PAT_OK;
	request->has_services = true;
	if (join(array, request->services, sizeof(request->services)) != PAT_OK)
		return wrong(session, "services",
			     "services are names of files in /etc/pam.d, such as sshd, and not too "
			     "many");
	return PAT_OK;
}

static int read_sources(struct session *session, const json_t *parameters, struct request *request)
{
	const json_t *array = json_object_get(parameters, "sources");
	char joined[PAT_SOURCES_MAX + 1];

	if (array == NULL)
		return PAT_OK;
	request->has_sources = true;
	if (join(array, joined, sizeof(joined)) != PAT_OK ||
	    pat_sources_add(request->sources, joined) != PAT_OK)
		return wrong(
			session, "sources",
			"a source is an address, a network such as 192.0.2.0/24 or 2001:db8::/32 "
			"with no bits beyond its length, or local");
	return PAT_OK;
}

/* A span cannot be asked for: it would be by patd's clock and zone, not by those of the caller. */
static int read_expiry(struct session *session, const json_t *parameters, struct request *request)
{
	const char *text = json_string_value(json_object_get(parameters, "expires_at"));

	if (text == NULL)
		return PAT_OK;
	request->has_expiry = true;
	request->expires_text = text;
	if ((strcmp(text, "never") != 0 && strchr(text, ':') == NULL) ||
	    pat_when_parse(text, request->now, &request->expires_at) != PAT_OK)
		return wrong(session, "expires_at",
			     "expires_at is a time such as 2027-01-31T18:00:00Z, or never");
	if (request->expires_at != PAT_NEVER && request->expires_at <= request->now)
		return wrong(session, "expires_at", "the time of expiry is past already");
	return PAT_OK;
}

static int read_uses(struct session *session, const json_t *parameters, struct request *request)
{
	const json_t *number = json_object_get(parameters, "max_uses");
	json_int_t value = json_integer_value(number);

	if (number == NULL)
		return PAT_OK;
	if (value < 1 || value > 1000000)
		return wrong(session, "max_uses", "uses are a number from 1 to 1000000");
	request->max_uses = (uint32_t)value;
	return PAT_OK;
}

int request_read(struct session *session, const json_t *parameters, struct request *request)
{
	int error;

	*request = (struct request){.now = (int64_t)time(NULL)};
	request->name = json_string_value(json_object_get(parameters, "name"));
	request->description = json_string_value(json_object_get(parameters, "description"));
	if (request->name != NULL && !pat_text_valid(request->name, 1, PAT_NAME_CHARS))
		return session_error(
			session, ERROR_OWN("InvalidName"),
			"a name is 1 to 100 characters, none of them a control character", NULL);
	if (request->description != NULL &&
	    !pat_text_valid(request->description, 0, PAT_DESCRIPTION_CHARS))
		return wrong(session, "description",
			     "a description is at most 250 characters, none of them a control "
			     "character");
	error = read_services(session, parameters, request);
	if (!error)
		error = read_sources(session, parameters, request);
	if (!error)
		error = read_expiry(session, parameters, request);
	return error ? error : read_uses(session, parameters, request);
}
