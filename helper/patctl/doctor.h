/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "doctor_find.h"
#include "doctor_modules.h"
#include "doctor_root.h"
#include "doctor_stack.h"
#include "patctl.h"

/*
 * patctl doctor: what it looks at, and what it found. It reads, judges, and then tells; nothing is
 * changed, nothing is run, and no file is written.
 */
struct doctor {
	const struct options *options;
	struct doctor_root root;
	uid_t owner; /* who must own what others may not change: root, or who unpacked the image */
	struct doctor_modules modules;
	struct pamd_dialect dialect;
	struct pamd_stack **stacks; /* of the services with pam_pat.so in one of their stacks */
	size_t count;
	struct doctor_findings findings;
};

/* The line that pam_pat(8) documents. */
#define DOCTOR_LINE "auth [success=done authinfo_unavail=ignore default=die] pam_pat.so"

/* The first pam_pat.so of a chain, or NULL. */
const struct pamd_handler *doctor_find_pat(const struct pamd_chain *chain);

/* A service that takes tokens, by its name, or NULL. */
const struct pamd_stack *doctor_covered(const struct doctor *doctor, const char *service);

/* Finds the stacks. */
void doctor_look_for_stacks(struct doctor *doctor);

/* What is wrong with the lines of a stack, each by itself. */
void doctor_judge_lines(struct doctor *doctor, const struct pamd_stack *stack);

/* What becomes of tokens and passwords in it. */
void doctor_judge_logins(struct doctor *doctor, const struct pamd_stack *stack);

/* Services that go together. */
void doctor_judge_services(struct doctor *doctor);

/* The stack in which users prove who they are before a token is minted. */
void doctor_judge_mint(struct doctor *doctor);

/* Files, owners and modes. */
void doctor_judge_files(struct doctor *doctor);

/* Whether a file, if it is there, and the directory that it is in can be changed by its owner
 * alone; if not, why not, to free(). NULL if all is well. */
char *doctor_why_writable(struct doctor *doctor, const char *path);

/* sshd_config(5). */
void doctor_judge_sshd(struct doctor *doctor);

/* patd, when it is this system. */
void doctor_judge_patd(struct doctor *doctor);

/* Prints what was found. */
void doctor_tell(const struct doctor *doctor);
void doctor_tell_json(const struct doctor *doctor);

#endif
