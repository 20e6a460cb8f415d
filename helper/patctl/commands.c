/* SPDX-License-Identifier: ISC */
#include "commands.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "output.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/token.h"
#include "prompt.h"
#include "request.h"
#include "tell.h"

/* Connects, makes one call and disconnects. */
static int ask_patd(const struct options *options, const char *method, json_t *parameters,
		    json_t **answer)
{
	struct client client;
	int status = client_open(&client, options->socket);

	if (status != STATUS_OK)
		return status;
	status = client_call(&client, method, parameters, answer);
	client_close(&client);
	return status;
}

/* The objects `token` out of a list's answers, without the last answer, which has none. */
static json_t *tokens_of(const json_t *answers)
{
	json_t *tokens = json_array(), *answer;
	size_t i;

	json_array_foreach(answers, i, answer)
	{
		json_t *token = json_object_get(answer, "token");

		if (json_is_object(token) && json_array_append_new(tokens, json_token(token)) != 0)
			out_of_memory();
	}
	return tokens;
}

static int print_list(const struct options *options, const json_t *tokens)
{
	if (given(options, GIVEN_JSON)) {
		output_json(tokens);
		return STATUS_OK;
	}
	if (json_array_size(tokens) > 0)
		return output_table(options, tokens);
	if (!given(options, GIVEN_QUIET))
		note("There is no token%s.", given(options, GIVEN_A | GIVEN_ALL)
						     ? ""
						     : " in force; --all lists the others");
	return STATUS_OK;
}

int command_list(const struct options *options)
{
	struct client client;
	json_t *parameters, *answers, *tokens;
	int status;

	if (given(options, GIVEN_USER) && given(options, GIVEN_ALL_USERS)) {
		complain("--user and --all-users exclude each other");
		return STATUS_USAGE;
	}
	status = request_begin(options, &parameters);
	if (status != STATUS_OK)
		return status;
	if (given(options, GIVEN_ALL_USERS))
		request_set(parameters, "all_users", json_true());
	if (given(options, GIVEN_A | GIVEN_ALL))
		request_set(parameters, "ended", json_true());

	answers = json_array();
	status = client_open(&client, options->socket);
	if (status == STATUS_OK) {
		status = client_call_more(&client, "List", parameters, answers);
		client_close(&client);
	}
	if (status == STATUS_OK) {
		tokens = tokens_of(answers);
		status = print_list(options, tokens);
		json_decref(tokens);
	}
	json_decref(answers);
	json_decref(parameters);
	return status;
}

/* Prints the token in an answer. */
static void print_token(const struct options *options, const json_t *answer, bool all)
{
	json_t *token = json_token(json_object_get(answer, "token"));

	if (given(options, GIVEN_JSON))
		output_json(token);
	else
		output_token(token, all);
	json_decref(token);
}

int command_show(const struct options *options)
{
	json_t *parameters, *answer;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = request_set_selector(parameters, options->operands[0]);
	if (status == STATUS_OK)
		status = ask_patd(options, "Get", parameters, &answer);
	if (status == STATUS_OK) {
		print_token(options, answer, true);
		json_decref(answer);
	}
	json_decref(parameters);
	return status;
}

int command_verify(const struct options *options)
{
	json_t *parameters, *answer;
	const char *state;
	int status = request_read_token(&parameters);

	if (status != STATUS_OK)
		return status;
	status = ask_patd(options, "Verify", parameters, &answer);
	json_decref(parameters);
	if (status != STATUS_OK)
		return status;
	state = token_text(json_object_get(answer, "token"), "status");
	if (state == NULL || strcmp(state, "active") != 0)
		status = STATUS_FAILED;
	print_token(options, answer, false);
	json_decref(answer);
	return status;
}
