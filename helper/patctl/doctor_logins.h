/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_LOGINS_H
#define DOCTOR_LOGINS_H

#include "doctor.h"
#include "doctor_models.h"

/* All ways through a stack, for each thing that may be typed. */
struct logins {
	struct doctor *doctor;
	const struct pamd_stack *stack;
	const struct pamd_chain *chain;
	const struct pamd_handler *pat; /* or NULL */
	struct pamd_outcome of[PAMD_TYPED];
	bool unknown; /* more ways than can be gone: nothing can be said */
};

void logins_begin(struct logins *l, struct doctor *doctor, const struct pamd_stack *stack);
void logins_end(struct logins *l);

/* Whether some way ends with success. */
bool logins_let_in(const struct pamd_outcome *outcome);

/* Adds a finding about a line. `what` and `remedy` are taken over. */
void logins_find(const struct logins *l, const char *id, const struct pamd_handler *at, char *what,
		 char *remedy);

/* Finds `id` where somebody is let in who has neither password nor token. */
void logins_judge_open_door(const struct logins *l, const char *id);

/* Finds it where the time that sshd takes to refuse tells which users there are. */
void logins_judge_delay(const struct logins *l);

#endif
