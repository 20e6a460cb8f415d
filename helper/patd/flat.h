/* SPDX-License-Identifier: ISC */
#ifndef FLAT_H
#define FLAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/varlink.h"

/*
 * What crosses from a connection's reader (reader.h), which has no privilege and takes what the
 * client sends apart, to its session (session.h), which is root: one record for each question. All
 * that the session ever parses is this.
 *
 *	length     4  of the whole record
 *	outcome    1  enum flat_outcome; with any but FLAT_CALL nothing follows
 *	more       1  0 or 1
 *	method     2  its length, and the name
 *	count      2  of parameters
 *	parameters    of each: type 1, its name (2 for the length), value
 *
 * Integers are little endian; text is UTF-8 without NUL. The value is 8 bytes of an integer; a text
 * with its length (2); of an array the number of its items (2), each a type, FLAT_STRING or
 * FLAT_OTHER, and the text; nothing for the other types.
 *
 * MUST:
 *  - (decoder) take nothing for granted: each length is checked against what is there before it is
 *    used, each count before anything is made for it, and the record ends where it says;
 *  - (encoder) hand on what the answer to a wrong call depends on: that a value is of a wrong type,
 *    and how its parameter is called.
 */

enum flat_outcome {
	FLAT_CALL = 1,
	/* How reading failed: as pat_varlink_read() has it. */
	FLAT_CLOSED = 2,
	FLAT_TIMEOUT = 3,
	FLAT_TOO_BIG = 4,
	FLAT_MALFORMED = 5, /* or no call of a method */
	FLAT_FAILED = 6,
};

enum flat_type {
	FLAT_NULL = 0,
	FLAT_FALSE = 1,
	FLAT_TRUE = 2,
	FLAT_INTEGER = 3,
	FLAT_STRING = 4,
	FLAT_ARRAY = 5,
	FLAT_OTHER = 6, /* of a type that no parameter has: its value stays behind */
};

enum {
	/* Text never takes more bytes here than in JSON; what is over is for the rest. */
	FLAT_MAX = PAT_VARLINK_MESSAGE_MAX + 1024,
	FLAT_HEAD = 5,
	/* More than any method has. Of as many, all with different names, one is unknown to the
	 * method, for which the call is refused: those that come after it are left behind. */
	FLAT_PARAMETERS = 32,
};

/* What the session asks the reader for: the next call, which may take so long to come. */
struct flat_question {
	uint32_t wait_ms;
};

/* A call. All of it is in `message`, which is the holder's to json_decref(). */
struct flat_call {
	json_t *message;
	const char *method;
	json_t *parameters; /* an object */
	bool more;
};

/* ---- flat_encode.c: the reader ------------------------------------------------------------------
 */

/*
 * Writes the call that `message` is. 0, and its length in *used; PAT_E_INVALID when it is no call:
 * {method, parameters?, more?, oneway?, upgrade?} of the right types, and nothing else; neither
 * oneway nor upgrade is served. PAT_E_TOOBIG.
 */
int flat_encode_call(const json_t *message, unsigned char *buf, size_t size, size_t *used);

/* Writes any other outcome, FLAT_HEAD bytes. */
void flat_encode_outcome(enum flat_outcome outcome, unsigned char buf[FLAT_HEAD]);

/* ---- flat_decode.c: the session -----------------------------------------------------------------
 */

/*
 * Reads a record of `size` bytes. 0, and the outcome; for FLAT_CALL `call` is filled in.
 * PAT_E_INVALID when it is not of the above form, or there is no memory for it; then nothing is
 * held.
 */
int flat_decode(const unsigned char *bytes, size_t size, enum flat_outcome *outcome,
		struct flat_call *call);

#endif
