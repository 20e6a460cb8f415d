/* SPDX-License-Identifier: ISC */

/*
 * The way into a transaction for who has read and decided beside the logins. What takes long is
 * done beside them too: with the pen in hand nobody else changes grants, and TDB may open the store
 * and read the table of its chains, which in a large one takes milliseconds. Only then are they
 * kept out, until the commit has been made; from the first write on, TDB holds whole pages, and
 * what a login stamps into one of those would be lost (store_commit.c).
 *
 * The store may have been changed between the reading and the pen. Every change counts the
 * generation in the store's own record: the same number, in the same file, is the same grants.
 *
 * MUST: go on only if what was read still holds.
 */

#include "pat/error.h"
#include "slot.h"
#include "store_private.h"

/* Nobody rolls anything back while we are in the room. */
static int open_beside_others(struct pat_store *store)
{
	int error;

	if (!store_is_as_it_was(store) || store_ends_within_page(store))
		return PAT_E_STALE;
	store_close_file(store);
	error = store_open_tdb(store);
	if (!error)
		error = slot_check_hashes(store->fd);
	if (!error && tdb_transaction_start(store->tdb) != 0)
		error = store_tdb_error(store->tdb);
	return error;
}

/* Where the record that counts cannot be written, nobody's changes were counted. */
static bool has_same_grants(struct pat_store *store)
{
	struct pat_meta meta;

	return store_is_as_it_was(store) && pat_store_get_meta(store, &meta) == PAT_OK &&
	       meta.generation == store->meta.generation && store_counts(store);
}

int pat_store_begin(struct pat_store *store, pat_deadline deadline)
{
	int error;

	if (store->in_transaction)
		return PAT_OK;
	if (store->mode != PAT_STORE_PLAN)
		return PAT_E_INVALID;
	/* Who had to roll back something is alone as it is, by another way. */
	if (store->has_mutex)
		return PAT_E_STALE;
	/* Out of the room: who has the pen may be waiting to be alone there. */
	gate_leave(&store->gate);
	error = store_take_mutex(deadline);
	store->has_mutex = !error;
	if (!error)
		error = gate_take_pen(&store->gate, deadline);
	if (!error)
		error = gate_enter_shared(&store->gate, deadline);
	if (!error)
		error = open_beside_others(store);
	if (!error)
		error = gate_enter_alone(&store->gate, deadline);
	if (!error && !has_same_grants(store))
		error = PAT_E_STALE;
	store->in_transaction = !error;
	return error;
}
