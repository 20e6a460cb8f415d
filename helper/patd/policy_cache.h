/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CACHE_H
#define POLICY_CACHE_H

#include "policy.h"

/*
 * The policy as a process read it last, and its children after it: to read it takes longer than
 * most that it is asked for.
 *
 * MUST:
 *  - be what the file says when it is asked for, however short a time before that was written;
 *  - remember no failure, and nothing that was there before one.
 */

/* The policy, valid until the next call, which is to have the same path; or NULL, with the fault as
 * policy_load() has it. */
const struct policy *policy_current(const char *path, char fault[POLICY_FAULT_MAX]);

#endif
