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
 * ask for it was decided before. All return 0 or a negative enum pat_error. Views that they hand
 * out hold no hash.
 */

/* A token with its use. */
struct grant_view {
	struct pat_grant grant;
	struct pat_use use;
};

/* How many live tokens a user has, and whether one of them, that no other has replaced, has the
 * name. */
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
	/* Of grants_change(): what apply() refused it with, or 0. The store fails with the same
	 * errors, which mean something else. */
	int refused;
};

/* How much of an id a beginning must have at least: a slip of the finger must not name a token. */
#define GRANTS_BEGINNING 4

/*
 * Finds the owner's token that `selector` names: the first of these that fits any: the id of a live
 * token, the name of a live one, the name of a live one that rotation has replaced, the id of an
 * ended one, the name of an ended one (the newest), the beginning of a live one's id, that of an
 * ended one's. PAT_E_NOTFOUND; or PAT_E_EXISTS when it fits several, which *choice then has.
 */
int grants_get(const char *store, const struct pat_account *owner, const char *selector,
	       int64_t now, struct grant_view *view, struct grant_choice *choice);

/* The tokens in whose place this one came by rotation, one after the other: calls `each` for every
 * one, the youngest first. */
int grants_each_predecessor(const char *store, const struct pat_account *owner, const char *id,
			    void (*each)(const struct grant_view *view, void *data), void *data);

/*
 * A change of one token. `apply` is given the token, whether it is live, and the census of the
 * owner's others, and changes it; it returns 0, or 1 for nothing to do, or a negative error that
 * ends the whole without a change. It may be called twice, where the store was changed meanwhile.
 */
struct grant_change {
	int (*apply)(struct pat_grant *grant, bool live, const struct grant_census *others,
		     void *data);
	void *data;
	const char *new_name; /* what the census is to look for, or NULL */
	/* If not NULL: what rotation replaced with this token, and still lives, is given to
	 * apply(), too, in the same transaction, and to this when that is on disk. */
	void (*replaced)(const struct pat_grant *grant, void *data);
};

/* Chooses as grants_get() does, and changes. *done is false if there was nothing to do. */
int grants_change(const char *store, const struct pat_account *owner, const char *selector,
		  int64_t now, const struct grant_change *change, struct grant_view *view,
		  struct grant_choice *choice, bool *done);

/* Ends a grant: its hash gives way to the trace of it, with which it can be known but not used. */
void grant_end(struct pat_grant *grant, uint32_t by, int64_t now);

/* What comes in a token's place. */
struct grant_rotation {
	char id[PAT_ID_LEN + 1]; /* of the old one */
	int64_t overlap;         /* seconds that it goes on; 0: none */
	unsigned max_tokens;
	struct pat_grant seen; /* the old one, as it was looked at */
	struct pat_grant next; /* as for grants_create() */
	/* If not NULL, called when all is ready but not done; an error of it is the error of all.
	 */
	int (*ready)(const struct pat_token *token, const struct pat_grant *next, void *data);
	void *data;
};

/* Mints one token and ends, or limits, another, in one transaction. PAT_E_INVALID when the old one
 * is not live, was replaced before, or is not as it was looked at; else as grants_create(). */
int grants_rotate(const char *store, struct grant_rotation *rotation, struct pat_token *token);

/* Revokes all live tokens of the owner; calls `each` for every one, after they are on disk as
 * revoked. PAT_E_DAMAGED after that where others, or perhaps others, cannot be read. */
int grants_revoke_all(const char *store, const struct pat_account *owner, uint32_t by, int64_t now,
		      void (*each)(const struct pat_grant *grant, void *data), void *data);

/*
 * By the token itself, whosever it is, ended or not. PAT_E_NOTFOUND when there is none such. *done
 * is false if it had ended before.
 */
int grants_get_by_secret(const char *store, const struct pat_token *token, struct grant_view *view);
int grants_revoke_by_secret(const char *store, const struct pat_token *token, uint32_t by,
			    int64_t now, struct grant_view *view, bool *done);

/*
 * Calls `each` for the tokens of an owner, newest last, or of everybody with owner NULL, in no
 * order, until it returns other than 0, and returns that. The store is not held while `each` runs.
 * Those of everybody are read by and by, so that any number of them takes the same memory: each
 * that is there all along is listed once, whatever becomes of the store meanwhile.
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
