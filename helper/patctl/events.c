/* SPDX-License-Identifier: ISC */
#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "screen.h"
#include "table.h"
#include "tell.h"

/* strlen("2027-02-19 17:45:15") */
#define SECONDS_TIME 19

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct table_column refusals[] = {
	{"TIME", TABLE_WHOLE}, {"TOKEN", TABLE_CUT},   {"SERVICE", TABLE_WHOLE},
	{"FROM", TABLE_CUT},   {"REASON", TABLE_WRAP},
};

static const struct table_column history[] = {
	{"TIME", TABLE_WHOLE},
	{"SERVICE", TABLE_WHOLE},
	{"FROM", TABLE_CUT},
	{"OUTCOME", TABLE_WRAP},
};

/* Why it was refused, for a person: what patd says more, if that can stand alone. */
static char *reason_of(const char *reason, const char *detail)
{
	static const struct {
		const char *reason, *phrase;
		bool alone; /* the detail is a sentence of its own */
	} phrases[] = {
		{"secret", "wrong secret", false},
		{"revoked", "revoked", false},
		{"expired", "expired", false},
		{"suspended", "suspended", false},
		{"spent", "spent:", false},
		{"rotated", "rotated", true},
		{"service", "not for this service", true},
		{"source", "not from there", true},
		{"host-name", "not from a host name", true},
		{"other-user", "used as another user:", false},
		{"former-user", "the account is another one", true},
		{"locked", "the account is locked", true},
		{"damaged", "its record is damaged", true},
	};
	const char *phrase = reason;
	bool alone = false;
	char *text;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (strcmp(phrases[i].reason, reason) == 0) {
			phrase = phrases[i].phrase;
			alone = phrases[i].alone;
		}
	}
	if (asprintf(&text, "%s%s%s", detail != NULL && alone ? "" : phrase,
		     detail != NULL && !alone ? " " : "", detail != NULL ? detail : "") < 0)
		out_of_memory();
	return text;
}

static char *outcome_of(const json_t *event)
{
	const char *reason = token_text(event, "reason"), *detail = token_text(event, "detail");
	long long count = (long long)json_integer_value(json_object_get(event, "count"));
	char *why = reason_of(reason != NULL ? reason : "accepted", detail), *text;

	if (count <= 1)
		return why;
	if (asprintf(&text, "%s (%lld times)", why, count) < 0)
		out_of_memory();
	free(why);
	return text;
}

/* `of` is the token that the table is about, or NULL if it is about many. */
static void add(struct table *table, const json_t *event, const char *of, bool near)
{
	const char *cells[5], *id = token_text(event, "id"), *name = token_text(event, "name");
	char *when = token_time_cell(event, "time", SECONDS_TIME, near),
	     *outcome = outcome_of(event), *text = NULL;
	size_t count = 0;

	/* In the history of a token there is also what became of those whose place it took. */
	if (of != NULL && id != NULL && strcmp(of, id) != 0 &&
	    asprintf(&text, "%s: %s", id, outcome) < 0)
		out_of_memory();
	cells[count++] = when;
	if (of == NULL)
		cells[count++] = name != NULL ? name : id;
	cells[count++] = token_text(event, "service");
	cells[count++] = token_text(event, "from");
	cells[count++] = text != NULL ? text : outcome;
	table_add(table, cells, TABLE_PLAIN);
	free(when);
	free(outcome);
	free(text);
}

int events_print(const struct options *options, const json_t *events, const char *of)
{
	bool near = screen_of_output().terminal;
	struct table *table = of != NULL ? table_new(options, history, COUNT(history))
					 : table_new(options, refusals, COUNT(refusals));
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event) add(table, event, of, near);
	return table_print(table);
}
