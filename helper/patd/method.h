/* SPDX-License-Identifier: ISC */
#ifndef METHOD_H
#define METHOD_H

#include "parameters.h"

/* What a method asks for before it looks at anything. */
enum method_need {
	NEED_NOTHING = 0,
	NEED_ACCOUNT = 1, /* the caller has an account */
	NEED_OWNER = 2,   /* the same; and `user`, if given, is the caller, or the caller is root */
	NEED_FRESH = 4,   /* and the caller has just authenticated, or is root */
	NEED_WHOLE = 8,   /* it changes the store: once begun, it is done and told of (hold.h) */
};

/*
 * A method: `check` (may be NULL) looks at the parameters and says what is wrong before anybody has
 * to authenticate; `act` does the work, relies on no check, and replies. Both return 0, or anything
 * else once they sent an error.
 */
struct method {
	const char *name; /* with its interface before it */
	enum method_need needs;
	int (*check)(struct session *session, const json_t *parameters);
	int (*act)(struct session *session, const json_t *parameters);
	struct parameter parameters[9]; /* ends with a NULL name */
};

/* methods.c */
extern const struct method methods[];
extern const unsigned methods_count;

/*
 * Answers a call: has the method of that name act, if there is one, the parameters fit, and the
 * caller is and has done what it needs; else sends the error that says what is amiss. What is null
 * is taken out of the parameters.
 */
void method_call(struct session *session, const char *name, json_t *parameters);

#endif
