/* SPDX-License-Identifier: ISC */
#include "connect.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pat/deadline.h"
#include "pat/error.h"
#include "pat/wire.h"
#include "patctl.h"
#include "tell.h"

#define CONNECT_MS 5000

/* connect(2) on a non-blocking AF_UNIX socket fails with EAGAIN while the backlog is full. */
static int connect_in_time(int fd, const struct sockaddr_un *address)
{
	pat_deadline deadline = pat_deadline_in(CONNECT_MS);
	unsigned tries = 0;

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return PAT_E_IO;
		if (!pat_deadline_retry(deadline, &tries)) {
			errno = ETIMEDOUT;
			return PAT_E_IO;
		}
	}
	return PAT_OK;
}

/* Whoever may listen there gets what is typed here. So it must be root. */
static int check_peer(int fd, const char *path)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer)) {
		complain("cannot tell who listens on %s", path);
		return STATUS_UNREACHABLE;
	}
	if (peer.uid != 0) {
		complain("it is not root who listens on %s, but uid %lu", path,
			 (unsigned long)peer.uid);
		return STATUS_UNREACHABLE;
	}
	return STATUS_OK;
}

/* Nobody at the usual place: whoever can start patd should hear how. */
static void explain_absence(const char *path, int error)
{
	complain("patd cannot be reached at %s: %s", path, strerror(error));
	if ((error == ENOENT || error == ECONNREFUSED) && strcmp(path, PAT_VARLINK_SOCKET) == 0)
		note("Is patd.socket started? Root: systemctl start patd.socket");
}

int connect_to_root(const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t len = strlen(path);
	int status = STATUS_UNREACHABLE;

	*fd = -1;
	if (len == 0 || len >= sizeof(address.sun_path)) {
		complain("a path of 1 to %zu bytes can be a socket's, not '%s'",
			 sizeof(address.sun_path) - 1, path);
		return STATUS_USAGE;
	}
	memcpy(address.sun_path, path, len + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0) {
		complain("cannot make a socket: %s", strerror(errno));
		return STATUS_FAILED;
	}
	if (connect_in_time(*fd, &address) != PAT_OK)
		explain_absence(path, errno);
	else
		status = check_peer(*fd, path);
	if (status != STATUS_OK) {
		close(*fd);
		*fd = -1;
	}
	return status;
}
