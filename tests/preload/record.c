/* SPDX-License-Identifier: ISC */

/*
 * Records what a program does to the files below PAT_RECORD_DIR, into the log PAT_RECORD_LOG
 * (tests/torture/power_log.h); or, in a program that has this library and asks for it, between
 * record_begin() and record_end().
 *
 * MUST: do nothing to errno that the call itself did not; hold the log's lock around the call and
 * the event, so that the order of events is the order of calls; call out loud (POWER_FOREIGN) what
 * it does not understand.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "../torture/power_log.h"

#define EXPORT __attribute__((visibility("default")))
/* The C library's own function of that name. */
#define NEXT(name) ((__typeof__(&name))next_of(#name))

static struct power_log *log_to;
static char below[PATH_MAX];
static size_t below_len;

static void *next_of(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (next == NULL)
		abort();
	return next;
}

EXPORT void record_begin(struct power_log *log, const char *dir);
EXPORT void record_end(void);

EXPORT void record_begin(struct power_log *log, const char *dir)
{
	below_len = (size_t)snprintf(below, sizeof(below), "%s", dir);
	log_to = log;
}

EXPORT void record_end(void)
{
	log_to = NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("PAT_RECORD_LOG"), *dir = getenv("PAT_RECORD_DIR");

	if (path != NULL && dir != NULL)
		record_begin(power_log_open(path, false), dir);
}

static bool is_below(const char *path)
{
	return strncmp(path, below, below_len) == 0 &&
	       (path[below_len] == '/' || path[below_len] == '\0');
}

/* --- which file is meant */

struct place {
	uint64_t dir;            /* the inode of the directory */
	char path[2 * PATH_MAX]; /* the whole path */
	const char *name;        /* the last part of it */
};

static bool path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	return true;
}

/* Whether a path, relative to `at`, is of a file that is recorded, and where that is. */
static bool locate(int at, const char *path, struct place *place)
{
	char base[PATH_MAX] = "", dir[PATH_MAX];
	int saved = errno;
	struct stat st;
	bool found;

	if (log_to == NULL || path == NULL || strlen(path) >= PATH_MAX)
		return false;
	if (path[0] != '/' &&
	    !(at == AT_FDCWD ? getcwd(base, sizeof(base)) != NULL : path_of(at, base))) {
		errno = saved;
		return false;
	}
	snprintf(place->path, sizeof(place->path), "%s%s%s", base, base[0] ? "/" : "", path);
	found = is_below(place->path) && strlen(place->path) < sizeof(dir);
	if (found) {
		char *slash = strrchr(place->path, '/');

		place->name = slash + 1;
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - place->path), place->path);
		found = stat(dir, &st) == 0;
		place->dir = st.st_ino;
	}
	errno = saved;
	return found;
}

