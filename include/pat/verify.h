/* SPDX-License-Identifier: ISC */
#ifndef PAT_VERIFY_H
#define PAT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/account.h"
#include "pat/deadline.h"
#include "pat/record.h"
#include "pat/token.h"

/*
 * The decision whether a token opens a door, made in one place for both paths: by the module
 * itself, and by patd for processes that must not open the store.
 *
 * MUST:
 *  - accept only if the record is whole, the hash matches, the token is neither revoked nor
 *    expired, uid and name are the account's, the account is not locked, and the service is in
 * scope;
 *  - do the same work for an unknown id and a wrong secret, and ask nothing about the user before
 * the secret is proved;
 *  - accept although the stamp could not be made, and say so; never refuse for that;
 *  - keep the true reason from the one who is refused, and give it to the log.
 */

enum pat_outcome {
	PAT_ACCEPTED = 0,
	/* Refused. The numbers are kept in use records: new ones go to the end. */
	PAT_REFUSED_CHECKSUM = 1,
	PAT_REFUSED_UNKNOWN = 2,
	PAT_REFUSED_SECRET = 3,
	PAT_REFUSED_REVOKED = 4,
	PAT_REFUSED_EXPIRED = 5,
	PAT_REFUSED_NO_USER = 6,
	PAT_REFUSED_OTHER_USER = 7,
	PAT_REFUSED_FORMER_USER = 8, /* same uid, other name: renamed, or the uid was reused */
	PAT_REFUSED_LOCKED = 9,
	PAT_REFUSED_SERVICE = 10,
	PAT_REFUSED_DAMAGED = 11,
	PAT_REFUSED_PEER = 12, /* the asking process may not ask about this user */
	PAT_REFUSED_ROTATED =
		13, /* ended by rotation: somebody still has, or has stolen, the old one */
	PAT_REFUSED_SUSPENDED = 14,
	PAT_REFUSED_SPENT = 15,
	PAT_REFUSED_SOURCE = 16,
	PAT_REFUSED_HOST_NAME = 17, /* limited to sources, and PAM_RHOST is no address */
	/* Neither: no answer can be had. Never kept. */
	PAT_UNAVAILABLE = 100,
};

/* A word for each outcome, as logs and JSON have it: "accepted", "expired" … */
const char *pat_outcome_text(enum pat_outcome outcome);

/* Who presents which token where. Strings may be NULL; none is changed or kept. */
struct pat_attempt {
	const struct pat_token *token;
	const char *user;
	const char *service;
	const char *rhost;
	const char *tty;
};

/* Why a token like `grant` was refused so, in words for who may know; "" where the word of the
 * outcome says it all. Escaped. Returns dst. */
char *pat_outcome_detail(char *dst, size_t size, enum pat_outcome outcome,
			 const struct pat_grant *grant);

/* What was decided. Holds no secret. */
struct pat_verdict {
	enum pat_outcome outcome;
	int error;        /* why PAT_UNAVAILABLE: an enum pat_error */
	int system_error; /* and the errno at that time, or 0 */
	bool found;       /* `grant` is the record of the id (its hash wiped) */
	bool proved;      /* the secret was right */
	int stamp_error;  /* 0, or why the use could not be stamped */
	char id[PAT_ID_LEN + 1];
	struct pat_grant grant;
};

/*
 * Decides about `attempt` with the store at `path`, at the time `now`, and notes the use or refusal
 * in the store. Never fails: what went wrong is in the verdict.
 */
void pat_verify(const char *path, const struct pat_attempt *attempt, int64_t now,
		pat_deadline deadline, struct pat_verdict *verdict);

/*
 * The same, after pat_verify() found a read-only file system (pat_verdict_read_only()): a token
 * that is not counted is decided about, and that it could not be stamped is in the verdict.
 */
void pat_verify_read_only(const char *path, const struct pat_attempt *attempt, int64_t now,
			  pat_deadline deadline, struct pat_verdict *verdict);
bool pat_verdict_read_only(const struct pat_verdict *verdict);

/*
 * The decision alone, without side effect: `grant` (NULL: there is no such id) whose secret was
 * `proved` or not, for `account`, at `service`, from `rhost`. Whether a token of counted uses has
 * one left is not asked here but where it is counted: pat_store_spend().
 */
enum pat_outcome pat_decide(const struct pat_grant *grant, bool proved,
			    const struct pat_account *account, const char *service,
			    const char *rhost, int64_t now);

/*
 * True, in the same time for each, if the hash of `token`, or for an ended one the trace of it, is
 * the one in `grant`; NULL, or one without a hash, is compared with a dummy.
 */
bool pat_grant_matches(const struct pat_grant *grant, const struct pat_token *token);

/*
 * One line for the log about a verdict, escaped, without a secret: what, id, name, user, service,
 * rhost, tty and reason. Returns dst.
 */
#define PAT_LOG_LINE_MAX 2048
char *pat_verdict_line(char *dst, size_t size, const struct pat_attempt *attempt,
		       const struct pat_verdict *verdict);

/* How loud that line is: a priority of syslog(3). */
int pat_verdict_priority(const struct pat_verdict *verdict);

#endif
