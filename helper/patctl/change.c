/* SPDX-License-Identifier: ISC */

/* edit, suspend and resume: the commands that change a token. */

#include <jansson.h>
#include <stdlib.h>

#include "auth.h"
#include "client.h"
#include "commands.h"
#include "each.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "tell.h"

static bool changes_nothing(const struct options *options)
{
	const struct command_option *takes = options->command->takes;

	for (; takes->id != OPTION_NONE; takes++)
		if (takes->id != OPTION_USER && given(options, takes->id))
			return false;
	return true;
}

static void tell_changed(const struct options *options, json_t *token)
{
	char *terms, *ends;

	if (given(options, OPTION_JSON)) {
		output_token_json(token);
		return;
	}
	if (given(options, OPTION_QUIET))
		return;
	terms = token_terms(token);
	ends = token_ends(token);
	say("changed %s", terms);
	say("%s", ends);
	free(terms);
	free(ends);
}

int command_edit(const struct options *options)
{
	json_t *parameters, *answer;
	int status;

	if (changes_nothing(options)) {
		complain("what is to change? See 'patctl edit --help'");
		return STATUS_USAGE;
	}
	status = request_begin(options, &parameters);
	if (status != STATUS_OK)
		return status;
	status = request_set_selector(parameters, options->operands[0]);
	if (status == STATUS_OK && given(options, OPTION_NAME))
		status = request_set_name(parameters, value(options, OPTION_NAME));
	if (status == STATUS_OK)
		status = request_set_terms(parameters, options);
	if (status == STATUS_OK)
		status = client_ask(options, "Edit", parameters, &answer);
	if (status == STATUS_OK) {
		tell_changed(options, json_object_get(answer, "token"));
		json_decref(answer);
	}
	json_decref(parameters);
	return status;
}

int command_suspend(const struct options *options)
{
	return for_each_operand(options, "Suspend", "suspended");
}

int command_resume(const struct options *options)
{
	return for_each_operand(options, "Resume", "resumed");
}
