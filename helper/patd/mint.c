/* SPDX-License-Identifier: ISC */

/* What adds a token to the store: minting and rotation. */

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/store.h"
#include "shelf.h"

/* Ended tokens that a uid keeps: minting and revoking in a loop must not fill the disk. */
#define ENDED_KEPT 256

/* In a damaged store this id or that may not be had; all of them, if most of its chains are broken.
 */
#define TRIES 64

/* An id that no token has or had, as far as the store still knows. */
static int generate(struct pat_store *store, struct pat_token *token, struct pat_grant *grant)
{
	struct pat_grant other;
	unsigned tries = 0;
	int error;

	do {
		error = pat_token_generate(token);
		if (error)
			return error;
		pat_token_id(token, grant->id);
		error = pat_store_get_grant(store, grant->id, &other);
	} while ((error == PAT_OK || error == PAT_E_DAMAGED) && ++tries < TRIES);
	sodium_memzero(&other, sizeof(other));
	if (error == PAT_OK)
		return PAT_E_EXISTS;
	return error == PAT_E_NOTFOUND ? PAT_OK : error;
}

/* How many of the ended tokens have to go so that one more finds its place. */
static unsigned surplus(const struct shelf *shelf, const struct pat_index *index, int64_t now)
{
	unsigned ended = 0, by_number, by_room;

	for (unsigned i = 0; i < shelf->count; i++)
		ended += !shelf_live(&shelf->views[i], now);
	by_number = ended > ENDED_KEPT ? ended - ENDED_KEPT : 0;
	by_room = index->count == PAT_INDEX_MAX;
	return by_number > by_room ? by_number : by_room;
}

/*
 * Writes the index anew with one id more, without the oldest ended tokens where there are too many.
 * What the shelf has not, because it cannot be read, keeps its place.
 */
static int extend_index(struct pat_store *store, const struct shelf *shelf, uint32_t uid,
			const char *id, int64_t now)
{
	struct pat_index *index = calloc(1, sizeof(*index));
	unsigned seen = 0, kept = 0, to_drop;
	int error;

	if (index == NULL)
		return PAT_E_NOMEM;
	error = pat_store_get_index(store, uid, index);
	if (error == PAT_E_NOTFOUND)
		error = PAT_OK;
	to_drop = surplus(shelf, index, now);
	for (unsigned i = 0; !error && i < index->count; i++) {
		const struct grant_view *view = &shelf->views[seen];
		bool readable = seen < shelf->count &&
				memcmp(view->grant.id, index->ids[i], PAT_ID_LEN) == 0;

		seen += readable;
		if (readable && to_drop > 0 && !shelf_live(view, now)) {
			to_drop--;
			error = pat_store_drop_grant(store, view->grant.id);
		} else {
			memmove(index->ids[kept++], index->ids[i], PAT_ID_LEN);
		}
	}
	if (!error && kept == PAT_INDEX_MAX)
		error = PAT_E_TOOBIG;
	if (!error) {
		memcpy(index->ids[kept++], id, PAT_ID_LEN);
		index->count = kept;
		error = pat_store_put_index(store, uid, index);
	}
	free(index);
	return error;
}

static struct pat_account owner_of(const struct pat_grant *grant)
{
	struct pat_account owner = {.exists = true, .uid = grant->uid};

	memcpy(owner.name, grant->user, sizeof(owner.name));
	return owner;
}

/* Puts a new token into a transaction, which it begins, if `census` leaves room for it. */
static int mint_in(struct pat_store *store, const struct shelf *shelf,
		   const struct grant_census *census, unsigned max_tokens, struct pat_grant *grant,
		   pat_deadline deadline, struct pat_token *token)
{
	const struct pat_use unused = {0};
	int error;

	if (census->name_taken)
		return PAT_E_EXISTS;
	if (census->live >= max_tokens || census->live >= PAT_INDEX_MAX)
		return PAT_E_TOOBIG;
	error = generate(store, token, grant);
	if (!error)
		error = pat_store_begin(store, deadline);
	if (error)
		return error;
	grant->algorithm = PAT_ALGORITHM_BLAKE2B;
	pat_token_hash(token, grant->hash);
	error = pat_store_put_grant(store, grant);
	if (!error)
		error = pat_store_put_use(store, grant->id, &unused);
	if (!error)
		error = extend_index(store, shelf, grant->uid, grant->id, grant->created_at);
	return error;
}

