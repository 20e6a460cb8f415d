/* SPDX-License-Identifier: ISC */
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "tell.h"

/* strlen("2027-02-19 17:45") */
#define COMPACT_TIME 16

struct column {
	const char *heading;
	const char *member;
	const char *otherwise; /* stands for null and for empty text */
	unsigned only_with;    /* enum option_bit; 0: always there */
};

static const struct column columns[] = {
	{"ID", "id", "-", 0},
	{"NAME", "name", "-", 0},
	{"USER", "user", "-", GIVEN_USER | GIVEN_ALL_USERS},
	{"SERVICES", "services", "-", 0},
	{"CREATED", "created_at", "-", 0},
	{"EXPIRES", "expires_at", "never", 0},
	{"LAST-USED", "last_used_at", "never", 0},
	{"FROM", "last_used_from", "-", 0},
	{"STATUS", "status", "-", GIVEN_A | GIVEN_ALL},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool has_column(const struct options *options, const struct column *column)
{
	return column->only_with == 0 || given(options, column->only_with);
}

/* What stands in a cell, fit for a terminal. */
static char *cell(const struct column *column, const json_t *token)
{
	size_t len = strlen(column->member);
	char *raw = NULL, *text;

	if (strcmp(column->member, "services") == 0) {
		raw = token_services(token);
	} else if (len > 3 && strcmp(column->member + len - 3, "_at") == 0) {
		raw = token_time(token, column->member);
		if (raw != NULL && strlen(raw) > COMPACT_TIME)
			raw[COMPACT_TIME] = '\0';
	} else {
		const char *value = token_text(token, column->member);

		if (value != NULL && (raw = strdup(value)) == NULL)
			out_of_memory();
	}
	text = shown(raw != NULL && *raw != '\0' ? raw : column->otherwise);
	free(raw);
	return text;
}

static int add_line(struct libscols_table *table, const struct options *options,
		    const json_t *token)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t number = 0;
	int error = line == NULL;

	for (size_t i = 0; i < COLUMNS && !error; i++)
		if (has_column(options, &columns[i]))
			error = scols_line_refer_data(line, number++, cell(&columns[i], token));
	return error;
}

int output_table(const struct options *options, const json_t *tokens)
{
	struct libscols_table *table = scols_new_table();
	const json_t *token;
	size_t i;
	int error = table == NULL;

	/* The same for a file as for a terminal, and not encoded again: cells are shown(). */
	error = error || scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER) ||
		scols_table_enable_noencoding(table, 1) ||
		scols_table_enable_noheadings(table, given(options, GIVEN_NO_LEGEND));
	for (i = 0; i < COLUMNS && !error; i++)
		if (has_column(options, &columns[i]))
			error = scols_table_new_column(table, columns[i].heading, 0, 0) == NULL;
	json_array_foreach(tokens, i, token) error = error || add_line(table, options, token);
	error = error || scols_print_table(table) != 0;
	scols_unref_table(table);
	if (!error)
		return STATUS_OK;
	complain("the table could not be printed");
	return STATUS_FAILED;
}
