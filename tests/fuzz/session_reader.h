/* SPDX-License-Identifier: ISC */
#ifndef SESSION_READER_H
#define SESSION_READER_H

/*
 * What another process does for calls.c, and confines itself for, is done here, in the fuzzer's: a
 * part of fuzz_session.c.
 */

#include "../../helper/patd/calls.h"
#include "../../helper/patd/confine.h"
#include "pat/error.h"

static struct pat_varlink client_link;
static unsigned char record[FLAT_MAX];

/* A reader without memory ends, which the next call tells. */
static bool client_has_reader;

int confine_session(void)
{
	return 0;
}

int calls_begin(struct calls *calls, unsigned seconds)
{
	(void)seconds;
	*calls = (struct calls){.fd = -1};
	return 0;
}

void calls_ask(struct calls *calls, unsigned wait_ms)
{
	(void)calls;
	(void)wait_ms;
}

void calls_serve(struct calls *calls, int client)
{
	(void)calls;
	client_has_reader = pat_varlink_begin(&client_link, client) == 0;
}

int calls_next(struct calls *calls, unsigned wait_ms, struct flat_call *call)
{
	json_t *message = NULL;
	enum flat_outcome outcome;
	size_t used = 0;
	int error = client_has_reader
			    ? pat_varlink_read(&client_link, pat_deadline_in(wait_ms), &message)
			    : PAT_E_PEER;

	(void)calls;
	if (!error)
		error = flat_encode_call(message, record, sizeof(record), &used);
	json_decref(message);
	if (!error)
		error = flat_decode(record, used, &outcome, call);
	explicit_bzero(record, used);
	return error;
}

void calls_end(struct calls *calls)
{
	(void)calls;
	pat_varlink_end(&client_link);
}

#endif