static int create_once(const struct shelf_attempt *attempt, unsigned max_tokens,
		       struct pat_grant *grant, struct pat_token *token)
{
	struct pat_account owner = owner_of(grant);
	struct grant_census census;
	struct pat_store *store;
	struct shelf shelf;
	int error = pat_store_open(&store, attempt->path, attempt->mode, attempt->deadline);

	if (error)
		return error;
	error = shelf_load(store, grant->uid, SHELF_USES_NEEDED, &shelf);
	if (!error) {
		shelf_census(&shelf, &owner, grant->name, NULL, grant->created_at, &census);
		error = mint_in(store, &shelf, &census, max_tokens, grant, attempt->deadline,
				token);
	}
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	shelf_free(&shelf);
	sodium_memzero(grant->hash, sizeof(grant->hash));
	if (error)
		pat_token_wipe(token);
	return error;
}

int grants_create(const char *path, unsigned max_tokens, struct pat_grant *grant,
		  struct pat_token *token)
{
	struct shelf_attempt attempt = shelf_attempt(path);
	int error;

	do
		error = create_once(&attempt, max_tokens, grant, token);
	while (shelf_try_again(&attempt, error, PAT_STORE_CREATE));
	return error;
}

/* Ends the old token, or gives it its last hours. */
static void retire(struct pat_grant *old, const struct grant_rotation *rotation)
{
	int64_t now = rotation->next.created_at, end = now + rotation->overlap;

	memcpy(old->successor, rotation->next.id, sizeof(old->successor));
	if (rotation->overlap == 0)
		grant_end(old, rotation->next.created_by, now);
	else if (old->expires_at == 0 || old->expires_at > end)
		old->expires_at = end;
}

/* Whether nobody has narrowed, suspended or renamed it since it was looked at. */
static bool same_terms(const struct pat_grant *now, const struct pat_grant *seen)
{
	return strcmp(now->name, seen->name) == 0 && strcmp(now->services, seen->services) == 0 &&
	       strcmp(now->sources, seen->sources) == 0 && now->max_uses == seen->max_uses &&
	       now->expires_at == seen->expires_at && now->suspended_at == seen->suspended_at;
}

static int rotate_in(struct pat_store *store, const struct shelf *shelf,
		     struct grant_rotation *rotation, pat_deadline deadline,
		     struct pat_token *token)
{
	struct pat_account owner = owner_of(&rotation->next);
	struct grant_census census;
	struct grant_view *old = NULL;
	int64_t now = rotation->next.created_at;
	int error;

	for (unsigned i = 0; i < shelf->count; i++)
		if (strcmp(shelf->views[i].grant.id, rotation->id) == 0)
			old = &shelf->views[i];
	if (old == NULL || !shelf_owned(old, &owner) || !shelf_live(old, now) ||
	    old->grant.successor[0] != '\0' || !same_terms(&old->grant, &rotation->seen))
		return PAT_E_INVALID;
	shelf_census(shelf, &owner, rotation->next.name, rotation->id, now, &census);
	census.live += rotation->overlap != 0;
	error = mint_in(store, shelf, &census, rotation->max_tokens, &rotation->next, deadline,
			token);
	if (error)
		return error;
	retire(&old->grant, rotation);
	return pat_store_put_grant(store, &old->grant);
}

static int rotate_once(const struct shelf_attempt *attempt, struct grant_rotation *rotation,
		       struct pat_token *token)
{
	struct pat_store *store;
	struct shelf shelf;
	int error = pat_store_open(&store, attempt->path, attempt->mode, attempt->deadline);

	if (error)
		return error;
	error = shelf_load(store, rotation->next.uid, SHELF_USES_NEEDED, &shelf);
	if (!error)
		error = rotate_in(store, &shelf, rotation, attempt->deadline, token);
	if (!error && rotation->ready != NULL)
		error = rotation->ready(token, &rotation->next, rotation->data);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	shelf_free(&shelf);
	sodium_memzero(rotation->next.hash, sizeof(rotation->next.hash));
	if (error)
		pat_token_wipe(token);
	return error;
}

int grants_rotate(const char *path, struct grant_rotation *rotation, struct pat_token *token)
{
	struct shelf_attempt attempt = shelf_attempt(path);
	int error;

	do
		error = rotate_once(&attempt, rotation, token);
	while (shelf_try_again(&attempt, error, PAT_STORE_CHANGE));
	return error;
}
