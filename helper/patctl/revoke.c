/* SPDX-License-Identifier: ISC */
#include <jansson.h>

#include "client.h"
#include "commands.h"
#include "output.h"
#include "request.h"
#include "tell.h"

/* What was revoked goes into `done`, for --json, or is told at once. */
static void revoked(const struct options *options, const json_t *answer, json_t *done)
{
	json_t *token = json_token(json_object_get(answer, "token"));
	const char *id = token_text(token, "id"), *name = token_text(token, "name");

	if (!given(options, GIVEN_JSON | GIVEN_QUIET))
		say("revoked %s (%s)", id != NULL ? id : "", name != NULL ? name : "");
	if (json_array_append_new(done, token) != 0)
		out_of_memory();
}

static int revoke_secret(const struct options *options, struct client *client, json_t *parameters,
			 json_t *done)
{
	json_t *answer;
	int status = client_call(client, "RevokeSecret", parameters, &answer);

	if (status != STATUS_OK)
		return status;
	revoked(options, answer, done);
	json_decref(answer);
	return STATUS_OK;
}

static int revoke_all(const struct options *options, struct client *client, json_t *parameters,
		      json_t *done)
{
	const json_t *ids;
	json_t *answer;
	int status = client_call(client, "RevokeAll", parameters, &answer);

	if (status != STATUS_OK)
		return status;
	ids = json_object_get(answer, "tokens");
	if (!given(options, GIVEN_JSON | GIVEN_QUIET))
		say("revoked %zu token%s", json_array_size(ids),
		    json_array_size(ids) == 1 ? "" : "s");
	if (json_is_array(ids) && json_array_extend(done, json_object_get(answer, "tokens")) != 0)
		out_of_memory();
	json_decref(answer);
	return STATUS_OK;
}

/* Every token in turn, whatever became of the one before, while patd answers. */
static int revoke_each(const struct options *options, struct client *client, json_t *parameters,
		       json_t *done)
{
	int first = STATUS_OK;

	for (int i = 0; i < options->count; i++) {
		json_t *answer;
		int status = request_set_selector(parameters, options->operands[i]);

		if (status == STATUS_OK)
			status = client_call(client, "Revoke", parameters, &answer);
		if (status == STATUS_OK) {
			revoked(options, answer, done);
			json_decref(answer);
		}
		if (first == STATUS_OK)
			first = status;
		if (status == STATUS_UNREACHABLE)
			break;
	}
	return first;
}

static int check_ways(const struct options *options)
{
	int ways = given(options, GIVEN_ALL) + given(options, GIVEN_TOKEN_STDIN) +
		   (options->count > 0);

	if (ways == 0)
		complain("revoke what? TOKEN..., --all or --token-stdin");
	else if (ways > 1)
		complain("TOKEN..., --all and --token-stdin exclude each other");
	else if (given(options, GIVEN_TOKEN_STDIN) && given(options, GIVEN_USER))
		complain("--token-stdin needs no --user: the token tells");
	else
		return STATUS_OK;
	note("try 'patctl --help'");
	return STATUS_USAGE;
}

/* The parameters of the calls; also makes sure that all operands can be selectors. */
static int prepare(const struct options *options, json_t **parameters)
{
	int status;

	if (given(options, GIVEN_TOKEN_STDIN))
		return request_read_token(parameters);
	status = request_begin(options, parameters);
	if (status != STATUS_OK)
		return status;
	for (int i = 0; i < options->count && status == STATUS_OK; i++)
		status = request_set_selector(*parameters, options->operands[i]);
	if (status != STATUS_OK)
		json_decref(*parameters);
	return status;
}

int command_revoke(const struct options *options)
{
	struct client client;
	json_t *parameters, *done;
	int status = check_ways(options);

	if (status == STATUS_OK)
		status = prepare(options, &parameters);
	if (status != STATUS_OK)
		return status;
	done = json_array();
	status = client_open(&client, options->socket);
	if (status == STATUS_OK) {
		if (given(options, GIVEN_TOKEN_STDIN))
			status = revoke_secret(options, &client, parameters, done);
		else if (given(options, GIVEN_ALL))
			status = revoke_all(options, &client, parameters, done);
		else
			status = revoke_each(options, &client, parameters, done);
		client_close(&client);
		if (given(options, GIVEN_JSON))
			output_json(done);
	}
	json_decref(done);
	json_decref(parameters);
	return status;
}
