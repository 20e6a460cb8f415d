/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "policy_private.h"

/* The coarsest times that file systems have (FAT). */
#define SETTLED_SECONDS 2

static bool older(const struct timespec *time, const struct timespec *now)
{
	return time->tv_sec < now->tv_sec - SETTLED_SECONDS;
}

struct policy_stamp policy_stamp_of(const struct stat *st, const struct timespec *now)
{
	return (struct policy_stamp){
		.settled = older(&st->st_mtim, now) && older(&st->st_ctim, now),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
}

static bool same_time(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

static bool same(const struct policy_stamp *one, const struct policy_stamp *other)
{
	return one->settled && one->dev == other->dev && one->ino == other->ino &&
	       one->size == other->size && same_time(&one->mtime, &other->mtime) &&
	       same_time(&one->ctime, &other->ctime);
}

/* Opens the file and looks at it: the descriptor, or -1, and *why. */
static int look(const char *path, struct policy_stamp *stamp, const char **why)
{
	struct timespec now;
	struct stat st;
	int fd;

	*why = "cannot be read";
	clock_gettime(CLOCK_REALTIME, &now);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		goto fail;
	*why = "is not a regular file of root's that nobody else may write";
	errno = 0;
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & 022) != 0)
		goto fail;
	*why = "is too large";
	if (st.st_size > POLICY_SIZE_MAX)
		goto fail;
	*stamp = policy_stamp_of(&st, &now);
	return fd;
fail:
	close(fd);
	return -1;
}

static int read_all(int fd, char **text, size_t *len)
{
	ssize_t got;

	*text = calloc(1, POLICY_SIZE_MAX + 2);
	if (*text == NULL)
		return PAT_E_NOMEM;
	*len = 0;
	while ((got = read(fd, *text + *len, POLICY_SIZE_MAX + 1 - *len)) > 0)
		*len += (size_t)got;
	if (got == 0 && *len <= POLICY_SIZE_MAX)
		return PAT_OK;
	free(*text);
	return PAT_E_IO;
}

int policy_read(const char *path, struct policy_stamp *stamp, char **text, size_t *len,
		const char **why)
{
	const struct policy_stamp known = *stamp;
	int fd, error = PAT_OK;

	*stamp = (struct policy_stamp){.settled = false};
	*text = NULL;
	fd = look(path, stamp, why);
	if (fd < 0)
		return PAT_E_IO;
	if (!same(&known, stamp)) {
		*why = "cannot be read";
		error = read_all(fd, text, len);
	}
	if (error)
		*stamp = (struct policy_stamp){.settled = false};
	close(fd);
	return error ? PAT_E_IO : PAT_OK;
}
