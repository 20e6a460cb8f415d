/* SPDX-License-Identifier: ISC */

/*
 * Whether the time that sshd takes to refuse tells which users there are. Of one that there is not
 * it gives PAM a password that is no token, whatever was typed (fake_password() in its auth-pam.c),
 * so that a module below pam_pat.so refuses; a token of a user that there is, pam_pat.so refuses.
 * libpam waits as long as the longest delay that was asked for, from either way.
 */

#include <stdlib.h>
#include <string.h>

#include "doctor_logins.h"

/* The handler that asks for the longest delay where this is typed; NULL if none does. */
static const struct pamd_handler *longest(const struct logins *l, enum pamd_typed typed)
{
	const struct pamd_handler *found = NULL;

	for (size_t i = 0; i < l->chain->count; i++) {
		const struct pamd_handler *handler = &l->chain->list[i];

		if (handler->kind == PAMD_MODULE && l->of[typed].called[i] &&
		    pamd_delay_of(handler) > (found != NULL ? pamd_delay_of(found) : 0))
			found = handler;
	}
	return found;
}

/* The line that asks for as much as another does. */
static char *line_like(const struct pamd_handler *handler)
{
	const unsigned long delay = pamd_delay_of(handler);

	if (delay == PAMD_DELAY_ELSEWHERE)
		return doctor_text("auth optional pam_faildelay.so");
	return doctor_text("auth optional pam_faildelay.so delay=%lu", delay);
}

void logins_judge_delay(const struct logins *l)
{
	const struct pamd_handler *stranger = longest(l, PAMD_WRONG_PASSWORD);
	const struct pamd_handler *token = longest(l, PAMD_BAD_TOKEN);
	char *line;

	if (strcmp(l->stack->service, "sshd") != 0 || stranger == NULL ||
	    (token != NULL && pamd_delay_of(token) >= pamd_delay_of(stranger)))
		return;
	line = line_like(stranger);
	logins_find(
		l, "stack/no-delay", l->pat,
		doctor_text("The time that a refusal takes tells which users there are: for "
			    "one that there is not, sshd gives PAM a password that is no token, "
			    "and %s (%s:%u) asks for a delay; for one that there is, a wrong "
			    "token is refused %s.",
			    stranger->module, stranger->at.file, stranger->at.line,
			    token != NULL ? "sooner" : "at once"),
		doctor_text("In the stack of sshd, put above what asks for the password: %s",
			    line));
	free(line);
}
