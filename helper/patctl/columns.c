/* SPDX-License-Identifier: ISC */
#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "moment.h"
#include "options.h"
#include "output.h"
#include "pat/when.h"
#include "screen.h"
#include "smartcols.h"
#include "table.h"
#include "tell.h"

/* strlen("2027-02-19 17:45") */
#define COMPACT_TIME 16

/* An end that is nearer than this catches the eye. */
#define SOON (7 * 86400)

struct column {
	struct table_column shape;
	const char *member;
	enum { TEXT, LIST, TIME, COUNT } kind;
	const char *otherwise; /* stands for null */
	enum { EXTRA, USUAL, USUAL_FOR_ROOT } need;
};

static const struct column columns[COLUMNS_MAX] = {
	{{"ID", TABLE_WHOLE}, "id", TEXT, NULL, USUAL},
	{{"NAME", TABLE_CUT}, "name", TEXT, NULL, USUAL},
	{{"USER", TABLE_CUT}, "user", TEXT, NULL, USUAL_FOR_ROOT},
	{{"SERVICES", TABLE_CUT}, "services", LIST, NULL, USUAL},
	{{"SOURCES", TABLE_CUT}, "sources", LIST, "any", EXTRA},
	{{"CREATED", TABLE_WHOLE}, "created_at", TIME, NULL, EXTRA},
	{{"EXPIRES", TABLE_WHOLE}, "expires_at", TIME, "never", USUAL},
	{{"LAST-USED", TABLE_WHOLE}, "last_used_at", TIME, "never", USUAL},
	{{"FROM", TABLE_CUT}, "last_used_from", TEXT, NULL, USUAL},
	{{"USES", TABLE_WHOLE}, "uses", COUNT, NULL, EXTRA},
	{{"STATUS", TABLE_WHOLE}, "status", TEXT, NULL, USUAL},
	{{"DESCRIPTION", TABLE_CUT}, "description", TEXT, NULL, EXTRA},
};

const struct column *column_named(const char *name, size_t len)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (strlen(columns[i].shape.heading) == len &&
		    strncasecmp(columns[i].shape.heading, name, len) == 0)
			return &columns[i];
	complain("there is no column '%.*s'; see 'patctl list --help'", (int)len, name);
	return NULL;
}

static void choose_usual(const struct options *options, const struct column *chosen[COLUMNS_MAX],
			 size_t *count)
{
	bool root = given(options, OPTION_USER) || given(options, OPTION_ALL_USERS);

	for (size_t i = 0; i < COLUMNS_MAX; i++)
		if (columns[i].need == USUAL || (columns[i].need == USUAL_FOR_ROOT && root))
			chosen[(*count)++] = &columns[i];
}

int columns_chosen(const struct options *options, const struct column *chosen[COLUMNS_MAX],
		   size_t *count)
{
	const char *rest = value(options, OPTION_COLUMNS);

	*count = 0;
	if (rest == NULL) {
		choose_usual(options, chosen, count);
		return STATUS_OK;
	}
	for (;;) {
		size_t len = strcspn(rest, ",");
		const struct column *column = column_named(rest, len);

		if (column == NULL)
			return STATUS_USAGE;
		if (*count == COLUMNS_MAX) {
			complain("a list has at most %d columns", COLUMNS_MAX);
			return STATUS_USAGE;
		}
		chosen[(*count)++] = column;
		if (rest[len] == '\0')
			return STATUS_OK;
		rest += len + 1;
	}
}

/* How often it was used, and, if that is limited, how often it may be. */
static char *count_cell(const json_t *token)
{
	json_int_t uses = json_integer_value(json_object_get(token, "uses"));
	json_int_t limit = json_integer_value(json_object_get(token, "max_uses"));
	char *text;
	int len = limit > 0 ? asprintf(&text, "%lld/%lld", (long long)uses, (long long)limit)
			    : asprintf(&text, "%lld", (long long)uses);

	if (len < 0)
		out_of_memory();
	return text;
}

/* What stands in a cell; the caller frees it. */
static char *cell(const struct column *column, const json_t *token, bool near)
{
	char *text = NULL;
	const char *plain;

	switch (column->kind) {
	case LIST:
		text = token_list(token, column->member);
		break;
	case TIME:
		text = token_time_cell(token, column->member, COMPACT_TIME, near);
		break;
	case COUNT:
		text = count_cell(token);
		break;
	case TEXT:
		plain = token_text(token, column->member);
		text = strdup(plain != NULL ? plain : "");
	}
	/* patd may leave out what it always has. */
	if (text == NULL || *text == '\0') {
		free(text);
		text = strdup(column->otherwise != NULL ? column->otherwise : "");
	}
	if (text == NULL)
		out_of_memory();
	return text;
}

static enum table_colour colour_of(const json_t *token)
{
	const char *status = token_text(token, "status");
	int64_t when;

	if (status == NULL)
		return TABLE_PLAIN;
	if (strcmp(status, "active") != 0 && strcmp(status, "suspended") != 0)
		return TABLE_DIM;
	if (moment_of(token_text(token, "expires_at"), &when) && when < time(NULL) + SOON)
		return TABLE_YELLOW;
	return TABLE_PLAIN;
}

struct columns_table {
	const struct column *const *chosen;
	size_t count;
	bool near; /* times as a person sees them from here */
	struct table_column shapes[COLUMNS_MAX];
	struct table *table;
};

struct columns_table *columns_table_new(const struct options *options,
					const struct column *const chosen[], size_t count)
{
	struct columns_table *table = malloc(sizeof(*table));

	if (table == NULL)
		out_of_memory();
	table->chosen = chosen;
	table->count = count;
	table->near = screen_of_output().terminal;
	for (size_t i = 0; i < count; i++)
		table->shapes[i] = chosen[i]->shape;
	table->table = table_new(options, table->shapes, count);
	return table;
}

void columns_table_add(struct columns_table *table, const json_t *token)
{
	char *cells[COLUMNS_MAX];

	for (size_t i = 0; i < table->count; i++)
		cells[i] = cell(table->chosen[i], token, table->near);
	table_add(table->table, (const char *const *)cells, colour_of(token));
	for (size_t i = 0; i < table->count; i++)
		free(cells[i]);
}

int columns_table_print(struct columns_table *table)
{
	int status = table_print(table->table);

	free(table);
	return status;
}

void columns_table_free(struct columns_table *table)
{
	if (table != NULL)
		table_free(table->table);
	free(table);
}

void columns_prepare(void)
{
	char text[PAT_LOCALTIME_MAX];

	(void)smartcols_load();
	(void)pat_localtime(text, 0);
}

/* Null is before everything; an end that never comes is behind. */
static int compare_times(const struct column *column, const char *a, const char *b)
{
	int never = strcmp(column->member, "expires_at") == 0 ? 1 : -1;

	if (a == NULL || b == NULL)
		return a == b ? 0 : a == NULL ? never : -never;
	return strcmp(a, b); /* RFC 3339 in UTC */
}

int column_compare(const struct column *column, const json_t *a, const json_t *b)
{
	json_int_t x, y;
	char *one, *other;
	int result;

	switch (column->kind) {
	case TIME:
		return compare_times(column, token_text(a, column->member),
				     token_text(b, column->member));
	case COUNT:
		x = json_integer_value(json_object_get(a, column->member));
		y = json_integer_value(json_object_get(b, column->member));
		return (x > y) - (x < y);
	case LIST:
	case TEXT:
		break;
	}
	one = cell(column, a, false);
	other = cell(column, b, false);
	result = strcmp(one, other);
	free(one);
	free(other);
	return result;
}
