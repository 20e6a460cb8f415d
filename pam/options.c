/* SPDX-License-Identifier: ISC */
#include "options.h"

#include <security/pam_ext.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>

#include "pat/store.h"
#include "pat/text.h"
#include "pat/wire.h"

#define SHOWN 100

static bool refuse(pam_handle_t *pamh, const char *word, const char *why)
{
	char shown[SHOWN];

	pam_syslog(pamh, LOG_ERR, "option \"%s\": %s", pat_escape(shown, sizeof(shown), word), why);
	return false;
}

/* What stands behind `name=` in `word`, or NULL if this is another word. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static bool set_text(pam_handle_t *pamh, const char *word, const char *value, const char **option)
{
	if (*option != NULL)
		return refuse(pamh, word, "given twice");
	if (*value == '\0')
		return refuse(pamh, word, "has no value");
	*option = value;
	return true;
}

static bool set_path(pam_handle_t *pamh, const char *word, const char *value, const char **option)
{
	if (*value != '/')
		return refuse(pamh, word, "needs an absolute path");
	return set_text(pamh, word, value, option);
}

static bool set_option(pam_handle_t *pamh, const char *word, struct options *options)
{
	const char *value;

	if (strcmp(word, "debug") == 0) {
		options->debug = true;
		return true;
	}
	if (strcmp(word, "try_first_pass") == 0 || strcmp(word, "use_first_pass") == 0)
		return true;
	if ((value = value_of(word, "store")) != NULL)
		return set_path(pamh, word, value, &options->store);
	if ((value = value_of(word, "socket")) != NULL) {
		if (strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return refuse(pamh, word, "is too long for a socket");
		return set_path(pamh, word, value, &options->socket);
	}
	if ((value = value_of(word, "prompt")) != NULL)
		return set_text(pamh, word, value, &options->prompt);
	return refuse(pamh, word, "unknown");
}

bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *options)
{
	*options = (struct options){0};
	for (int i = 0; i < argc; i++)
		if (!set_option(pamh, argv[i], options))
			return false;
	if (options->store == NULL)
		options->store = PAT_STORE_PATH;
	if (options->socket == NULL)
		options->socket = PAT_VERIFY_SOCKET;
	return true;
}
