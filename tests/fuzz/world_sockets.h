/* SPDX-License-Identifier: ISC */
#ifndef WORLD_SOCKETS_H
#define WORLD_SOCKETS_H

/* A part of world.h: sockets with a scripted other end, and a clock that passes when somebody
 * waits. */

OURS int socket(int domain, int type, int protocol)
{
	int ends[2];

	if (!world.armed)
		return REAL(socket)(domain, type, protocol);
	errno = EPROTONOSUPPORT; /* libaudit, for one: this kernel has none */
	if (domain != AF_UNIX)
		return -1;
	if (fails() || socketpair(domain, type, protocol, ends) < 0)
		return -1;
	if (world.peer >= 0)
		close(world.peer);
	/* Out of the way of what is counted. */
	world.peer = REAL(fcntl)(ends[1], F_DUPFD_CLOEXEC, 500);
	close(ends[1]);
	return ends[0];
}

OURS int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (!world.armed)
		return REAL(connect)(fd, address, len);
	if (fails())
		return -1;
	errno = world.connect_error;
	if (errno == 0 && world.connected != NULL)
		world.connected(world.peer);
	return errno ? -1 : 0;
}

OURS int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct ucred peer = {.uid = world.peer_uid};

	if (!world.armed)
		return REAL(getsockopt)(fd, level, name, value, len);
	if (fails())
		return -1;
	HOLDS(level == SOL_SOCKET && name == SO_PEERCRED && *len == sizeof(peer));
	memcpy(value, &peer, sizeof(peer));
	return 0;
}

OURS int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready;

	if (!world.armed)
		return REAL(poll)(fds, count, timeout);
	if (fails())
		return -1;
	ready = REAL(poll)(fds, count, 0);
	if (ready == 0) {
		HOLDS(timeout >= 0);
		world.waited += (int64_t)timeout * 1000000;
	}
	return ready;
}

OURS int clock_gettime(clockid_t id, struct timespec *now)
{
	int64_t at = INT64_C(1000000000000) + world.waited;

	if (!world.armed || id != CLOCK_MONOTONIC)
		return REAL(clock_gettime)(id, now);
	/* Looking takes its time, too. */
	world.waited += 1000;
	*now = (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
	return 0;
}

#define WORLD_NOW INT64_C(1795280000)

OURS time_t time(time_t *out)
{
	time_t now = WORLD_NOW;

	if (!world.armed)
		now = REAL(time)(NULL);
	if (out != NULL)
		*out = now;
	return now;
}

OURS int clock_nanosleep(clockid_t id, int flags, const struct timespec *pause,
			 struct timespec *rest)
{
	if (!world.armed)
		return REAL(clock_nanosleep)(id, flags, pause, rest);
	world.waited += pause->tv_sec * INT64_C(1000000000) + pause->tv_nsec;
	return 0;
}

OURS int nanosleep(const struct timespec *pause, struct timespec *rest)
{
	(void)rest;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, pause, NULL);
}

#endif
