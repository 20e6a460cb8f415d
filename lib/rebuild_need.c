/* SPDX-License-Identifier: ISC */
#include <sodium.h>

#include "chain.h"
#include "pat/error.h"
#include "pat/rebuild.h"
#include "pat/store.h"
#include "slot.h"
#include "store_private.h"

/*
 * Records in a chain from which on a rebuild is wanted. Each costs a login some 2 us, and each
 * rebuild leaves 2 at most: so the work of all rebuilds together is a few times that of the last.
 */
#define CROWDED 5

/* So many chains tell how it is with the others. */
#define LOOKED_AT 256

/*
 * Pieces of free space from which on a rebuild is wanted. Who changes anything goes along all of
 * them, some 1 us each. It takes as many changes to make them, so that a rebuild for their sake
 * never writes more than so many records for each of those; but for a store so large that no more
 * pieces are counted.
 */
#define SCATTERED 2048
#define RECORDS_A_PIECE 64

/* A file smaller than this is not worth the work. */
#define SMALL (1 << 20)

int pat_rebuild_need(const char *path, pat_deadline deadline, struct pat_rebuild_need *need)
{
	struct chain_space space = {.bytes = 0};
	struct pat_store *store;
	uint64_t bytes, used = 0;
	uint32_t buckets;
	unsigned records = 0;
	int space_error, error = pat_store_open(&store, path, PAT_STORE_READ, deadline);

	*need = (struct pat_rebuild_need){.crowded = false};
	if (error)
		return error;
	error = pat_store_size(store, &bytes, &buckets);
	for (int i = 0; !error && i < LOOKED_AT; i++)
		error = slot_measure_chain(store->fd, randombytes_uniform(buckets), &records,
					   &used);
	/* Where that makes no sense nothing can be minted, and a rebuild mends it. */
	space_error = error ? PAT_OK : chain_measure_space(store->fd, bytes, &space);
	if (space_error != PAT_E_DAMAGED)
		error = error ? error : space_error;
	pat_store_close(store);
	if (error)
		return error;
	need->crowded = records > LOOKED_AT * CROWDED;
	need->scattered =
		space_error == PAT_E_DAMAGED ||
		(space.pieces > SCATTERED &&
		 (space.pieces == CHAIN_PIECES_MAX ||
		  space.pieces > (uint64_t)records * buckets / LOOKED_AT / RECORDS_A_PIECE));
	need->hollow = bytes > SMALL && used * buckets / LOOKED_AT < bytes / 3;
	return PAT_OK;
}
