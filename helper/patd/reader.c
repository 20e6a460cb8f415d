/* SPDX-License-Identifier: ISC */
#include "reader.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "confine.h"
#include "flat.h"
#include "pat/error.h"
#include "spare.h"

/* Where a call was read, and what the linker and jansson saved there of it. */
#define STACK_USED 65536

static enum flat_outcome outcome_of(int error)
{
	switch (error) {
	case PAT_E_CLOSED:
		return FLAT_CLOSED;
	case PAT_E_BUSY:
		return FLAT_TIMEOUT;
	case PAT_E_TOOBIG:
		return FLAT_TOO_BIG;
	case PAT_E_INVALID:
		return FLAT_MALFORMED;
	default:
		return FLAT_FAILED;
	}
}

/* A record fits into the empty queue of a socket: there is no more than one on its way. */
static bool send_record(const unsigned char *record, size_t len)
{
	return send(READER_SESSION, record, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

/* Reads one call and hands it on. False when the connection is over. */
static bool answer(struct pat_varlink *link, const struct flat_question *question,
		   unsigned char *record)
{
	json_t *message = NULL;
	size_t len = FLAT_HEAD;
	bool sent;
	int error = pat_varlink_read(link, pat_deadline_in(question->wait_ms), &message);

	if (!error)
		error = flat_encode_call(message, record, FLAT_MAX, &len);
	json_decref(message);
	if (error)
		flat_encode_outcome(outcome_of(error), record);
	sent = send_record(record, len);
	explicit_bzero(record, len);
	return sent && !error;
}

/* Waits for the session, which may be at work for as long as it lives. False when it is gone. */
static bool next_question(struct flat_question *question)
{
	ssize_t got;

	do
		got = recv(READER_SESSION, question, sizeof(*question), 0);
	while (got < 0 && errno == EINTR);
	return got == sizeof(*question);
}

/* Nothing else is open: it comes to where it belongs. Where there are no filters, there may be. */
static bool take_client(void)
{
	int client = spare_take(READER_SESSION);

	if (client > READER_SESSION && dup2(client, READER_CLIENT) == READER_CLIENT &&
	    close(client) == 0)
		client = READER_CLIENT;
	return client == READER_CLIENT;
}

_Noreturn void reader_run(int session, unsigned seconds)
{
	struct pat_varlink link;
	struct flat_question question;
	unsigned char *record = malloc(FLAT_MAX);

	/* Who is told to end with all of patd ends with the session, which need not wonder why. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (record == NULL || pat_varlink_begin(&link, READER_CLIENT) != 0)
		_exit(ENOMEM);
	link.other = READER_SESSION;
	if (confine_reader(-1, session) != 0)
		_exit(errno);
	if (!take_client())
		_exit(0);
	alarm(seconds);
	while (next_question(&question) && answer(&link, &question, record))
		sodium_stackzero(STACK_USED);
	pat_varlink_end(&link);
	_exit(0);
}
