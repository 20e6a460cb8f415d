/* SPDX-License-Identifier: ISC */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/token.h"
#include "prompt.h"
#include "tell.h"

/* Root's own tokens, or those of the one who typed sudo? Only a person can say. */
static int refuse_sudo_alone(const struct options *options)
{
	const char *uid = getenv("SUDO_UID"), *user = getenv("SUDO_USER");

	if (geteuid() != 0 || uid == NULL || *uid == '\0' ||
	    given(options, GIVEN_USER | GIVEN_ALL_USERS))
		return STATUS_OK;
	if (user == NULL || *user == '\0' || strcmp(user, "root") == 0)
		complain("through sudo, say whom it is for: --user root, or another");
	else
		complain("through sudo, say whom it is for: --user %s or --user root", user);
	return STATUS_USAGE;
}

void request_set(json_t *parameters, const char *member, json_t *value)
{
	if (json_object_set_new(parameters, member, value) != 0)
		out_of_memory();
}

int request_begin(const struct options *options, json_t **parameters)
{
	int status = refuse_sudo_alone(options);

	if (status != STATUS_OK)
		return status;
	if (options->user != NULL && !pat_text_valid(options->user, 1, PAT_USER_MAX)) {
		complain("'%s' is no user name", options->user);
		return STATUS_USAGE;
	}
	*parameters = json_object();
	if (*parameters == NULL)
		out_of_memory();
	if (options->user != NULL)
		request_set(*parameters, "user", json_string(options->user));
	return STATUS_OK;
}

int request_set_selector(json_t *parameters, const char *selector)
{
	if (!pat_text_valid(selector, 1, PAT_NAME_CHARS)) {
		complain("'%s' is neither an id nor a name", selector);
		return STATUS_USAGE;
	}
	request_set(parameters, "selector", json_string(selector));
	return STATUS_OK;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t\r\v\f");
}

/* True if `text` has the form of a token, in its RFC 8959 wrapper or not; no checksum is made. */
static bool is_token_like(const char *text)
{
	static const char wrapper[] = "secret-token:";
	static const char alphabet[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	text = skip_space(text);
	if (strncmp(text, wrapper, sizeof(wrapper) - 1) == 0)
		text += sizeof(wrapper) - 1;
	if (strncmp(text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) != 0)
		return false;
	text += PAT_TOKEN_PREFIX_LEN;
	if (strspn(text, alphabet) != PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN)
		return false;
	return *skip_space(text + PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN) == '\0';
}

/* A person who types or pastes it is asked for it, and it does not stay on the screen. */
static int read_token(char line[PROMPT_LINE_MAX + 1])
{
	int error = PAT_E_NOTFOUND;

	if (isatty(STDIN_FILENO))
		error = prompt_ask("Token: ", false, line);
	return error == PAT_E_NOTFOUND ? prompt_read_line(STDIN_FILENO, line) : error;
}

int request_read_token(json_t **parameters)
{
	char line[PROMPT_LINE_MAX + 1];
	int error = read_token(line);
	int status = STATUS_USAGE;

	if (error == PAT_E_IO) {
		complain("standard input cannot be read: %s", strerror(errno));
		status = STATUS_FAILED;
	} else if (error == PAT_E_CLOSED) {
		complain("a token is expected on standard input, and there is nothing");
	} else if (error != PAT_OK || !is_token_like(line)) {
		complain("what standard input holds is no token: that is '%s' and %d letters and "
			 "digits",
			 PAT_TOKEN_PREFIX, PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN);
	} else {
		*parameters = json_object();
		if (*parameters == NULL)
			out_of_memory();
		request_set(*parameters, "secret", json_string(line));
		status = STATUS_OK;
	}
	explicit_bzero(line, sizeof(line));
	return status;
}
