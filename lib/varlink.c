/* SPDX-License-Identifier: ISC */
#include "pat/varlink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pat/error.h"
#include "varlink_memory.h"

/* 0 as soon as the socket may have something for `events`. */
static int wait_for(const struct pat_varlink *link, short events, pat_deadline deadline)
{
	for (;;) {
		/* poll() passes over a descriptor of -1. */
		struct pollfd fds[] = {{.fd = link->fd, .events = events}, {.fd = link->other}};
		int left = pat_deadline_left(deadline);
		int ready;

		if (left == 0)
			return PAT_E_BUSY;
		ready = poll(fds, 2, left);
		if (ready > 0)
			return fds[1].revents == 0 ? PAT_OK : PAT_E_CLOSED;
		if (ready < 0 && errno != EINTR)
			return PAT_E_IO;
	}
}

int pat_varlink_begin(struct pat_varlink *link, int fd)
{
	link->fd = fd;
	link->other = -1;
	link->used = 0;
	link->buffer = malloc(PAT_VARLINK_MESSAGE_MAX);
	return link->buffer != NULL ? PAT_OK : PAT_E_NOMEM;
}

void pat_varlink_end(struct pat_varlink *link)
{
	/* What was used of it was wiped then; where nothing ever was, no page is touched. */
	if (link->buffer != NULL)
		explicit_bzero(link->buffer, link->used);
	free(link->buffer);
	link->buffer = NULL;
	link->used = 0;
}

/* Reads some bytes more, at least one. There must be room. */
static int fill(struct pat_varlink *link, pat_deadline deadline)
{
	for (;;) {
		ssize_t got = recv(link->fd, link->buffer + link->used,
				   PAT_VARLINK_MESSAGE_MAX - link->used, MSG_DONTWAIT);
		int error;

		if (got > 0) {
			link->used += (size_t)got;
			return PAT_OK;
		}
		if (got == 0 || errno == ECONNRESET)
			return link->used == 0 ? PAT_E_CLOSED : PAT_E_INVALID;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return PAT_E_IO;
		error = wait_for(link, POLLIN, deadline);
		if (error)
			return error;
	}
}

static int parse(const char *text, size_t len, json_t **message)
{
	json_error_t why;
	json_t *json = varlink_memory_parse(text, len, &why);

	if (json == NULL)
		return json_error_code(&why) == json_error_out_of_memory ? PAT_E_NOMEM
									 : PAT_E_INVALID;
	if (!json_is_object(json)) {
		json_decref(json);
		return PAT_E_INVALID;
	}
	*message = json;
	return PAT_OK;
}

/* Takes the first `len` bytes out of the buffer and leaves no copy of them. */
static void consume(struct pat_varlink *link, size_t len)
{
	size_t rest = link->used - len;

	memmove(link->buffer, link->buffer + len, rest);
	explicit_bzero(link->buffer + rest, len);
	link->used = rest;
}

int pat_varlink_read(struct pat_varlink *link, pat_deadline deadline, json_t **message)
{
	size_t searched = 0;
	char *end;
	int error;

	while ((end = memchr(link->buffer + searched, '\0', link->used - searched)) == NULL) {
		searched = link->used;
		if (searched == PAT_VARLINK_MESSAGE_MAX)
			return PAT_E_TOOBIG;
		/* A peer that never pauses must not outlast the deadline either. */
		if (searched > 0 && pat_deadline_passed(deadline))
			return PAT_E_BUSY;
		error = fill(link, deadline);
		if (error)
			return error;
	}
	error = parse(link->buffer, (size_t)(end - link->buffer), message);
	consume(link, (size_t)(end - link->buffer) + 1);
	return error;
}

static int send_all(const struct pat_varlink *link, const char *bytes, size_t len,
		    pat_deadline deadline)
{
	while (len > 0) {
		ssize_t sent = send(link->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		int error;

		if (sent >= 0) {
			bytes += sent;
			len -= (size_t)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EPIPE || errno == ECONNRESET)
			return PAT_E_CLOSED;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return PAT_E_IO;
		error = wait_for(link, POLLOUT, deadline);
		if (error)
			return error;
	}
	return PAT_OK;
}

int pat_varlink_encode(const json_t *message, struct pat_varlink_text *text)
{
	int error = PAT_OK;

	*text = (struct pat_varlink_text){NULL, 0};
	if (varlink_memory_ran_out())
		return PAT_E_NOMEM;
	if (!json_is_object(message))
		return PAT_E_INVALID;
	text->bytes = malloc(PAT_VARLINK_MESSAGE_MAX);
	if (text->bytes == NULL)
		return PAT_E_NOMEM;
	/* Into a buffer of ours: what json_dumps() leaves behind while it grows is not wiped. */
	text->len = json_dumpb(message, text->bytes, PAT_VARLINK_MESSAGE_MAX, JSON_COMPACT);
	if (text->len == 0)
		error = PAT_E_NOMEM;
	else if (text->len >= PAT_VARLINK_MESSAGE_MAX)
		error = PAT_E_TOOBIG;
	if (!error) {
		text->bytes[text->len++] = '\0';
		return PAT_OK;
	}
	/* Nobody knows how much of it was written. */
	text->len = PAT_VARLINK_MESSAGE_MAX;
	pat_varlink_discard(text);
	return error;
}

int pat_varlink_send(struct pat_varlink *link, const struct pat_varlink_text *text,
		     pat_deadline deadline)
{
	return send_all(link, text->bytes, text->len, deadline);
}

void pat_varlink_discard(struct pat_varlink_text *text)
{
	if (text->bytes != NULL)
		explicit_bzero(text->bytes, text->len);
	free(text->bytes);
	*text = (struct pat_varlink_text){NULL, 0};
}

int pat_varlink_write(struct pat_varlink *link, const json_t *message, pat_deadline deadline)
{
	struct pat_varlink_text text;
	int error = pat_varlink_encode(message, &text);

	if (!error)
		error = pat_varlink_send(link, &text, deadline);
	pat_varlink_discard(&text);
	return error;
}

void pat_varlink_wipe_json(void)
{
	varlink_memory_take_over();
}
