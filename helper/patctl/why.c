/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdint.h>
#include <time.h>

#include "client.h"
#include "commands.h"
#include "events.h"
#include "moment.h"
#include "output.h"
#include "pat/when.h"
#include "request.h"
#include "tell.h"

#define HOUR 3600

/* Adds `since`, unless everything is asked for. */
static int set_since(json_t *parameters, const struct options *options)
{
	int64_t since = time(NULL) - HOUR;
	char utc[PAT_RFC3339_MAX];
	int status = STATUS_OK;

	if (given(options, OPTION_ALL) && given(options, OPTION_SINCE)) {
		complain("--all and --since exclude each other");
		return STATUS_USAGE;
	}
	if (given(options, OPTION_ALL))
		return STATUS_OK;
	if (given(options, OPTION_SINCE))
		status = past_of(value(options, OPTION_SINCE), &since);
	if (status == STATUS_OK)
		request_set(parameters, "since", json_string(pat_rfc3339(utc, since)));
	return status;
}

static int print(const struct options *options, const json_t *events)
{
	if (given(options, OPTION_JSON)) {
		output_json(events);
		return STATUS_OK;
	}
	if (json_array_size(events) > 0)
		return events_print(options, events, NULL);
	if (given(options, OPTION_QUIET))
		return STATUS_OK;
	if (given(options, OPTION_ALL))
		note("No refusal is kept.");
	else if (given(options, OPTION_SINCE))
		note("No token was refused since then.");
	else
		note("No token was refused in the last hour; --since 1d looks further back.");
	/* Its checksum is wrong, so it is nobody's. */
	note("Of one that was mistyped, or cut off, patctl verify tells.");
	return STATUS_OK;
}

/* The events out of the answers, the last of which has none. */
static json_t *events_of(const json_t *answers)
{
	json_t *events = json_array(), *answer;
	size_t i;

	json_array_foreach(answers, i, answer)
	{
		json_t *event = json_object_get(answer, "event");

		if (json_is_object(event) && json_array_append(events, event) != 0)
			out_of_memory();
	}
	return events;
}

static int fetch(const struct options *options, json_t *parameters, json_t *answers)
{
	struct client client;
	int status = client_open(&client, options);

	if (status != STATUS_OK)
		return status;
	status = client_call_more(&client, "Refusals", parameters, answers);
	client_close(&client);
	return status;
}

int command_why(const struct options *options)
{
	json_t *parameters, *answers, *events;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	answers = json_array();
	status = set_since(parameters, options);
	if (status == STATUS_OK)
		status = fetch(options, parameters, answers);
	if (status == STATUS_OK) {
		events = events_of(answers);
		status = print(options, events);
		json_decref(events);
	}
	json_decref(answers);
	json_decref(parameters);
	return status;
}
