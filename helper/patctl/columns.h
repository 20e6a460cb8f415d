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

/* A table of tokens with these columns, which must live as long. */
struct columns_table;
struct columns_table *columns_table_new(const struct options *options,
					const struct column *const chosen[], size_t count);
void columns_table_add(struct columns_table *table, const json_t *token);

/* Prints it, and frees it, which NULL is allowed for. */
int columns_table_print(struct columns_table *table);
void columns_table_free(struct columns_table *table);

/* Has at hand what such a table takes: for a time when there is nothing else to do. */
void columns_prepare(void);

/* Less than, equal to or greater than 0, as token `a` comes before `b`, with it, or behind. */
int column_compare(const struct column *column, const json_t *a, const json_t *b);

#endif
