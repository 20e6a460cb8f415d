/* SPDX-License-Identifier: ISC */
#ifndef CROWD_SHARED_H
#define CROWD_SHARED_H

/* What all processes of the crowd know: the tokens, and what went wrong. */

#include <stdatomic.h>
#include <sys/mman.h>

#include "kills_client.h"
#include "pat/error.h"
#include "pat/store.h"
#include "pat/verify.h"

#define SERVICE "torture"
#define USERS 6
#define SLOTS 48
#define PROCESSES_MAX 128
#define USES 25
#define RUN_DIR PAT_RUN_DIR
#define ENDED_WAIT_MS 3000

enum state { FREE, LIVE, SUSPENDED, ENDED };

enum wrong {
	LATE,       /* what a verification found was not true any more, or not yet */
	MISCOUNTED, /* a record without a use that was accepted, or with one that was not */
	OVERSPENT,
	LOST, /* the store does not have what was acknowledged */
	UNREADABLE,
	REFUSED, /* a change that was not made, or not answered */
	WRONGS,
};
static const char *const wrong_names[] = {"late", "miscounted", "overspent",
					  "lost", "unreadable", "refused"};

/* A token. Who changes it holds the lock, and makes `serial` odd meanwhile. */
struct slot {
	atomic_uint lock, serial, state, users;
	char id[PAT_ID_LEN + 1], token[PAT_TOKEN_LEN + 1];
	unsigned owner;
	uint32_t max_uses;
	_Atomic uint64_t begun, accepted, refused;
	_Atomic uint64_t unstamped; /* accepted, and it was said that the stamp was not made */
	_Atomic uint64_t unknown;   /* no answer came: perhaps stamped */
	_Atomic uint64_t refused_unstamped; /* refused, and perhaps not stamped */
};

enum path { IN_STORE, AS_ROOT, AS_SU, AS_USER, BY_ROOT, BY_USER, PATHS };
static const char *const path_names[] = {"library",        "module as root",  "module as su",
					 "module as user", "changes by root", "changes by users"};

struct shared {
	atomic_bool stop;
	atomic_uint phase; /* 0: quiet */
	_Atomic uint64_t wrong[WRONGS], done[PATHS], gave_up[PATHS], quiet_gave_up, unsure;
	_Atomic uint64_t changes[4], recycled, log_lines;
	_Atomic int64_t slowest_ns[PATHS], slowest_press_ns;
	struct slot slots[SLOTS];
};

static struct shared *shared;
static struct {
	char name[16];
	uid_t uid;
	gid_t gid;
} users[USERS];
static const char *store = PAT_STORE_PATH;

static UNUSED __attribute__((format(printf, 2, 3))) void wrong(enum wrong kind, const char *format,
							       ...)
{
	va_list arguments;

	if (atomic_fetch_add(&shared->wrong[kind], 1) >= 5)
		return;
	fprintf(stderr, "%s: ", wrong_names[kind]);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static UNUSED void note_slowest(enum path path, int64_t took)
{
	int64_t slowest = atomic_load(&shared->slowest_ns[path]);

	while (took > slowest &&
	       !atomic_compare_exchange_weak(&shared->slowest_ns[path], &slowest, took))
		;
}

#endif
