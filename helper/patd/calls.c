/* SPDX-License-Identifier: ISC */
#include "calls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pat/error.h"
#include "reader.h"
#include "spare.h"

/* What the reader may take beyond the time that it was given, and to end. */
#define GRACE_MS 2000

/*
 * A child that tells of its end by no signal, and that only those see who wait for such children
 * (__WALL): a PAM module that waits for any child, or for SIGCHLD, hears of its own alone. fork()
 * makes no such. There is one thread.
 */
static pid_t fork_quietly(void)
{
	return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

int calls_begin(struct calls *calls, unsigned seconds)
{
	int ends[2];

	*calls = (struct calls){.fd = -1, .record = malloc(FLAT_MAX)};
	if (calls->record == NULL)
		return PAT_E_NOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
		calls->reader = fork_quietly();
		if (calls->reader == 0)
			reader_run(ends[1], seconds);
		close(ends[1]);
		calls->fd = ends[0];
	}
	if (calls->fd >= 0 && calls->reader > 0)
		return PAT_OK;
	calls_end(calls);
	return PAT_E_IO;
}

static bool ask(const struct calls *calls, unsigned wait_ms)
{
	const struct flat_question question = {.wait_ms = wait_ms};

	return send(calls->fd, &question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       sizeof(question);
}

void calls_serve(struct calls *calls, int client)
{
	(void)spare_pass(calls->fd, client);
}

void calls_ask(struct calls *calls, unsigned wait_ms)
{
	calls->asked = ask(calls, wait_ms);
}

static int broken(struct calls *calls, const char *why)
{
	snprintf(calls->why, sizeof(calls->why), "%s", why);
	return PAT_E_PEER;
}

/* It closed its end: says how it ended, for which it is given a moment. */
static int ended(struct calls *calls)
{
	pat_deadline deadline = pat_deadline_in(GRACE_MS);
	unsigned tries = 0;
	int status = 0;
	pid_t pid;

	do
		pid = waitpid(calls->reader, &status, WNOHANG | __WALL);
	while (pid == 0 && pat_deadline_retry(deadline, &tries));
	if (pid == calls->reader)
		calls->reader = 0;
	if (pid > 0 && WIFSIGNALED(status))
		snprintf(calls->why, sizeof(calls->why), "its reader was ended by signal %d",
			 WTERMSIG(status));
	else if (pid > 0 && WEXITSTATUS(status) != 0)
		snprintf(calls->why, sizeof(calls->why),
			 "its reader could not give up its rights: %s",
			 strerror(WEXITSTATUS(status)));
	else
		return broken(calls, "its reader has gone");
	return PAT_E_PEER;
}

/* Its record, or why there is none. */
static int receive(struct calls *calls, unsigned wait_ms, size_t *size)
{
	pat_deadline deadline = pat_deadline_in(wait_ms + GRACE_MS);
	struct pollfd reader = {.fd = calls->fd, .events = POLLIN};
	ssize_t got;
	int ready;

	do
		ready = poll(&reader, 1, pat_deadline_left(deadline));
	while (ready < 0 && errno == EINTR && !pat_deadline_passed(deadline));
	if (ready <= 0)
		return broken(calls, "its reader does not answer");
	got = recv(calls->fd, calls->record, FLAT_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (got <= 0)
		return ended(calls);
	if (got > FLAT_MAX)
		return broken(calls, "its reader sent what is malformed");
	*size = (size_t)got;
	return PAT_OK;
}

static int error_of(enum flat_outcome outcome)
{
	switch (outcome) {
	case FLAT_CALL:
		return PAT_OK;
	case FLAT_CLOSED:
		return PAT_E_CLOSED;
	case FLAT_TIMEOUT:
		return PAT_E_BUSY;
	case FLAT_TOO_BIG:
		return PAT_E_TOOBIG;
	case FLAT_MALFORMED:
		return PAT_E_INVALID;
	default:
		return PAT_E_IO;
	}
}

int calls_next(struct calls *calls, unsigned wait_ms, struct flat_call *call)
{
	enum flat_outcome outcome;
	size_t size = 0;
	int error;

	/* If it has gone, that is told by what it left. Who was not asked has nothing to say. */
	if (!calls->asked && !ask(calls, wait_ms))
		wait_ms = 0;
	calls->asked = false;
	error = receive(calls, wait_ms, &size);
	if (error)
		return error;
	error = flat_decode(calls->record, size, &outcome, call);
	explicit_bzero(calls->record, size);
	return error ? broken(calls, "its reader sent what is malformed") : error_of(outcome);
}

void calls_end(struct calls *calls)
{
	if (calls->fd >= 0)
		close(calls->fd);
	if (calls->reader > 0 && kill(calls->reader, SIGKILL) == 0)
		while (waitpid(calls->reader, NULL, __WALL) < 0 && errno == EINTR)
			;
	free(calls->record);
	*calls = (struct calls){.fd = -1};
}
