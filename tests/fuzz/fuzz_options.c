/* SPDX-License-Identifier: ISC */

/*
 * The words behind pam_pat.so in a stack, one a line.
 *
 * What must hold: only documented words are taken; paths are absolute, that of a socket fits; no
 * option has two values; the result is complete or nothing; what is said of a wrong word is
 * printable.
 */

#include "support.h"

#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include "../../pam/options.h"

static unsigned complaints;

/* Before libpam's. */
void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	char line[4096];
	va_list arguments;

	(void)pamh;
	(void)priority;
	va_start(arguments, format);
	HOLDS(vsnprintf(line, sizeof(line), format, arguments) < (int)sizeof(line));
	va_end(arguments);
	HOLDS(is_printable(line, strlen(line)));
	complaints++;
}

/* How many words set `name`, and the last of them. */
static unsigned count_of(int argc, const char **argv, const char *name, const char **value)
{
	unsigned count = 0;

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, strlen(name)) == 0) {
			*value = argv[i] + strlen(name);
			count++;
		}
	return count;
}

static bool is_right(int argc, const char **argv)
{
	const char *store = "/", *socket = "/", *prompt = "?";

	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "debug") != 0 && strcmp(argv[i], "try_first_pass") != 0 &&
		    strcmp(argv[i], "use_first_pass") != 0 && strncmp(argv[i], "store=", 6) != 0 &&
		    strncmp(argv[i], "socket=", 7) != 0 && strncmp(argv[i], "prompt=", 7) != 0)
			return false;
	return count_of(argc, argv, "store=", &store) <= 1 &&
	       count_of(argc, argv, "socket=", &socket) <= 1 &&
	       count_of(argc, argv, "prompt=", &prompt) <= 1 && store[0] == '/' &&
	       socket[0] == '/' && prompt[0] != '\0' &&
	       strlen(socket) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char lines[16][512];
	const char *argv[COUNT(lines)];
	struct input input = {data, size};
	struct options options;
	int argc = 0;

	while (argc < (int)COUNT(lines) && input_line(&input, lines[argc], sizeof(lines[0]))) {
		argv[argc] = lines[argc];
		argc++;
	}
	complaints = 0;
	HOLDS(options_parse(NULL, argc, argv, &options) == is_right(argc, argv));
	HOLDS(complaints == !is_right(argc, argv));
	if (complaints == 0)
		HOLDS(options.store[0] == '/' && options.socket[0] == '/' &&
		      (options.prompt == NULL || options.prompt[0] != '\0'));
	return 0;
}
