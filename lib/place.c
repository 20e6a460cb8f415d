/* SPDX-License-Identifier: ISC */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pat/error.h"

int place_open_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return PAT_E_NOSTORE;
	case EACCES:
	case EPERM:
	case EROFS:
		return PAT_E_ACCESS;
	case ELOOP:
	case ENXIO:
	case EISDIR:
		return PAT_E_UNSAFE;
	case ENOMEM:
		return PAT_E_NOMEM;
	default:
		return PAT_E_IO;
	}
}

/*
 * Without the times: who asks for those of a file makes the kernel write finer ones at the next
 * write (multigrain timestamps, Linux 6.13), which costs each stamp a quarter.
 */
int place_stat(int dir, const char *path, int flags, struct stat *st)
{
	const unsigned mask =
		STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE;
	struct statx told;

	if (statx(dir, path, flags, mask, &told) < 0 || (told.stx_mask & mask) != mask)
		return fstatat(dir, path, st, flags);
	*st = (struct stat){
		.st_dev = makedev(told.stx_dev_major, told.stx_dev_minor),
		.st_ino = told.stx_ino,
		.st_mode = told.stx_mode,
		.st_nlink = told.stx_nlink,
		.st_uid = told.stx_uid,
		.st_size = (off_t)told.stx_size,
	};
	return 0;
}

int place_judge(const struct stat *st, mode_t kind, uid_t owner)
{
	if ((st->st_mode & S_IFMT) != kind || st->st_uid != owner || (st->st_mode & 022) != 0)
		return PAT_E_UNSAFE;
	/* A second name would be a second way to it. */
	if (kind == S_IFREG && st->st_nlink != 1)
		return PAT_E_UNSAFE;
	return PAT_OK;
}

int place_look(int fd, mode_t kind, uid_t owner, struct stat *st)
{
	return place_stat(fd, "", AT_EMPTY_PATH, st) < 0 ? PAT_E_IO : place_judge(st, kind, owner);
}

int place_check_ours(int fd, mode_t kind)
{
	struct stat st;

	return place_look(fd, kind, geteuid(), &st);
}

/* Makes a directory that is not there, and has its name on disk: what it will hold is worth no more
 * than that. */
static int make_directory(const char *dir)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(dir, '/');
	int fd, error, saved;

	if (mkdir(dir, 0700) < 0)
		return errno == EEXIST ? PAT_OK : place_open_error();
	(void)snprintf(parent, sizeof(parent), "%.*s/", (int)(slash - dir), dir);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = fd < 0 ? place_open_error() : fsync(fd) < 0 ? PAT_E_IO : PAT_OK;
	saved = errno;
	/* Whoever finds it there takes it for synced. */
	if (error)
		(void)rmdir(dir);
	if (fd >= 0)
		close(fd);
	errno = saved;
	return error;
}

static int open_directory(struct place *place, const char *path, bool make, int how)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	size_t len;

	place->dir = -1;
	if (path[0] != '/' || slash[1] == '\0')
		return PAT_E_INVALID;
	len = slash == path ? 1 : (size_t)(slash - path);
	if (len >= sizeof(dir))
		return PAT_E_TOOBIG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	place->path = path;
	place->base = slash + 1;

	if (make) {
		int error = make_directory(dir);

		if (error)
			return error;
	}
	place->dir = open(dir, how | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place->dir < 0)
		return errno == ENOTDIR ? PAT_E_UNSAFE : place_open_error();
	place->owner = geteuid();
	return place_look(place->dir, S_IFDIR, place->owner, &st);
}

int place_open(struct place *place, const char *path, bool make)
{
	return open_directory(place, path, make, O_RDONLY);
}

int place_find(struct place *place, const char *path)
{
	return open_directory(place, path, false, O_PATH);
}

bool place_has_store(const struct place *place)
{
	struct stat st;

	return fstatat(place->dir, place->base, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

void place_close(struct place *place)
{
	int saved = errno;

	if (place->dir >= 0)
		close(place->dir);
	place->dir = -1;
	errno = saved;
}
