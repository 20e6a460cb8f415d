/* SPDX-License-Identifier: ISC */
#include "grants.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/store.h"
#include "pat/verify.h"
#include "shelf.h"

/* Ended tokens that a uid keeps: minting and revoking in a loop must not fill the disk. */
#define ENDED_KEPT 256

static void take_census(const struct shelf *shelf, const struct pat_account *owner,
			const char *name, int64_t now, struct grant_census *census)
{
	*census = (struct grant_census){0};
	for (unsigned i = 0; i < shelf->count; i++) {
		const struct pat_grant *grant = &shelf->grants[i];

		if (!shelf_owned(grant, owner) || !shelf_live(grant, now))
			continue;
		census->live++;
		census->name_taken |= strcmp(grant->name, name) == 0;
	}
}

int grants_census(const char *path, const struct pat_account *owner, const char *name, int64_t now,
		  struct grant_census *census)
{
	struct pat_store *store;
	struct shelf shelf;
	int error = pat_store_open(&store, path, PAT_STORE_READ, shelf_deadline());

	*census = (struct grant_census){0};
	if (error)
		return error == PAT_E_NOSTORE ? PAT_OK : error;
	error = shelf_load(store, owner->uid, &shelf);
	pat_store_close(store);
	if (!error)
		take_census(&shelf, owner, name, now, census);
	shelf_free(&shelf);
	return error;
}

/* An id that no token has or had, as far as the store still knows. */
static int generate(struct pat_store *store, struct pat_token *token, struct pat_grant *grant)
{
	struct pat_grant other;
	int error;

	do {
		error = pat_token_generate(token);
		if (error)
			return error;
		pat_token_id(token, grant->id);
		error = pat_store_get_grant(store, grant->id, &other);
	} while (error == PAT_OK || error == PAT_E_DAMAGED);
	sodium_memzero(&other, sizeof(other));
	return error == PAT_E_NOTFOUND ? PAT_OK : error;
}

/* How many of the ended tokens have to go so that one more finds its place. */
static unsigned surplus(const struct shelf *shelf, const struct pat_index *index,
			const struct pat_account *owner, int64_t now)
{
	unsigned ended = 0, by_number, by_room;

	for (unsigned i = 0; i < shelf->count; i++)
		ended += !shelf_live(&shelf->grants[i], now) ||
			 !shelf_owned(&shelf->grants[i], owner);
	by_number = ended > ENDED_KEPT ? ended - ENDED_KEPT : 0;
	by_room = index->count == PAT_INDEX_MAX;
	return by_number > by_room ? by_number : by_room;
}

/*
 * Writes the index anew with one id more, without the oldest ended tokens where there are too many.
 * What the shelf has not, because it cannot be read, keeps its place.
 */
static int extend_index(struct pat_store *store, const struct shelf *shelf,
			const struct pat_account *owner, const char *id, int64_t now)
{
	struct pat_index *index = calloc(1, sizeof(*index));
	unsigned seen = 0, kept = 0, to_drop;
	int error;

	if (index == NULL)
		return PAT_E_NOMEM;
	error = pat_store_get_index(store, owner->uid, index);
	if (error == PAT_E_NOTFOUND)
		error = PAT_OK;
	to_drop = surplus(shelf, index, owner, now);
	for (unsigned i = 0; !error && i < index->count; i++) {
		const struct pat_grant *grant = &shelf->grants[seen];
		bool readable =
			seen < shelf->count && memcmp(grant->id, index->ids[i], PAT_ID_LEN) == 0;

		seen += readable;
		if (readable && to_drop > 0 &&
		    (!shelf_live(grant, now) || !shelf_owned(grant, owner))) {
			to_drop--;
			error = pat_store_drop_grant(store, grant->id);
		} else {
			memmove(index->ids[kept++], index->ids[i], PAT_ID_LEN);
		}
	}
	if (!error && kept == PAT_INDEX_MAX)
		error = PAT_E_TOOBIG;
	if (!error) {
		memcpy(index->ids[kept++], id, PAT_ID_LEN);
		index->count = kept;
		error = pat_store_put_index(store, owner->uid, index);
	}
	free(index);
	return error;
}

/* The whole change, inside the open transaction. */
static int create_in(struct pat_store *store, unsigned max_tokens, struct pat_grant *grant,
		     struct pat_token *token)
{
	struct pat_account owner = {.exists = true, .uid = grant->uid};
	const struct pat_use unused = {0};
	struct grant_census census;
	struct shelf shelf;
	int error = shelf_load(store, grant->uid, &shelf);

	memcpy(owner.name, grant->user, sizeof(owner.name));
	if (error)
		goto out;
	take_census(&shelf, &owner, grant->name, grant->created_at, &census);
	if (census.name_taken)
		error = PAT_E_EXISTS;
	else if (census.live >= max_tokens || census.live >= PAT_INDEX_MAX)
		error = PAT_E_TOOBIG;
	if (!error)
		error = generate(store, token, grant);
	if (error)
		goto out;
	grant->algorithm = PAT_ALGORITHM_BLAKE2B;
	pat_token_hash(token, grant->hash);
	error = pat_store_put_grant(store, grant);
	if (!error)
		error = pat_store_put_use(store, grant->id, &unused);
	if (!error)
		error = extend_index(store, &shelf, &owner, grant->id, grant->created_at);
	if (!error)
		error = pat_store_commit(store);
out:
	shelf_free(&shelf);
	return error;
}

