/* SPDX-License-Identifier: ISC */

/*
 * The least that a server can do which gives each connection a process of its own: accepts on a
 * SOCK_SEQPACKET socket, forks, reads one message, answers it, and ends. What patd takes is
 * measured against it.
 *
 *	nullserver SOCKET
 *
 * The messages have the sizes of patd's; what is in the request is not looked at. Says `ready` when
 * it listens, and ends when standard input does, or by a signal.
 */

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pat/wire.h"

enum { BACKLOG = 4096 };

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		err(1, "%s", path);
	return fd;
}

static _Noreturn void serve(int fd)
{
	struct pat_wire_request request;
	const struct pat_wire_reply reply = {.magic = PAT_WIRE_MAGIC, .result = PAT_WIRE_ACCEPTED};

	if (recv(fd, &request, sizeof(request), 0) == sizeof(request))
		(void)send(fd, &reply, sizeof(reply), MSG_NOSIGNAL);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct pollfd fds[] = {{.events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

	if (argc != 2)
		errx(2, "usage: nullserver SOCKET");
	fds[0].fd = listen_at(argv[1]);
	/* Children are nobody's to wait for. */
	signal(SIGCHLD, SIG_IGN);
	puts("ready");
	fflush(stdout);
	while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
		int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (fork() == 0)
			serve(fd);
		close(fd);
	}
	return 0;
}
