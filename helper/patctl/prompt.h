/* SPDX-License-Identifier: ISC */
#ifndef PROMPT_H
#define PROMPT_H

#include <stdbool.h>
#include <stddef.h>

/* What a person types, or a script gives: secrets, mostly. The caller wipes the line. */

/* libpam takes no longer answer (PAM_MAX_RESP_SIZE). */
#define PROMPT_LINE_MAX 511

/*
 * Reads one line from `fd`, and not a byte of the next; line feed and carriage return at its end
 * are taken off, and the end of the file ends a line as well. PAT_E_CLOSED when nothing is left;
 * PAT_E_TOOBIG when it is longer than PROMPT_LINE_MAX, and PAT_E_INVALID when a NUL is in it: the
 * rest of the line is then not read; PAT_E_IO.
 */
int prompt_read_line(int fd, char line[PROMPT_LINE_MAX + 1]);

/* Reads on to the end of a line that prompt_read_line() refused, or of the file. */
void prompt_skip_line(int fd);

/*
 * Shows `question`, which must be fit for a terminal, on the controlling terminal and reads the
 * answer there, with or without echo. The terminal is as before when this returns, and when a
 * signal stops or ends the program. PAT_E_NOTFOUND when there is no terminal, else as above.
 */
int prompt_ask(const char *question, bool echo, char line[PROMPT_LINE_MAX + 1]);

#endif
