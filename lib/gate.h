/* SPDX-License-Identifier: ISC */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pat/deadline.h"
#include "pat/record.h"

/*
 * The lock file beside the store: who may be in the store when, with waits that end.
 *
 * Locks are those of the open file description (F_OFD_SETLK, fcntl(2)), so that threads exclude
 * each other too, a closed descriptor elsewhere drops nothing, and the end of the process frees
 * all. Byte 0 is the turnstile and byte 1 the room: who comes in holds the turnstile while waiting
 * for the room. A writer takes both exclusively, and so is not starved by a stream of readers in
 * practice. From byte 2 on, one byte stands for the use records that share it. Behind those is the
 * pen: who changes the store takes it before anything else, so that who needs the store unchanged
 * for longer, but for stamps, keeps writers waiting where they are in nobody's way; and a byte that
 * those share who wait for the pen, by which its holder knows of them. The last one is held by who
 * has all changes noted (gate_notes.c).
 *
 * MUST: wait for no lock past the deadline; hold nothing after gate_close().
 */

enum {
	GATE_TURNSTILE = 0,
	GATE_ROOM = 1,
	GATE_FIRST_RECORD = 2,
	GATE_RECORDS = 65536,
	GATE_PEN = GATE_FIRST_RECORD + GATE_RECORDS,
	GATE_WANTED,
	GATE_NOTES,
};

struct gate {
	int fd;
	bool looks;       /* opened for reading alone: to be entered together with others */
	bool fresh;       /* opened a moment ago, and nothing was waited for since */
	const char *path; /* of the lock file; the caller's, as long as the gate is open */
	bool has_pen;
	bool has_notes; /* as it was entered, somebody had changes noted */
	uint64_t nonce; /* of who has that done */
	bool in;        /* the room, perhaps */
	bool holds;     /* any lock, perhaps */
	dev_t dev;
	ino_t ino;
};

/* Opens, and makes if need be, the lock file. 0, PAT_E_ACCESS, PAT_E_UNSAFE (not a regular file of
 * the effective user's alone), PAT_E_IO. */
int gate_open(struct gate *gate, const char *path);

/* The same, but makes none: PAT_E_NOSTORE. */
int gate_open_old(struct gate *gate, const char *path);

/* The same where nothing can be written, and the lock file is there. */
int gate_open_to_look(struct gate *gate, const char *path);

/* Enters, together with other readers or alone; who is in already may change from one to the
 * other, and is outside for a moment. 0, PAT_E_BUSY at the deadline, PAT_E_IO. */
int gate_enter_shared(struct gate *gate, pat_deadline deadline);
int gate_enter_alone(struct gate *gate, pat_deadline deadline);

/* gate_open_old() and gate_enter_shared() in one. What could not be opened is not open; else these
 * are the errors of entering. */
int gate_open_and_enter(struct gate *gate, const char *path, pat_deadline deadline);

/* Leaves the room, and keeps the pen. */
void gate_leave(struct gate *gate);

/* Takes the pen; to be asked for outside of the room. Entering keeps it, gate_close() does not. 0,
 * PAT_E_BUSY at the deadline, PAT_E_IO. */
int gate_take_pen(struct gate *gate, pat_deadline deadline);
void gate_put_pen(struct gate *gate);

/* Whether somebody waits for the pen that we have. */
bool gate_pen_is_wanted(const struct gate *gate);

/* Holds one use record against other readers that would rewrite it. `key` chooses the byte. */
int gate_hold_record(struct gate *gate, const char *key, size_t len, pat_deadline deadline);
void gate_release_record(struct gate *gate, const char *key, size_t len);

/* Whether there is a lock of another on that byte; lets go of a byte. */
bool gate_is_locked(const struct gate *gate, off_t byte);
void gate_unlock(const struct gate *gate, off_t byte);

/*
 * Has every key noted of which the record is written, from now on until gate_end_notes(): for who
 * holds the pen, or writes use records. Only one can have that at a time. To be asked for before
 * the pen; gate_begin_notes() with it. Who is in the room then may not note yet. 0, PAT_E_BUSY,
 * PAT_E_IO.
 */
int gate_take_notes(struct gate *gate, pat_deadline deadline);
int gate_begin_notes(struct gate *gate);
void gate_end_notes(struct gate *gate);

/* Notes that the record of a key will be written, if anybody wants to know. In the room, and before
 * it is written. 0, or PAT_E_IO: then it must not be written. */
int gate_note(struct gate *gate, const struct pat_key *key);

/* Reads notes, from the number *from on, which it moves on. How many there were, 0 at the end;
 * PAT_E_BUSY when there may be changes that are not noted; PAT_E_IO. */
int gate_read_notes(const struct gate *gate, uint64_t *from, struct pat_key *keys, unsigned room);

/* Whether the lock file is still the one that has its name: who removed it let others in. */
bool gate_is_current(const struct gate *gate);

/* Lets go of everything, the pen and records that are held, too, at once. */
void gate_let_go(struct gate *gate);

/* The same, and closes it, also where a child that was forked meanwhile has the descriptor. */
void gate_close(struct gate *gate);

#endif
