/* SPDX-License-Identifier: ISC */
#include "pat/verify.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/store.h"

/* A stamp is worth this much of a login's time when another holds the record. */
#define STAMP_WAIT_MS 250

bool pat_grant_matches(const struct pat_grant *grant, const struct pat_token *token)
{
	static const unsigned char dummy[PAT_HASH_LEN];
	bool live = grant != NULL && grant->algorithm == PAT_ALGORITHM_BLAKE2B;
	bool ended = grant != NULL && grant->algorithm == PAT_ALGORITHM_TRACE;
	unsigned char hash[PAT_HASH_LEN], trace[PAT_HASH_LEN];
	bool same;

	/* Both, whichever is wanted: the time must not tell one from the other. */
	pat_token_hash(token, hash);
	pat_token_trace(hash, trace);
	same = sodium_memcmp(ended ? trace : hash, live || ended ? grant->hash : dummy,
			     sizeof(hash)) == 0;
	sodium_memzero(hash, sizeof(hash));
	sodium_memzero(trace, sizeof(trace));
	return same && (live || ended);
}

/* What the status of a token means for one who presents it. */
static enum pat_outcome judge_status(const struct pat_grant *grant, enum pat_status status)
{
	switch (status) {
	case PAT_STATUS_ACTIVE:
		return PAT_ACCEPTED;
	case PAT_STATUS_SUSPENDED:
		return PAT_REFUSED_SUSPENDED;
	case PAT_STATUS_SPENT:
		return PAT_REFUSED_SPENT;
	case PAT_STATUS_EXPIRED:
		return grant->successor[0] != '\0' ? PAT_REFUSED_ROTATED : PAT_REFUSED_EXPIRED;
	case PAT_STATUS_REVOKED:
		break;
	}
	return grant->successor[0] != '\0' ? PAT_REFUSED_ROTATED : PAT_REFUSED_REVOKED;
}

/* Whether the token is that account's, and the account one to log in to. */
static enum pat_outcome judge_account(const struct pat_grant *grant,
				      const struct pat_account *account)
{
	if (!account->exists)
		return PAT_REFUSED_NO_USER;
	if (grant->uid != account->uid)
		return PAT_REFUSED_OTHER_USER;
	if (strcmp(grant->user, account->name) != 0)
		return PAT_REFUSED_FORMER_USER;
	return account->locked ? PAT_REFUSED_LOCKED : PAT_ACCEPTED;
}

/* Whether it may be used there. */
static enum pat_outcome judge_scope(const struct pat_grant *grant, const char *service,
				    const char *rhost)
{
	if (pat_service_forbidden(service) || !pat_services_cover(grant->services, service))
		return PAT_REFUSED_SERVICE;
	switch (pat_sources_match(grant->sources, rhost)) {
	case PAT_SOURCE_IN:
		return PAT_ACCEPTED;
	case PAT_SOURCE_UNKNOWN:
		return PAT_REFUSED_HOST_NAME;
	case PAT_SOURCE_OUT:
		break;
	}
	return PAT_REFUSED_SOURCE;
}

enum pat_outcome pat_decide(const struct pat_grant *grant, bool proved,
			    const struct pat_account *account, const char *service,
			    const char *rhost, int64_t now)
{
	enum pat_outcome outcome;

	if (grant == NULL)
		return PAT_REFUSED_UNKNOWN;
	/* Of a token without anything to compare with, nobody can prove the secret. */
	if (!proved)
		return grant->algorithm == PAT_ALGORITHM_NONE ? PAT_REFUSED_REVOKED
							      : PAT_REFUSED_SECRET;
	outcome = judge_status(grant, pat_grant_status(grant, NULL, now));
	if (outcome == PAT_ACCEPTED)
		outcome = judge_account(grant, account);
	if (outcome == PAT_ACCEPTED)
		outcome = judge_scope(grant, service, rhost);
	return outcome;
}

