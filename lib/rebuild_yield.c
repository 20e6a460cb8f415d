/* SPDX-License-Identifier: ISC */

/*
 * Who changes a grant waits for the pen some seconds and fails then, and a revocation must not fail
 * because a store is looked at or written anew. What is changed after the reading is noted, and
 * done again in the new file (gate_notes.c, rebuild_replay.c); but while it is read a file must
 * stay as it is. So
 *  - a small store is read with the pen in hand, which is quickest;
 *  - when somebody has waited for the pen for some seconds, that is given up, and begun again with
 *    a copy: making one takes a fraction of the reading, and none where files share blocks;
 *  - a large store is copied at once;
 *  - the copying gives way, too, some times: then the machine is too busy, and the store stays as
 *    it is until a better time.
 * Who repairs or restores has the pen all the time: what others make of damage meanwhile could not
 * be told from the repair.
 */

#include <time.h>

#include "pat/error.h"
#include "rebuild.h"

/* A mint waits for 10 s. */
#define GIVES_WAY_MS 3000
#define ATTEMPTS 4
#define COPIED_FROM (1ULL << 30)

static bool may_give_way(const struct rebuild *rebuild)
{
	return (rebuild->order->task == PAT_REBUILD_STORE && !rebuild->repairs) ||
	       rebuild->order->task == PAT_REBUILD_LOOK ||
	       rebuild->order->task == PAT_REBUILD_BACKUP;
}

bool rebuild_wants_copy(const struct rebuild *rebuild, uint64_t size)
{
	if (rebuild->order->task == PAT_REBUILD_BACKUP)
		return true;
	return may_give_way(rebuild) && (rebuild->attempt > 0 || size > COPIED_FROM);
}

bool rebuild_gives_way(struct rebuild *rebuild)
{
	const unsigned patience = rebuild->order->patience_ms;

	if (rebuild->gave_way)
		return true;
	if (!may_give_way(rebuild) || !gate_pen_is_wanted(&rebuild->gate)) {
		rebuild->wanted_until = 0;
		return false;
	}
	if (rebuild->wanted_until == 0)
		rebuild->wanted_until = pat_deadline_in(patience ? patience : GIVES_WAY_MS);
	rebuild->gave_way = pat_deadline_passed(rebuild->wanted_until);
	return rebuild->gave_way;
}

bool rebuild_tries_again(const struct rebuild *rebuild)
{
	/* Longer than those who wait sleep between two tries. */
	const struct timespec pause = {.tv_nsec = 100000000};

	if (rebuild->attempt >= ATTEMPTS)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}
