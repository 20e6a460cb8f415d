/* SPDX-License-Identifier: ISC */
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patctl.h"
#include "tell.h"

/* Makes an empty file beside `path`, whose name is *beside, the caller's to free. -1 and errno. */
static int make_beside(const char *path, char **beside)
{
	int fd;

	if (asprintf(beside, "%s.XXXXXX", path) < 0)
		out_of_memory();
	/* 0600 whatever the umask says, and a name that nobody had before. */
	fd = mkostemp(*beside, O_CLOEXEC);
	if (fd < 0)
		free(*beside);
	return fd;
}

int keep_possible(const char *path)
{
	struct stat status;
	char *beside;
	int fd;

	if (*path == '\0' || path[strlen(path) - 1] == '/') {
		complain("'%s' is no name of a file", path);
		return STATUS_USAGE;
	}
	if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		complain("%s is there, and is no regular file", path);
		return STATUS_FAILED;
	}
	fd = make_beside(path, &beside);
	if (fd < 0) {
		complain("no file can be made beside %s: %s", path, strerror(errno));
		return STATUS_FAILED;
	}
	(void)unlink(beside);
	close(fd);
	free(beside);
	return STATUS_OK;
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t written = write(fd, text, left);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	return fsync(fd) == 0;
}

/* That the name is on the disk as well is more than some file systems can promise. */
static void sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(copy);
}

int keep_secret(const char *path, const char *text)
{
	char *beside;
	int saved, fd = make_beside(path, &beside);
	bool done;

	if (fd < 0)
		return STATUS_FAILED;
	done = write_all(fd, text);
	saved = errno;
	/* Network file systems tell only at close(2) that the disk is full. */
	if (close(fd) != 0 && errno != EINTR && done) {
		saved = errno;
		done = false;
	}
	if (done && rename(beside, path) != 0) {
		saved = errno;
		done = false;
	}
	if (done)
		sync_directory(path);
	else
		(void)unlink(beside);
	free(beside);
	errno = saved;
	return done ? STATUS_OK : STATUS_FAILED;
}
