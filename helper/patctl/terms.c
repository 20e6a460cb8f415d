/* SPDX-License-Identifier: ISC */

/* A token's terms, from how a person writes them to how patd takes them. */

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/record.h"
#include "pat/service.h"
#include "pat/source.h"
#include "pat/text.h"
#include "pat/when.h"
#include "request.h"
#include "tell.h"

#define USES_DIGITS 9

/* True for a PAM service, or `@` and the name of a group of them. */
static bool is_service(const char *text)
{
	char list[PAT_SERVICES_MAX + 1] = "";

	return pat_services_add(list, text + (*text == '@')) == PAT_OK;
}

static bool is_source(const char *text)
{
	char list[PAT_SOURCES_MAX + 1] = "";

	return pat_sources_add(list, text) == PAT_OK;
}

/* Adds one entry of a list without the white space around it. */
static bool add_entry(json_t *array, const char *text, size_t len, bool (*valid)(const char *))
{
	static const char space[] = " \t";
	size_t before = strspn(text, space);
	char *entry;
	bool good;

	if (before > len)
		before = len;
	text += before;
	len -= before;
	while (len > 0 && strchr(space, text[len - 1]) != NULL)
		len--;
	entry = strndup(text, len);
	if (entry == NULL)
		out_of_memory();
	good = valid(entry);
	if (good && json_array_append_new(array, json_string(entry)) != 0)
		out_of_memory();
	free(entry);
	return good;
}

static int set_list(json_t *parameters, const char *member, const char *list,
		    bool (*valid)(const char *), const char *kind)
{
	json_t *array = json_array();
	const char *rest = list;

	for (;;) {
		size_t len = strcspn(rest, ",");

		if (!add_entry(array, rest, len, valid)) {
			complain("'%.*s' is no %s", (int)len, rest, kind);
			json_decref(array);
			return STATUS_USAGE;
		}
		if (rest[len] == '\0')
			break;
		rest += len + 1;
	}
	request_set(parameters, member, array);
	return STATUS_OK;
}

/* WHEN, in the time zone of whoever types it, into what patd understands. */
static int set_expiry(json_t *parameters, const char *text)
{
	int64_t now = time(NULL), when;
	char local[PAT_LOCALTIME_MAX], utc[PAT_RFC3339_MAX];

	switch (pat_when_parse(text, now, &when)) {
	case PAT_OK:
		break;
	case PAT_E_TOOBIG:
		complain("'%s' is past the year 9999; see 'never'", text);
		return STATUS_USAGE;
	default:
		complain("'%s' is no time: that is 30s 15m 12h 90d 8w 6M 1y, 2027-01-31, "
			 "2027-01-31T18:00:00Z or never",
			 text);
		return STATUS_USAGE;
	}
	if (when != PAT_NEVER && when <= now) {
		complain("'%s' is not in the future: %s", text, pat_localtime(local, when));
		return STATUS_USAGE;
	}
	request_set(parameters, "expires_at",
		    json_string(when == PAT_NEVER ? "never" : pat_rfc3339(utc, when)));
	return STATUS_OK;
}

static int set_uses(json_t *parameters, const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > USES_DIGITS || text[len] != '\0' || strspn(text, "0") == len) {
		complain("'%s' is no number of uses, which is 1 or more", text);
		return STATUS_USAGE;
	}
	request_set(parameters, "max_uses", json_integer(strtol(text, NULL, 10)));
	return STATUS_OK;
}

static int set_description(json_t *parameters, const char *text)
{
	if (!pat_text_valid(text, 0, PAT_DESCRIPTION_CHARS)) {
		complain("a description has at most %d characters of UTF-8, and no control "
			 "characters",
			 PAT_DESCRIPTION_CHARS);
		return STATUS_USAGE;
	}
	request_set(parameters, "description", json_string(text));
	return STATUS_OK;
}

int request_set_name(json_t *parameters, const char *name)
{
	if (!pat_text_valid(name, 1, PAT_NAME_CHARS)) {
		complain("a NAME has 1 to %d characters of UTF-8, and no control characters",
			 PAT_NAME_CHARS);
		return STATUS_USAGE;
	}
	request_set(parameters, "name", json_string(name));
	return STATUS_OK;
}

int request_set_terms(json_t *parameters, const struct options *options)
{
	int status = STATUS_OK;

	if (given(options, OPTION_DESCRIPTION))
		status = set_description(parameters, value(options, OPTION_DESCRIPTION));
	if (status == STATUS_OK && given(options, OPTION_SERVICE))
		status = set_list(parameters, "services", value(options, OPTION_SERVICE),
				  is_service, "PAM service; a list of them is as in 'sshd,sudo'");
	if (status == STATUS_OK && given(options, OPTION_FROM))
		status = set_list(parameters, "sources", value(options, OPTION_FROM), is_source,
				  "source: that is an address, a network with no bit set beyond "
				  "its prefix, as in 2001:db8::/32, or local");
	if (status == STATUS_OK && given(options, OPTION_USES))
		status = set_uses(parameters, value(options, OPTION_USES));
	if (status == STATUS_OK && given(options, OPTION_EXPIRES))
		status = set_expiry(parameters, value(options, OPTION_EXPIRES));
	return status;
}
