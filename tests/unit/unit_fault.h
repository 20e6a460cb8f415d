/* SPDX-License-Identifier: ISC */
#ifndef UNIT_FAULT_H
#define UNIT_FAULT_H

/*
 * System calls that fail, tear or stop at a chosen step. The calls that change files are ours here,
 * before libc's, for TDB too: they count, and do what `fault` says while it is armed. They are
 * definitions: one file of a program includes this.
 */

#include "unit_store.h"

#include <dlfcn.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_KILL,      /* the process is killed instead */
	FAULT_TEAR,      /* half is written, then it is killed */
	FAULT_FAIL,      /* this call fails */
	FAULT_FAIL_ALL,  /* this call fails, and every one after it */
	FAULT_DISK_FULL, /* as FAIL_ALL, but for writing alone, with ENOSPC */
	FAULT_WRONG,     /* another byte arrives than the one that is to be written */
	FAULT_STOP,      /* half is written, then the process stops; continued, it writes all */
};

static struct {
	bool armed;
	enum fault_kind kind;
	int at;         /* the step that fails, from 1 */
	int also;       /* another one, if not 0 */
	int every;      /* and each that is a multiple of this, if not 0 */
	int error;      /* with which errno; 0 for EIO */
	int seen;       /* steps so far */
	size_t where;   /* the byte that is wrong, of what is written */
	bool was_there; /* it has so many */
	char trace[4096];
	size_t traced;
} fault;

/* Counts a step: `w`rite, file `s`ync, `d`irectory sync, `t`runcate, `r`ename. True if it fails. */
static bool fails(char step)
{
	bool now;

	if (!fault.armed)
		return false;
	fault.seen++;
	if (fault.traced < sizeof(fault.trace) - 1)
		fault.trace[fault.traced++] = step;
	now = fault.seen == fault.at || fault.seen == fault.also ||
	      (fault.every && fault.seen % fault.every == 0) ||
	      (fault.seen > fault.at &&
	       (fault.kind == FAULT_FAIL_ALL || fault.kind == FAULT_DISK_FULL));
	if (!now || fault.kind == FAULT_NONE || (fault.kind == FAULT_WRONG && step != 'w'))
		return false;
	if (fault.kind == FAULT_KILL)
		raise(SIGKILL);
	if (fault.kind == FAULT_STOP && step != 'w') {
		raise(SIGSTOP);
		return false;
	}
	if (fault.kind == FAULT_DISK_FULL) {
		errno = ENOSPC;
		return step == 'w' || step == 't';
	}
	errno = fault.error ? fault.error : EIO;
	return true;
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What the disk has of the store: by byte, whether it was written since the last sync, or since
 * before a sync that failed, which the kernel does not try again. */
enum { ON_DISK, DIRTY, LOST };
static unsigned char shadow[8 << 20]; /* more than any store here is long */
static size_t shadow_used;

static bool is_store(int fd)
{
	struct stat st, store;

	return fstat(fd, &st) == 0 && stat(place.path, &store) == 0 && st.st_ino == store.st_ino &&
	       st.st_dev == store.st_dev;
}

static void shadow_write(int fd, size_t len, off_t offset)
{
	if (fault.armed && is_store(fd))
		for (size_t i = (size_t)offset; i < (size_t)offset + len && i < sizeof(shadow);
		     i++) {
			shadow[i] = DIRTY;
			if (i >= shadow_used)
				shadow_used = i + 1;
		}
}

static void shadow_sync(int fd, bool failed)
{
	int saved = errno;
	bool concerns = fault.armed && is_store(fd);

	errno = saved;
	for (size_t i = 0; concerns && i < shadow_used; i++)
		if (shadow[i] == DIRTY)
			shadow[i] = failed ? LOST : ON_DISK;
}

/* Whether all that was written to the store is on the disk. */
static UNUSED bool shadow_clean(void)
{
	for (size_t i = 0; i < shadow_used; i++)
		if (shadow[i] != ON_DISK)
			return false;
	return true;
}

/* The definition that would be found without ours. */
#define real(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define EXPORTED __attribute__((visibility("default")))

/* At a write that is to be torn: half of it, and the end, or a stop. */
#define TEAR(half)                                                        \
	do {                                                              \
		if (fault.kind != FAULT_TEAR && fault.kind != FAULT_STOP) \
			return -1;                                        \
		(void)!(half);                                            \
		raise(fault.kind == FAULT_TEAR ? SIGKILL : SIGSTOP);      \
	} while (0)

/* What is to be written instead. */
static const void *wrong(const void *data, size_t len)
{
	static unsigned char copy[1 << 18];

	fault.was_there = fault.where < len && len <= sizeof(copy);
	if (!fault.was_there)
		return data;
	memcpy(copy, data, len);
	copy[fault.where] ^= 1;
	return copy;
}

#define WRAP_PWRITE(name, offset_type)                                                  \
	EXPORTED ssize_t name(int fd, const void *data, size_t len, offset_type offset) \
	{                                                                               \
		bool failed = fails('w');                                               \
                                                                                        \
		if (failed && fault.kind == FAULT_WRONG)                                \
			data = wrong(data, len);                                        \
		else if (failed)                                                        \
			TEAR(real(name)(fd, data, len / 2, offset));                    \
		shadow_write(fd, len, (off_t)offset);                                   \
		return real(name)(fd, data, len, offset);                               \
	}
#ifndef __USE_FILE_OFFSET64 /* on 32 bits that is another name of the other */
WRAP_PWRITE(pwrite, off_t)
#endif
WRAP_PWRITE(pwrite64, off64_t)

#define WRAP_TRUNCATE(name, offset_type)              \
	EXPORTED int name(int fd, offset_type length) \
	{                                             \
		if (fails('t'))                       \
			TEAR(0);                      \
		return real(name)(fd, length);        \
	}
#ifndef __USE_FILE_OFFSET64
WRAP_TRUNCATE(ftruncate, off_t)
#endif
WRAP_TRUNCATE(ftruncate64, off64_t)

#define WRAP_SYNC(name)                                            \
	EXPORTED int name(int fd)                                  \
	{                                                          \
		bool failed = fails(is_directory(fd) ? 'd' : 's'); \
                                                                   \
		shadow_sync(fd, failed);                           \
		if (failed)                                        \
			TEAR(0);                                   \
		return real(name)(fd);                             \
	}
WRAP_SYNC(fsync)
WRAP_SYNC(fdatasync)

EXPORTED ssize_t write(int fd, const void *data, size_t len)
{
	bool failed = fails('w');

	if (failed && fault.kind == FAULT_WRONG)
		data = wrong(data, len);
	else if (failed)
		TEAR(real(write)(fd, data, len / 2));
	return real(write)(fd, data, len);
}

EXPORTED int rename(const char *from, const char *to)
{
	return fails('r') ? -1 : real(rename)(from, to);
}

EXPORTED int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails('r') ? -1 : real(renameat)(from_dir, from, to_dir, to);
}

static UNUSED void arm(enum fault_kind kind, int at)
{
	memset(&fault, 0, sizeof(fault));
	memset(shadow, ON_DISK, shadow_used);
	shadow_used = 0;
	fault.kind = kind;
	fault.at = at;
	fault.armed = true;
}

static UNUSED void disarm(void)
{
	fault.armed = false;
}

#endif
