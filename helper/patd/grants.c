/* SPDX-License-Identifier: ISC */
#include "grants.h"

#include <sodium.h>
#include <string.h>

#include "pat/error.h"
#include "pat/store.h"
#include "pat/verify.h"
#include "shelf.h"

/* A view for those outside. */
static void hand_out(struct grant_view *out, const struct grant_view *view)
{
	*out = *view;
	sodium_memzero(out->grant.hash, sizeof(out->grant.hash));
}

/* Opens the store and reads the tokens of an owner. *store is to be closed, and the shelf freed,
 * whatever this returns. */
static int open_shelf(const struct shelf_attempt *attempt, const struct pat_account *owner,
		      enum shelf_uses uses, struct pat_store **store, struct shelf *shelf)
{
	int error = pat_store_open(store, attempt->path, attempt->mode, attempt->deadline);

	*shelf = (struct shelf){0};
	return error ? error : shelf_load(*store, owner->uid, uses, shelf);
}

static int open_to_look(const char *path, const struct pat_account *owner, enum shelf_uses uses,
			struct pat_store **store, struct shelf *shelf)
{
	const struct shelf_attempt look = {path, PAT_STORE_LOOK, shelf_deadline()};

	return open_shelf(&look, owner, uses, store, shelf);
}

static void close_shelf(struct pat_store *store, struct shelf *shelf)
{
	pat_store_close(store);
	shelf_free(shelf);
}

int grants_census(const char *path, const struct pat_account *owner, const char *name, int64_t now,
		  struct grant_census *census)
{
	struct pat_store *store;
	struct shelf shelf;
	int error = open_to_look(path, owner, SHELF_USES_NEEDED, &store, &shelf);

	*census = (struct grant_census){0};
	if (!error)
		shelf_census(&shelf, owner, name, NULL, now, census);
	close_shelf(store, &shelf);
	return error == PAT_E_NOSTORE ? PAT_OK : error;
}

int grants_get(const char *path, const struct pat_account *owner, const char *selector, int64_t now,
	       struct grant_view *view, struct grant_choice *choice)
{
	struct pat_store *store;
	struct shelf shelf;
	unsigned chosen;
	int error = open_to_look(path, owner, SHELF_USES_NEEDED, &store, &shelf);

	if (!error)
		error = shelf_choose(&shelf, owner, selector, now, &chosen, choice);
	if (!error) {
		shelf_view(store, &shelf.views[chosen].grant, view);
		sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	}
	close_shelf(store, &shelf);
	return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
}

/* Calls `each` for every token that rotation replaced with the one of this id, and with that, and
 * so on. A successor is younger, and stands behind: one walk from the end follows the whole chain.
 */
static int each_replaced(struct shelf *shelf, const struct pat_account *owner, const char *id,
			 int (*each)(struct grant_view *view, void *data), void *data)
{
	int answer = 0;

	for (unsigned i = shelf->count; !answer && i-- > 0;) {
		struct grant_view *view = &shelf->views[i];

		if (strcmp(view->grant.successor, id) != 0 || !shelf_owned(view, owner))
			continue;
		answer = each(view, data);
		id = view->grant.id;
	}
	return answer;
}

struct handing {
	void (*each)(const struct grant_view *view, void *data);
	void *data;
};

static int hand_one(struct grant_view *view, void *data)
{
	const struct handing *handing = data;
	struct grant_view out;

	hand_out(&out, view);
	handing->each(&out, handing->data);
	return 0;
}

int grants_each_predecessor(const char *path, const struct pat_account *owner, const char *id,
			    void (*each)(const struct grant_view *view, void *data), void *data)
{
	struct handing handing = {each, data};
	struct pat_store *store;
	struct shelf shelf;
	int error = open_to_look(path, owner, SHELF_USES_ALL, &store, &shelf);

	pat_store_close(store);
	if (!error)
		(void)each_replaced(&shelf, owner, id, hand_one, &handing);
	shelf_free(&shelf);
	return error;
}

/* A change on its way to what was replaced. */
struct spreading {
	struct pat_store *store;
	const struct grant_change *change;
	int64_t now;
	const struct shelf *shelf;
	bool reached[PAT_INDEX_MAX]; /* by the place on the shelf */
};

static int spread_to(struct grant_view *view, void *data)
{
	struct spreading *spreading = data;
	const struct grant_census none = {0};
	int error;

	if (!shelf_live(view, spreading->now))
		return 0;
	error = spreading->change->apply(&view->grant, true, &none, spreading->change->data);
	spreading->reached[view - spreading->shelf->views] = true;
	return error ? error : pat_store_put_grant(spreading->store, &view->grant);
}

static int tell_of(struct grant_view *view, void *data)
{
	const struct spreading *spreading = data;

	if (spreading->reached[view - spreading->shelf->views])
		spreading->change->replaced(&view->grant, spreading->change->data);
	return 0;
}

/* Chooses and applies, on a shelf; the result is in *view. 0, 1 for nothing to do, or an error. */
static int try_change(struct pat_store *store, const struct shelf *shelf,
		      const struct pat_account *owner, const char *selector, int64_t now,
		      const struct grant_change *change, struct grant_view *view,
		      struct grant_choice *choice)
{
	struct grant_census others;
	unsigned chosen;
	int error = shelf_choose(shelf, owner, selector, now, &chosen, choice);

	if (error)
		return error;
	shelf_view(store, &shelf->views[chosen].grant, view);
	shelf_census(shelf, owner, change->new_name ? change->new_name : "", view->grant.id, now,
		     &others);
	error = change->apply(&view->grant, shelf_live(view, now), &others, change->data);
	choice->refused = error < 0 ? error : 0;
	return error;
}

