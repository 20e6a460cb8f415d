/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "columns.h"
#include "commands.h"
#include "moment.h"
#include "options.h"
#include "output.h"
#include "request.h"
#include "tell.h"

/* Which tokens are shown, and how. */
struct view {
	const struct options *options;
	const struct column *columns[COLUMNS_MAX];
	size_t count;
	const struct column *sort; /* NULL: as they come, those that were minted first before */
	int64_t unused_since;      /* 0: never mind */
	int64_t expires_before;    /* likewise */
	bool expired;
	bool streamed; /* shown as they come, and not kept: there may be a million */
	size_t shown;  /* so far */
	json_t *kept;  /* what is shown when all are there */
	struct columns_table *table;
};

static int read_view(const struct options *options, struct view *view)
{
	const char *sort = value(options, OPTION_SORT);
	const int64_t now = time(NULL);
	int64_t span;
	int status;

	*view = (struct view){.options = options, .expired = given(options, OPTION_EXPIRED)};
	if (given(options, OPTION_USER) && given(options, OPTION_ALL_USERS)) {
		complain("--user and --all-users exclude each other");
		return STATUS_USAGE;
	}
	if (given(options, OPTION_JSON) && given(options, OPTION_COLUMNS)) {
		complain("--columns and --json exclude each other: JSON has everything");
		return STATUS_USAGE;
	}
	/* Tokens of all users come in no order. Programs can do without. */
	if (sort == NULL && given(options, OPTION_ALL_USERS)) {
		view->streamed = given(options, OPTION_JSON);
		sort = "user";
	}
	if (sort != NULL && (view->sort = column_named(sort, strlen(sort))) == NULL)
		return STATUS_USAGE;
	status = columns_chosen(options, view->columns, &view->count);
	if (status == STATUS_OK && given(options, OPTION_UNUSED)) {
		status = span_of(value(options, OPTION_UNUSED), &span);
		if (status == STATUS_OK)
			view->unused_since = now - span;
	}
	if (status == STATUS_OK && given(options, OPTION_EXPIRING)) {
		status = span_of(value(options, OPTION_EXPIRING), &span);
		if (status == STATUS_OK)
			view->expires_before = now + span;
	}
	return status;
}

static bool has_status(const json_t *token, const char *wanted)
{
	const char *status = token_text(token, "status");

	return status != NULL && strcmp(status, wanted) == 0;
}

static bool is_shown(const struct view *view, const json_t *token)
{
	const char *used = token_text(token, "last_used_at");
	int64_t when;

	if (view->expired && !has_status(token, "expired"))
		return false;
	/* One that was never used counts from when it was minted. */
	if (view->unused_since != 0 &&
	    (!moment_of(used != NULL ? used : token_text(token, "created_at"), &when) ||
	     when > view->unused_since))
		return false;
	if (view->expires_before != 0 &&
	    (!moment_of(token_text(token, "expires_at"), &when) || when > view->expires_before ||
	     !(has_status(token, "active") || has_status(token, "suspended"))))
		return false;
	return true;
}

/* An entry that is sorted, and where it was before: of what is equal, the older is first. */
struct entry {
	json_t *token;
	size_t place;
};

static int compare_entries(const void *a, const void *b, void *view)
{
	const struct entry *x = a, *y = b;
	int order = column_compare(((const struct view *)view)->sort, x->token, y->token);

	if (order == 0)
		order = column_compare(column_named("created", strlen("created")), x->token,
				       y->token);
	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static json_t *new_array(void)
{
	json_t *array = json_array();

	if (array == NULL)
		out_of_memory();
	return array;
}

static json_t *sorted(struct view *view, const json_t *tokens)
{
	size_t count = json_array_size(tokens);
	struct entry *entries = calloc(count + 1, sizeof(*entries));
	json_t *result = new_array();

	if (entries == NULL)
		out_of_memory();
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct entry){json_array_get(tokens, i), i};
	if (view->sort != NULL)
		qsort_r(entries, count, sizeof(*entries), compare_entries, view);
	for (size_t i = 0; i < count; i++)
		if (json_array_append(result, entries[i].token) != 0)
			out_of_memory();
	free(entries);
	return result;
}

