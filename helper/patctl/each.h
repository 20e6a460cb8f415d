/* SPDX-License-Identifier: ISC */
#ifndef EACH_H
#define EACH_H

#include <jansson.h>

#include "patctl.h"

/* What is done to many tokens, one call for each. */

/*
 * Calls a method for each operand in turn, whatever became of the one before, while patd answers,
 * and tells of each: `done` is the verb. Returns what came of the first that failed.
 */
int for_each_operand(const struct options *options, const char *method, const char *done);

/*
 * Calls a method with each token that stands on a line of standard input, until its end. `tell`
 * gets each answer's token, or, where there is none, an object of `id` (may be missing) and
 * `status`, which is "unknown" or "malformed"; where something stood before the token, such as the
 * name of a file, that is `found_at`. It prints, and returns a status. With --json all of them are
 * printed at the end, as an array, or, if `alone`, a single one as an object. Returns the worst:
 * malformed input, then unknown tokens, then what `tell` said.
 */
int for_each_secret(const struct options *options, const char *method, bool alone,
		    int (*tell)(const struct options *options, const json_t *token));

#endif
