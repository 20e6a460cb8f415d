/* SPDX-License-Identifier: ISC */
#include "listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pat/error.h"

/* sd_listen_fds(3). */
#define FIRST_FD 3
/* The kernel takes less where net.core.somaxconn says so. */
#define BACKLOG 4096

#define VERIFY_NAME "verify"
#define VARLINK_NAME "io.pampat.Tokens"

/* The value of a variable as a number, or -1. */
static long number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' ? value : -1;
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* Puts a passed descriptor where it belongs, if it is a listening socket of a kind still wanted. */
static int sort(struct listeners *listeners, int fd)
{
	int type = option(fd, SO_TYPE);
	int *place = type == SOCK_SEQPACKET ? &listeners->verify
		     : type == SOCK_STREAM  ? &listeners->varlink
					    : NULL;

	if (place == NULL || *place >= 0 || option(fd, SO_DOMAIN) != AF_UNIX ||
	    option(fd, SO_ACCEPTCONN) != 1)
		return PAT_E_INVALID;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return PAT_E_IO;
	*place = fd;
	return PAT_OK;
}

int listeners_inherit(struct listeners *listeners)
{
	long pid = number("LISTEN_PID"), count = number("LISTEN_FDS");
	int error = PAT_OK;

	*listeners = (struct listeners){-1, -1};
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (pid != (long)getpid() || count <= 0)
		return PAT_E_NOTFOUND;
	if (count != 2)
		return PAT_E_INVALID;
	for (int fd = FIRST_FD; !error && fd < FIRST_FD + count; fd++)
		error = sort(listeners, fd);
	return error;
}

static int fill(struct sockaddr_un *address, const char *dir, const char *name)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", dir, name) <
			       (int)sizeof(address->sun_path)
		       ? PAT_OK
		       : PAT_E_TOOBIG;
}

/* Whether somebody answers at that name. */
static bool is_alive(int type, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

static int make(int type, const char *dir, const char *name, int *listener)
{
	struct sockaddr_un address, aside;
	char aside_name[64];
	int fd;

	snprintf(aside_name, sizeof(aside_name), "%s.new", name);
	if (fill(&address, dir, name) != 0 || fill(&aside, dir, aside_name) != 0)
		return PAT_E_TOOBIG;
	if (is_alive(type, &address))
		return PAT_E_EXISTS;
	if (unlink(aside.sun_path) < 0 && errno != ENOENT)
		return PAT_E_IO;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return PAT_E_IO;
	/* Everybody may connect; the modes of the socket say so whatever the umask is. */
	if (bind(fd, (const struct sockaddr *)&aside, sizeof(aside)) < 0 ||
	    chmod(aside.sun_path, 0666) < 0 || listen(fd, BACKLOG) < 0 ||
	    rename(aside.sun_path, address.sun_path) < 0) {
		int saved = errno;

		close(fd);
		(void)unlink(aside.sun_path);
		errno = saved;
		return PAT_E_IO;
	}
	*listener = fd;
	return PAT_OK;
}

int listeners_make(struct listeners *listeners, const char *dir)
{
	struct stat st;
	int error;

	*listeners = (struct listeners){-1, -1};
	if (mkdir(dir, 0755) == 0) {
		if (chmod(dir, 0755) < 0)
			return PAT_E_IO;
	} else if (errno != EEXIST) {
		return PAT_E_IO;
	}
	if (lstat(dir, &st) < 0)
		return PAT_E_IO;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return PAT_E_UNSAFE;
	error = make(SOCK_SEQPACKET, dir, VERIFY_NAME, &listeners->verify);
	if (error)
		return error;
	error = make(SOCK_STREAM, dir, VARLINK_NAME, &listeners->varlink);
	if (error) {
		struct sockaddr_un address;

		/* Half of a service is none. */
		if (fill(&address, dir, VERIFY_NAME) == 0)
			(void)unlink(address.sun_path);
		close(listeners->verify);
	}
	return error;
}

void listeners_remove(const char *dir)
{
	struct sockaddr_un address;

	if (fill(&address, dir, VERIFY_NAME) == 0)
		(void)unlink(address.sun_path);
	if (fill(&address, dir, VARLINK_NAME) == 0)
		(void)unlink(address.sun_path);
}