/* Copies what fits. */
static void cut(char *dst, size_t size, const char *src)
{
	size_t len = src ? strnlen(src, size - 1) : 0;

	memcpy(dst, src ? src : "", len);
	dst[len] = '\0';
}

static void fail(struct pat_verdict *verdict, int error)
{
	verdict->outcome = PAT_UNAVAILABLE;
	verdict->error = error;
	verdict->system_error = errno;
}

/* What is to be noted of it. */
static struct pat_event event_of(const struct pat_attempt *attempt, int64_t now,
				 enum pat_outcome outcome)
{
	struct pat_event event = {.time = now, .outcome = (uint8_t)outcome};

	cut(event.service, sizeof(event.service), attempt->service);
	cut(event.rhost, sizeof(event.rhost), attempt->rhost);
	return event;
}

/*
 * Notes what happened in the use record, and leaves the store. It is that of the strangers, for an
 * id that there is not, so that the work is the same.
 */
static void stamp(struct pat_store *store, const struct pat_attempt *attempt, int64_t now,
		  pat_deadline deadline, struct pat_verdict *verdict)
{
	struct pat_event event = event_of(attempt, now, verdict->outcome);
	const char *id = verdict->outcome == PAT_REFUSED_UNKNOWN ? PAT_STRANGERS_ID : verdict->id;
	pat_deadline soon = pat_deadline_in(STAMP_WAIT_MS);

	verdict->stamp_error =
		pat_store_note_and_leave(store, id, &event, verdict->outcome == PAT_ACCEPTED,
					 verdict->proved, soon < deadline ? soon : deadline);
}

/* The use of a token of counted uses: the one stamp that must not fail, because it is the grant. */
static void spend(struct pat_store *store, const struct pat_attempt *attempt, int64_t now,
		  pat_deadline deadline, struct pat_verdict *verdict)
{
	struct pat_event event = event_of(attempt, now, PAT_ACCEPTED);
	int error = pat_store_spend(store, verdict->id, &event, verdict->grant.max_uses, deadline);

	if (error == PAT_E_SPENT) {
		verdict->outcome = PAT_REFUSED_SPENT;
		stamp(store, attempt, now, deadline, verdict);
	} else if (error == PAT_E_DAMAGED || error == PAT_E_NOTFOUND) {
		verdict->outcome = PAT_REFUSED_DAMAGED;
		verdict->error = PAT_E_DAMAGED;
	} else if (error) {
		fail(verdict, error);
	}
}

/* The decision about what is in verdict->grant, and what is noted of it. */
static void judge(struct pat_store *store, const struct pat_attempt *attempt,
		  const struct pat_account *account, int64_t now, pat_deadline deadline,
		  struct pat_verdict *verdict)
{
	const struct pat_account nobody = {.exists = false};
	const struct pat_grant *grant = verdict->found ? &verdict->grant : NULL;

	verdict->outcome =
		pat_decide(grant, verdict->proved, account ? account : &nobody,
			   attempt->service ? attempt->service : "", attempt->rhost, now);
	if (verdict->outcome == PAT_ACCEPTED && verdict->grant.max_uses != 0)
		spend(store, attempt, now, deadline, verdict);
	else
		stamp(store, attempt, now, deadline, verdict);
}

/*
 * Looks for the grant of the id, and whether the secret is right: in *verdict, without a hash. To
 * who has the secret, now or as was `known` before, the time that it takes tells nothing.
 */
static int look_up(struct pat_store *store, const struct pat_attempt *attempt, bool known,
		   struct pat_verdict *verdict)
{
	int error = pat_store_get_grant(store, verdict->id, &verdict->grant);

	verdict->found = error == PAT_OK;
	verdict->proved =
		pat_grant_matches(verdict->found ? &verdict->grant : NULL, attempt->token);
	if (!known && !verdict->proved)
		pat_store_look_on(store, verdict->id, error, &verdict->grant);
	sodium_memzero(verdict->grant.hash, sizeof(verdict->grant.hash));
	return error;
}

/* One visit to the store: looks the id up, unless what was found before is `unchanged`, and
 * decides. `account` is NULL while it is not known whether the secret is right. Returns true when
 * there is a decision, or none to be had. */
