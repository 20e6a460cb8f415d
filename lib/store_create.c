/* SPDX-License-Identifier: ISC */

/*
 * How a store is made: aside, and only when it is on disk it gets its name. A power cut while TDB
 * first writes a file leaves one that cannot be opened.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "place.h"
#include "store_private.h"

/* Fills a new file with what every store has. */
static int fill_new(struct pat_store *store)
{
	struct pat_meta meta = {.schema = PAT_SCHEMA, .created_at = (int64_t)time(NULL)};
	struct pat_use strangers = {0};
	int error;

	/* No transaction is needed before the file has its name; the writers below ask for one. */
	store->in_transaction = true;
	error = store_put_meta(store, &meta);
	if (error)
		return error;
	return pat_store_put_use(store, PAT_STRANGERS_ID, &strangers);
}

/* Makes a file with what every store has, and has it on disk. */
static int write_new(const char *path)
{
	struct pat_store fresh = {.gate.fd = -1, .fd = -1, .spare = -1, .full_at = STORE_FULL_AT};
	int error = store_make_tdb(&fresh, path), saved;

	if (error)
		return error;
	error = fill_new(&fresh);
	if (!error && fsync(fresh.fd) < 0)
		error = PAT_E_IO;
	saved = errno;
	tdb_close(fresh.tdb);
	errno = saved;
	return error;
}

int store_create(const struct place *place)
{
	char path[PATH_MAX], base[NAME_MAX + 1];
	const char *made = base;
	int error, saved;

	if (snprintf(path, sizeof(path), "%s.new", place->path) >= (int)sizeof(path) ||
	    snprintf(base, sizeof(base), "%s.new", place->base) >= (int)sizeof(base))
		return PAT_E_TOOBIG;
	if (unlinkat(place->dir, base, 0) < 0 && errno != ENOENT)
		return place_open_error();
	error = write_new(path);
	if (!error && renameat(place->dir, base, place->dir, place->base) < 0)
		error = PAT_E_IO;
	else if (!error)
		made = place->base;
	if (!error && fsync(place->dir) < 0)
		error = PAT_E_IO;
	/* Nor a store whose name is not on disk: nobody would see to that any more. */
	saved = errno;
	if (error)
		(void)unlinkat(place->dir, made, 0);
	errno = saved;
	return error;
}
