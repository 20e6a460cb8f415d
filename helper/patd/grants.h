/* SPDX-License-Identifier: ISC */
#ifndef GRANTS_H
#define GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "pat/account.h"
#include "pat/record.h"
#include "pat/token.h"

/*
 * What patd does to the store. Each function opens it, does one whole thing, and closes it; who may
 * ask for it was decided before. All return 0 or a negative enum pat_error.
 */

/* A token as it is shown: the grant, its hash wiped, and its use. */
struct grant_view {
	struct pat_grant grant;
	struct pat_use use;
};

/* How many live tokens a user has, and whether one of them has the name. */
struct grant_census {
	unsigned live;
	bool name_taken;
};
int grants_census(const char *store, const struct pat_account *owner, const char *name, int64_t now,
		  struct grant_census *census);

/*
 * Mints: `grant` comes with everything but id, algorithm and hash, and those are filled in, the
 * hash apart. PAT_E_EXISTS when a live token of the owner has the name, PAT_E_TOOBIG when there are
 * max_tokens live ones. On success the token is on disk, and the caller's to wipe.
 */
int grants_create(const char *store, unsigned max_tokens, struct pat_grant *grant,
		  struct pat_token *token);

/* How a token was named, and which that is. */
#define GRANTS_CANDIDATES 16
struct grant_choice {
	unsigned count; /* how many it could be; not more than GRANTS_CANDIDATES are told */
	char ids[GRANTS_CANDIDATES][PAT_ID_LEN + 1];
};

/* How much of an id a beginning must have at least: a slip of the finger must not name a token. */
#define GRANTS_BEGINNING 4

/*
 * Finds the owner's token that `selector` names: the first of these that fits any: the id of a live
 * token, the name of a live one, the id of an ended one, the name of an ended one (the newest), the
 * beginning of a live one's id, that of an ended one's. PAT_E_NOTFOUND; or PAT_E_EXISTS when it
 * fits several, which *choice then has.
 */
int grants_get(const char *store, const struct pat_account *owner, const char *selector,
	       int64_t now, struct grant_view *view, struct grant_choice *choice);

/* The same, and revokes it. *done is false if it was revoked before. */
int grants_revoke(const char *store, const struct pat_account *owner, const char *selector,
		  uint32_t by, int64_t now, struct grant_view *view, struct grant_choice *choice,
		  bool *done);

/* Revokes all live tokens of the owner; calls `each` for every one, after they are on disk as
 * revoked. */
int grants_revoke_all(const char *store, const struct pat_account *owner, uint32_t by, int64_t now,
		      void (*each)(const struct pat_grant *grant, void *data), void *data);

/*
 * By the token itself, whosever it is. PAT_E_NOTFOUND when there is none such. Of a token that was
 * revoked the secret cannot be compared any more: it is found only if `owner`, which may be NULL,
 * is its owner, or uid 0.
 */
int grants_get_by_secret(const char *store, const struct pat_token *token,
			 const struct pat_account *owner, struct grant_view *view);
int grants_revoke_by_secret(const char *store, const struct pat_token *token, uint32_t by,
			    int64_t now, struct grant_view *view);

/*
 * Calls `each` for the tokens of an owner, newest last, or of everybody with owner NULL, in no
 * order, until it returns other than 0, and returns that. The store is not held while `each` runs.
 */
int grants_list(const char *store, const struct pat_account *owner,
		int (*each)(const struct grant_view *view, void *data), void *data);

/*
 * Whose a token is, for root, who may mean one of an account that is gone: by its id, or as the
 * owner of any token that was minted for `user`. The account comes with exists = false.
 * PAT_E_NOTFOUND.
 */
int grants_owner_by_id(const char *store, const char *id, struct pat_account *owner);
int grants_owner_by_name(const char *store, const char *user, struct pat_account *owner);

#endif
