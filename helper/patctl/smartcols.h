/* SPDX-License-Identifier: ISC */
#ifndef SMARTCOLS_H
#define SMARTCOLS_H

#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>

/* libsmartcols, which is loaded when the first table is made: most commands print none, and start
 * sooner without it. */

#define SMARTCOLS_FUNCTIONS(X)     \
	X(column_set_wrapfunc)     \
	X(line_set_color)          \
	X(line_set_data)           \
	X(new_table)               \
	X(print_table)             \
	X(table_enable_colors)     \
	X(table_enable_noencoding) \
	X(table_enable_noheadings) \
	X(table_new_column)        \
	X(table_new_line)          \
	X(table_set_termforce)     \
	X(table_set_termwidth)     \
	X(unref_table)             \
	X(wrapnl_chunksize)        \
	X(wrapnl_nextchunk)

/* Its functions, without the scols_ before their names. */
struct smartcols {
#define SMARTCOLS_MEMBER(name) __typeof__(scols_##name) *name;
	SMARTCOLS_FUNCTIONS(SMARTCOLS_MEMBER)
#undef SMARTCOLS_MEMBER
};

/* NULL where it cannot be loaded, of which the caller of the program was told. */
const struct smartcols *smartcols(void);

/* Loads it, for a time when there is nothing else to do, and says nothing. */
bool smartcols_load(void);

#endif