/* The inode of an open file or directory that is recorded, or 0. */
static uint64_t watched(int fd)
{
	char path[PATH_MAX];
	int saved = errno;
	struct stat st;
	bool found = log_to != NULL && fstat(fd, &st) == 0 &&
		     (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && path_of(fd, path) &&
		     is_below(path);

	errno = saved;
	return found ? st.st_ino : 0;
}

static uint64_t inode_at(int at, const char *path, int flags)
{
	struct stat st;
	int saved = errno;
	uint64_t ino = fstatat(at, path, &st, flags) == 0 ? st.st_ino : 0;

	errno = saved;
	return ino;
}

/* --- what is told of it; who calls these holds the lock */

static void tell_name(enum power_kind kind, const struct place *place, uint64_t ino)
{
	struct power_event event = {.kind = kind,
				    .pid = (uint32_t)getpid(),
				    .dir = place->dir,
				    .ino = ino,
				    .len = strlen(place->name) + 1};
	unsigned char *to = power_log_add(log_to, &event);

	if (to != NULL)
		memcpy(to, place->name, event.len);
}

static void tell_two(enum power_kind kind, const struct place *from, const struct place *to)
{
	size_t first = strlen(from->name) + 1, second = strlen(to->name) + 1;
	struct power_event event = {
		.kind = kind, .pid = (uint32_t)getpid(), .dir = from->dir, .len = first + second};
	unsigned char *place = power_log_add(log_to, &event);

	if (place == NULL)
		return;
	memcpy(place, from->name, first);
	memcpy(place + first, to->name, second);
	if (from->dir != to->dir)
		power_log_text(log_to, POWER_FOREIGN, "a rename to another directory");
}

static void tell_number(enum power_kind kind, uint64_t ino, uint64_t at)
{
	struct power_event event = {.kind = kind, .pid = (uint32_t)getpid(), .ino = ino, .at = at};

	(void)power_log_add(log_to, &event);
}

static void tell_write(uint64_t ino, uint64_t at, const struct iovec *parts, int count, size_t len)
{
	struct power_event event = {
		.kind = POWER_WRITE, .pid = (uint32_t)getpid(), .ino = ino, .at = at, .len = len};
	unsigned char *to = power_log_add(log_to, &event);

	for (int i = 0; to != NULL && i < count && len > 0; i++) {
		size_t some = parts[i].iov_len < len ? parts[i].iov_len : len;

		memcpy(to, parts[i].iov_base, some);
		to += some;
		len -= some;
	}
}

static void foreign(uint64_t ino, const char *what)
{
	if (ino == 0)
		return;
	power_log_lock(log_to);
	power_log_text(log_to, POWER_FOREIGN, what);
	power_log_unlock(log_to);
}

/* --- opening */

static int (*next_openat(void))(int, const char *, int, ...)
{
	static int (*next)(int, const char *, int, ...);

	if (next == NULL)
		next = (__typeof__(next))next_of("openat64");
	return next;
}

static int do_open(int at, const char *path, int flags, mode_t mode)
{
	struct place place;
	uint64_t before, after;
	int fd;

	if ((flags & (O_CREAT | O_TRUNC)) == 0 || !locate(at, path, &place))
		return next_openat()(at, path, flags, mode);
	power_log_lock(log_to);
	before = inode_at(at, path, 0);
	fd = next_openat()(at, path, flags, mode);
	after = fd >= 0 ? watched(fd) : 0;
	if (after != 0 && before == 0)
		tell_name(POWER_CREATE, &place, after);
	else if (after != 0 && (flags & O_TRUNC) != 0)
		tell_number(POWER_SIZE, after, 0);
	if (after != 0 && (flags & (O_SYNC | O_DSYNC)) != 0)
		power_log_text(log_to, POWER_FOREIGN, "O_SYNC");
	power_log_unlock(log_to);
	return fd;
}

#define OPEN_BODY(at)                                 \
	mode_t mode = 0;                              \
                                                      \
	if ((flags & (O_CREAT | __O_TMPFILE)) != 0) { \
		va_list rest;                         \
                                                      \
		va_start(rest, flags);                \
		mode = va_arg(rest, mode_t);          \
		va_end(rest);                         \
	}                                             \
	return do_open(at, path, flags, mode)

#undef open
#undef openat
#undef creat
int open64(const char *path, int flags, ...);
int openat64(int at, const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

EXPORT int open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

EXPORT int open64(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

EXPORT int openat(int at, const char *path, int flags, ...)
{
	OPEN_BODY(at);
}

EXPORT int openat64(int at, const char *path, int flags, ...)
{
	OPEN_BODY(at);
}

EXPORT int __open_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int at, const char *path, int flags)
{
	return do_open(at, path, flags, 0);
}

EXPORT int __openat64_2(int at, const char *path, int flags)
{
	return do_open(at, path, flags, 0);
}

EXPORT int creat(const char *path, mode_t mode)
{
	return do_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* --- writing */

/* Where write(2) will write. */
static uint64_t write_at(int fd)
{
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);

	if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &st) == 0)
		at = st.st_size;
	return (uint64_t)at;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
	uint64_t ino = watched(fd), at;
	ssize_t done;

	if (ino == 0)
		return NEXT(writev)(fd, parts, count);
	power_log_lock(log_to);
	at = write_at(fd);
	done = NEXT(writev)(fd, parts, count);
	if (done > 0)
		tell_write(ino, at, parts, count, (size_t)done);
	power_log_unlock(log_to);
	return done;
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	struct iovec part = {(void *)(uintptr_t)data, len};

	return watched(fd) == 0 ? NEXT(write)(fd, data, len) : writev(fd, &part, 1);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
{
	struct iovec part = {(void *)(uintptr_t)data, len};
	uint64_t ino = watched(fd);
	ssize_t done;

	if (ino == 0)
		return NEXT(pwrite64)(fd, data, len, at);
	power_log_lock(log_to);
	done = NEXT(pwrite64)(fd, data, len, at);
	if (done > 0)
		tell_write(ino, (uint64_t)at, &part, 1, (size_t)done);
	power_log_unlock(log_to);
	return done;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

EXPORT int ftruncate64(int fd, off_t size)
{
	uint64_t ino = watched(fd);
	int result;

	if (ino == 0)
		return NEXT(ftruncate64)(fd, size);
	power_log_lock(log_to);
	result = NEXT(ftruncate64)(fd, size);
	if (result == 0)
		tell_number(POWER_SIZE, ino, (uint64_t)size);
	power_log_unlock(log_to);
	return result;
}

EXPORT int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

/* Both kinds of allocation: what they change is how long the file is. */
static int allocate(int fd, int mode, off_t at, off_t len, bool posix)
{
	uint64_t ino = watched(fd);
	struct stat st;
	int result;

	if (ino != 0)
		power_log_lock(log_to);
	result =
		posix ? NEXT(posix_fallocate64)(fd, at, len) : NEXT(fallocate64)(fd, mode, at, len);
	if (ino != 0) {
		if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE)
			power_log_text(log_to, POWER_FOREIGN, "a fallocate that takes away");
		else if (result == 0 && fstat(fd, &st) == 0)
			tell_number(POWER_SIZE, ino, (uint64_t)st.st_size);
		power_log_unlock(log_to);
	}
	return result;
}

EXPORT int fallocate64(int fd, int mode, off_t at, off_t len)
{
	return allocate(fd, mode, at, len, false);
}

EXPORT int fallocate(int fd, int mode, off_t at, off_t len)
{
	return allocate(fd, mode, at, len, false);
}

EXPORT int posix_fallocate64(int fd, off_t at, off_t len)
{
	return allocate(fd, 0, at, len, true);
}

EXPORT int posix_fallocate(int fd, off_t at, off_t len)
{
	return allocate(fd, 0, at, len, true);
}

/* What was copied is read back. */
static void tell_copied(int fd, uint64_t ino, off_t at, size_t len)
{
	struct power_event event = {.kind = POWER_WRITE,
				    .pid = (uint32_t)getpid(),
				    .ino = ino,
				    .at = (uint64_t)at,
				    .len = len};
	unsigned char *to = power_log_add(log_to, &event);
	char link[64];
	int back;

	/* It may be open for writing alone. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	back = next_openat()(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
	if (to == NULL || back < 0 || pread(back, to, len, at) != (ssize_t)len)
		power_log_text(log_to, POWER_FOREIGN, "a copy that cannot be read");
	if (back >= 0)
		close(back);
}

EXPORT ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t len,
			       unsigned flags)
{
	uint64_t ino = watched(to);
	ssize_t done;
	off_t at;

	if (ino == 0)
		return NEXT(copy_file_range)(from, from_at, to, to_at, len, flags);
	power_log_lock(log_to);
	at = to_at != NULL ? *to_at : lseek(to, 0, SEEK_CUR);
	done = NEXT(copy_file_range)(from, from_at, to, to_at, len, flags);
	if (done > 0)
		tell_copied(to, ino, at, (size_t)done);
	power_log_unlock(log_to);
	return done;
}

EXPORT ssize_t sendfile64(int to, int from, off_t *at, size_t len);
EXPORT ssize_t sendfile64(int to, int from, off_t *at, size_t len)
{
	foreign(watched(to), "sendfile()");
	return ((__typeof__(&sendfile64))next_of("sendfile64"))(to, from, at, len);
}

EXPORT void *mmap64(void *where, size_t len, int protection, int flags, int fd, off_t at)
{
	if ((flags & MAP_TYPE) != MAP_PRIVATE && (protection & PROT_WRITE) != 0 && fd >= 0)
		foreign(watched(fd), "a mapping to write through");
	return NEXT(mmap64)(where, len, protection, flags, fd, at);
}

EXPORT void *mmap(void *where, size_t len, int protection, int flags, int fd, off_t at)
{
	return mmap64(where, len, protection, flags, fd, at);
}

/* --- syncing */

static int sync_one(int fd, int (*next)(int fd))
{
	uint64_t ino = watched(fd);
	int result;

	if (ino == 0)
		return next(fd);
	power_log_lock(log_to);
	result = next(fd);
	if (result == 0)
		tell_number(POWER_SYNC, ino, 0);
	power_log_unlock(log_to);
	return result;
}

EXPORT int fsync(int fd)
{
	return sync_one(fd, NEXT(fsync));
}

EXPORT int fdatasync(int fd)
{
	return sync_one(fd, NEXT(fdatasync));
}

EXPORT int syncfs(int fd)
{
	int result = NEXT(syncfs)(fd);

	if (result == 0 && watched(fd) != 0) {
		power_log_lock(log_to);
		tell_number(POWER_SYNC, 0, 0);
		power_log_unlock(log_to);
	}
	return result;
}

/* --- names */

static int do_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	struct place old, new;
	int result;

	if (!locate(from_at, from, &old) || !locate(to_at, to, &new))
		return NEXT(renameat2)(from_at, from, to_at, to, flags);
	power_log_lock(log_to);
	result = NEXT(renameat2)(from_at, from, to_at, to, flags);
	if (result == 0)
		tell_two((flags & RENAME_EXCHANGE) != 0 ? POWER_EXCHANGE : POWER_RENAME, &old,
			 &new);
	power_log_unlock(log_to);
	return result;
}

EXPORT int rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_at, const char *from, int to_at, const char *to)
{
	return do_rename(from_at, from, to_at, to, 0);
}

