/* SPDX-License-Identifier: ISC */
#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/record.h"
#include "pat/text.h"
#include "tell.h"

/* Root's own tokens, or those of the one who typed sudo? Only a person can say. */
static int refuse_sudo_alone(const struct options *options)
{
	const char *uid = getenv("SUDO_UID"), *user = getenv("SUDO_USER");

	if (geteuid() != 0 || uid == NULL || *uid == '\0' || given(options, OPTION_USER) ||
	    given(options, OPTION_ALL_USERS))
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
	const char *user = value(options, OPTION_USER);
	int status = refuse_sudo_alone(options);

	if (status != STATUS_OK)
		return status;
	if (user != NULL && !pat_text_valid(user, 1, PAT_USER_MAX)) {
		complain("'%s' is no user name", user);
		return STATUS_USAGE;
	}
	*parameters = json_object();
	if (*parameters == NULL)
		out_of_memory();
	if (user != NULL)
		request_set(*parameters, "user", json_string(user));
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
