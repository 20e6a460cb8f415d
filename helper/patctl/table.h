/* SPDX-License-Identifier: ISC */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

#include "patctl.h"

/* A table on standard output: as wide as it is, but on a terminal no wider than that. */

struct table_column {
	const char *heading;
	enum { TABLE_WHOLE, TABLE_CUT, TABLE_WRAP } narrow; /* on a terminal that is too narrow */
};

enum table_colour { TABLE_PLAIN, TABLE_DIM, TABLE_YELLOW };

struct table;

/* `columns` must live as long as the table. NULL, which the others take, where none can be printed,
 * of which the caller of the program was told. */
struct table *table_new(const struct options *options, const struct table_column *columns,
			size_t count);

/* Adds a line of `count` cells, which are copied, and fit for a terminal then; empty ones are "-".
 */
void table_add(struct table *table, const char *const *cells, enum table_colour colour);

/* Prints and frees it. STATUS_OK or STATUS_FAILED. */
int table_print(struct table *table);

void table_free(struct table *table);

#endif
