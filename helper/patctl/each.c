/* SPDX-License-Identifier: ISC */
#include "each.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "client.h"
#include "output.h"
#include "pat/error.h"
#include "pat/token.h"
#include "prompt.h"
#include "request.h"
#include "tell.h"

static void append(json_t *array, json_t *entry)
{
	if (json_array_append_new(array, entry) != 0)
		out_of_memory();
}

static int do_one(struct client *client, const struct options *options, const char *method,
		  json_t *parameters, json_t **answer)
{
	int status = client_renew(client);

	if (status != STATUS_OK)
		return status;
	return call_fresh(client, options, method, parameters, answer);
}

static int do_all(struct client *client, const struct options *options, const char *method,
		  const char *done, json_t *parameters, json_t *tokens)
{
	int first = STATUS_OK;

	for (int i = 0; i < options->count; i++) {
		json_t *answer;
		int status = request_set_selector(parameters, options->operands[i]);

		if (status == STATUS_OK)
			status = do_one(client, options, method, parameters, &answer);
		if (status == STATUS_OK) {
			json_t *token = json_token(json_object_get(answer, "token"));

			if (!given(options, OPTION_JSON) && !given(options, OPTION_QUIET))
				output_done(done, token);
			append(tokens, token);
			json_decref(answer);
		}
		if (first == STATUS_OK)
			first = status;
		if (status == STATUS_UNREACHABLE)
			break;
	}
	return first;
}

int for_each_operand(const struct options *options, const char *method, const char *done)
{
	struct client client;
	json_t *parameters, *tokens;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	/* That all of them can be selectors is known before the first is touched. */
	for (int i = 0; i < options->count && status == STATUS_OK; i++)
		status = request_set_selector(parameters, options->operands[i]);
	if (status == STATUS_OK)
		status = client_open(&client, options);
	if (status == STATUS_OK) {
		tokens = json_array();
		status = do_all(&client, options, method, done, parameters, tokens);
		client_close(&client);
		if (given(options, OPTION_JSON))
			output_json(tokens);
		json_decref(tokens);
	}
	json_decref(parameters);
	return status;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t\r\v\f");
}

/* Before a token: its wrapper. */
static const char wrapper[] = "secret-token:";

/* Where the token in a line begins; NULL if there is nothing of that form. No checksum is made.
 * Before it may stand its RFC 8959 wrapper, and what a search prints before that, such as
 * `conf/env:12:`. */
static const char *find_token(const char *line)
{
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const size_t rest = PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN;
	const char *colon = strrchr(line, ':');
	const char *text = skip_space(colon != NULL ? colon + 1 : line);

	if (strncmp(text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) != 0 ||
	    strspn(text + PAT_TOKEN_PREFIX_LEN, alphabet) != rest)
		return NULL;
	return *skip_space(text + PAT_TOKEN_LEN) == '\0' ? text : NULL;
}

/* Keeps in `token` where the line says that it was found: what stands before it. */
static void keep_place(json_t *token, const char *line)
{
	const size_t len_wrapper = sizeof(wrapper) - 1;
	const char *colon = strrchr(line, ':');
	size_t len = colon != NULL ? (size_t)(colon + 1 - line) : 0;

	if (len >= len_wrapper && memcmp(line + len - len_wrapper, wrapper, len_wrapper) == 0)
		len -= len_wrapper;
	/* A name that is not UTF-8 cannot be told in JSON; the token matters more. */
	if (len > 1 && skip_space(line) < line + len - 1)
		(void)json_object_set_new(token, "found_at", json_stringn(line, len - 1));
}

/* What is known of a token that patd does not know: its id, which is public. */
static json_t *stranger(const char *line, const char *status)
{
	const char *token = line != NULL ? find_token(line) : NULL;
	json_t *object = json_pack("{s:s}", "status", status);

	if (token != NULL && object != NULL)
		request_set(object, "id", json_stringn(token + PAT_TOKEN_PREFIX_LEN, PAT_ID_LEN));
	if (object == NULL)
		out_of_memory();
	return object;
}

