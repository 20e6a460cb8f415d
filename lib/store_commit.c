/* SPDX-License-Identifier: ISC */

/*
 * The end of a transaction. TDB writes what it will overwrite into a recovery area, sets a magic
 * number there, writes, and clears the number, with a sync after each. Where that fails, TDB alone
 * does not keep its word: after a failed sync of the writes it returns an error and clears the
 * number at tdb_close(), so that the new state stands; and a failure to clear the number it does
 * not return at all, though the next tdb_open() will roll back.
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
#include "store_private.h"

/*
 * tdb_open() would roll it back at once, alone in the gate or not: hence the look before. The
 * layout is that of `struct tdb_header` and `struct tdb_record` in tdb's common/tdb_private.h, in
 * the byte order of the machine.
 */
int store_needs_recovery(int fd, bool *needed)
{
	enum { VERSION_AT = 32, RECOVERY_AT = 44, HEADER = 48, MAGIC_AT = 20 };
	const uint32_t version = 0x26011967 + 6, recovery_magic = 0xf53bc0e7;
	unsigned char header[HEADER];
	uint32_t found, at, magic = 0;
	ssize_t got;

	*needed = false;
	got = pread(fd, header, sizeof(header), 0);
	if (got < 0)
		return PAT_E_IO;
	if (got != sizeof(header))
		return PAT_E_DAMAGED;
	memcpy(&found, header + VERSION_AT, sizeof(found));
	memcpy(&at, header + RECOVERY_AT, sizeof(at));
	if (found != version)
		return PAT_E_DAMAGED;
	if (at == 0)
		return PAT_OK;
	got = pread(fd, &magic, sizeof(magic), (off_t)at + MAGIC_AT);
	if (got < 0)
		return PAT_E_IO;
	*needed = got == sizeof(magic) && magic == recovery_magic;
	return PAT_OK;
}

/* Every change of grants is counted in the store's own record. */
static int count_generation(struct pat_store *store, uint64_t *generation)
{
	struct pat_meta meta;
	unsigned char buf[PAT_META_SIZE];
	size_t len = sizeof(buf);
	struct pat_key key = pat_key_meta();
	TDB_DATA tdb_key = {.dptr = (unsigned char *)key.bytes, .dsize = key.len};
	TDB_DATA value = {.dptr = buf};
	int error = pat_store_get_meta(store, &meta);

	if (error)
		return error;
	*generation = ++meta.generation;
	error = pat_meta_encode(&meta, buf, &len);
	if (error)
		return error;
	value.dsize = len;
	return tdb_store(store->tdb, tdb_key, value, TDB_MODIFY) == 0 ? PAT_OK
								      : store_tdb_error(store->tdb);
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
	struct pat_meta meta;
	int error;

	if (dup3(spare, tdb_fd(store->tdb), O_CLOEXEC) < 0)
		return PAT_E_IO;
	tdb_close(store->tdb);
	store->tdb = NULL;
	error = store_open_tdb(store);
	if (!error)
		error = pat_store_get_meta(store, &meta);
	if (error)
		return PAT_E_IO;
	if (meta.generation != generation)
		return PAT_E_IO;
	return sync_again(tdb_fd(store->tdb));
}

int pat_store_commit(struct pat_store *store)
{
	uint64_t generation;
	bool unfinished = true;
	int error, spare, result;

	if (!store->in_transaction || store->spoilt)
		return PAT_E_INVALID;
	error = count_generation(store, &generation);
	if (error)
		return error;
	spare = memfd_create("pat", MFD_CLOEXEC);
	if (spare < 0)
		return PAT_E_IO;
	store->in_transaction = false;
	store->alarmed = false;
	result = tdb_transaction_commit(store->tdb);
	error = store_needs_recovery(tdb_fd(store->tdb), &unfinished);
	if (result != 0 || error || unfinished || store->alarmed) {
		int saved = errno;

		error = settle(store, spare, generation);
		errno = saved;
	}
	close(spare);
	return error;
}
