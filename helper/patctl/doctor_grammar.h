/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_GRAMMAR_H
#define DOCTOR_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The text of a PAM stack, taken apart as libpam does it (libpam/pam_handlers.c and pam_misc.c of
 * Linux-PAM 1.5): what libpam takes for a line, a word, a control.
 */

/* What a module may return, by Linux-PAM's numbers (_pam_types.h), without its headers. */
enum {
	PAMD_SUCCESS = 0,
	PAMD_SERVICE_ERR = 3,
	PAMD_SYSTEM_ERR = 4,
	PAMD_BUF_ERR = 5,
	PAMD_PERM_DENIED = 6,
	PAMD_AUTH_ERR = 7,
	PAMD_CRED_INSUFFICIENT = 8,
	PAMD_AUTHINFO_UNAVAIL = 9,
	PAMD_USER_UNKNOWN = 10,
	PAMD_MAXTRIES = 11,
	PAMD_NEW_AUTHTOK_REQD = 12,
	PAMD_ACCT_EXPIRED = 13,
	PAMD_IGNORE = 25,
	PAMD_ABORT = 26,
	PAMD_MODULE_UNKNOWN = 28,
	PAMD_CODES = 32,
};

/* What is done with that. Above these: how many lines are passed over. */
enum {
	PAMD_DO_IGNORE = 0,
	PAMD_DO_OK = -1,
	PAMD_DO_DONE = -2,
	PAMD_DO_BAD = -3,
	PAMD_DO_DIE = -4,
	PAMD_DO_RESET = -5,
	PAMD_DO_NOTHING_YET = -6,
};

/* libpam before 1.7 reads lines into this much, and takes the rest of a longer one for another. */
#define PAMD_LINE_MAX 1024

struct pamd_lines {
	const char *next, *end;
	unsigned number; /* of the line at `next`, from 1 */
};

struct pamd_lines pamd_lines_of(const char *text, size_t len);

/*
 * The next line that says something, without its comment and with those that a backslash joins to
 * it. 1; 0 at the end; -1 where libpam gives up on the whole file: nothing behind a backslash, or
 * too much. `first` is the number of the line where it begins; `cut` that of a line on the way that
 * was too long, and taken for two, or 0.
 */
int pamd_next_line(struct pamd_lines *lines, char line[PAMD_LINE_MAX], unsigned *first,
		   unsigned *cut);

/* Takes a word off *rest, which becomes NULL behind the last; NULL when there is none. What stands
 * in square brackets is one. The text is changed. */
char *pamd_next_word(char **rest);

/*
 * What a control says to do for each code. False when it is none: libpam then takes everything for
 * a failure, and so says `actions`.
 */
bool pamd_parse_control(const char *control, int actions[PAMD_CODES]);

#endif
