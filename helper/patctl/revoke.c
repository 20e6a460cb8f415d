/* SPDX-License-Identifier: ISC */
#include <jansson.h>

#include "client.h"
#include "commands.h"
#include "each.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "tell.h"

static int revoke_all(const struct options *options)
{
	json_t *parameters, *answer, *ids;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = client_ask(options, "RevokeAll", parameters, &answer);
	json_decref(parameters);
	if (status != STATUS_OK)
		return status;
	ids = json_object_get(answer, "tokens");
	if (given(options, OPTION_JSON))
		output_json(json_is_array(ids) ? ids : json_array());
	else if (!given(options, OPTION_QUIET))
		say("revoked %zu token%s", json_array_size(ids),
		    json_array_size(ids) == 1 ? "" : "s");
	json_decref(answer);
	return STATUS_OK;
}

/* For for_each_secret(). */
static int tell_revoked(const struct options *options, const json_t *token)
{
	const char *id = token_text(token, "id"), *name = token_text(token, "name");
	const char *status = token_text(token, "status"), *place = token_text(token, "found_at");
	const char *before = place != NULL ? place : "", *colon = place != NULL ? ": " : "";

	if (given(options, OPTION_JSON) || given(options, OPTION_QUIET))
		return STATUS_OK;
	if (name != NULL)
		say("%s%srevoked %s (%s)", before, colon, id != NULL ? id : "-", name);
	else
		say("%s%s%s %s", before, colon, status != NULL ? status : "unknown",
		    id != NULL ? id : "-");
	return STATUS_OK;
}

int command_revoke(const struct options *options)
{
	bool all = given(options, OPTION_EVERY), input = given(options, OPTION_TOKEN_STDIN);
	int ways = all + input + (options->count > 0);

	if (ways == 0)
		complain("revoke what? TOKEN..., --all or --token-stdin");
	else if (ways > 1)
		complain("TOKEN..., --all and --token-stdin exclude each other");
	else if (input && given(options, OPTION_USER))
		complain("--token-stdin needs no --user: the token tells");
	else if (input)
		return for_each_secret(options, "RevokeSecret", false, tell_revoked);
	else if (all)
		return revoke_all(options);
	else
		return for_each_operand(options, "Revoke", "revoked");
	return usage_error(options->command);
}
