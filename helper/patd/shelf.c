/* SPDX-License-Identifier: ISC */
#include "shelf.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "log.h"
#include "pat/error.h"

#define WAIT_MS 10000

void shelf_free(struct shelf *shelf)
{
	if (shelf->views != NULL)
		sodium_memzero(shelf->views, shelf->count * sizeof(*shelf->views));
	free(shelf->views);
}

/* A record that is damaged is left out, and the others are none the worse. One that could not be
 * read this time is there: without it, what is done with all would be done with some. */
static int load_one(struct pat_store *store, uint32_t uid, const char *id, enum shelf_uses uses,
		    struct shelf *shelf)
{
	struct pat_grant grant;
	int error = pat_store_get_grant(store, id, &grant);

	if (!error && (uses == SHELF_USES_ALL || grant.max_uses != 0))
		shelf_view(store, &grant, &shelf->views[shelf->count++]);
	else if (!error)
		shelf->views[shelf->count++].grant = grant;
	else
		log_line(LOG_CRIT, "token %.8s of uid %u cannot be read: %s", id, (unsigned)uid,
			 pat_error_text(error));
	shelf->incomplete |= error != PAT_OK;
	sodium_memzero(&grant, sizeof(grant));
	return error == PAT_E_IO || error == PAT_E_NOMEM ? error : PAT_OK;
}

/* Grants of a uid, as they are met. */
struct gathering {
	uint32_t uid;
	struct pat_index *index;
};

static int gather(const unsigned char *key, size_t key_len, const unsigned char *value,
		  size_t value_len, void *data)
{
	struct gathering *gathering = data;
	struct pat_index *index = gathering->index;
	struct pat_grant grant;
	char id[PAT_ID_LEN + 1] = "";
	bool wanted;

	if (key_len != 1 + PAT_ID_LEN || key[0] != 't' || index->count == PAT_INDEX_MAX)
		return 0;
	memcpy(id, key + 1, PAT_ID_LEN);
	wanted = pat_grant_decode(id, value, value_len, &grant) == PAT_OK &&
		 grant.uid == gathering->uid;
	sodium_memzero(&grant, sizeof(grant));
	if (wanted)
		memcpy(index->ids[index->count++], id, PAT_ID_LEN);
	return 0;
}

/* Without the index, among all tokens: they can be seen, and revoked, as long as they are there. */
static int gather_all(struct pat_store *store, uint32_t uid, struct pat_index *index,
		      bool *incomplete)
{
	struct gathering gathering = {uid, index};
	int error;

	log_line(LOG_CRIT, "the index of uid %u is damaged: patstore rebuild mends it",
		 (unsigned)uid);
	index->count = 0;
	error = pat_store_each(store, gather, &gathering);
	*incomplete = error == PAT_E_DAMAGED;
	return *incomplete ? PAT_OK : error;
}

/* In the order of an index, as far as it can be told: what replaced a token stands behind it. */
static int compare_age(const void *a, const void *b)
{
	const struct grant_view *left = a, *right = b;

	return (left->grant.created_at > right->grant.created_at) -
	       (left->grant.created_at < right->grant.created_at);
}

/* It is made anew by the next change, but nobody knows then how many there were. */
static void look_at_meta(struct pat_store *store)
{
	struct pat_meta meta;
	int error = pat_store_get_meta(store, &meta);

	if (error == PAT_E_DAMAGED || error == PAT_E_NOTFOUND)
		log_line(LOG_CRIT, "the store's own record is lost: patstore check tells more");
}

int shelf_load(struct pat_store *store, uint32_t uid, enum shelf_uses uses, struct shelf *shelf)
{
	struct pat_index *index = malloc(sizeof(*index));
	bool gathered;
	int error;

	*shelf = (struct shelf){0};
	if (index == NULL)
		return PAT_E_NOMEM;
	look_at_meta(store);
	error = pat_store_get_index(store, uid, index);
	gathered = error == PAT_E_DAMAGED;
	if (gathered)
		error = gather_all(store, uid, index, &shelf->incomplete);
	if (error == PAT_E_NOTFOUND) {
		index->count = 0;
		error = PAT_OK;
	}
	if (!error && index->count > 0) {
		shelf->views = calloc(index->count, sizeof(*shelf->views));
		if (shelf->views == NULL)
			error = PAT_E_NOMEM;
	}
	for (unsigned i = 0; !error && i < index->count; i++)
		error = load_one(store, uid, index->ids[i], uses, shelf);
	if (!error && gathered && shelf->count > 1)
		qsort(shelf->views, shelf->count, sizeof(*shelf->views), compare_age);
	free(index);
	return error;
}

