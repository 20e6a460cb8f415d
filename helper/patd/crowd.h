/* SPDX-License-Identifier: ISC */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Who has how many connections, and who may have another. Only counts: accepting, forking and
 * ending are the server's.
 *
 * MUST:
 *  - give no user but root and servers more than CROWD_PER_USER connections, nor more than
 *    CROWD_RATE new ones a second after CROWD_BURST at once; and no server all of a room;
 *  - keep nobody out for long because others fill a room: the oldest connection of whoever has most
 * in it makes place.
 */

enum { CROWD_PER_USER = 16, CROWD_RATE = 50, CROWD_BURST = 100, CROWD_PER_SERVER = 96 };

/* Each socket has a room for root, su and sudo among it, and one for the others. */
enum crowd_room { CROWD_VERIFY, CROWD_VARLINK, CROWD_ROOMS };
enum { CROWD_ORDINARY = 128, CROWD_OF_ROOT = 256 };

/* Places: what the rooms hold, and some for those who were asked to leave and have not yet. */
enum { CROWD_PLACES = CROWD_ROOMS * (CROWD_ORDINARY + CROWD_OF_ROOT) + 128, CROWD_KNOWN = 256 };

struct crowd_member {
	pid_t pid; /* 0: a free place */
	uid_t uid;
	enum crowd_room room;
	uint64_t since; /* a serial number */
	bool leaving;
};

/* A uid that came lately, and what it may still do. */
struct crowd_caller {
	uid_t uid;
	bool used;
	bool server;   /* pat.conf lets it ask about others */
	double tokens; /* new connections that it may make at once */
	int64_t seen;  /* ns */
	int64_t logged;
	unsigned long refused; /* since that was logged last */
};

struct crowd {
	unsigned count;
	uint64_t serial;
	struct crowd_member members[CROWD_PLACES];
	struct crowd_caller known[CROWD_KNOWN];
};

enum crowd_answer { CROWD_WELCOME, CROWD_TOO_MANY };

/*
 * Whether a connection of that uid may come into the room. If so, *evict is the process that has to
 * go for it, or 0; it is counted as gone. If not, *report is how many were refused since it was
 * last reported, or 0 when that is not to be said again yet.
 */
enum crowd_answer crowd_ask(struct crowd *crowd, uid_t uid, enum crowd_room room, int64_t now_ns,
			    pid_t *evict, unsigned long *report);

/*
 * That uid is, or is no longer, one that logs others in: a server asks for all of its users, and as
 * fast as they come. It holds until the uid has not come for long.
 */
void crowd_note_server(struct crowd *crowd, uid_t uid, bool server);

/* Enters a process; false when there is no place at all. */
bool crowd_enter(struct crowd *crowd, pid_t pid, uid_t uid, enum crowd_room room);

/* It has ended. Returns its entry as it was, or one with pid 0. */
struct crowd_member crowd_leave(struct crowd *crowd, pid_t pid);

#endif
