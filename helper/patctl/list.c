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
	const struct column *columns[COLUMNS_MAX];
	size_t count;
	const struct column *sort; /* NULL: as they come, those that were minted first before */
	int64_t unused_since;      /* 0: never mind */
	int64_t expires_before;    /* likewise */
	bool expired;
	bool streamed; /* shown as they come, and not kept: there may be a million */
	size_t shown;  /* so far, of those */
};

static int read_view(const struct options *options, struct view *view)
{
	const char *sort = value(options, OPTION_SORT);
	const int64_t now = time(NULL);
	int64_t span;
	int status;

	*view = (struct view){.expired = given(options, OPTION_EXPIRED)};
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

static json_t *sorted(struct view *view, const json_t *tokens)
{
	size_t count = json_array_size(tokens);
	struct entry *entries = calloc(count + 1, sizeof(*entries));
	json_t *result = json_array();

	if (entries == NULL || result == NULL)
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

/* The tokens out of patd's answers (the last of which has none) that are to be shown, in order. */
static json_t *select_tokens(struct view *view, const json_t *answers)
{
	json_t *tokens = json_array(), *answer, *result;
	size_t i;

	json_array_foreach(answers, i, answer)
	{
		json_t *token = json_object_get(answer, "token");

		if (json_is_object(token) && is_shown(view, token) &&
		    json_array_append(tokens, token) != 0)
			out_of_memory();
	}
	result = sorted(view, tokens);
	json_decref(tokens);
	return result;
}

static void print_json(const json_t *tokens)
{
	json_t *objects = json_array(), *token;
	size_t i;

	json_array_foreach(tokens, i, token)
	{
		if (json_array_append_new(objects, json_token(token)) != 0)
			out_of_memory();
	}
	output_json(objects);
	json_decref(objects);
}

static int print(const struct options *options, const struct view *view, const json_t *tokens)
{
	bool found = json_array_size(tokens) > 0;
	int status = STATUS_OK;

	if (given(options, OPTION_JSON))
		print_json(tokens);
	else if (found)
		status = columns_print(options, view->columns, view->count, tokens);
	else if (!given(options, OPTION_QUIET) &&
		 (view->expired || view->unused_since != 0 || view->expires_before != 0))
		note("There is no such token.");
	else if (!given(options, OPTION_QUIET))
		note("There is no token%s.",
		     given(options, OPTION_ALL) ? "" : " in force; --all lists the others");
	return status == STATUS_OK && found && view->expires_before != 0 ? STATUS_FAILED : status;
}

/* Prints a token of patd's answers, if it is to be shown. */
static void stream(json_t *answer, void *data)
{
	struct view *view = data;
	json_t *token = json_object_get(answer, "token"), *object;

	if (!json_is_object(token) || !is_shown(view, token))
		return;
	object = json_token(token);
	output_json_element(object, view->shown++);
	json_decref(object);
}

/* All tokens as JSON. After an error that is not ended, so that nobody takes it for all. */
static int print_stream(const struct options *options, struct view *view, json_t *parameters)
{
	struct client client;
	int status = client_open(&client, options);

	if (status != STATUS_OK)
		return status;
	status = client_call_each(&client, "List", parameters, stream, view);
	client_close(&client);
	if (status != STATUS_OK)
		return status;
	output_json_end(view->shown);
	return view->shown > 0 && view->expires_before != 0 ? STATUS_FAILED : STATUS_OK;
}

static int fetch(const struct options *options, json_t *parameters, json_t *answers)
{
	struct client client;
	int status = client_open(&client, options);

	if (status != STATUS_OK)
		return status;
	status = client_call_more(&client, "List", parameters, answers);
	client_close(&client);
	return status;
}

static int print_all(const struct options *options, struct view *view, json_t *parameters)
{
	json_t *answers = json_array(), *tokens;
	int status = fetch(options, parameters, answers);

	if (status == STATUS_OK) {
		tokens = select_tokens(view, answers);
		status = print(options, view, tokens);
		json_decref(tokens);
	}
	json_decref(answers);
	return status;
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
	status = view.streamed ? print_stream(options, &view, parameters)
			       : print_all(options, &view, parameters);
	json_decref(parameters);
	return status;
}
