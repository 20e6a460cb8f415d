/* SPDX-License-Identifier: ISC */

/*
 * Calls to the C library that fail, for LD_PRELOAD. $PAT_FAIL names a file that is mapped here and
 * in whoever plans: struct plan, below. While a plan is armed, calls of the functions in its mask
 * are counted; the one of the number that it names fails, or that one and all after it. Each
 * function has a list of ways to fail, and the plan chooses by their number.
 *
 * What libc calls of its own (in getpwnam_r, printf, syslog) does not come through here; accounts
 * are looked up by functions that do.
 */

/* The functions by the names that their callers use, not what the headers make of them. */
#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <shadow.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Who counts. */
enum { LOADER = 1, DESCENDANTS = 2, MODULE_ONLY = 4 };

struct plan {
	uint32_t armed;
	uint32_t who;
	uint32_t mask;    /* of classes */
	uint32_t nth;     /* from 1; 0: only count */
	uint32_t way;     /* from 0; the last one that there is, if there are fewer */
	uint32_t forever; /* and all calls after it that can fail in the same way */
	uint32_t seen;
	uint32_t fired;
	uint32_t ways;  /* that the function which failed first has */
	uint32_t error; /* with which it failed; 0: it did half of it */
	uint32_t fds;   /* descriptors above 2 that were open when a process ended by exit(3) */
	char what[32];  /* that function */
};

enum { MEMORY = 1, FILES = 2, CHANNELS = 4, ACCOUNTS = 8, PROCESSES = 16 };

/*
 * MUST: make no system call of our own once a program runs. Some of its processes may make only
 * those that they need, and are killed for any other.
 */
static struct plan *plan;
static bool descends; /* this process was forked */
static __thread bool in_module, mine;

/* The definition that would be found without ours. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define EXPORTED __attribute__((visibility("default")))
/* As half: no error, but not all of it. */
#define HALF 0
#define END (-1)

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("PAT_FAIL");
	int fd = path ? real(open)(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)real(close)(fd);
	/* libc aborts where memory fails while it first reads nsswitch.conf: that is behind us. */
	(void)real(getpwnam)("root");
	(void)real(getspnam)("root");
	if (map != MAP_FAILED)
		plan = map;
}

static bool counts(uint32_t class)
{
	uint32_t who;

	if (plan == NULL || mine || !plan->armed || !(plan->mask & class))
		return false;
	who = plan->who;
	if (who & MODULE_ONLY)
		return in_module;
	return who & (descends ? DESCENDANTS : LOADER);
}

/* Whether this call is the one; errno is then set, and *half says if it does half of it. */
static bool fails(uint32_t class, const char *name, const int *ways, bool *half)
{
	uint32_t number, count = 0, way = 0;

	*half = false;
	if (!counts(class))
		return false;
	number = __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST);
	if (plan->nth == 0 || (plan->forever ? number < plan->nth : number != plan->nth))
		return false;
	while (ways[count] != END)
		count++;
	way = plan->way < count ? plan->way : count - 1;
	/* A disk that is full is so for whoever writes to it, and so on. What interrupts does it
	 * once.
	 */
	if (plan->fired > 0) {
		if (plan->error == EINTR || plan->error == EAGAIN)
			return false;
		for (way = 0; way < count && ways[way] != (int)plan->error; way++)
			;
		if (way == count)
			return false;
	}
	if (__atomic_add_fetch(&plan->fired, 1, __ATOMIC_SEQ_CST) == 1) {
		plan->ways = count;
		plan->error = (uint32_t)ways[way];
		(void)strncpy(plan->what, name, sizeof(plan->what) - 1);
	}
	*half = ways[way] == HALF;
	errno = ways[way];
	return true;
}

#define WAYS(...)                                     \
	static const int ways[] = {__VA_ARGS__, END}; \
	bool half

