/* SPDX-License-Identifier: ISC */

/*
 * What happened to tokens, as far as their use records remember.
 *
 * MUST: of an attempt that did not prove the secret, tell the owner of the id nothing but that
 * there were some; of one that did, the true reason, which the wire never told.
 */

#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/verify.h"
#include "pat/when.h"
#include "report.h"

#define SHOWN 200

static json_t *text_or_null(const char *text)
{
	char shown[SHOWN];

	return text[0] == '\0' ? json_null() : json_string(pat_escape(shown, sizeof(shown), text));
}

/* An event whose secret was proved. */
static json_t *event_json(const struct pat_grant *grant, const struct pat_event *event)
{
	char time[PAT_RFC3339_MAX], detail[2 * SHOWN];
	bool used = event->outcome == PAT_ACCEPTED;

	pat_outcome_detail(detail, sizeof(detail), event->outcome, grant);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i}", "time",
			 pat_rfc3339(time, event->time), "id", grant->id, "name", grant->name,
			 "service", text_or_null(event->service), "from",
			 text_or_null(event->rhost), "reason",
			 used ? json_null() : json_string(pat_outcome_text(event->outcome)),
			 "detail", used ? json_null() : text_or_null(detail), "count", 1);
}

/* All that is known of attempts that did not prove it. */
static json_t *unproved_json(const struct pat_grant *grant, const struct pat_use *use)
{
	char time[PAT_RFC3339_MAX];

	return json_pack("{s:s, s:s, s:n, s:n, s:n, s:s, s:n, s:I}", "time",
			 pat_rfc3339(time, use->refused_unproved_at), "id", grant->id, "name",
			 "service", "from", "reason", pat_outcome_text(PAT_REFUSED_SECRET),
			 "detail", "count", (json_int_t)use->refused_unproved);
}

/* Adds the events of a token since a time: all, or refusals alone. */
static int add_events(json_t *array, const struct grant_view *view, int64_t since, bool refusals)
{
	const struct pat_use *use = &view->use;
	int failed = 0;

	for (unsigned i = 0; i < PAT_USE_RING; i++) {
		const struct pat_event *event = &use->ring[(use->ring_next + i) % PAT_USE_RING];

		if (event->time == 0 || event->time < since ||
		    (refusals && event->outcome == PAT_ACCEPTED))
			continue;
		failed |= json_array_append_new(array, event_json(&view->grant, event));
	}
	if (use->refused_unproved > 0 && use->refused_unproved_at >= since)
		failed |= json_array_append_new(array, unproved_json(&view->grant, use));
	return failed ? PAT_E_NOMEM : PAT_OK;
}

static int by_time(const void *a, const void *b)
{
	/* RFC 3339 in UTC, of one length: the order of the text is that of the time. */
	return strcmp(json_string_value(json_object_get(*(json_t *const *)a, "time")),
		      json_string_value(json_object_get(*(json_t *const *)b, "time")));
}

static json_t *sorted(json_t *array)
{
	size_t count = json_array_size(array);
	json_t **list = calloc(count + 1, sizeof(json_t *)), *result = json_array();

	for (size_t i = 0; list != NULL && i < count; i++)
		list[i] = json_array_get(array, i);
	if (list != NULL)
		qsort(list, count, sizeof(json_t *), by_time);
	for (size_t i = 0; list != NULL && i < count; i++)
		json_array_append(result, list[i]);
	free(list);
	json_decref(array);
	return result;
}

static void add_leak(const struct grant_view *view, void *data)
{
	struct grant_view leak = *view;

	/* Of a token that rotation replaced, what matters to the one in its place is who still has
	 * it. */
	for (unsigned i = 0; i < PAT_USE_RING; i++)
		if (leak.use.ring[i].outcome != PAT_REFUSED_ROTATED)
			leak.use.ring[i].time = 0;
	leak.use.refused_unproved = 0;
	(void)add_events(data, &leak, 0, true);
}

json_t *history_of(const struct session *session, const struct grant_view *view)
{
	json_t *array = json_array();

	if (array == NULL)
		return NULL;
	(void)add_events(array, view, 0, false);
	(void)grants_each_predecessor(session->settings->store, &session->owner, view->grant.id,
				      add_leak, array);
	return sorted(array);
}

struct gathering {
	json_t *array;
	int64_t since;
};

static int gather(const struct grant_view *view, void *data)
{
	const struct gathering *gathering = data;

	return add_events(gathering->array, view, gathering->since, true);
}

/* There may be more to tell than a message holds: one event for each reply, and one with none. */
static int reply_events(struct session *session, const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events) && !session->link_error; i++)
		(void)session_reply(session, json_pack("{s:O}", "event", json_array_get(events, i)),
				    true);
	if (session->link_error)
		return session->link_error;
	return session_reply(session, json_pack("{s:n}", "event"), false);
}

int history_refusals(struct session *session, const json_t *parameters)
{
	const char *since = json_string_value(json_object_get(parameters, "since"));
	struct gathering gathering = {.since = 0};
	int error;

	if (!session->more)
		return session_error(session, ERROR_VARLINK("ExpectedMore"),
				     "Refusals answers with many replies: call it with `more`",
				     NULL);
	if (since != NULL && (strchr(since, ':') == NULL ||
			      pat_when_parse(since, (int64_t)time(NULL), &gathering.since) != 0))
		return session_error(session, ERROR_VARLINK("InvalidParameter"),
				     "since must be a time such as 2027-01-31T18:00:00Z",
				     json_pack("{s:s}", "parameter", "since"));
	gathering.array = json_array();
	error = gathering.array
			? grants_list(session->settings->store, &session->owner, gather, &gathering)
			: PAT_E_NOMEM;
	if (error) {
		json_decref(gathering.array);
		return report_store_failure(session, error);
	}
	gathering.array = sorted(gathering.array);
	error = reply_events(session, gathering.array);
	json_decref(gathering.array);
	return error;
}
