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
	bool comparable = grant != NULL && grant->algorithm == PAT_ALGORITHM_BLAKE2B;
	unsigned char hash[PAT_HASH_LEN];
	bool same;

	pat_token_hash(token, hash);
	same = sodium_memcmp(hash, comparable ? grant->hash : dummy, sizeof(hash)) == 0;
	sodium_memzero(hash, sizeof(hash));
	return same && comparable;
}

enum pat_outcome pat_decide(const struct pat_grant *grant, bool proved,
			    const struct pat_account *account, const char *service, int64_t now)
{
	enum pat_status status;

	if (grant == NULL)
		return PAT_REFUSED_UNKNOWN;
	status = pat_grant_status(grant, now);
	/* The hash of a revoked token is gone: that comes before the question of the secret. */
	if (status == PAT_STATUS_REVOKED)
		return PAT_REFUSED_REVOKED;
	if (!proved)
		return PAT_REFUSED_SECRET;
	if (status != PAT_STATUS_ACTIVE)
		return PAT_REFUSED_EXPIRED;
	if (!account->exists)
		return PAT_REFUSED_NO_USER;
	if (grant->uid != account->uid)
		return PAT_REFUSED_OTHER_USER;
	if (strcmp(grant->user, account->name) != 0)
		return PAT_REFUSED_FORMER_USER;
	if (account->locked)
		return PAT_REFUSED_LOCKED;
	if (pat_service_forbidden(service) || !pat_services_cover(grant->services, service))
		return PAT_REFUSED_SERVICE;
	return PAT_ACCEPTED;
}

/* Copies what fits. */
static void cut(char *dst, size_t size, const char *src)
{
	size_t len = src ? strnlen(src, size - 1) : 0;

	memcpy(dst, src ? src : "", len);
	dst[len] = '\0';
}

/*
 * Notes what happened in the use record; that of the strangers, for an id that there is not, so
 * that the work is the same.
 */
static void stamp(struct pat_store *store, const struct pat_attempt *attempt, int64_t now,
		  pat_deadline deadline, struct pat_verdict *verdict)
{
	struct pat_event event = {.time = now, .outcome = (uint8_t)verdict->outcome};
	const char *id = verdict->outcome == PAT_REFUSED_UNKNOWN ? PAT_STRANGERS_ID : verdict->id;
	pat_deadline soon = pat_deadline_in(STAMP_WAIT_MS);

	cut(event.service, sizeof(event.service), attempt->service);
	cut(event.rhost, sizeof(event.rhost), attempt->rhost);
	verdict->stamp_error = pat_store_note(store, id, &event, verdict->outcome == PAT_ACCEPTED,
					      verdict->proved, soon < deadline ? soon : deadline);
}

static void fail(struct pat_verdict *verdict, int error)
{
	verdict->outcome = PAT_UNAVAILABLE;
	verdict->error = error;
	verdict->system_error = errno;
}

/* One visit to the store: looks the id up, and decides. `account` is NULL while it is not known
 * whether the secret is right. Returns true when there is a decision, or none to be had. */
static bool visit(const char *path, const struct pat_attempt *attempt,
		  const struct pat_account *account, int64_t now, pat_deadline deadline,
		  struct pat_verdict *verdict)
{
	const struct pat_account nobody = {.exists = false};
	struct pat_store *store;
	const struct pat_grant *grant;
	int error = pat_store_open(&store, path, PAT_STORE_READ, deadline);

	if (error) {
		fail(verdict, error);
		return true;
	}
	error = pat_store_get_grant(store, verdict->id, &verdict->grant);
	verdict->found = error == PAT_OK;
	grant = verdict->found ? &verdict->grant : NULL;
	verdict->proved = pat_grant_matches(grant, attempt->token);
	sodium_memzero(verdict->grant.hash, sizeof(verdict->grant.hash));
	if (error == PAT_E_DAMAGED || error == PAT_E_VERSION) {
		verdict->outcome = PAT_REFUSED_DAMAGED;
		verdict->error = error;
	} else if (error && error != PAT_E_NOTFOUND) {
		fail(verdict, error);
	} else if (verdict->proved && account == NULL) {
		pat_store_close(store);
		return false;
	} else {
		verdict->outcome = pat_decide(grant, verdict->proved, account ? account : &nobody,
					      attempt->service ? attempt->service : "", now);
		stamp(store, attempt, now, deadline, verdict);
	}
	pat_store_close(store);
	return true;
}

/*
 * In two visits, because between them a name service is asked, which may take its time, and must
 * not hold the store; and only for one who proved the secret, so that nobody else learns by the
 * time whether a user exists, nor makes us ask a directory about rubbish.
 */
void pat_verify(const char *path, const struct pat_attempt *attempt, int64_t now,
		pat_deadline deadline, struct pat_verdict *verdict)
{
	struct pat_account account;
	int error;

	memset(verdict, 0, sizeof(*verdict));
	pat_token_id(attempt->token, verdict->id);
	errno = 0;
	if (sodium_init() < 0) {
		fail(verdict, PAT_E_IO);
		return;
	}
	if (visit(path, attempt, NULL, now, deadline, verdict))
		return;
	error = pat_account_by_name(attempt->user ? attempt->user : "", true, &account);
	/* A name too long for the system is nobody's. */
	if (error && error != PAT_E_TOOBIG)
		fail(verdict, error);
	else
		(void)visit(path, attempt, &account, now, deadline, verdict);
}
