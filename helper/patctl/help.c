/* SPDX-License-Identifier: ISC */
#include "help.h"

#include <string.h>

#include "options.h"

/* Where the words beside an option begin. */
#define INDENT 28

static const struct command_option everywhere[] = {
	{OPTION_JSON, "print JSON"},
	{OPTION_NO_LEGEND, "print no headings"},
	{OPTION_QUIET, "print nothing but what was asked for, and errors"},
	{OPTION_PASSWORD_STDIN, "read passwords from standard input, one a line"},
	{OPTION_SOCKET, "where patd listens"},
	{OPTION_HELP, "print this, or the help of a command"},
	{OPTION_VERSION, "print the version"},
	{OPTION_NONE, NULL},
};

static void print_option(const struct command_option *option)
{
	const struct option_rule *rule = &option_rules[option->id];
	const char *text = option->help;
	char letter[] = {'-', rule->letter, ',', '\0'};
	int width = printf("  %3s --%s%s%s", rule->letter != 0 ? letter : "", rule->name,
			   rule->argument != NULL ? " " : "",
			   rule->argument != NULL ? rule->argument : "");

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		printf("%*s%.*s\n", INDENT - width, "", (int)len, text);
		width = 0;
		text += len + (text[len] != '\0');
	}
}

static void print_options(const struct command_option *options)
{
	for (; options->id != OPTION_NONE; options++)
		print_option(options);
}

void print_usage(FILE *stream)
{
	(void)fputs("usage: patctl COMMAND [operand...] [option...]\n\n", stream);
	for (const struct command *c = commands; c->name != NULL; c++)
		(void)fprintf(stream, "  %-8s %-8s  %s\n", c->name,
			      strlen(c->operands) > 8 ? "TOKEN..." : c->operands, c->summary);
	(void)fputs("\nTOKEN is an id, a name, or the first 4 characters or more of an id.\n"
		    "patctl COMMAND --help tells more.\n",
		    stream);
}

void print_help(const struct command *command)
{
	if (command == NULL) {
		puts("Personal access tokens: mint one for a script, a machine or a phone; it is\n"
		     "accepted where a password is asked for, until it expires or is revoked.\n");
		print_usage(stdout);
	} else {
		printf("usage: patctl %s%s%s [option...]\n\n%s\n", command->name,
		       *command->operands != '\0' ? " " : "", command->operands, command->about);
		if (command->takes[0].id != OPTION_NONE)
			puts("");
		print_options(command->takes);
	}
	puts("\nWith every command:");
	print_options(everywhere);
}
