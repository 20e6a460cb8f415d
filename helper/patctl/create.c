/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth.h"
#include "client.h"
#include "commands.h"
#include "output.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/when.h"
#include "request.h"
#include "tell.h"

static int check_texts(const struct options *options)
{
	if (!pat_text_valid(options->operands[0], 1, PAT_NAME_CHARS)) {
		complain("a NAME has 1 to %d characters of UTF-8, and no control characters",
			 PAT_NAME_CHARS);
		return STATUS_USAGE;
	}
	if (options->description != NULL &&
	    !pat_text_valid(options->description, 0, PAT_DESCRIPTION_CHARS)) {
		complain("a description has at most %d characters of UTF-8, and no control "
			 "characters",
			 PAT_DESCRIPTION_CHARS);
		return STATUS_USAGE;
	}
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

/* For pat_services_each(). */
static int append_service(const char *service, void *services)
{
	return json_array_append_new(services, json_string(service));
}

static int prepare(const struct options *options, json_t **parameters)
{
	json_t *services;
	int status = check_texts(options);

	if (status == STATUS_OK)
		status = request_begin(options, parameters);
	if (status != STATUS_OK)
		return status;
	request_set(*parameters, "name", json_string(options->operands[0]));
	if (options->description != NULL)
		request_set(*parameters, "description", json_string(options->description));
	if (given(options, GIVEN_SERVICE)) {
		services = json_array();
		if (pat_services_each(options->services, append_service, services) != 0)
			out_of_memory();
		request_set(*parameters, "services", services);
	}
	if (options->expires != NULL)
		status = set_expiry(*parameters, options->expires);
	if (status != STATUS_OK)
		json_decref(*parameters);
	return status;
}

/* Mints, and proves first who mints if patd wants to know. */
static int mint(struct client *client, const struct options *options, json_t *parameters,
		json_t **answer)
{
	bool unknown_caller;
	int status = client_call_unless(client, "Create", parameters, "AuthenticationRequired",
					&unknown_caller, answer);

	if (status != STATUS_OK || !unknown_caller)
		return status;
	status = authenticate(client, options);
	if (status != STATUS_OK)
		return status;
	return client_call(client, "Create", parameters, answer);
}

/* Everything but the secret, on standard error. */
static void tell_about(const struct options *options, const json_t *token)
{
	const char *id = token_text(token, "id"), *name = token_text(token, "name");
	const char *user = token_text(token, "user");
	char *services = token_services(token), *ends = token_ends(token);

	note("Token %s \"%s\" of %s, for %s", id != NULL ? id : "", name != NULL ? name : "",
	     user != NULL ? user : "", services);
	note("%s", ends);
	note("It is not shown again. Use it where a password is asked for; end it with: "
	     "patctl revoke %s%s%s%s",
	     options->user != NULL ? "--user " : "", options->user != NULL ? options->user : "",
	     options->user != NULL ? " " : "", id != NULL ? id : "");
	free(services);
	free(ends);
}

/* Not asprintf(3), which may leave a copy on its stack. */
static char *line_of(const char *secret)
{
	size_t len = strlen(secret);
	char *line = malloc(len + 2);

	if (line == NULL)
		out_of_memory();
	memcpy(line, secret, len);
	memcpy(line + len, "\n", 2);
	return line;
}

/* The token on standard output: alone, or with --json in the object of what it is. */
static int print_secret(const struct options *options, const char *secret, json_t *token)
{
	char *text;
	int status, saved;

	if (given(options, GIVEN_JSON)) {
		json_t *object = json_token(token);

		request_set(object, "token", json_string(secret));
		text = json_text(object);
		json_decref(object);
	} else {
		text = line_of(secret);
	}
	status = output_secret(text);
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
	const char *id = token_text(token, "id");
	json_t *parameters = json_object(), *answer;

	if (parameters == NULL)
		out_of_memory();
	if (options->user != NULL)
		request_set(parameters, "user", json_string(options->user));
	request_set(parameters, "selector", json_string(id != NULL ? id : ""));
	complain("the token could not be written to standard output: %s", strerror(why));
	if (client_call(client, "Revoke", parameters, &answer) == STATUS_OK) {
		complain("token %s is revoked again", id != NULL ? id : "");
		json_decref(answer);
	} else {
		complain("token %s is still in force: revoke it", id != NULL ? id : "");
	}
	json_decref(parameters);
	return STATUS_FAILED;
}

static int hand_over(struct client *client, const struct options *options, const json_t *answer)
{
	const char *secret = json_string_value(json_object_get(answer, "token"));
	json_t *token = json_object_get(answer, "info");

	if (secret == NULL || !json_is_object(token)) {
		complain("patd sent no token");
		return STATUS_FAILED;
	}
	if (print_secret(options, secret, token) != STATUS_OK)
		return take_back(client, options, token, errno);
	if (!given(options, GIVEN_QUIET))
		tell_about(options, token);
	return STATUS_OK;
}

int command_create(const struct options *options)
{
	struct client client;
	json_t *parameters, *answer;
	int status = prepare(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = client_open(&client, options->socket);
	if (status == STATUS_OK) {
		status = mint(&client, options, parameters, &answer);
		if (status == STATUS_OK) {
			status = hand_over(&client, options, answer);
			json_decref(answer);
		}
		client_close(&client);
	}
	json_decref(parameters);
	return status;
}
