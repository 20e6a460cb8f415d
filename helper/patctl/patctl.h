/* SPDX-License-Identifier: ISC */
#ifndef PATCTL_H
#define PATCTL_H

#include <stdbool.h>

/*
 * patctl runs with the rights of whoever calls it, and decides nothing: it reads a command line,
 * asks patd, and prints.
 *
 * MUST:
 *  - talk to no other process than one of root's;
 *  - take no secret from the command line, and keep no copy of one that it has no use for any more;
 *  - put a token where it was asked to be, standard output or a file of the caller's alone, and
 *    nowhere else;
 *  - write to a terminal no byte of anybody's that the terminal could obey.
 */

/* What patctl exits with. Every function here that returns an int returns one of these, and has
 * then said why, unless its comment says otherwise. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3, /* or ambiguous */
	STATUS_AUTHENTICATION = 4,
	STATUS_POLICY = 5,
	STATUS_UNREACHABLE = 6,
};

/* Options. Several may share a letter or a name: the command tells which of them is meant. */
enum option_id {
	OPTION_NONE, /* ends the list of those that a command takes */
	OPTION_EXPIRES,
	OPTION_SERVICE,
	OPTION_FROM,
	OPTION_USES,
	OPTION_DESCRIPTION,
	OPTION_NAME,
	OPTION_OUTPUT,
	OPTION_OVERLAP,
	OPTION_ALL,
	OPTION_EVERY, /* --all where -a would be too near to an accident */
	OPTION_EXPIRED,
	OPTION_UNUSED,
	OPTION_EXPIRING,
	OPTION_COLUMNS,
	OPTION_SORT,
	OPTION_SINCE,
	OPTION_ROOT,
	OPTION_TOKEN_STDIN,
	OPTION_USER,
	OPTION_ALL_USERS,
	/* From here on: those that every command takes. */
	OPTION_JSON,
	OPTION_NO_LEGEND,
	OPTION_QUIET,
	OPTION_PASSWORD_STDIN,
	OPTION_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTIONS,
};

struct command;

/* A command line. Operands are those of argv. */
struct options {
	const struct command *command; /* NULL with --help or --version alone */
	bool help;
	bool help_word; /* in the place of a command, or before one */
	bool version;
	bool given[OPTIONS];
	char *value[OPTIONS]; /* NULL: not given, or takes none; repeated lists have commas between
			       */
	char **operands;
	int count;
};

struct command {
	const char *name;
	const char *operands; /* as usage shows them */
	const char *summary;  /* a line of the help of all */
	const char *about;    /* the help of the command itself */
	int least, most;      /* operands */
	int (*run)(const struct options *options);
	struct command_option {
		enum option_id id;
		const char *help; /* may have several lines */
	} takes[13];
};

/* All commands; the last has no name. */
extern const struct command commands[];

static inline bool given(const struct options *options, enum option_id id)
{
	return options->given[id];
}

static inline const char *value(const struct options *options, enum option_id id)
{
	return options->value[id];
}

#endif
