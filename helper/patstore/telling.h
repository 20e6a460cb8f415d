/* SPDX-License-Identifier: ISC */
#ifndef TELLING_H
#define TELLING_H

#include <stdbool.h>
#include <stdio.h>

#include "pat/rebuild.h"

/*
 * What was found in a store, for an administrator: whose token it is that has a fault. It is kept
 * while the store is held, and printed afterwards, because of some tokens it is learnt late whose
 * they are, and because to look up a user's name may take time.
 */
struct telling {
	struct telling_line *lines;
	size_t count, room;
	uint64_t loose; /* faults of owner and mode, which neither a backup nor a rebuild mends */
	bool out_of_memory;
};

/* A pat_rebuild_tell; `data` is the telling. */
void telling_keep(void *data, const struct pat_rebuild_told *told);

/* Prints it, `notes` also where nothing is wrong, and forgets it. PAT_E_NOMEM if a line was lost.
 */
int telling_print(struct telling *telling, bool notes, FILE *out);

#endif
