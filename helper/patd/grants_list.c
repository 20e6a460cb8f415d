/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "grants.h"
#include "log.h"
#include "pat/error.h"
#include "shelf.h"

/* Tokens that were read, so that the store can be left before anybody is told. */
struct batch {
	size_t count, room;
	struct grant_view *views;
};

/* So many records are looked at in one visit to the store, of which two are a token's; and those
 * of the last chain, whole. */
enum { VISIT = 128 };

static struct grant_view *next_view(struct batch *batch)
{
	if (batch->count == batch->room) {
		size_t room = batch->room ? 2 * batch->room : VISIT;
		void *views = reallocarray(batch->views, room, sizeof(*batch->views));

		if (views == NULL)
			return NULL;
		batch->views = views;
		batch->room = room;
	}
	return &batch->views[batch->count];
}

/* Of two records of one id the first is what a look-up finds. They are in one chain, and so in one
 * batch. */
static bool is_known(const struct batch *batch, const char *id)
{
	for (size_t i = 0; i < batch->count; i++)
		if (memcmp(batch->views[i].grant.id, id, PAT_ID_LEN) == 0)
			return true;
	return false;
}

static int take(const unsigned char *key, size_t key_len, const unsigned char *value,
		size_t value_len, void *data)
{
	struct batch *batch = data;
	char id[PAT_ID_LEN + 1] = "";
	struct grant_view *view;
	int error;

	if (key_len != 1 + PAT_ID_LEN || key[0] != 't')
		return 0;
	memcpy(id, key + 1, PAT_ID_LEN);
	if (is_known(batch, id))
		return 0;
	view = next_view(batch);
	if (view == NULL)
		return PAT_E_NOMEM;
	error = pat_grant_decode(id, value, value_len, &view->grant);
	sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	if (!error)
		batch->count++;
	else if (error == PAT_E_DAMAGED)
		log_line(LOG_CRIT, "token %.8s cannot be read: %s", id, pat_error_text(error));
	else
		/* It is there, and would be missing in the list. */
		return error;
	return 0;
}

/* Reads some more tokens, in one visit to the store. */
static int read_some(const char *path, struct pat_walk *walk, struct batch *batch, bool *more)
{
	struct pat_store *store;
	int error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());

	batch->count = 0;
	*more = false;
	if (error)
		return error;
	error = pat_store_each_some(store, walk, VISIT, take, batch, more);
	for (size_t i = 0; i < batch->count; i++)
		shelf_view(store, &batch->views[i].grant, &batch->views[i]);
	pat_store_close(store);
	return error;
}

static int list_all(const char *path, int (*each)(const struct grant_view *view, void *data),
		    void *data)
{
	struct batch batch = {0};
	struct pat_walk walk = {0};
	bool more = true;
	int error = PAT_OK, answer = 0;

	while (!error && !answer && more) {
		error = read_some(path, &walk, &batch, &more);
		/* What could be reached is told of all the same, before the damage is. */
		if (error && error != PAT_E_DAMAGED)
			break;
		for (size_t i = 0; !answer && i < batch.count; i++)
			answer = each(&batch.views[i], data);
	}
	free(batch.views);
	/* None is as good as an empty one, but not in the middle. */
	if (error == PAT_E_NOSTORE && walk.count == 0)
		error = PAT_OK;
	return answer ? answer : error;
}

static int list_owned(const char *path, const struct pat_account *owner,
		      int (*each)(const struct grant_view *view, void *data), void *data)
{
	struct pat_store *store;
	struct shelf shelf;
	int error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());

	if (error)
		return error == PAT_E_NOSTORE ? PAT_OK : error;
	error = shelf_load(store, owner->uid, SHELF_USES_ALL, &shelf);
	pat_store_close(store);
	for (unsigned i = 0; i < shelf.count; i++)
		sodium_memzero(shelf.views[i].grant.hash, sizeof(shelf.views[i].grant.hash));
	for (unsigned i = 0; !error && i < shelf.count; i++)
		if (shelf_owned(&shelf.views[i], owner))
			error = each(&shelf.views[i], data);
	shelf_free(&shelf);
	return error;
}

int grants_list(const char *path, const struct pat_account *owner,
		int (*each)(const struct grant_view *view, void *data), void *data)
{
	return owner ? list_owned(path, owner, each, data) : list_all(path, each, data);
}

static void name_owner(struct pat_account *owner, const struct pat_grant *grant)
{
	*owner = (struct pat_account){.uid = grant->uid};
	memcpy(owner->name, grant->user, sizeof(owner->name));
}

int grants_owner_by_id(const char *path, const char *id, struct pat_account *owner)
{
	struct pat_store *store;
	struct pat_grant grant;
	int error;

	if (!pat_id_valid(id))
		return PAT_E_NOTFOUND;
	error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());
	if (error)
		return error == PAT_E_NOSTORE ? PAT_E_NOTFOUND : error;
	error = pat_store_get_grant(store, id, &grant);
	pat_store_close(store);
	if (!error)
		name_owner(owner, &grant);
	sodium_memzero(&grant, sizeof(grant));
	return error;
}

struct search {
	const char *user;
	struct pat_account *owner;
};

static int match(const struct grant_view *view, void *data)
{
	const struct search *search = data;

	if (strcmp(view->grant.user, search->user) != 0)
		return 0;
	name_owner(search->owner, &view->grant);
	return 1;
}

int grants_owner_by_name(const char *path, const char *user, struct pat_account *owner)
{
	struct search search = {user, owner};
	int found = grants_list(path, NULL, match, &search);

	return found < 0 ? found : found == 1 ? PAT_OK : PAT_E_NOTFOUND;
}