/* A function that fails by returning `failed`. */
#define WRAP(class, type, failed, name, parameters, arguments, ...) \
	EXPORTED type name parameters                               \
	{                                                           \
		WAYS(__VA_ARGS__);                                  \
		if (fails(class, #name, ways, &half))               \
			return failed;                              \
		return real(name) arguments;                        \
	}

/* One that may do half of what was asked. */
#define WRAP_AMOUNT(class, name, parameters, arguments, halved, len, ...) \
	EXPORTED ssize_t name parameters                                  \
	{                                                                 \
		WAYS(__VA_ARGS__);                                        \
		if (fails(class, #name, ways, &half)) {                   \
			if (!half)                                        \
				return -1;                                \
			if ((len) > 1)                                    \
				return real(name) halved;                 \
		}                                                         \
		return real(name) arguments;                              \
	}

/* ---- Memory ---- */

/* What dlsym(3) itself needs must not come back here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static bool no_memory(const char *name)
{
	WAYS(ENOMEM);

	return fails(MEMORY, name, ways, &half);
}

EXPORTED void *malloc(size_t size)
{
	return no_memory("malloc") ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
	return no_memory("calloc") ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *block, size_t size)
{
	return no_memory("realloc") ? NULL : __libc_realloc(block, size);
}

/* ---- Files ---- */

/* Functions with an optional argument, which is passed on whether it is there or not. */
#define OPTIONAL(last, type, name)            \
	va_list list;                         \
	type name;                            \
	va_start(list, last);                 \
	name = (type)va_arg(list, uintptr_t); \
	va_end(list)

static bool no_open(const char *name, int flags)
{
	static const int to_read[] = {EMFILE, ENFILE, EIO, ENOMEM, EACCES, EINTR, END};
	static const int to_write[] = {EMFILE, ENFILE, EIO, ENOMEM, EACCES, EINTR, EROFS, END};
	static const int to_make[] = {EMFILE, ENFILE, EIO,    ENOMEM, EACCES,
				      EINTR,  EROFS,  ENOSPC, EDQUOT, END};
	bool half;

	return fails(FILES, name,
		     flags & O_CREAT       ? to_make
		     : (flags & O_ACCMODE) ? to_write
					   : to_read,
		     &half);
}

EXPORTED int open(const char *path, int flags, ...)
{
	OPTIONAL(flags, mode_t, mode);
	return no_open("open", flags) ? -1 : real(open)(path, flags, mode);
}

EXPORTED int openat(int dir, const char *path, int flags, ...)
{
	OPTIONAL(flags, mode_t, mode);
	return no_open("openat", flags) ? -1 : real(openat)(dir, path, flags, mode);
}

extern int __open_2(const char *path, int flags);
EXPORTED int __open_2(const char *path, int flags)
{
	return no_open("open", flags) ? -1 : real(open)(path, flags);
}

EXPORTED int mkostemp(char *template, int flags)
{
	return no_open("mkostemp", O_CREAT) ? -1 : real(mkostemp)(template, flags);
}

#define READ EIO, EINTR, HALF
#define WRITE EIO, ENOSPC, EDQUOT, EINTR, EROFS, HALF
WRAP_AMOUNT(FILES, read, (int fd, void *data, size_t len), (fd, data, len), (fd, data, (len) / 2),
	    len, READ)
WRAP_AMOUNT(FILES, pread, (int fd, void *data, size_t len, off_t at), (fd, data, len, at),
	    (fd, data, (len) / 2, at), len, READ)
WRAP_AMOUNT(FILES, write, (int fd, const void *data, size_t len), (fd, data, len),
	    (fd, data, (len) / 2), len, WRITE)
WRAP_AMOUNT(FILES, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at),
	    (fd, data, (len) / 2, at), len, WRITE)

extern ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room);
EXPORTED ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room)
{
	(void)room;
	return pread(fd, data, len, at);
}

#define SYNC EIO, ENOSPC, EDQUOT, EINTR, EROFS
WRAP(FILES, int, -1, fsync, (int fd), (fd), SYNC)
WRAP(FILES, int, -1, fdatasync, (int fd), (fd), SYNC)
WRAP(FILES, int, -1, ftruncate, (int fd, off_t len), (fd, len), EIO, ENOSPC, EDQUOT, EINTR, EROFS)

