/* SPDX-License-Identifier: ISC */
#include "mint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "client.h"
#include "keep.h"
#include "output.h"
#include "pat/token.h"
#include "request.h"
#include "taken.h"
#include "tell.h"

/* Everything but the secret, on standard error. */
static void tell_about(const struct options *options, const json_t *token, const char *old)
{
	const char *user = value(options, OPTION_USER), *file = value(options, OPTION_OUTPUT);
	const char *id = token_text(token, "id");
	char *terms = token_terms(token), *ends = token_ends(token);

	note("Token %s", terms);
	note("%s", ends);
	if (old != NULL)
		note("%s", old);
	if (file != NULL)
		note("It is in %s, which only you can read, and is not shown.", file);
	else
		note("It is not shown again. Use it where a password is asked for.");
	note("End it with: patctl revoke %s%s%s%s", user != NULL ? "--user " : "",
	     user != NULL ? user : "", user != NULL ? " " : "", id != NULL ? id : "");
	/* Of what was asked for by name it was told before. */
	if (!given(options, OPTION_SERVICE))
		tell_if_none_takes(json_object_get(token, "services"));
	free(terms);
	free(ends);
}

/* Not asprintf(3), which may leave a copy on its stack. */
static char *line_of(const char *secret)
{
	size_t len = strlen(secret);
	char *line = malloc(len + 2);

	if (line == NULL)
		out_of_memory();
	(void)stpcpy(stpcpy(line, secret), "\n");
	return line;
}

/* The token alone, or with --json in the object of what it is. STATUS_FAILED tells by errno. */
static int print_secret(const struct options *options, const char *secret, json_t *token)
{
	const char *file = value(options, OPTION_OUTPUT);
	char *text;
	int status, saved;

	if (given(options, OPTION_JSON) && file == NULL) {
		json_t *object = json_token(token);

		request_set(object, "token", json_string(secret));
		text = json_text(object);
		json_decref(object);
	} else {
		text = line_of(secret);
	}
	status = file != NULL ? keep_secret(file, text) : output_secret(text);
	saved = errno;
	explicit_bzero(text, strlen(text));
	free(text);
	errno = saved;
	return status;
}

/* A token that nobody has seen is of no use, and must not stay in force. */
static int take_back(struct client *client, const struct options *options, const json_t *token,
		     int why)
{
	const char *id = token_text(token, "id"), *user = value(options, OPTION_USER);
	const char *file = value(options, OPTION_OUTPUT);
	json_t *parameters = json_object(), *answer;

	if (parameters == NULL)
		out_of_memory();
	if (user != NULL)
		request_set(parameters, "user", json_string(user));
	request_set(parameters, "selector", json_string(id != NULL ? id : ""));
	complain("the token could not be written to %s: %s",
		 file != NULL ? file : "standard output", strerror(why));
	if (client_call(client, "Revoke", parameters, &answer) == STATUS_OK) {
		complain("token %s is revoked again", id != NULL ? id : "");
		json_decref(answer);
	} else {
		complain("token %s is still in force: revoke it", id != NULL ? id : "");
	}
	json_decref(parameters);
	return STATUS_FAILED;
}

/* Whether it has the form of a token: it is written as it is, perhaps to a terminal. */
static bool is_token(const char *text)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	return strlen(text) == PAT_TOKEN_LEN && strspn(text, alphabet) == PAT_TOKEN_LEN;
}

static int hand_over(struct client *client, const struct options *options, const json_t *answer,
		     const char *old)
{
	const char *secret = json_string_value(json_object_get(answer, "token"));
	json_t *token = json_object_get(answer, "info");

	if (secret == NULL || !is_token(secret) || !json_is_object(token)) {
		complain("patd sent no token");
		tell_lost();
		return STATUS_FAILED;
	}
	if (print_secret(options, secret, token) != STATUS_OK) {
		int status = take_back(client, options, token, errno);

		if (old != NULL)
			complain("%s", old);
		return status;
	}
	if (given(options, OPTION_JSON) && given(options, OPTION_OUTPUT))
		output_token_json(token);
	if (!given(options, OPTION_QUIET))
		tell_about(options, token, old);
	return STATUS_OK;
}

int mint(const struct options *options, const char *method, json_t *parameters, const char *old)
{
	struct client client;
	json_t *answer;
	int status = STATUS_OK;

	if (given(options, OPTION_OUTPUT))
		status = keep_possible(value(options, OPTION_OUTPUT));
	if (status == STATUS_OK)
		status = client_open(&client, options);
	if (status != STATUS_OK)
		return status;
	if_lost("patctl: a token may have been made that nobody has seen: look for it with "
		"patctl list, and revoke it\n");
	status = call_fresh(&client, options, method, parameters, &answer);
	if (status == STATUS_OK) {
		status = hand_over(&client, options, answer, old);
		json_decref(answer);
	}
	client_close(&client);
	if_lost("");
	return status;
}
