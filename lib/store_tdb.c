/* SPDX-License-Identifier: ISC */

/* TDB: how a file is opened by it, and what it means by an error, or by the lack of one. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "place.h"
#include "store_private.h"

int store_tdb_error(struct tdb_context *tdb)
{
	switch (tdb_error(tdb)) {
	case TDB_SUCCESS:
		return PAT_OK;
	case TDB_ERR_NOEXIST:
		return PAT_E_NOTFOUND;
	case TDB_ERR_CORRUPT:
		return PAT_E_DAMAGED;
	case TDB_ERR_OOM:
		/* So it calls it, too, when the file cannot be made longer. */
		return errno == ENOMEM ? PAT_E_NOMEM : PAT_E_IO;
	default:
		return PAT_E_IO;
	}
}

int store_put_error(struct tdb_context *tdb)
{
	int error = store_tdb_error(tdb);

	if (error != PAT_OK && error != PAT_E_NOTFOUND)
		return error;
	/* posix_fallocate(3) returns that, and TDB keeps it to itself. */
	errno = ENOSPC;
	return PAT_E_IO;
}

void store_forget_trouble(struct pat_store *store)
{
	store->trouble = errno = 0;
}

int store_trouble(const struct pat_store *store)
{
	errno = store->trouble;
	return store->trouble == ENOMEM ? PAT_E_NOMEM : PAT_E_IO;
}

/*
 * Why posix_fallocate(3) fails it returns, and errno does not tell; where it was for lack of space,
 * TDB forgets it. What it speaks of then, for the first time, is what it wanted the space for: of
 * whatever else keeps a file from growing it has spoken before, and errno tells.
 */
static bool speaks_of_lost_space(const char *format)
{
	return strstr(format, "expansion failed") != NULL ||
	       strstr(format, "failed to create recovery area") != NULL;
}

static void note_fatal(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
{
	struct pat_store *store = tdb_get_logging_private(tdb);

	if (level <= TDB_DEBUG_ERROR && store->trouble == 0)
		store->trouble = errno ? errno : speaks_of_lost_space(format) ? ENOSPC : EIO;
	if (level != TDB_DEBUG_FATAL)
		return;
	store->alarmed = true;
	/* From here on TDB would only make it worse: what it does now reaches no file. */
	if (store->spare >= 0)
		(void)dup3(store->spare, tdb_fd(tdb), O_CLOEXEC);
}

/* What TDB opened by name is what was looked at. */
static int check_same(const struct pat_store *store)
{
	struct stat st;

	if (fstat(store->fd, &st) < 0)
		return PAT_E_IO;
	if (st.st_dev != store->file.st_dev || st.st_ino != store->file.st_ino)
		return PAT_E_UNSAFE;
	return store_check_descriptor(store->fd) ? PAT_E_ACCESS
						 : place_check_ours(store->fd, S_IFREG);
}

/* Opens a file with an eye on what TDB says of it. */
static bool open_logged(struct pat_store *store, const char *path, int hash_size, int flags)
{
	const struct tdb_logging_context log = {note_fatal, store};

	store->fd = -1;
	errno = 0;
	store->tdb = tdb_open_ex(path, hash_size, STORE_TDB_FLAGS, flags, 0600, &log, NULL);
	if (store->tdb == NULL)
		return false;
	store->fd = tdb_fd(store->tdb);
	store->hash_size = (uint32_t)tdb_hash_size(store->tdb);
	return true;
}

int store_open_tdb(struct pat_store *store)
{
	const int flags = store->looks ? STORE_LOOK_FLAGS : STORE_OPEN_FLAGS;

	if (!open_logged(store, store->path, 0, flags)) {
		/* It may say nothing at all of a file that it cannot read. */
		if (errno == 0 || errno == EIO || errno == EINVAL || errno == ENOSYS)
			return PAT_E_DAMAGED;
		return place_open_error();
	}
	/* The environment variable TDB_NO_FSYNC is not asked about what is durable here. */
	tdb_remove_flags(store->tdb, TDB_NOSYNC);
	return check_same(store);
}

int store_make_tdb(struct pat_store *store, const char *path)
{
	if (open_logged(store, path, STORE_HASH_SIZE, STORE_OPEN_FLAGS | O_CREAT | O_EXCL))
		return PAT_OK;
	errno = errno ? errno : EIO;
	return place_open_error();
}