/* Asks patd about the token in a line. On STATUS_OK *token is an answer, or a stranger. */
static int look_up(struct client *client, const char *method, const char *line, json_t **token)
{
	static const char *const expected[] = {CLIENT_INTERFACE "NotFound",
					       "org.varlink.service.InvalidParameter", NULL};
	static const char *const strangers[] = {"unknown", "malformed"};
	json_t *parameters, *answer;
	int status = client_renew(client), met;

	if (status != STATUS_OK)
		return status;
	parameters = json_pack("{s:s}", "secret", find_token(line));
	if (parameters == NULL)
		out_of_memory();
	status = client_call_but(client, method, parameters, expected, &met, &answer);
	json_decref(parameters);
	if (status != STATUS_OK)
		return status;
	if (met >= 0) {
		*token = stranger(line, strangers[met]);
		return STATUS_OK;
	}
	*token = json_token(json_object_get(answer, "token"));
	json_decref(answer);
	return STATUS_OK;
}

static int worse(int a, int b)
{
	static const int order[] = {
		[STATUS_OK] = 0, [STATUS_FAILED] = 1, [STATUS_NOT_FOUND] = 2, [STATUS_USAGE] = 3};

	return order[a] > order[b] ? a : b;
}

/* A run of for_each_secret(). */
struct run {
	const struct options *options;
	const char *method;
	int (*tell)(const struct options *options, const json_t *token);
	struct client client;
	json_t *tokens; /* all that tell() got, for --json */
	unsigned line;
	int worst;
};

static int malformed(const struct run *run, bool looks_like_one)
{
	if (looks_like_one)
		complain("line %u is no token: a character of it is wrong", run->line);
	else
		complain("line %u is no token: that is '%s' and %d letters and digits", run->line,
			 PAT_TOKEN_PREFIX, PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN);
	return STATUS_USAGE;
}

/* One line, which `error` is about. Anything but STATUS_OK ends the run. */
static int take_line(struct run *run, const char *line, int error)
{
	json_t *token;
	const char *kind;
	int status = STATUS_OK;

	if (error == PAT_OK && find_token(line) != NULL)
		status = look_up(&run->client, run->method, line, &token);
	else
		token = stranger(NULL, "malformed");
	if (status != STATUS_OK)
		return status;
	if (error == PAT_OK && find_token(line) != NULL)
		keep_place(token, line);
	kind = token_text(token, "status");
	status = run->tell(run->options, token);
	if (kind != NULL && strcmp(kind, "unknown") == 0)
		status = STATUS_NOT_FOUND;
	if (kind != NULL && strcmp(kind, "malformed") == 0)
		status = malformed(run, token_text(token, "id") != NULL);
	run->worst = worse(run->worst, status);
	append(run->tokens, json_token(token));
	json_decref(token);
	return STATUS_OK;
}

/* A person who types or pastes a token is asked for it, and it does not stay on the screen; for
 * one, then. */
static int read_line(struct run *run, char line[PROMPT_LINE_MAX + 1])
{
	int error = PAT_E_NOTFOUND;

	if (isatty(STDIN_FILENO) && run->line > 0)
		return PAT_E_CLOSED;
	if (isatty(STDIN_FILENO))
		error = prompt_ask("Token: ", false, line);
	if (error == PAT_E_NOTFOUND)
		error = prompt_read_line(STDIN_FILENO, line);
	run->line++;
	return error;
}

static int take_lines(struct run *run)
{
	char line[PROMPT_LINE_MAX + 1];
	int status = STATUS_OK, error;

	do {
		error = read_line(run, line);
		if (error == PAT_E_TOOBIG || error == PAT_E_INVALID)
			prompt_skip_line(STDIN_FILENO);
		if (error == PAT_E_CLOSED)
			break;
		if (error == PAT_E_IO) {
			complain("standard input cannot be read: %s", strerror(errno));
			status = STATUS_FAILED;
		} else if (error != PAT_OK || *skip_space(line) != '\0') {
			status = take_line(run, line, error);
		}
		explicit_bzero(line, sizeof(line));
	} while (status == STATUS_OK);
	explicit_bzero(line, sizeof(line));
	return status;
}

int for_each_secret(const struct options *options, const char *method, bool alone,
		    int (*tell)(const struct options *options, const json_t *token))
{
	struct run run = {.options = options, .method = method, .tell = tell};
	int status = client_open(&run.client, options);

	if (status != STATUS_OK)
		return status;
	run.tokens = json_array();
	status = take_lines(&run);
	client_close(&run.client);
	if (status == STATUS_OK && json_array_size(run.tokens) == 0) {
		complain("a token is expected on standard input, and there is nothing");
		status = STATUS_USAGE;
	} else if (given(options, OPTION_JSON)) {
		alone = alone && json_array_size(run.tokens) == 1;
		output_json(alone ? json_array_get(run.tokens, 0) : run.tokens);
	}
	json_decref(run.tokens);
	return status != STATUS_OK ? status : run.worst;
}
