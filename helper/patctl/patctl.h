/* SPDX-License-Identifier: ISC */
#ifndef PATCTL_H
#define PATCTL_H

#include <stdbool.h>

#include "pat/service.h"

/*
 * patctl runs with the rights of whoever calls it, and decides nothing: it reads a command line,
 * asks patd, and prints.
 *
 * MUST:
 *  - talk to no other process than one of root's;
 *  - take no secret from the command line, and keep no copy of one that it has no use for any more;
 *  - put a token on standard output and nowhere else;
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

/* Options, as bits: which were given, and which a command takes. */
enum option_bit {
	GIVEN_EXPIRES = 1 << 0,
	GIVEN_SERVICE = 1 << 1,
	GIVEN_DESCRIPTION = 1 << 2,
	GIVEN_USER = 1 << 3,
	GIVEN_A = 1 << 4,
	GIVEN_ALL = 1 << 5,
	GIVEN_ALL_USERS = 1 << 6,
	GIVEN_TOKEN_STDIN = 1 << 7,
	/* Those that every command takes. */
	GIVEN_JSON = 1 << 8,
	GIVEN_NO_LEGEND = 1 << 9,
	GIVEN_QUIET = 1 << 10,
	GIVEN_PASSWORD_STDIN = 1 << 11,
	GIVEN_SOCKET = 1 << 12,
};
#define TAKES_EVERYWHERE \
	(GIVEN_JSON | GIVEN_NO_LEGEND | GIVEN_QUIET | GIVEN_PASSWORD_STDIN | GIVEN_SOCKET)

struct command;

/* A command line. Strings are those of argv. */
struct options {
	const struct command *command; /* NULL with --help or --version alone */
	unsigned given;                /* enum option_bit */
	bool help;
	bool version;
	const char *expires;
	const char *description;
	const char *user; /* NULL: whoever calls */
	const char *socket;
	char services[PAT_SERVICES_MAX + 1];
	char **operands;
	int count;
};

struct command {
	const char *name;
	unsigned takes;  /* enum option_bit */
	int least, most; /* operands */
	int (*run)(const struct options *options);
	const char *operands; /* as a sentence names them */
	const char *help;
};

static inline bool given(const struct options *options, unsigned bits)
{
	return (options->given & bits) != 0;
}

#endif