/* It returns why, and leaves errno alone. */
EXPORTED int posix_fallocate(int fd, off_t at, off_t len)
{
	WAYS(ENOSPC, EIO, EINTR, EDQUOT);
	int saved = errno, error = 0;

	if (fails(FILES, "posix_fallocate", ways, &half))
		error = errno;
	errno = saved;
	return error ? error : real(posix_fallocate)(fd, at, len);
}

#define NAMING EIO, ENOSPC, EDQUOT, EROFS, EACCES
WRAP(FILES, int, -1, rename, (const char *from, const char *to), (from, to), NAMING)
WRAP(FILES, int, -1, renameat, (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to), NAMING)
WRAP(FILES, int, -1, renameat2,
     (int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
     (from_dir, from, to_dir, to, flags), NAMING)
WRAP(FILES, int, -1, linkat,
     (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags), NAMING)
WRAP(FILES, int, -1, link, (const char *from, const char *to), (from, to), NAMING)
WRAP(FILES, int, -1, unlink, (const char *path), (path), EIO, EROFS, EACCES)
WRAP(FILES, int, -1, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), EIO,
     EROFS, EACCES)
WRAP(FILES, int, -1, mkdir, (const char *path, mode_t mode), (path, mode), NAMING)
WRAP(FILES, int, -1, fstat, (int fd, struct stat *st), (fd, st), EIO, ENOMEM)
WRAP(FILES, int, -1, lstat, (const char *path, struct stat *st), (path, st), EIO, ENOMEM, EACCES)
WRAP(FILES, int, -1, fstatat, (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags), EIO, ENOMEM, EACCES)
WRAP(FILES, int, -1, fchmod, (int fd, mode_t mode), (fd, mode), EIO, EROFS)
WRAP(FILES, int, -1, memfd_create, (const char *name, unsigned flags), (name, flags), EMFILE,
     ENOMEM)
WRAP(FILES, int, -1, dup3, (int from, int to, int flags), (from, to, flags), EMFILE, EINTR)

EXPORTED int fcntl(int fd, int command, ...)
{
	bool lock = command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_SETLK ||
		    command == F_SETLKW;
	WAYS(ENOLCK, EINTR, EIO, EAGAIN);
	OPTIONAL(command, void *, argument);

	if (lock && fails(FILES, "fcntl", ways, &half))
		return -1;
	return real(fcntl)(fd, command, argument);
}

/* ---- Channels: sockets and what waits for them ---- */

WRAP(CHANNELS, int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol),
     EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES)
WRAP(CHANNELS, int, -1, socketpair, (int domain, int type, int protocol, int pair[2]),
     (domain, type, protocol, pair), EMFILE, ENFILE, ENOMEM)
WRAP(CHANNELS, int, -1, bind, (int fd, const struct sockaddr *address, socklen_t len),
     (fd, address, len), EACCES, EROFS, ENOSPC)
WRAP(CHANNELS, int, -1, listen, (int fd, int backlog), (fd, backlog), EADDRINUSE)
WRAP(CHANNELS, int, -1, connect, (int fd, const struct sockaddr *address, socklen_t len),
     (fd, address, len), EINTR, ECONNREFUSED, EAGAIN, EACCES)
WRAP(CHANNELS, int, -1, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags),
     (fd, address, len, flags), EMFILE, ENFILE, ENOMEM, EINTR, ECONNABORTED)
WRAP(CHANNELS, int, -1, getsockopt, (int fd, int level, int name, void *data, socklen_t *len),
     (fd, level, name, data, len), ENOBUFS, ENOMEM)
WRAP(CHANNELS, int, -1, poll, (struct pollfd * fds, nfds_t count, int wait), (fds, count, wait),
     EINTR, ENOMEM)
/* Who waits may be interrupted; who does not may have to come again. */
EXPORTED ssize_t send(int fd, const void *data, size_t len, int flags)
{
	static const int waits[] = {EINTR, ENOBUFS, ENOMEM, EPIPE, END};
	static const int comes_again[] = {EAGAIN, ENOBUFS, ENOMEM, EPIPE, END};
	bool half;

	if (fails(CHANNELS, "send", flags & MSG_DONTWAIT ? comes_again : waits, &half))
		return -1;
	return real(send)(fd, data, len, flags);
}

