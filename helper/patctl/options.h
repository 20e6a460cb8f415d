/* SPDX-License-Identifier: ISC */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "patctl.h"

/* How an option is written. */
struct option_rule {
	const char *name;
	int has_arg;          /* as getopt_long(3) has it */
	char letter;          /* or 0 */
	bool adds_up;         /* given again, it adds to its list */
	const char *argument; /* as help shows it */
};

/* By enum option_id; OPTION_NONE has no name. */
extern const struct option_rule option_rules[OPTIONS];

/*
 * Reads a command line into *options, which options_free() releases. Options may stand before and
 * after the command, and mean the same. With --help or --version nothing else is checked. The word
 * `help` in the place of a command, or before one, is --help.
 */
int options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

/* Says where help is to be found, of the command if there is one; returns STATUS_USAGE. */
int usage_error(const struct command *command);

#endif
