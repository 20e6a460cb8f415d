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
	if (shelf->grants != NULL)
		sodium_memzero(shelf->grants, shelf->count * sizeof(*shelf->grants));
	free(shelf->grants);
}

int shelf_load(struct pat_store *store, uint32_t uid, struct shelf *shelf)
{
	struct pat_index *index = malloc(sizeof(*index));
	int error;

	*shelf = (struct shelf){0};
	if (index == NULL)
		return PAT_E_NOMEM;
	error = pat_store_get_index(store, uid, index);
	if (error == PAT_E_NOTFOUND) {
		index->count = 0;
		error = PAT_OK;
	}
	if (!error && index->count > 0) {
		shelf->grants = calloc(index->count, sizeof(*shelf->grants));
		if (shelf->grants == NULL)
			error = PAT_E_NOMEM;
	}
	for (unsigned i = 0; !error && i < index->count; i++) {
		int fault = pat_store_get_grant(store, index->ids[i], &shelf->grants[shelf->count]);

		if (!fault)
			shelf->count++;
		else
			log_line(LOG_CRIT, "token %.8s of uid %u cannot be read: %s", index->ids[i],
				 (unsigned)uid, pat_error_text(fault));
	}
	free(index);
	return error;
}

bool shelf_owned(const struct pat_grant *grant, const struct pat_account *owner)
{
	return grant->uid == owner->uid && strcmp(grant->user, owner->name) == 0;
}

bool shelf_live(const struct pat_grant *grant, int64_t now)
{
	return pat_grant_status(grant, now) == PAT_STATUS_ACTIVE;
}

pat_deadline shelf_deadline(void)
{
	return pat_deadline_in(WAIT_MS);
}

/* In the order in which a selector is tried: what is written out before what is only begun, and
 * what lives before what has ended. */
enum fit { NO_FIT, LIVE_ID, LIVE_NAME, ENDED_ID, ENDED_NAME, LIVE_BEGINNING, ENDED_BEGINNING };

static enum fit fit(const struct pat_grant *grant, const char *selector, int64_t now)
{
	bool is_live = shelf_live(grant, now);
	size_t len = strlen(selector);

	if (strcmp(grant->id, selector) == 0)
		return is_live ? LIVE_ID : ENDED_ID;
	if (strcmp(grant->name, selector) == 0)
		return is_live ? LIVE_NAME : ENDED_NAME;
	if (len >= GRANTS_BEGINNING && len < PAT_ID_LEN && strncmp(grant->id, selector, len) == 0)
		return is_live ? LIVE_BEGINNING : ENDED_BEGINNING;
	return NO_FIT;
}

int shelf_choose(const struct shelf *shelf, const struct pat_account *owner, const char *selector,
		 int64_t now, const struct pat_grant **chosen, struct grant_choice *choice)
{
	enum fit best = NO_FIT;

	*choice = (struct grant_choice){0};
	for (unsigned i = 0; i < shelf->count; i++) {
		const struct pat_grant *grant = &shelf->grants[i];
		enum fit fits = shelf_owned(grant, owner) ? fit(grant, selector, now) : NO_FIT;

		if (fits == NO_FIT || (best != NO_FIT && fits > best))
			continue;
		/* Of ended tokens of one name the newest is meant. */
		if (fits != best || fits == ENDED_NAME)
			choice->count = 0;
		best = fits;
		*chosen = grant;
		if (choice->count < GRANTS_CANDIDATES)
			memcpy(choice->ids[choice->count], grant->id, sizeof(grant->id));
		choice->count++;
	}
	if (choice->count == 0)
		return PAT_E_NOTFOUND;
	return choice->count == 1 ? PAT_OK : PAT_E_EXISTS;
}

void shelf_view(struct pat_store *store, const struct pat_grant *grant, struct grant_view *view)
{
	int error = pat_store_get_use(store, grant->id, &view->use);

	view->grant = *grant;
	sodium_memzero(view->grant.hash, sizeof(view->grant.hash));
	if (error) {
		memset(&view->use, 0, sizeof(view->use));
		log_line(LOG_CRIT, "the use record of token %s cannot be read: %s", grant->id,
			 pat_error_text(error));
	}
}
