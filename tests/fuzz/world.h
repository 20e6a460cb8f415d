/* SPDX-License-Identifier: ISC */
#ifndef WORLD_H
#define WORLD_H

/*
 * The world around the code under test. While it is armed, system calls and allocations of the
 * code, of TDB and of jansson come here first: they fail where the input says so, see no file
 * outside of the fuzzer's own directory, no account but alice and bob, a clock that passes only
 * when somebody waits, sockets with a scripted other end, and a log that is looked at. They are
 * definitions: a fuzzer that needs them includes this once.
 */

#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sanitizer/asan_interface.h>
#include <shadow.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define FAULTS 4

static struct world {
	bool armed;
	unsigned step;
	struct {
		unsigned step; /* from 1 */
		int error;
	} faults[FAULTS];
	unsigned faults_count;
	int64_t waited; /* nanoseconds */
	bool nobody_is_root;
	bool locked; /* alice's account */
	uid_t peer_uid;
	int connect_error;
	int peer; /* the other end of the last socket, -1 */
	void (*connected)(int peer);
	unsigned log_lines;
	bool told;  /* a token stands where no secret is expected: in a name, for one */
	bool named; /* or where its user's name is, and the like, of which the log has the id alone
		     */
	bool freed_secret;
	bool terminal;    /* standard output is one */
	char typed[2048]; /* standard input */
	size_t typed_used;
} world = {.peer = -1};

static UNUSED void world_arm(void)
{
	world.step = 0;
	world.waited = 0;
	world.log_lines = 0;
	world.freed_secret = false;
	world.armed = true;
}

static UNUSED void world_disarm(void)
{
	world.armed = false;
	if (world.peer >= 0)
		close(world.peer);
	world.peer = -1;
}

/* What fails, from a line "13 EIO 20 ENOMEM": the steps are counted from the one before. */
static UNUSED void world_faults(const char *text)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = {{"EIO", EIO},       {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},
		      {"EMFILE", EMFILE}, {"EINTR", EINTR},   {"EAGAIN", EAGAIN},
		      {"EACCES", EACCES}, {"EROFS", EROFS},   {"ENOENT", ENOENT}};
	unsigned step = 0, taken;
	char name[8];
	int len;

	world.faults_count = 0;
	while (world.faults_count < FAULTS &&
	       sscanf(text, "%4u %7[A-Z]%n", &taken, name, &len) == 2) {
		int error = EIO;

		for (size_t i = 0; i < COUNT(errors); i++)
			if (strcmp(name, errors[i].name) == 0)
				error = errors[i].error;
		step += taken;
		world.faults[world.faults_count].step = step;
		world.faults[world.faults_count++].error = error;
		text += len;
	}
}

static bool fails(void)
{
	if (!world.armed)
		return false;
	world.step++;
	for (unsigned i = 0; i < world.faults_count; i++)
		if (world.faults[i].step == world.step) {
			errno = world.faults[i].error;
			return true;
		}
	return false;
}

/* The lowest free descriptor: the same before and after, unless one was left open. */
static UNUSED int next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* ---- Definitions before libc's ------------------------------------------------------------------
 */

#define OURS __attribute__((visibility("default")))
/* Libc's own. What AddressSanitizer would have looked at is looked at here. */
#define REAL(name)                                                         \
	({                                                                 \
		static __typeof__(&name) real;                             \
		if (real == NULL)                                          \
			real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
		real;                                                      \
	})
#define USABLE(data, len) \
	HOLDS((len) == 0 || __asan_region_is_poisoned((void *)(uintptr_t)(data), len) == NULL)

/* Nothing outside of the directory of the store is there. */
static bool outside(int dir, const char *path)
{
	if (!world.armed || (path[0] != '/' && dir != AT_FDCWD))
		return false;
	errno = ENOENT;
	return strncmp(path, place.dir, strlen(place.dir)) != 0 || strstr(path, "/..") != NULL;
}

#define OPEN(name)                                                                      \
	OURS int name(const char *path, int flags, ...)                                 \
	{                                                                               \
		va_list arguments;                                                      \
		unsigned mode;                                                          \
                                                                                        \
		va_start(arguments, flags);                                             \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, unsigned) : 0; \
		va_end(arguments);                                                      \
		if (outside(AT_FDCWD, path) || fails())                                 \
			return -1;                                                      \
		return REAL(name)(path, flags, mode);                                   \
	}
OPEN(open)
OPEN(open64)

OURS int openat(int dir, const char *path, int flags, ...)
{
	/* Nobody makes a file so. */
	return outside(dir, path) || fails() ? -1 : REAL(openat)(dir, path, flags, 0);
}

OURS int mkdir(const char *path, mode_t mode)
{
	return outside(AT_FDCWD, path) || fails() ? -1 : REAL(mkdir)(path, mode);
}

#define TRANSFER(name, type, offset_type)                                 \
	OURS ssize_t name(int fd, type *data, size_t len, offset_type at) \
	{                                                                 \
		USABLE(data, len);                                        \
		return fails() ? -1 : REAL(name)(fd, data, len, at);      \
	}
