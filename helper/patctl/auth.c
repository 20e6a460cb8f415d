/* SPDX-License-Identifier: ISC */
#include "auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/error.h"
#include "prompt.h"
#include "tell.h"

/* PAM modules wait on purpose after a failure, and for hardware to be touched. */
#define ANSWER_MS 120000

/* A stack asks once or twice. */
#define ROUNDS_MAX 32

static int no_answer(int error)
{
	switch (error) {
	case PAT_E_NOTFOUND:
		complain("there is no terminal to ask for your password; see --password-stdin");
		break;
	case PAT_E_CLOSED:
		complain("a password is needed, and the input has ended");
		break;
	case PAT_E_TOOBIG:
		complain("a password has at most %d bytes", PROMPT_LINE_MAX);
		break;
	case PAT_E_INVALID:
		complain("a password is UTF-8 without NUL");
		break;
	default:
		complain("the password could not be read: %s", strerror(errno));
	}
	return STATUS_AUTHENTICATION;
}

/* Asks one question and appends the answer to `responses`. */
static int ask(const struct options *options, const char *text, bool echo, json_t *responses)
{
	char line[PROMPT_LINE_MAX + 1];
	int error;

	if (given(options, OPTION_PASSWORD_STDIN)) {
		error = prompt_read_line(STDIN_FILENO, line);
	} else {
		char *question = shown(text);

		error = prompt_ask(question, echo, line);
		free(question);
	}
	if (error == PAT_OK) {
		json_t *response = json_string(line);

		/* What JSON cannot carry, patd cannot be told. */
		if (response == NULL)
			error = PAT_E_INVALID;
		else if (json_array_append_new(responses, response) != 0)
			out_of_memory();
	}
	explicit_bzero(line, sizeof(line));
	return error ? no_answer(error) : STATUS_OK;
}

/* What a PAM module has to say: a line, or several. */
static void tell(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		note("%.*s", (int)len, text);
		text += len + (text[len] != '\0');
	}
}

/* Goes through the prompts of one reply; with `responses` NULL, nothing is asked any more. */
static int answer(const struct options *options, const json_t *prompts, json_t *responses)
{
	const json_t *prompt;
	size_t i;

	json_array_foreach(prompts, i, prompt)
	{
		const char *style = json_string_value(json_object_get(prompt, "style"));
		const char *text = json_string_value(json_object_get(prompt, "text"));
		int status = STATUS_OK;

		if (style == NULL || text == NULL)
			continue;
		if (strcmp(style, "info") == 0 || strcmp(style, "error") == 0)
			tell(text);
		else if (responses != NULL)
			status = ask(options, text, strcmp(style, "echo_on") == 0, responses);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}

static int authenticate(struct client *client, const struct options *options)
{
	json_t *responses = NULL;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		json_t *reply, *parameters = json_object();
		bool done;
		int status;

		if (parameters == NULL ||
		    (responses != NULL &&
		     json_object_set_new(parameters, "responses", responses) != 0))
			out_of_memory();
		status = client_call_for(client, "Authenticate", parameters, ANSWER_MS, &reply);
		json_decref(parameters);
		if (status != STATUS_OK)
			return status;
		done = json_is_true(json_object_get(reply, "authenticated"));
		responses = done ? NULL : json_array();
		if (!done && responses == NULL)
			out_of_memory();
		status = answer(options, json_object_get(reply, "prompts"), responses);
		json_decref(reply);
		if (status != STATUS_OK)
			json_decref(responses);
		if (status != STATUS_OK || done)
			return status;
	}
	json_decref(responses);
	complain("patd does not stop asking");
	return STATUS_AUTHENTICATION;
}

int call_fresh(struct client *client, const struct options *options, const char *method,
	       json_t *parameters, json_t **answer)
{
	static const char *const expected[] = {CLIENT_INTERFACE "AuthenticationRequired", NULL};
	int met, status = client_call_but(client, method, parameters, expected, &met, answer);

	if (status != STATUS_OK || met < 0)
		return status;
	status = authenticate(client, options);
	if (status != STATUS_OK)
		return status;
	return client_call(client, method, parameters, answer);
}
