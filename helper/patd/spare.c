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

static void shut(struct spare *spare)
{
	if (spare->fd >= 0)
		close(spare->fd);
	*spare = (struct spare){.fd = -1};
}

void spare_begin(struct spares *spares)
{
	*spares = (struct spares){.made = 0};
	for (unsigned i = 0; i < SPARES; i++)
		spares->all[i].fd = -1;
}

bool spare_wanted(const struct spares *spares)
{
	return spares->made - spares->given < SPARES;
}

bool spare_make(struct spares *spares, int *fd)
{
	struct spare *spare = &spares->all[spares->made % SPARES];
	int ends[2];
	pid_t pid;

	*fd = -1;
	spare_tidy(spares);
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
	if (pid == 0) {
		*fd = ends[1];
		return true;
	}
	*spare = (struct spare){.pid = pid, .fd = ends[0]};
	spares->made++;
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

/* Both stay small: where they went round, the places would not. */
static void count_given(struct spares *spares)
{
	if (++spares->given == SPARES) {
		spares->given = 0;
		spares->made -= SPARES;
	}
}

pid_t spare_give(struct spares *spares, int connection)
{
	while (spares->given != spares->made) {
		struct spare *spare = &spares->all[spares->given % SPARES];
		pid_t pid = spare->pid;

		count_given(spares);
		spare->pid = 0;
		if (pid != 0 && spare_pass(spare->fd, connection))
			return pid;
		/* A child that computes elsewhere may have the other end, too. */
		if (pid != 0)
			kill(pid, SIGTERM);
		shut(spare);
	}
	return 0;
}

void spare_tidy(struct spares *spares)
{
	for (unsigned i = 0; i < SPARES; i++)
		if (spares->all[i].pid == 0)
			shut(&spares->all[i]);
}

bool spare_ended(struct spares *spares, pid_t pid)
{
	for (unsigned i = 0; i < SPARES; i++)
		if (spares->all[i].pid == pid) {
			shut(&spares->all[i]);
			return true;
		}
	return false;
}

void spare_leave(struct spares *spares)
{
	for (unsigned i = 0; i < SPARES; i++)
		shut(&spares->all[i]);
}

bool spare_has_come(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) != 0;
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
