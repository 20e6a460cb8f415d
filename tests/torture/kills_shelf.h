/* SPDX-License-Identifier: ISC */
#ifndef KILLS_SHELF_H
#define KILLS_SHELF_H

/* The tokens of one uid as they are in the store at one moment, and what must hold of them. */

#include <sodium.h>

#include "../unit/same_grant.h"
#include "kills_client.h"
#include "pat/error.h"
#include "pat/store.h"

#define LOOK_MS 20000
#define ROWS_MAX 400

struct row {
	struct pat_grant grant;
	struct pat_use use;
	bool torn; /* its use record is damaged; what stands in `use` is nothing */
};

struct shelf_seen {
	unsigned count, torn;
	struct row rows[ROWS_MAX]; /* in the order of the index */
};

#define WHY_MAX 300

static UNUSED const struct row *row_of(const struct shelf_seen *seen, const char *id)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (memcmp(seen->rows[i].grant.id, id, PAT_ID_LEN) == 0)
			return &seen->rows[i];
	return NULL;
}

/* The old one of a rotation and the new one: never one without the other. */
static bool rotation_is_whole(const struct row *old)
{
	return old->grant.successor[0] == '\0' || old->grant.revoked_at != 0 ||
	       old->grant.expires_at != 0;
}

static int read_row(struct pat_store *store, uint32_t uid, const char *id, struct row *row,
		    char *why)
{
	int error = pat_store_get_grant(store, id, &row->grant);

	if (error) {
		snprintf(why, WHY_MAX, "token %.8s of the index: %s", id, pat_error_text(error));
		return error;
	}
	error = pat_store_get_use(store, id, &row->use);
	row->torn = error == PAT_E_DAMAGED;
	if (row->torn)
		memset(&row->use, 0, sizeof(row->use));
	else if (error) {
		snprintf(why, WHY_MAX, "use record of %.8s: %s", id, pat_error_text(error));
		return error;
	}
	if (row->grant.uid != uid || !rotation_is_whole(row)) {
		snprintf(why, WHY_MAX, "token %.8s: %s", id,
			 row->grant.uid != uid ? "in the index of another" : "half rotated");
		return PAT_E_DAMAGED;
	}
	return PAT_OK;
}

/* Reads them in one visit to the store. 0; or an error, and in `why` what is wrong. A store that
 * is not there has no tokens. */
static UNUSED int shelf_look(const char *path, uint32_t uid, struct shelf_seen *seen, char *why)
{
	static struct pat_index index;
	struct pat_store *store;
	int error = pat_store_open(&store, path, PAT_STORE_READ, pat_deadline_in(LOOK_MS));

	seen->count = seen->torn = 0;
	if (error) {
		snprintf(why, WHY_MAX, "the store cannot be opened: %s", pat_error_text(error));
		return error == PAT_E_NOSTORE ? PAT_OK : error;
	}
	error = pat_store_get_index(store, uid, &index);
	if (error == PAT_E_NOTFOUND) {
		index.count = 0;
		error = PAT_OK;
	}
	snprintf(why, WHY_MAX, "the index of uid %u: %s", (unsigned)uid,
		 error ? pat_error_text(error) : "too long");
	if (!error && index.count > ROWS_MAX)
		error = PAT_E_TOOBIG;
	for (unsigned i = 0; !error && i < index.count; i++) {
		if (row_of(seen, index.ids[i]) != NULL) {
			snprintf(why, WHY_MAX, "token %.8s is twice in the index", index.ids[i]);
			error = PAT_E_DAMAGED;
		} else {
			error = read_row(store, uid, index.ids[i], &seen->rows[i], why);
			seen->torn += !error && seen->rows[i].torn;
			seen->count += !error;
		}
	}
	pat_store_close(store);
	return error;
}

/* What is left of the hash when a token has ended. */
static UNUSED void leave_trace(struct pat_grant *grant)
{
	unsigned char trace[PAT_HASH_LEN];

	if (grant->algorithm != PAT_ALGORITHM_BLAKE2B)
		return;
	pat_token_trace(grant->hash, trace);
	memcpy(grant->hash, trace, sizeof(trace));
	grant->algorithm = PAT_ALGORITHM_TRACE;
}

static UNUSED bool is_spent(const struct row *row)
{
	return row->grant.max_uses != 0 && row->use.uses >= row->grant.max_uses;
}

/* Whether nobody changed the grant. Of one that is spent a sweep may have taken the hash. */
static UNUSED bool same_row(const struct row *old, const struct row *new)
{
	struct pat_grant traced = old->grant;

	if (same_grant(&old->grant, &new->grant))
		return true;
	leave_trace(&traced);
	return is_spent(new) && same_grant(&traced, &new->grant);
}

/* Whether the token was ended, and nothing else, as patd ends one. */
static UNUSED bool was_ended(const struct row *old, const struct row *new)
{
	struct pat_grant ended = old->grant;

	leave_trace(&ended);
	ended.revoked_at = new->grant.revoked_at;
	ended.revoked_by = new->grant.revoked_by;
	return new->grant.revoked_at != 0 && same_grant(&ended, &new->grant);
}

static UNUSED bool is_live(const struct row *row)
{
	return row->grant.revoked_at == 0 && !is_spent(row);
}

#endif