bool shelf_owned(const struct grant_view *view, const struct pat_account *owner)
{
	return view->grant.uid == owner->uid && strcmp(view->grant.user, owner->name) == 0;
}

bool shelf_live(const struct grant_view *view, int64_t now)
{
	return pat_status_live(pat_grant_status(&view->grant, &view->use, now));
}

pat_deadline shelf_deadline(void)
{
	return pat_deadline_in(WAIT_MS);
}

struct shelf_attempt shelf_attempt(const char *path)
{
	return (struct shelf_attempt){path, PAT_STORE_PLAN, shelf_deadline()};
}

bool shelf_try_again(struct shelf_attempt *attempt, int error, enum pat_store_mode sure)
{
	bool again = attempt->mode == PAT_STORE_PLAN &&
		     (error == PAT_E_STALE || (error == PAT_E_NOSTORE && sure == PAT_STORE_CREATE));

	attempt->mode = sure;
	return again;
}

/* In the order in which a selector is tried: what is written out before what is only begun, and
 * what lives before what has ended. */
enum fit {
	NO_FIT,
	LIVE_ID,
	LIVE_NAME,
	REPLACED_NAME, /* rotation has put another in its place, but it goes on for a while */
	ENDED_ID,
	ENDED_NAME,
	LIVE_BEGINNING,
	ENDED_BEGINNING,
};

static enum fit fit(const struct grant_view *view, const char *selector, int64_t now)
{
	const struct pat_grant *grant = &view->grant;
	bool is_live = shelf_live(view, now);
	size_t len = strlen(selector);

	if (strcmp(grant->id, selector) == 0)
		return is_live ? LIVE_ID : ENDED_ID;
	if (strcmp(grant->name, selector) == 0)
		return !is_live ? ENDED_NAME : grant->successor[0] ? REPLACED_NAME : LIVE_NAME;
	if (len >= GRANTS_BEGINNING && len < PAT_ID_LEN && strncmp(grant->id, selector, len) == 0)
		return is_live ? LIVE_BEGINNING : ENDED_BEGINNING;
	return NO_FIT;
}

int shelf_choose(const struct shelf *shelf, const struct pat_account *owner, const char *selector,
		 int64_t now, unsigned *chosen, struct grant_choice *choice)
{
	enum fit best = NO_FIT;

	*choice = (struct grant_choice){0};
	for (unsigned i = 0; i < shelf->count; i++) {
		const struct grant_view *view = &shelf->views[i];
		enum fit fits = shelf_owned(view, owner) ? fit(view, selector, now) : NO_FIT;

		if (fits == NO_FIT || (best != NO_FIT && fits > best))
			continue;
		/* Of ended tokens of one name the newest is meant. */
		if (fits != best || fits == ENDED_NAME)
			choice->count = 0;
		best = fits;
		*chosen = i;
		if (choice->count < GRANTS_CANDIDATES)
			memcpy(choice->ids[choice->count], view->grant.id, sizeof(view->grant.id));
		choice->count++;
	}
	if (choice->count == 0)
		return PAT_E_NOTFOUND;
	return choice->count == 1 ? PAT_OK : PAT_E_EXISTS;
}

void shelf_census(const struct shelf *shelf, const struct pat_account *owner, const char *name,
		  const char *apart, int64_t now, struct grant_census *census)
{
	*census = (struct grant_census){0};
	for (unsigned i = 0; i < shelf->count; i++) {
		const struct grant_view *view = &shelf->views[i];

		if (!shelf_owned(view, owner) || !shelf_live(view, now) ||
		    (apart != NULL && strcmp(view->grant.id, apart) == 0))
			continue;
		census->live++;
		census->name_taken |=
			view->grant.successor[0] == '\0' && strcmp(view->grant.name, name) == 0;
	}
}

void shelf_view(struct pat_store *store, const struct pat_grant *grant, struct grant_view *view)
{
	int error = pat_store_get_use(store, grant->id, &view->use);

	view->grant = *grant;
	if (error) {
		memset(&view->use, 0, sizeof(view->use));
		log_line(LOG_CRIT, "the use record of token %s cannot be read: %s", grant->id,
			 pat_error_text(error));
	}
}