static bool visit(struct pat_store *store, const struct pat_attempt *attempt, bool unchanged,
		  const struct pat_account *account, int64_t now, pat_deadline deadline,
		  struct pat_verdict *verdict)
{
	bool decided = true;
	int error = PAT_OK;

	if (unchanged)
		verdict->found = verdict->proved = true;
	else
		error = look_up(store, attempt, account != NULL, verdict);
	if (error == PAT_E_DAMAGED || error == PAT_E_VERSION) {
		verdict->outcome = PAT_REFUSED_DAMAGED;
		verdict->error = error;
	} else if (error && error != PAT_E_NOTFOUND) {
		fail(verdict, error);
	} else if (verdict->proved && account == NULL) {
		decided = false;
	} else {
		judge(store, attempt, account, now, deadline, verdict);
	}
	return decided;
}

/*
 * Whether the secret seems to be right, seen from outside of the store: what is decided, is decided
 * inside. Where nothing can be seen, *store is NULL.
 */
static bool seems_proved(struct pat_store **store, const char *path, enum pat_store_mode mode,
			 const struct pat_attempt *attempt, struct pat_verdict *verdict)
{
	bool proved;

	if (pat_store_open_outside(store, path, mode) != 0)
		return false;
	proved = look_up(*store, attempt, false, verdict) == PAT_OK && verdict->proved;
	verdict->found = verdict->proved = false;
	return proved;
}

static int ask_for_account(const struct pat_attempt *attempt, struct pat_account *account)
{
	int error = pat_account_by_name(attempt->user ? attempt->user : "", true, account);

	/* A name too long for the system is nobody's. */
	return error == PAT_E_TOOBIG ? PAT_OK : error;
}

/*
 * The name service is asked outside of the store, because it may take its time, and must not hold
 * it; and only for one who proved the secret, so that nobody else learns by the time whether a user
 * exists, nor makes us ask a directory about rubbish. Who seemed not to have the secret and turns
 * out to, because the token was being changed, has to leave the store once more for that.
 */
static void verify(const char *path, enum pat_store_mode mode, const struct pat_attempt *attempt,
		   int64_t now, pat_deadline deadline, struct pat_verdict *verdict)
{
	struct pat_account account, *known = NULL;
	struct pat_store *store;
	bool proved, unchanged = false;
	int error = PAT_OK;

	memset(verdict, 0, sizeof(*verdict));
	pat_token_id(attempt->token, verdict->id);
	errno = 0;
	if (sodium_init() < 0) {
		fail(verdict, PAT_E_IO);
		return;
	}
	proved = seems_proved(&store, path, mode, attempt, verdict);
	errno = 0;
	do {
		if (proved) {
			error = ask_for_account(attempt, &account);
			known = &account;
		}
		if (!error && store != NULL)
			error = pat_store_enter(store, deadline, known ? &unchanged : NULL);
		else if (!error)
			error = pat_store_open(&store, path, mode, deadline);
		if (error) {
			fail(verdict, error);
			break;
		}
		proved = !visit(store, attempt, unchanged, known, now, deadline, verdict);
		if (proved)
			pat_store_leave(store);
	} while (proved);
	pat_store_close(store);
}

void pat_verify(const char *path, const struct pat_attempt *attempt, int64_t now,
		pat_deadline deadline, struct pat_verdict *verdict)
{
	verify(path, PAT_STORE_READ, attempt, now, deadline, verdict);
}

void pat_verify_read_only(const char *path, const struct pat_attempt *attempt, int64_t now,
			  pat_deadline deadline, struct pat_verdict *verdict)
{
	verify(path, PAT_STORE_LOOK, attempt, now, deadline, verdict);
}

bool pat_verdict_read_only(const struct pat_verdict *verdict)
{
	return verdict->outcome == PAT_UNAVAILABLE && verdict->error == PAT_E_ACCESS &&
	       verdict->system_error == EROFS;
}
