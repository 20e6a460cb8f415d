/* SPDX-License-Identifier: ISC */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/token.h"
#include "pat/wire.h"
#include "tell.h"

enum {
	OPTION_ALL = 256,
	OPTION_ALL_USERS,
	OPTION_NO_LEGEND,
	OPTION_PASSWORD_STDIN,
	OPTION_SOCKET,
	OPTION_TOKEN_STDIN,
};

static const struct option long_options[] = {
	{"all", no_argument, NULL, OPTION_ALL},
	{"all-users", no_argument, NULL, OPTION_ALL_USERS},
	{"description", required_argument, NULL, 'd'},
	{"expires", required_argument, NULL, 'e'},
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, 'j'},
	{"no-legend", no_argument, NULL, OPTION_NO_LEGEND},
	{"password-stdin", no_argument, NULL, OPTION_PASSWORD_STDIN},
	{"quiet", no_argument, NULL, 'q'},
	{"service", required_argument, NULL, 's'},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"token-stdin", no_argument, NULL, OPTION_TOKEN_STDIN},
	{"user", required_argument, NULL, 'u'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* `-` gives operands in their order, whatever POSIXLY_CORRECT says; `:` leaves messages to us. */
static const char short_options[] = "-:ad:e:hjqs:u:V";

static const struct {
	unsigned bit;
	const char *name;
} bit_names[] = {
	{GIVEN_EXPIRES, "--expires"},
	{GIVEN_SERVICE, "--service"},
	{GIVEN_DESCRIPTION, "--description"},
	{GIVEN_USER, "--user"},
	{GIVEN_A, "-a"},
	{GIVEN_ALL, "--all"},
	{GIVEN_ALL_USERS, "--all-users"},
	{GIVEN_TOKEN_STDIN, "--token-stdin"},
};

static int usage_error(void)
{
	note("try 'patctl --help'");
	return STATUS_USAGE;
}

static int add_services(struct options *options, const char *list)
{
	if (pat_services_add(options->services, list) == 0)
		return STATUS_OK;
	complain("'%s' is no list of PAM services, as in 'sshd,sudo'", list);
	return STATUS_USAGE;
}

/* Notes one option. True if `code` is one. */
static bool apply_switch(struct options *options, int code)
{
	static const struct {
		int code;
		unsigned bit;
	} switches[] = {
		{'a', GIVEN_A},
		{OPTION_ALL, GIVEN_ALL},
		{OPTION_ALL_USERS, GIVEN_ALL_USERS},
		{'j', GIVEN_JSON},
		{OPTION_NO_LEGEND, GIVEN_NO_LEGEND},
		{OPTION_PASSWORD_STDIN, GIVEN_PASSWORD_STDIN},
		{'q', GIVEN_QUIET},
		{OPTION_TOKEN_STDIN, GIVEN_TOKEN_STDIN},
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (switches[i].code == code) {
			options->given |= switches[i].bit;
			return true;
		}
	}
	return false;
}

static int apply(struct options *options, int code, char *argument)
{
	if (apply_switch(options, code))
		return STATUS_OK;
	switch (code) {
	case 'd':
		options->given |= GIVEN_DESCRIPTION;
		options->description = argument;
		return STATUS_OK;
	case 'e':
		options->given |= GIVEN_EXPIRES;
		options->expires = argument;
		return STATUS_OK;
	case 's':
		options->given |= GIVEN_SERVICE;
		return add_services(options, argument);
	case 'u':
		options->given |= GIVEN_USER;
		options->user = argument;
		return STATUS_OK;
	case OPTION_SOCKET:
		options->given |= GIVEN_SOCKET;
		options->socket = argument;
		return STATUS_OK;
	case 'h':
		options->help = true;
		return STATUS_OK;
	case 'V':
		options->version = true;
		return STATUS_OK;
	}
	return STATUS_FAILED;
}

static const char *long_name(int code)
{
	for (const struct option *o = long_options; o->name != NULL; o++)
		if (o->val == code)
			return o->name;
	return "";
}

/* What getopt_long(3) refused: `text` is the word, as far as it is known. */
static int refuse(int code, const char *text)
{
	bool is_long = strncmp(text, "--", 2) == 0;

	if (code == ':' && is_long)
		complain("--%s needs a value", long_name(optopt));
	else if (code == ':')
		complain("-%c needs a value", optopt);
	else if (is_long && optopt != 0)
		complain("--%s takes no value", long_name(optopt));
	else if (is_long)
		complain("unknown option '%.*s'", (int)strcspn(text, "="), text);
	else
		complain("unknown option '-%c'", optopt);
	return usage_error();
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static bool is_token(const char *text)
{
	static const char wrapper[] = "secret-token:";
	const size_t wrapped =
		strncmp(text, wrapper, sizeof(wrapper) - 1) ? 0 : sizeof(wrapper) - 1;

	return strncmp(text + wrapped, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) == 0;
}

/* A token that is an operand or the value of an option; wiped, so that ps(1) stops showing it. */
static int refuse_token(char *text)
{
	explicit_bzero(text, strlen(text));
	complain("never put a token on a command line; use --token-stdin");
	note("It is in the history of your shell now. Revoke it: "
	     "patctl revoke --token-stdin");
	return STATUS_USAGE;
}

/* The first operand is the command, the others are its. */
static int take_operand(struct options *options, char *text)
{
	if (is_token(text))
		return refuse_token(text);
	if (options->command != NULL) {
		options->operands[options->count++] = text;
		return STATUS_OK;
	}
	options->command = find_command(text);
	if (options->command != NULL)
		return STATUS_OK;
	complain("unknown command '%s'", text);
	return usage_error();
}

static int check(const struct options *options)
{
	const struct command *command = options->command;
	unsigned stray;

	if (command == NULL) {
		complain("a command is missing");
		return usage_error();
	}
	stray = options->given & ~(command->takes | TAKES_EVERYWHERE);
	for (size_t i = 0; i < sizeof(bit_names) / sizeof(bit_names[0]); i++) {
		if (stray & bit_names[i].bit) {
			complain("%s takes no %s", command->name, bit_names[i].name);
			return usage_error();
		}
	}
	if (options->count < command->least || options->count > command->most) {
		complain("%s takes %s", command->name, command->operands);
		return usage_error();
	}
	return STATUS_OK;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int code, status = STATUS_OK;

	*options = (struct options){.socket = PAT_VARLINK_SOCKET};
	options->operands = calloc((size_t)argc + 1, sizeof(*options->operands));
	if (options->operands == NULL)
		out_of_memory();
	while (status == STATUS_OK && !options->help && !options->version) {
		/* The word that is looked at next, for messages. */
		const char *word = argv[optind] != NULL ? argv[optind] : "";

		code = getopt_long(argc, argv, short_options, long_options, NULL);
		if (code == -1)
			break;
		if (code == 1)
			status = take_operand(options, optarg);
		else if (code == '?' || code == ':')
			status = refuse(code, word);
		else if (optarg != NULL && is_token(optarg))
			status = refuse_token(optarg);
		else
			status = apply(options, code, optarg);
	}
	if (options->help || options->version)
		return status;
	while (status == STATUS_OK && optind < argc)
		status = take_operand(options, argv[optind++]);
	return status == STATUS_OK ? check(options) : status;
}

void options_free(struct options *options)
{
	free(options->operands);
	options->operands = NULL;
}
