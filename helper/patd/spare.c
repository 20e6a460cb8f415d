/* SPDX-License-Identifier: ISC */
#include "spare.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The message that takes the descriptor along: one byte, because there must be one. */
struct parcel {
	char byte;
	struct iovec part;
	struct msghdr message;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
};

static void pack(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->part = (struct iovec){.iov_base = &parcel->byte, .iov_len = 1};
	parcel->message = (struct msghdr){.msg_iov = &parcel->part,
					  .msg_iovlen = 1,
					  .msg_control = parcel->control.bytes,
					  .msg_controllen = sizeof(parcel->control.bytes)};
}

bool spare_make(struct spare *spare)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	pid = fork();
	if (pid < 0) {
		int saved = errno;

		close(ends[0]);
		close(ends[1]);
		errno = saved;
		return false;
	}
	close(ends[pid == 0 ? 0 : 1]);
	*spare = (struct spare){.pid = pid, .fd = ends[pid == 0 ? 1 : 0]};
	return true;
}

bool spare_pass(int fd, int connection)
{
	struct parcel parcel;
	struct cmsghdr *head;

	pack(&parcel);
	head = CMSG_FIRSTHDR(&parcel.message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(connection));
	memcpy(CMSG_DATA(head), &connection, sizeof(connection));
	return sendmsg(fd, &parcel.message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

pid_t spare_give(struct spare *spare, int connection)
{
	pid_t pid = spare->pid;

	if (pid == 0)
		return 0;
	if (!spare_pass(spare->fd, connection)) {
		/* A child that computes elsewhere may have the other end, too. */
		kill(pid, SIGTERM);
		pid = 0;
	}
	/* Without the other end it leaves, unless it has what it waits for. */
	close(spare->fd);
	spare->pid = 0;
	return pid;
}

bool spare_ended(struct spare *spare, pid_t pid)
{
	if (spare->pid == 0 || spare->pid != pid)
		return false;
	close(spare->fd);
	spare->pid = 0;
	return true;
}

int spare_wait(int fd, int other)
{
	/* poll() passes over a descriptor of -1. */
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = other}};
	int ready;

	do
		ready = poll(fds, 2, -1);
	while (ready < 0 && errno == EINTR);
	return ready > 0 && fds[1].revents == 0 ? spare_take(fd) : -1;
}

int spare_take(int fd)
{
	struct parcel parcel;
	struct cmsghdr *head;
	ssize_t got;
	int connection;

	pack(&parcel);
	do
		got = recvmsg(fd, &parcel.message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	head = got == 1 ? CMSG_FIRSTHDR(&parcel.message) : NULL;
	if (head == NULL || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(connection)))
		return -1;
	memcpy(&connection, CMSG_DATA(head), sizeof(connection));
	return connection;
}
