/* SPDX-License-Identifier: ISC */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "patctl.h"

/*
 * Tokens on standard output. A token here is the object `Token` of io.pampat.Tokens, without its
 * secret, as patd sent it; a member that is missing or of another type is shown as if it were null.
 */

/* A member of a token that is text, else NULL. */
const char *token_text(const json_t *token, const char *member);

/* A member that is a list, with commas between; the caller frees it. */
char *token_list(const json_t *token, const char *member);

/* A member that is a time, as local time with its zone; as it is when it is none; NULL when it is
 * null. The caller frees it. */
char *token_time(const json_t *token, const char *member);

/* The same for a cell of a table: with `near`, how far that is from now, if it is a time; else no
 * more than the first `most` bytes, which leave out what every cell would say. */
char *token_time_cell(const json_t *token, const char *member, size_t most, bool near);

/* What it is, in a line: `Ab3dE9xZ "ci" of alice, for sshd`. The caller frees it. */
char *token_terms(const json_t *token);

/* When it ends, as a sentence: "Expires 2027-02-19 17:45:15 UTC". The caller frees it. */
char *token_ends(const json_t *token);

/* What was done to it: "revoked Ab3dE9xZ (ci)". */
void output_done(const char *verb, const json_t *token);

/*
 * JSON for a program. Members of a token are in the documented order, and those that are missing
 * null. Beyond ASCII everything is escaped, because a terminal may be all that reads it.
 */
json_t *json_token(json_t *token);
void output_token_json(json_t *token);
void output_json(const json_t *json);

/*
 * The same text as output_json() prints of an array, element by element: it is never in memory as a
 * whole. `count` is how many there were so far. An array that is not ended is no JSON, by which who
 * reads it can tell.
 */
void output_json_element(const json_t *element, size_t count);
void output_json_end(size_t count);
char *json_text(const json_t *json); /* the caller wipes and frees it; ends with a line feed */

/*
 * Writes all of a text that holds a token, at once, past the buffers of stdio. When it returns
 * STATUS_FAILED, which it does not say, the reason is in errno.
 */
int output_secret(const char *text);

/* Makes sure that standard output has taken everything; returns `status` if so. */
int finish_output(int status);

#endif
