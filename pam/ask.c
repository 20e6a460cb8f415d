/* SPDX-License-Identifier: ISC */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"

/* Closed before anybody read what was sent, which the kernel tells from closed after that. */
#define PAT_E_UNREAD 1

#define PAUSE_MS 10
#define PAUSE_MAX_MS 160

/* connect(2) on a full queue answers EAGAIN at once when it must not block. */
static int reach(int fd, const char *path, pat_deadline deadline)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	unsigned tries = 0;

	if (len >= sizeof(address.sun_path))
		return PAT_E_TOOBIG;
	memcpy(address.sun_path, path, len);
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return PAT_E_IO;
		if (!pat_deadline_retry(deadline, &tries))
			return PAT_E_BUSY;
	}
	return PAT_OK;
}

static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return PAT_E_IO;
	return peer.uid == 0 ? PAT_OK : PAT_E_PEER;
}

static int wait_for(int fd, short events, pat_deadline deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	for (;;) {
		int ready = poll(&poll_fd, 1, pat_deadline_left(deadline));

		if (ready > 0)
			return PAT_OK;
		if (ready == 0)
			return PAT_E_BUSY;
		if (errno != EINTR)
			return PAT_E_IO;
		if (pat_deadline_passed(deadline))
			return PAT_E_BUSY;
	}
}

static int send_request(int fd, const struct pat_wire_request *request, pat_deadline deadline)
{
	while (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0) {
		int error;

		if (errno == EPIPE || errno == ECONNRESET)
			return PAT_E_UNREAD;
		if (errno != EAGAIN && errno != EINTR)
			return PAT_E_IO;
		error = wait_for(fd, POLLOUT, deadline);
		if (error)
			return error;
	}
	return PAT_OK;
}

static int receive_reply(int fd, pat_deadline deadline, struct pat_wire_reply *reply)
{
	ssize_t got;
	int error;

	do {
		error = wait_for(fd, POLLIN, deadline);
		if (error)
			return error;
		got = recv(fd, reply, sizeof(*reply), MSG_TRUNC);
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	if (got < 0)
		return errno == ECONNRESET ? PAT_E_UNREAD : PAT_E_IO;
	if (got == 0)
		return PAT_E_CLOSED;
	if (got != sizeof(*reply) || reply->magic != PAT_WIRE_MAGIC ||
	    memchr(reply->name, '\0', sizeof(reply->name)) == NULL)
		return PAT_E_INVALID;
	if (reply->result != PAT_WIRE_ACCEPTED && reply->result != PAT_WIRE_REFUSED &&
	    reply->result != PAT_WIRE_UNAVAILABLE)
		return PAT_E_INVALID;
	return PAT_OK;
}

/* Copies as much as fits; false if that was not all. `dst` is all zeros before. */
static bool fill(char *dst, size_t size, const char *src)
{
	size_t len = src ? strnlen(src, size) : 0;

	memcpy(dst, src ? src : "", len < size ? len : size - 1);
	return len < size;
}

/* The token goes into the request when it is known who will read it, and out of it again. */
static int ask_once(const char *path, struct pat_wire_request *request, const char *token,
		    pat_deadline deadline, struct pat_wire_reply *reply)
{
	int error, saved, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return PAT_E_IO;
	error = reach(fd, path, deadline);
	if (!error)
		error = check_peer(fd);
	if (!error) {
		(void)fill(request->token, sizeof(request->token), token);
		error = send_request(fd, request, deadline);
		sodium_memzero(request->token, sizeof(request->token));
	}
	if (!error)
		error = receive_reply(fd, deadline, reply);
	saved = errno;
	close(fd);
	errno = saved;
	return error;
}

/* False when there is no time for another try. */
static bool pause_for(int milliseconds, pat_deadline deadline)
{
	const struct timespec pause = {.tv_nsec = milliseconds * 1000000L};

	if (pat_deadline_left(deadline) <= milliseconds)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

/*
 * patd closes a connection unread when there are too many of this user at the moment, or when it is
 * just being restarted. A request that was read is not repeated: it may have made the one use that
 * the token was good for.
 */
int ask_patd(const char *path, const struct pat_attempt *attempt, pat_deadline deadline,
	     struct pat_wire_reply *reply)
{
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC};
	int error, pause = PAUSE_MS;

	/* What is longer is no user's name, and in no token's scope. */
	if (!fill(request.user, sizeof(request.user), attempt->user) ||
	    !fill(request.service, sizeof(request.service), attempt->service))
		return PAT_E_TOOBIG;
	(void)fill(request.rhost, sizeof(request.rhost), attempt->rhost);
	(void)fill(request.tty, sizeof(request.tty), attempt->tty);

	while ((error = ask_once(path, &request, attempt->token->text, deadline, reply)) ==
	       PAT_E_UNREAD) {
		if (!pause_for(pause, deadline))
			return PAT_E_CLOSED;
		pause = pause < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
	return error;
}
