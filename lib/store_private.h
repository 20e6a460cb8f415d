/* SPDX-License-Identifier: ISC */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
/* tdb.h wants the three above before it. */
#include <tdb.h>

#include "gate.h"
#include "pat/store.h"

/* An open store. store.c opens and closes it, store_records.c reads and writes through it. */
struct pat_store {
	struct tdb_context *tdb;
	struct gate gate;
	bool in_transaction;
	bool spoilt;  /* a write failed: what was begun must not be committed */
	bool alarmed; /* TDB logged a fatal error, of which it does not always return one */
	int spare;    /* during a commit, what its descriptor gives way to then; else -1 */
	char *path;   /* for opening once more */
	char *lock_path;
	struct stat file; /* which file was looked at */
};

/* Opens the file in store->tdb. Who calls is alone in the gate, or knows that there is nothing to
 * roll back. */
int store_open_tdb(struct pat_store *store);

/* What TDB's last failure means. */
int store_tdb_error(struct tdb_context *tdb);

#endif