EXPORTED ssize_t recv(int fd, void *data, size_t len, int flags)
{
	static const int waits[] = {EINTR, ENOMEM, ECONNRESET, END};
	static const int comes_again[] = {EAGAIN, ENOMEM, ECONNRESET, END};
	bool half;

	if (fails(CHANNELS, "recv", flags & MSG_DONTWAIT ? comes_again : waits, &half))
		return -1;
	return real(recv)(fd, data, len, flags);
}

WRAP(CHANNELS, ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags), EINTR, ENOBUFS, ENOMEM, EPIPE)
WRAP(CHANNELS, ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags),
     (fd, message, flags), EINTR, ENOMEM, ECONNRESET)

/* ---- Processes ---- */

EXPORTED pid_t fork(void)
{
	WAYS(EAGAIN, ENOMEM);
	pid_t pid;

	if (fails(PROCESSES, "fork", ways, &half))
		return -1;
	pid = real(fork)();
	if (pid == 0)
		descends = true;
	return pid;
}

WRAP(PROCESSES, int, -1, chmod, (const char *path, mode_t mode), (path, mode), EIO, EROFS)
WRAP(PROCESSES, int, -1, chdir, (const char *path), (path), EACCES, EIO)

/* ---- Accounts ---- */

#define WRAP_ACCOUNT(name, type, key)                                                            \
	EXPORTED int name(key, struct type *entry, char *text, size_t size, struct type **found) \
	{                                                                                        \
		WAYS(EIO, ENOMEM, EMFILE, EINTR);                                                \
		if (fails(ACCOUNTS, #name, ways, &half)) {                                       \
			*found = NULL;                                                           \
			return errno;                                                            \
		}                                                                                \
		return real(name)(which, entry, text, size, found);                              \
	}
WRAP_ACCOUNT(getpwnam_r, passwd, const char *which)
WRAP_ACCOUNT(getpwuid_r, passwd, uid_t which)
WRAP_ACCOUNT(getspnam_r, spwd, const char *which)

/* libseccomp crashes where it has no memory for this. Nothing has been begun by then. */
EXPORTED int seccomp_export_bpf(const void *context, int fd);
EXPORTED int seccomp_export_bpf(const void *context, int fd)
{
	int error;

	mine = true;
	error = real(seccomp_export_bpf)(context, fd);
	mine = false;
	return error;
}

/* ---- Where a module begins ---- */

/* From here on what a PAM service does, until it asks for the account, is the module's doing. */
EXPORTED int pam_get_authtok(pam_handle_t *pamh, int item, const char **authtok, const char *prompt)
{
	int answer = real(pam_get_authtok)(pamh, item, authtok, prompt);

	in_module = true;
	return answer;
}

/* libpam's own: an answer that cannot be audited is none. */
EXPORTED int audit_open(void);
EXPORTED int audit_open(void)
{
	in_module = false;
	return real(audit_open)();
}

EXPORTED int pam_acct_mgmt(pam_handle_t *pamh, int flags)
{
	in_module = false;
	return real(pam_acct_mgmt)(pamh, flags);
}

EXPORTED int pam_end(pam_handle_t *pamh, int status)
{
	in_module = false;
	return real(pam_end)(pamh, status);
}

/* libc keeps the connection to the log. */
static bool is_log(int fd)
{
	struct sockaddr_un peer = {0};
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
	       strcmp(peer.sun_path, "/dev/log") == 0;
}

__attribute__((destructor)) static void end(void)
{
	struct dirent *entry;
	DIR *dir;
	int held;

	if (plan == NULL)
		return;
	mine = true;
	dir = opendir("/proc/self/fd");
	if (dir == NULL)
		return;
	held = dirfd(dir);
	plan->fds = 0;
	while ((entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);

		plan->fds +=
			entry->d_name[0] != '.' && fd > STDERR_FILENO && fd != held && !is_log(fd);
	}
	closedir(dir);
}
