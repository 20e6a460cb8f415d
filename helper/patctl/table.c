/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "screen.h"
#include "smartcols.h"
#include "tell.h"

/* What the columns beside one that is wrapped need, and how narrow that may become. */
#define BESIDE 50
#define WRAP_MIN 24

struct table {
	const struct smartcols *lib;
	struct libscols_table *scols;
	const struct table_column *columns;
	size_t count;
	size_t wrap; /* where lines of a cell are broken; 0: nowhere */
};

/* libsmartcols fails in what is done here for want of memory only. */
static void must(int error)
{
	if (error != 0)
		out_of_memory();
}

static void add_column(struct table *table, const struct table_column *column, bool narrow)
{
	static const int flags[] = {
		[TABLE_WHOLE] = 0, [TABLE_CUT] = SCOLS_FL_TRUNC, [TABLE_WRAP] = SCOLS_FL_WRAP};
	const struct smartcols *lib = table->lib;
	struct libscols_column *added = lib->table_new_column(table->scols, column->heading, 0,
							      narrow ? flags[column->narrow] : 0);

	if (added == NULL)
		out_of_memory();
	if (narrow && column->narrow == TABLE_WRAP)
		must(lib->column_set_wrapfunc(added, lib->wrapnl_chunksize, lib->wrapnl_nextchunk,
					      NULL));
}

struct table *table_new(const struct options *options, const struct table_column *columns,
			size_t count)
{
	struct screen screen = screen_of_output();
	const struct smartcols *lib = smartcols();
	struct libscols_table *scols;
	struct table *table;

	if (lib == NULL)
		return NULL;
	table = malloc(sizeof(*table));
	scols = lib->new_table();
	if (table == NULL || scols == NULL)
		out_of_memory();
	*table = (struct table){.lib = lib, .scols = scols, .columns = columns, .count = count};
	/* Not encoded again: cells are shown(). */
	must(lib->table_enable_noencoding(scols, 1));
	must(lib->table_enable_noheadings(scols, given(options, OPTION_NO_LEGEND)));
	must(lib->table_set_termforce(scols, screen.terminal ? SCOLS_TERMFORCE_ALWAYS
							     : SCOLS_TERMFORCE_NEVER));
	must(lib->table_enable_colors(scols, screen.colour));
	if (screen.terminal) {
		must(lib->table_set_termwidth(scols, screen.width));
		table->wrap = screen.width > BESIDE + WRAP_MIN ? screen.width - BESIDE : WRAP_MIN;
	}
	for (size_t i = 0; i < count; i++)
		add_column(table, &columns[i], screen.terminal);
	return table;
}

/* `text` with line feeds behind words or commas, so that few lines are longer than `width`. */
static char *broken(const char *text, size_t width)
{
	char *result = malloc(2 * strlen(text) + 1), *end = result;
	size_t column = 0;

	if (result == NULL)
		out_of_memory();
	while (*text != '\0') {
		size_t len = strcspn(text, " ,");

		len += text[len] == ',';
		if (column > 0 && column + len > width) {
			if (end[-1] == ' ')
				end--;
			*end++ = '\n';
			column = 0;
		}
		len += text[len] == ' ';
		memcpy(end, text, len);
		end += len;
		text += len;
		column += len;
	}
	*end = '\0';
	return result;
}

void table_add(struct table *table, const char *const *cells, enum table_colour colour)
{
	static const char *const sequences[] = {
		[TABLE_DIM] = "\033[2m", [TABLE_YELLOW] = "\033[33m"};
	struct libscols_line *line;

	if (table == NULL)
		return;
	line = table->lib->table_new_line(table->scols, NULL);
	if (line == NULL)
		out_of_memory();
	for (size_t i = 0; i < table->count; i++) {
		char *cell = shown(cells[i] != NULL && *cells[i] != '\0' ? cells[i] : "-");

		if (table->wrap > 0 && table->columns[i].narrow == TABLE_WRAP) {
			char *whole = cell;

			cell = broken(whole, table->wrap);
			free(whole);
		}
		must(table->lib->line_set_data(line, i, cell));
		free(cell);
	}
	if (colour != TABLE_PLAIN)
		must(table->lib->line_set_color(line, sequences[colour]));
}

void table_free(struct table *table)
{
	if (table != NULL)
		table->lib->unref_table(table->scols);
	free(table);
}

int table_print(struct table *table)
{
	int error;

	if (table == NULL)
		return STATUS_FAILED;
	error = table->lib->print_table(table->scols);
	table_free(table);
	if (error == 0)
		return STATUS_OK;
	complain("the table could not be printed");
	return STATUS_FAILED;
}