TRANSFER(pread, void, off_t)
TRANSFER(pread64, void, off64_t)
TRANSFER(pwrite, const void, off_t)
TRANSFER(pwrite64, const void, off64_t)
TRANSFER(send, const void, int)
TRANSFER(recv, void, int)

OURS int isatty(int fd)
{
	return world.armed ? world.terminal : REAL(isatty)(fd);
}

/* By which patctl makes its files; libc opens them without open() above. */
OURS int mkostemp(char *path, int flags)
{
	return outside(AT_FDCWD, path) || fails() ? -1 : REAL(mkostemp)(path, flags);
}

static ssize_t type(void *data, size_t len)
{
	size_t left = strlen(world.typed + world.typed_used);

	len = len < left ? len : left;
	memcpy(data, world.typed + world.typed_used, len);
	world.typed_used += len;
	return (ssize_t)len;
}

OURS ssize_t read(int fd, void *data, size_t len)
{
	USABLE(data, len);
	if (world.armed && fd == STDIN_FILENO)
		return type(data, len);
	return fails() ? -1 : REAL(read)(fd, data, len);
}

#define ON_DESCRIPTOR(name)                           \
	OURS int name(int fd)                         \
	{                                             \
		return fails() ? -1 : REAL(name)(fd); \
	}
ON_DESCRIPTOR(fsync)
ON_DESCRIPTOR(fdatasync)

#define TRUNCATE(name, type)                                  \
	OURS int name(int fd, type length)                    \
	{                                                     \
		return fails() ? -1 : REAL(name)(fd, length); \
	}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define FCNTL(name)                                                   \
	OURS int name(int fd, int what, ...)                          \
	{                                                             \
		va_list arguments;                                    \
		void *argument;                                       \
                                                                      \
		va_start(arguments, what);                            \
		argument = va_arg(arguments, void *);                 \
		va_end(arguments);                                    \
		return fails() ? -1 : REAL(name)(fd, what, argument); \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

/* ---- Memory -------------------------------------------------------------------------------------
 */

void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t count, size_t size);
void *__interceptor_realloc(void *block, size_t size);

OURS void *malloc(size_t size)
{
	return fails() ? NULL : __interceptor_malloc(size);
}

OURS void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __interceptor_calloc(count, size);
}

/* With text of just 100 characters, the first block of glibc's vasprintf(), which libpam logs with,
 * its end is written behind that block where realloc() fails (2.36, libio/vasprintf.c). malloc()
 * has room for it there; AddressSanitizer's has not. */
#define VASPRINTF_END 101

OURS void *realloc(void *block, size_t size)
{
	return size != VASPRINTF_END && fails() ? NULL : __interceptor_realloc(block, size);
}

int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
					      void (*free_hook)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *block);

static void on_malloc(const volatile void *block, size_t size)
{
	(void)block;
	(void)size;
}

/* What is freed with a secret in it, somebody else gets. */
static void on_free(const volatile void *block)
{
	size_t size = world.armed && block != NULL ? __sanitizer_get_allocated_size(block) : 0;

	if (size > 0 && has_secret((const void *)(uintptr_t)block, size))
		world.freed_secret = true;
}

static UNUSED void world_watch_memory(void)
{
	HOLDS(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
}

/* Wipes the stack below the caller, which is free, and tells whether a secret was there. What lies
 * next to the caller is this function's own. */
static UNUSED __attribute__((noinline, no_sanitize("address", "undefined", "coverage"))) bool
wipe_stack(void)
{
	enum { WORDS = 4096, OWN = 64 };
	volatile uint64_t *bottom = (volatile uint64_t *)__builtin_frame_address(0) - OWN - WORDS;
	static uint64_t copy[WORDS];

	for (size_t i = 0; i < WORDS; i++) {
		copy[i] = bottom[i];
		bottom[i] = 0;
	}
	return has_secret(copy, sizeof(copy));
}

#include "world_accounts.h"
#include "world_sockets.h"

/* ---- The log ------------------------------------------------------------------------------------
 */

static void look_at_log(const char *format, va_list arguments)
	__attribute__((format(printf, 1, 0)));
static void look_at_log(const char *format, va_list arguments)
{
	char line[8192];

	HOLDS(vsnprintf(line, sizeof(line), format, arguments) < (int)sizeof(line));
	HOLDS(is_printable(line, strlen(line)));
	HOLDS(world.told || !has_secret(line, strlen(line)));
	world.log_lines++;
}

OURS void vsyslog(int priority, const char *format, va_list arguments)
{
	(void)priority;
	look_at_log(format, arguments);
}

/* libpam's, which is built with _FORTIFY_SOURCE. */
OURS void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
OURS void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
	(void)flag;
	vsyslog(priority, format, arguments);
}

OURS void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
OURS void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	(void)flag;
	va_start(arguments, format);
	look_at_log(format, arguments);
	va_end(arguments);
}

OURS void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	look_at_log(format, arguments);
	va_end(arguments);
}

#endif
