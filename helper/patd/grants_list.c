/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "grants.h"
#include "log.h"
#include "pat/error.h"
#include "shelf.h"

/* Ids of tokens, gathered so that the store can be left before anybody is told. */
struct ids {
	size_t count, size;
	char (*list)[PAT_ID_LEN];
};

static int gather(const unsigned char *key, size_t key_len, const unsigned char *value,
		  size_t value_len, void *data)
{
	struct ids *ids = data;

	(void)value;
	(void)value_len;
	if (key_len != 1 + PAT_ID_LEN || key[0] != 't')
		return 0;
	if (ids->count == ids->size) {
		size_t size = ids->size ? 2 * ids->size : 1024;
		void *list = reallocarray(ids->list, size, PAT_ID_LEN);

		if (list == NULL)
			return PAT_E_NOMEM;
		ids->list = list;
		ids->size = size;
	}
	memcpy(ids->list[ids->count++], key + 1, PAT_ID_LEN);
	return 0;
}

static int gather_owned(struct pat_store *store, const struct pat_account *owner, struct ids *ids)
{
	struct shelf shelf;
	int error = shelf_load(store, owner->uid, SHELF_USES_NEEDED, &shelf);

	for (unsigned i = 0; !error && i < shelf.count; i++) {
		struct pat_key key = pat_key_grant(shelf.views[i].grant.id);

		if (shelf_owned(&shelf.views[i], owner))
			error = gather((const unsigned char *)key.bytes, key.len, NULL, 0, ids);
	}
	shelf_free(&shelf);
	return error;
}

/* Reads some tokens, from *next on, in one visit to the store. */
static int read_views(const char *path, const struct ids *ids, size_t *next,
		      struct grant_view *views, size_t room, size_t *count)
{
	struct pat_store *store;
	struct pat_grant grant;
	int error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());

	*count = 0;
	if (error)
		return error;
	for (; !error && *next < ids->count && *count < room; ++*next) {
		int fault = pat_store_get_grant(store, ids->list[*next], &grant);

		sodium_memzero(grant.hash, sizeof(grant.hash));
		if (!fault)
			shelf_view(store, &grant, &views[(*count)++]);
		else if (fault == PAT_E_DAMAGED)
			log_line(LOG_CRIT, "token %.8s cannot be read: %s", ids->list[*next],
				 pat_error_text(fault));
		else if (fault != PAT_E_NOTFOUND)
			/* It is there, and would be missing in the list. */
			error = fault;
	}
	sodium_memzero(&grant, sizeof(grant));
	pat_store_close(store);
	return error;
}

int grants_list(const char *path, const struct pat_account *owner,
		int (*each)(const struct grant_view *view, void *data), void *data)
{
	enum { ROOM = 64 };
	struct grant_view *views = calloc(ROOM, sizeof(*views));
	struct pat_store *store;
	struct ids ids = {0};
	size_t next = 0, count;
	bool damaged;
	int error = views ? pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline())
			  : PAT_E_NOMEM;

	if (error)
		goto out;
	error = owner ? gather_owned(store, owner, &ids) : pat_store_each(store, gather, &ids);
	pat_store_close(store);
	/* What could be reached is told of all the same, before that. */
	damaged = error == PAT_E_DAMAGED;
	if (damaged)
		error = PAT_OK;
	while (!error && next < ids.count) {
		error = read_views(path, &ids, &next, views, ROOM, &count);
		for (size_t i = 0; !error && i < count; i++)
			error = each(&views[i], data);
	}
	if (!error && damaged)
		error = PAT_E_DAMAGED;
out:
	free(views);
	free(ids.list);
	return error == PAT_E_NOSTORE ? PAT_OK : error;
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
