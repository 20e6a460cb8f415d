/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_WALK_H
#define DOCTOR_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor_stack.h"

/*
 * What libpam makes of what the modules of a chain answer (_pam_dispatch_aux() in
 * libpam/pam_dispatch.c of Linux-PAM), for all answers that they may give: every way through the
 * chain is gone.
 */

/* A set of return codes: bit N is code N. */
typedef uint32_t pamd_codes;
#define PAMD_CODE(code) ((pamd_codes)1 << (code))

struct pamd_outcome {
	pamd_codes codes; /* what the chain may return */
	/* Of each handler, to free(): whether it may be called. */
	bool *called;
	/* The handler that made the first way to PAM_SUCCESS possible, or -1. */
	int grantor;
	/* How many of the handlers that are counted one way may call, at most; 2 and more are 2. */
	unsigned counted;
	int bad_jump; /* a handler that may pass over more lines than there are, or -1 */
	bool unknown; /* there were too many ways: nothing above is sure */
};

/* `answers` is what each handler may return; `counts`, if not NULL, those that are counted. */
void pamd_walk(const struct pamd_chain *chain, const pamd_codes *answers, const bool *counts,
	       struct pamd_outcome *outcome);

#endif
