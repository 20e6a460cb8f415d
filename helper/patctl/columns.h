/* SPDX-License-Identifier: ISC */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <jansson.h>
#include <stdint.h>

#include "patctl.h"

/* The columns of `list`: what they are called, what stands in them, how they sort. */

enum { COLUMNS_MAX = 12 };

struct column;

/* Those that are asked for, or that there are otherwise; the number of them in *count. */
int columns_chosen(const struct options *options, const struct column *chosen[COLUMNS_MAX],
		   size_t *count);

/* The one of that name, or NULL, which is said. */
const struct column *column_named(const char *name, size_t len);

/* A table of the tokens in the array, with these columns. */
int columns_print(const struct options *options, const struct column *const chosen[], size_t count,
		  const json_t *tokens);

/* Less than, equal to or greater than 0, as token `a` comes before `b`, with it, or behind. */
int column_compare(const struct column *column, const json_t *a, const json_t *b);

#endif
