/* SPDX-License-Identifier: ISC */
#ifndef POWER_LOG_H
#define POWER_LOG_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What reached the file system of a store, in the order in which it did, from all processes: a file
 * that they all have mapped, so that neither closed descriptors nor filters of system calls keep
 * anything from it. Who writes an event does what it tells of while holding the lock.
 */

#define POWER_LOG_SIZE (UINT64_C(1) << 30) /* sparse: it is as long as what is in it */

enum power_kind {
	POWER_CREATE = 1, /* name `text` in directory `dir` is file `ino` from now on */
	POWER_MKDIR,      /* the same, of a directory */
	POWER_WRITE,      /* `len` bytes at `at` of file `ino` */
	POWER_SIZE,       /* file `ino` is `at` bytes long */
	POWER_SYNC,       /* file or directory `ino` is on disk; 0: everything is */
	POWER_UNLINK,     /* name `text` in `dir` is gone */
	POWER_RENAME,     /* two names in `dir`, with a NUL between: the first becomes the second */
	POWER_EXCHANGE,   /* the same, and the second becomes the first */
	POWER_FOREIGN,    /* something that this does not understand; `text` says what */
	POWER_MARK,       /* what the test says of itself; `text` */
	POWER_STATE,      /* what is in the store now: power_state.h */
};

struct power_event {
	uint32_t kind, pid;
	uint64_t dir, ino, at;
	uint64_t len; /* of what follows, padded to 8 */
};

struct power_log {
	_Atomic uint32_t owner; /* the process that holds the lock, or 0 */
	uint32_t overflow;
	uint64_t used; /* bytes of events */
	unsigned char events[];
};

static inline struct power_log *power_log_open(const char *path, bool make)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
	void *map = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (!make || ftruncate(fd, (off_t)POWER_LOG_SIZE) == 0)
		map = mmap(NULL, POWER_LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static inline void power_log_lock(struct power_log *log)
{
	uint32_t nobody = 0, self = (uint32_t)getpid();

	while (!atomic_compare_exchange_weak(&log->owner, &nobody, self)) {
		/* Who died with it, takes it along no longer. */
		if (nobody != 0 && kill((pid_t)nobody, 0) < 0 && errno == ESRCH)
			(void)atomic_compare_exchange_strong(&log->owner, &nobody, 0);
		nobody = 0;
		sched_yield();
	}
}

static inline void power_log_unlock(struct power_log *log)
{
	atomic_store(&log->owner, 0);
}

/* Room for an event and `len` bytes, which the caller, who holds the lock, fills in. */
static inline unsigned char *power_log_add(struct power_log *log, const struct power_event *event)
{
	uint64_t padded = (event->len + 7) & ~UINT64_C(7);
	unsigned char *place = log->events + log->used;

	if (log->used + sizeof(*event) + padded > POWER_LOG_SIZE - sizeof(*log)) {
		log->overflow = 1;
		return NULL;
	}
	memcpy(place, event, sizeof(*event));
	log->used += sizeof(*event) + padded;
	return place + sizeof(*event);
}

static inline void power_log_text(struct power_log *log, enum power_kind kind, const char *text)
{
	struct power_event event = {
		.kind = kind, .pid = (uint32_t)getpid(), .len = strlen(text) + 1};
	unsigned char *place = power_log_add(log, &event);

	if (place != NULL)
		memcpy(place, text, event.len);
}

/* The event at *at, and *at is behind it then; NULL at the end. */
static inline const struct power_event *power_log_next(const struct power_log *log, uint64_t *at)
{
	const void *place = log->events + *at;
	const struct power_event *event = place;

	if (*at >= log->used)
		return NULL;
	*at += sizeof(*event) + ((event->len + 7) & ~UINT64_C(7));
	return event;
}

static inline const char *power_event_text(const struct power_event *event)
{
	return (const char *)(event + 1);
}

static inline const unsigned char *power_event_bytes(const struct power_event *event)
{
	return (const unsigned char *)(event + 1);
}

#endif