static int change_once(const struct shelf_attempt *attempt, const struct pat_account *owner,
		       const char *selector, int64_t now, const struct grant_change *change,
		       struct grant_view *view, struct grant_choice *choice)
{
	struct pat_store *store;
	struct shelf shelf;
	struct spreading spreading = {.change = change, .now = now, .shelf = &shelf};
	int error = open_shelf(attempt, owner, SHELF_USES_NEEDED, &store, &shelf);

	if (!error)
		error = try_change(store, &shelf, owner, selector, now, change, view, choice);
	if (!error)
		error = pat_store_begin(store, attempt->deadline);
	if (!error)
		error = pat_store_put_grant(store, &view->grant);
	spreading.store = store;
	if (!error && change->replaced != NULL)
		error = each_replaced(&shelf, owner, view->grant.id, spread_to, &spreading);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	if (!error && change->replaced != NULL)
		(void)each_replaced(&shelf, owner, view->grant.id, tell_of, &spreading);
	shelf_free(&shelf);
	return error;
}

int grants_change(const char *path, const struct pat_account *owner, const char *selector,
		  int64_t now, const struct grant_change *change, struct grant_view *view,
		  struct grant_choice *choice, bool *done)
{
	struct shelf_attempt attempt = shelf_attempt(path);
	int error;

	do
		error = change_once(&attempt, owner, selector, now, change, view, choice);
	while (shelf_try_again(&attempt, error, PAT_STORE_CHANGE));
	*done = !error;
	sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	if (error == PAT_E_NOSTORE)
		return PAT_E_NOTFOUND;
	return error > 0 ? PAT_OK : error;
}

void grant_end(struct pat_grant *grant, uint32_t by, int64_t now)
{
	unsigned char trace[PAT_HASH_LEN];

	if (grant->algorithm == PAT_ALGORITHM_BLAKE2B) {
		pat_token_trace(grant->hash, trace);
		memcpy(grant->hash, trace, sizeof(trace));
		grant->algorithm = PAT_ALGORITHM_TRACE;
	}
	grant->revoked_at = now;
	grant->revoked_by = by;
}

static int revoke_all_once(const struct shelf_attempt *attempt, const struct pat_account *owner,
			   uint32_t by, int64_t now,
			   void (*each)(const struct pat_grant *grant, void *data), void *data)
{
	struct pat_store *store;
	struct shelf shelf;
	unsigned count = 0;
	int error = open_shelf(attempt, owner, SHELF_USES_NEEDED, &store, &shelf);

	for (unsigned i = 0; !error && i < shelf.count; i++) {
		if (!shelf_owned(&shelf.views[i], owner) || !shelf_live(&shelf.views[i], now))
			continue;
		error = pat_store_begin(store, attempt->deadline);
		if (error)
			break;
		shelf.views[count] = shelf.views[i];
		grant_end(&shelf.views[count].grant, by, now);
		error = pat_store_put_grant(store, &shelf.views[count++].grant);
	}
	if (!error && count > 0)
		error = pat_store_commit(store);
	pat_store_close(store);
	for (unsigned i = 0; !error && i < count; i++)
		each(&shelf.views[i].grant, data);
	/* What cannot be read now may be had again one day, and be live then. */
	if (!error && shelf.incomplete)
		error = PAT_E_DAMAGED;
	shelf_free(&shelf);
	return error;
}

int grants_revoke_all(const char *path, const struct pat_account *owner, uint32_t by, int64_t now,
		      void (*each)(const struct pat_grant *grant, void *data), void *data)
{
	struct shelf_attempt attempt = shelf_attempt(path);
	int error;

	do
		error = revoke_all_once(&attempt, owner, by, now, each, data);
	while (shelf_try_again(&attempt, error, PAT_STORE_CHANGE));
	return error == PAT_E_NOSTORE ? PAT_OK : error;
}

/* The token in an open store that this one is. */
static int find_by_secret(struct pat_store *store, const struct pat_token *token,
			  struct grant_view *view)
{
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1];
	bool known;
	int error;

	pat_token_id(token, id);
	error = pat_store_look_up(store, id, &grant);
	known = pat_grant_matches(error ? NULL : &grant, token);
	if (!error && !known)
		error = PAT_E_NOTFOUND;
	if (!error)
		shelf_view(store, &grant, view);
	sodium_memzero(&grant, sizeof(grant));
	return error;
}

int grants_get_by_secret(const char *path, const struct pat_token *token, struct grant_view *view)
{
	struct pat_store *store;
	int error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());

	if (error)
		return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
	error = find_by_secret(store, token, view);
	pat_store_close(store);
	sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	return error;
}

static int revoke_by_secret_once(const struct shelf_attempt *attempt, const struct pat_token *token,
				 uint32_t by, int64_t now, struct grant_view *view, bool *done)
{
	struct pat_store *store;
	int error = pat_store_open(&store, attempt->path, attempt->mode, attempt->deadline);

	*done = false;
	if (error)
		return error;
	error = find_by_secret(store, token, view);
	if (!error && view->grant.revoked_at == 0) {
		error = pat_store_begin(store, attempt->deadline);
		if (!error) {
			grant_end(&view->grant, by, now);
			error = pat_store_put_grant(store, &view->grant);
		}
		if (!error)
			error = pat_store_commit(store);
		*done = !error;
	}
	pat_store_close(store);
	return error;
}

int grants_revoke_by_secret(const char *path, const struct pat_token *token, uint32_t by,
			    int64_t now, struct grant_view *view, bool *done)
{
	struct shelf_attempt attempt = shelf_attempt(path);
	int error;

	do
		error = revoke_by_secret_once(&attempt, token, by, now, view, done);
	while (shelf_try_again(&attempt, error, PAT_STORE_CHANGE));
	sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
}