static void add_to_table(struct view *view, const json_t *token)
{
	if (view->table == NULL)
		view->table = columns_table_new(view->options, view->columns, view->count);
	columns_table_add(view->table, token);
}

/* Takes a token out of patd's answers (the last of which has none), if it is to be shown. */
static void take(json_t *answer, void *data)
{
	struct view *view = data;
	json_t *token = json_object_get(answer, "token"), *object;

	if (!json_is_object(token) || !is_shown(view, token))
		return;
	view->shown++;
	if (view->kept != NULL) {
		if (json_array_append(view->kept, token) != 0)
			out_of_memory();
	} else if (view->streamed) {
		object = json_token(token);
		output_json_element(object, view->shown - 1);
		json_decref(object);
	} else {
		add_to_table(view, token);
	}
}

static int fetch(struct view *view, json_t *parameters)
{
	struct client client;
	int status = client_open(&client, view->options);

	if (status != STATUS_OK)
		return status;
	status = client_call_for_each(&client, "List", parameters);
	/* patd is at work meanwhile. */
	if (status == STATUS_OK && !given(view->options, OPTION_JSON))
		columns_prepare();
	if (status == STATUS_OK)
		status = client_each(&client, take, view);
	client_close(&client);
	return status;
}

static void print_json(const json_t *tokens)
{
	json_t *objects = new_array(), *token;
	size_t i;

	json_array_foreach(tokens, i, token)
	{
		if (json_array_append_new(objects, json_token(token)) != 0)
			out_of_memory();
	}
	output_json(objects);
	json_decref(objects);
}

/* What was kept, in order. */
static void print_kept(struct view *view)
{
	json_t *tokens = sorted(view, view->kept), *token;
	size_t i;

	if (given(view->options, OPTION_JSON)) {
		print_json(tokens);
	} else {
		json_array_foreach(tokens, i, token)
		{
			add_to_table(view, token);
		}
	}
	json_decref(tokens);
}

static void tell_of_none(const struct view *view)
{
	if (given(view->options, OPTION_QUIET) || given(view->options, OPTION_JSON))
		return;
	if (view->expired || view->unused_since != 0 || view->expires_before != 0)
		note("There is no such token.");
	else if (given(view->options, OPTION_ALL))
		note("There is no token; patctl create mints one.");
	else
		note("There is no live token; --all lists those that have ended, patctl create "
		     "mints one.");
}

static int print(struct view *view)
{
	int status = STATUS_OK;

	if (view->kept != NULL)
		print_kept(view);
	else if (view->streamed)
		output_json_end(view->shown);
	if (view->shown == 0)
		tell_of_none(view);
	if (view->table != NULL)
		status = columns_table_print(view->table);
	view->table = NULL;
	return status == STATUS_OK && view->shown > 0 && view->expires_before != 0 ? STATUS_FAILED
										   : status;
}

int command_list(const struct options *options)
{
	static char buffer[32768];
	json_t *parameters;
	struct view view;
	int status = read_view(options, &view);

	if (status == STATUS_OK)
		status = request_begin(options, &parameters);
	if (status != STATUS_OK)
		return status;
	if (given(options, OPTION_ALL_USERS))
		request_set(parameters, "all_users", json_true());
	if (given(options, OPTION_ALL) || view.expired)
		request_set(parameters, "ended", json_true());
	/* Not a write for each line. */
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (!view.streamed && (view.sort != NULL || given(options, OPTION_JSON)))
		view.kept = new_array();
	/* JSON that is streamed is not ended after an error, so that nobody takes it for all. */
	status = fetch(&view, parameters);
	if (status == STATUS_OK)
		status = print(&view);
	columns_table_free(view.table);
	json_decref(view.kept);
	json_decref(parameters);
	return status;
}