EXPORT int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	return do_rename(from_at, from, to_at, to, flags);
}

EXPORT int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	struct place place;
	int result;

	if (!locate(to_at, to, &place))
		return NEXT(linkat)(from_at, from, to_at, to, flags);
	power_log_lock(log_to);
	result = NEXT(linkat)(from_at, from, to_at, to, flags);
	if (result == 0)
		tell_name(POWER_CREATE, &place, inode_at(to_at, to, AT_SYMLINK_NOFOLLOW));
	power_log_unlock(log_to);
	return result;
}

EXPORT int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int at, const char *path, int flags)
{
	struct place place;
	int result;

	if (!locate(at, path, &place))
		return NEXT(unlinkat)(at, path, flags);
	power_log_lock(log_to);
	result = NEXT(unlinkat)(at, path, flags);
	if (result == 0)
		tell_name(POWER_UNLINK, &place, 0);
	power_log_unlock(log_to);
	return result;
}

EXPORT int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int mkdirat(int at, const char *path, mode_t mode)
{
	struct place place;
	int result;

	if (!locate(at, path, &place))
		return NEXT(mkdirat)(at, path, mode);
	power_log_lock(log_to);
	result = NEXT(mkdirat)(at, path, mode);
	if (result == 0)
		tell_name(POWER_MKDIR, &place, inode_at(at, path, AT_SYMLINK_NOFOLLOW));
	power_log_unlock(log_to);
	return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}
