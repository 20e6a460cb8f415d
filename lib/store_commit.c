/* SPDX-License-Identifier: ISC */

/*
 * The end of a transaction. TDB writes what it will overwrite into a recovery area, sets a magic
 * number there, writes, and clears the number, with a sync after each. Where that fails, TDB alone
 * does not keep its word: after a failed sync of the writes it returns an error and clears the
 * number at tdb_close(), so that the new state stands; and a failure to clear the number it does
 * not return at all, though the next tdb_open() will roll back.
 *
 * Who commits is alone in the gate from the first write on (store_begin.c), all four syncs long,
 * and logins wait. They could not be let in before TDB writes to the file, though nothing of what
 * they look up is touched until then: a transaction keeps whole pages, as they were when it first
 * needed them, and writes them back whole, as its recovery area does after a crash. A use that was
 * stamped into one of those pages meanwhile would be taken back, and a token of counted uses be
 * good once more. That is, in a small store, nearly all stamps; and a login that is let in to look
 * and not to stamp waits as long. The same holds for the last two syncs, where a crash would take
 * back what a login has had on disk.
 *
 * MUST: return 0 only if the new state is on disk and stays, an error only if the old one does, as
 * far as the disk lets anybody know.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pat/error.h"
#include "slot.h"
#include "store_private.h"

/* In a store whose own record cannot be written. */
#define NOT_COUNTED 0

/* Every change of grants is counted in the store's own record. What is damaged there keeps nobody
 * from revoking a token. */
static int count_generation(struct pat_store *store, uint64_t *generation)
{
	int error;

	*generation = ++store->meta.generation;
	error = store_put_meta(store, &store->meta);
	if (error != PAT_E_DAMAGED)
		return error;
	*generation = NOT_COUNTED;
	return PAT_OK;
}

/* Writes the cleared number once more, because a sync that failed is not tried again by the kernel.
 */
static int sync_again(int fd)
{
	enum { RECOVERY_AT = 44, MAGIC_AT = 20 };
	uint32_t at, magic;

	if (pread(fd, &at, sizeof(at), RECOVERY_AT) != sizeof(at))
		return PAT_E_IO;
	if (at != 0 && (pread(fd, &magic, sizeof(magic), (off_t)at + MAGIC_AT) != sizeof(magic) ||
			pwrite(fd, &magic, sizeof(magic), (off_t)at + MAGIC_AT) != sizeof(magic)))
		return PAT_E_IO;
	if (pwrite(fd, &at, sizeof(at), RECOVERY_AT) != sizeof(at) || fdatasync(fd) < 0)
		return PAT_E_IO;
	return PAT_OK;
}

/*
 * Something failed: opens the file once more, which rolls back what has to be, and looks which
 * state stands. `spare` takes the place of TDB's descriptor while it closes, so that it clears
 * nothing.
 */
static int settle(struct pat_store *store, int spare, uint64_t generation)
{
	struct pat_meta meta = {0};
	enum slot_recovery recovery;
	int error;

	if (dup3(spare, tdb_fd(store->tdb), O_CLOEXEC) < 0)
		return PAT_E_IO;
	store_close_file(store);
	error = store_forget_recovery(store);
	if (!error)
		error = store_open_tdb(store);
	if (!error)
		error = slot_look_at_recovery(tdb_fd(store->tdb), &recovery);
	if (!error && recovery != SLOT_CLEAN)
		error = PAT_E_IO;
	if (!error)
		error = pat_store_get_meta(store, &meta);
	if (error || generation == NOT_COUNTED || meta.generation != generation)
		return PAT_E_IO;
	return sync_again(tdb_fd(store->tdb));
}

/* TDB's commit, with its descriptor taken from it as soon as it speaks of a fatal error. */
static int commit(struct pat_store *store, int spare, uint64_t generation)
{
	enum slot_recovery recovery = SLOT_PENDING;
	int result, error, saved;

	store->alarmed = false;
	store_forget_trouble(store);
	store->spare = spare;
	result = tdb_transaction_commit(store->tdb);
	store->spare = -1;
	/* Whether the disk is full, say: TDB's own cleaning up forgets it. */
	if (result != 0 || store->trouble)
		errno = store->trouble ? store->trouble : EIO;
	error = slot_look_at_recovery(tdb_fd(store->tdb), &recovery);
	if (result == 0 && !error && recovery == SLOT_CLEAN && !store->alarmed)
		return PAT_OK;
	saved = errno;
	error = settle(store, spare, generation);
	errno = saved;
	return error;
}

int pat_store_commit(struct pat_store *store)
{
	uint64_t generation;
	int error, spare;

	if (!store->in_transaction || store->spoilt)
		return PAT_E_INVALID;
	/* Without the lock file that we hold, another may be writing. */
	if (!gate_is_current(&store->gate))
		return PAT_E_BUSY;
	error = count_generation(store, &generation);
	if (error)
		return error;
	spare = memfd_create("pat", MFD_CLOEXEC);
	if (spare < 0)
		return PAT_E_IO;
	store->in_transaction = store->changed = false;
	error = commit(store, spare, generation);
	close(spare);
	return error;
}
