/* SPDX-License-Identifier: ISC */
#ifndef PLAN_H
#define PLAN_H

#include "policy.h"
#include "request.h"
#include "session.h"

/* What Create and Rotate are to put into the store, as policy has it. */
struct plan {
	struct pat_grant grant; /* all but id, algorithm and hash */
	unsigned max_tokens;
	char max_tokens_origin[POLICY_ORIGIN_MAX + 1]; /* where that is written */
};

/*
 * Reads pat.conf anew and decides on a request for session->owner. 0 and the plan; or a negative
 * error once the error that says why not was sent. With `as_long_as_allowed` a lifetime that is too
 * long gives the default one instead.
 */
int plan_make(struct session *session, const struct request *request, bool as_long_as_allowed,
	      struct plan *plan);

/* The services of a request alone, groups expanded. pat.conf is read only if there are any:
 * narrowing does not depend on it. 0, or a negative error once that was sent. */
int plan_services(struct session *session, const struct request *request,
		  char list[PAT_SERVICES_MAX + 1]);

/* Sends the error for more tokens than max_tokens. */
int plan_refuse_count(struct session *session, const struct plan *plan);

/*
 * Makes the reply that tells a token, in the struct pat_varlink_text at `reply`: before the token
 * is on disk, where it takes the place of another, which must not end for want of memory.
 */
int plan_reply(const struct pat_token *token, const struct pat_grant *grant, void *reply);

/*
 * Sends that reply, when the token is on disk, and wipes both. If it cannot be told it is revoked:
 * a token that its owner never saw is worth nothing to them, and should be to anybody.
 */
int plan_deliver(struct session *session, struct pat_token *token, const struct pat_grant *grant,
		 struct pat_varlink_text *reply);

#endif