int grants_create(const char *path, unsigned max_tokens, struct pat_grant *grant,
		  struct pat_token *token)
{
	struct pat_store *store;
	int error = pat_store_open(&store, path, PAT_STORE_CREATE, shelf_deadline());

	if (error)
		return error;
	error = create_in(store, max_tokens, grant, token);
	pat_store_close(store);
	sodium_memzero(grant->hash, sizeof(grant->hash));
	if (error)
		pat_token_wipe(token);
	return error;
}

int grants_get(const char *path, const struct pat_account *owner, const char *selector, int64_t now,
	       struct grant_view *view, struct grant_choice *choice)
{
	const struct pat_grant *grant;
	struct pat_store *store;
	struct shelf shelf;
	int error = pat_store_open(&store, path, PAT_STORE_READ, shelf_deadline());

	if (error)
		return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
	error = shelf_load(store, owner->uid, &shelf);
	if (!error)
		error = shelf_choose(&shelf, owner, selector, now, &grant, choice);
	if (!error)
		shelf_view(store, grant, view);
	pat_store_close(store);
	shelf_free(&shelf);
	return error;
}

/* Makes a grant worthless; its hash goes, the rest stays to be listed. */
static int revoke_in(struct pat_store *store, struct pat_grant *grant, uint32_t by, int64_t now)
{
	grant->revoked_at = now;
	grant->revoked_by = by;
	grant->algorithm = PAT_ALGORITHM_NONE;
	sodium_memzero(grant->hash, sizeof(grant->hash));
	return pat_store_put_grant(store, grant);
}

int grants_revoke(const char *path, const struct pat_account *owner, const char *selector,
		  uint32_t by, int64_t now, struct grant_view *view, struct grant_choice *choice,
		  bool *done)
{
	const struct pat_grant *grant;
	struct pat_store *store;
	struct shelf shelf;
	int error = grants_get(path, owner, selector, now, view, choice);

	/* Who only asks for what there is not, or no more, keeps nobody out of the store. */
	*done = false;
	if (error || pat_grant_status(&view->grant, now) == PAT_STATUS_REVOKED)
		return error;
	error = pat_store_open(&store, path, PAT_STORE_CHANGE, shelf_deadline());
	if (error)
		return error;
	error = shelf_load(store, owner->uid, &shelf);
	if (!error)
		error = shelf_choose(&shelf, owner, selector, now, &grant, choice);
	if (!error)
		shelf_view(store, grant, view);
	if (!error && pat_grant_status(grant, now) != PAT_STATUS_REVOKED) {
		error = revoke_in(store, &view->grant, by, now);
		if (!error)
			error = pat_store_commit(store);
		*done = !error;
	}
	pat_store_close(store);
	shelf_free(&shelf);
	return error;
}

int grants_revoke_all(const char *path, const struct pat_account *owner, uint32_t by, int64_t now,
		      void (*each)(const struct pat_grant *grant, void *data), void *data)
{
	struct grant_census census;
	struct pat_store *store;
	struct shelf shelf;
	unsigned count = 0;
	int error = grants_census(path, owner, "", now, &census);

	/* Who has none keeps nobody out of the store. */
	if (error || census.live == 0)
		return error;
	error = pat_store_open(&store, path, PAT_STORE_CHANGE, shelf_deadline());
	if (error)
		return error;
	error = shelf_load(store, owner->uid, &shelf);
	for (unsigned i = 0; !error && i < shelf.count; i++) {
		if (!shelf_owned(&shelf.grants[i], owner) || !shelf_live(&shelf.grants[i], now))
			continue;
		shelf.grants[count] = shelf.grants[i];
		error = revoke_in(store, &shelf.grants[count++], by, now);
	}
	if (!error && count > 0)
		error = pat_store_commit(store);
	pat_store_close(store);
	for (unsigned i = 0; !error && i < count; i++)
		each(&shelf.grants[i], data);
	shelf_free(&shelf);
	return error;
}

int grants_get_by_secret(const char *path, const struct pat_token *token,
			 const struct pat_account *owner, struct grant_view *view)
{
	struct pat_store *store;
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];
	bool known, revoked_own;
	int error = pat_store_open(&store, path, PAT_STORE_READ, shelf_deadline());

	if (error)
		return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
	pat_token_id(token, id);
	error = pat_store_get_grant(store, id, &grant);
	known = pat_grant_matches(error ? NULL : &grant, token);
	revoked_own = !error && grant.algorithm == PAT_ALGORITHM_NONE && owner != NULL &&
		      (owner->uid == 0 || shelf_owned(&grant, owner));
	if (!error && !known && !revoked_own)
		error = PAT_E_NOTFOUND;
	if (!error)
		shelf_view(store, &grant, view);
	pat_store_close(store);
	sodium_memzero(&grant, sizeof(grant));
	return error;
}

int grants_revoke_by_secret(const char *path, const struct pat_token *token, uint32_t by,
			    int64_t now, struct grant_view *view)
{
	struct pat_store *store;
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];
	int error = grants_get_by_secret(path, token, NULL, view);

	if (!error)
		error = pat_store_open(&store, path, PAT_STORE_CHANGE, shelf_deadline());
	if (error)
		return error;
	pat_token_id(token, id);
	error = pat_store_get_grant(store, id, &grant);
	if (!pat_grant_matches(error ? NULL : &grant, token) && !error)
		error = PAT_E_NOTFOUND;
	if (!error)
		error = revoke_in(store, &grant, by, now);
	if (!error)
		shelf_view(store, &grant, view);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	sodium_memzero(&grant, sizeof(grant));
	return error;
}
