/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <string.h>

#include "commands.h"
#include "each.h"
#include "output.h"
#include "tell.h"

static const char *or_dash(const char *text)
{
	return text != NULL && *text != '\0' ? text : "-";
}

/* For for_each_secret(). */
static int tell_verified(const struct options *options, const json_t *token)
{
	const char *status = or_dash(token_text(token, "status"));
	const char *place = token_text(token, "found_at");

	if (!given(options, OPTION_JSON))
		say("%s%s%s %s %s %s", place != NULL ? place : "", place != NULL ? ": " : "",
		    status, or_dash(token_text(token, "id")), or_dash(token_text(token, "name")),
		    or_dash(token_text(token, "user")));
	return strcmp(status, "active") == 0 ? STATUS_OK : STATUS_FAILED;
}

int command_verify(const struct options *options)
{
	return for_each_secret(options, "Verify", true, tell_verified);
}
