/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_MODELS_H
#define DOCTOR_MODELS_H

#include <limits.h>

#include "doctor_walk.h"

/*
 * What PAM modules may answer to what somebody types. What is not known stands for a module that
 * asks for something of its own, and lets in who has it.
 */

/* What is typed where a password is asked for. */
enum pamd_typed {
	PAMD_WRONG_PASSWORD,
	PAMD_RIGHT_PASSWORD,
	PAMD_BAD_TOKEN,       /* revoked, expired, of another service, … */
	PAMD_UNCHECKED_TOKEN, /* neither store nor patd can be used */
	PAMD_GOOD_TOKEN,
	PAMD_TYPED,
};

enum pamd_kind {
	PAMD_KIND_PAT,
	PAMD_KIND_FIXED,  /* asks for nothing, and always answers the same, whoever it is */
	PAMD_KIND_GATE,   /* asks for nothing; its answer depends on who, when and from where */
	PAMD_KIND_LOCAL,  /* checks the password, or takes it, on this machine */
	PAMD_KIND_REMOTE, /* checks the password, or takes it, and hands it to another machine */
	PAMD_KIND_FACTOR, /* asks for something else */
	PAMD_KIND_UNKNOWN,
};

enum pamd_kind pamd_kind_of(const struct pamd_handler *handler);

/* Whether it is given what was typed. */
bool pamd_takes_password(const struct pamd_handler *handler);

/* pam_faillock where it counts a failure. */
bool pamd_counts_failure(const struct pamd_handler *handler);

/* How long it asks libpam to wait after a refusal (pam_fail_delay(3)), in microseconds. */
#define PAMD_DELAY_ELSEWHERE ULONG_MAX /* as long as FAIL_DELAY of login.defs(5) has it */
unsigned long pamd_delay_of(const struct pamd_handler *handler);

/*
 * What each handler of a chain may answer to pam_authenticate(3). `there`: whether its file is.
 * `factors`: whether what is asked for beside the password may be had.
 */
void pamd_answers(const struct pamd_chain *chain, enum pamd_typed typed, const bool *there,
		  bool factors, pamd_codes *answers);

#endif
