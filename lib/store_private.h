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

/*
 * No mmap: a file that is cut short while open would be a SIGBUS in sshd. No locks of TDB's: they
 * wait for ever. Its other hash function is the better one.
 */
#define STORE_TDB_FLAGS (TDB_NOMMAP | TDB_NOLOCK | TDB_DISALLOW_NESTING | TDB_INCOMPATIBLE_HASH)
#define STORE_OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
#define STORE_LOOK_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* How many chains a new store has. A rebuilt one has this, doubled as often as need be. */
#define STORE_HASH_SIZE 10007

/* An offset in TDB has 32 bits. What grows by a tenth at a time must stop well before. */
#define STORE_SIZE_MAX (UINT32_MAX - (64U << 20))
#define STORE_FULL_AT (3584ULL << 20)

/*
 * An open store. store.c opens and closes it, store_records.c reads and writes through it. Reading
 * and stamping go to the file itself (chain.h, slot.h), and need no TDB.
 */
struct pat_store {
	struct tdb_context *tdb; /* for what changes grants, or rolls back; else NULL */
	int fd;                  /* of the file, TDB's where there is one; -1: not open */
	uint32_t hash_size;      /* how many chains it has */
	bool has_mutex;
	struct gate gate;
	enum pat_store_mode mode;
	bool looks;        /* where nothing can be written */
	bool knows_schema; /* of this file */
	bool in_transaction;
	bool changed;    /* by it: the file does not tell all any more */
	bool sure_space; /* the free space was looked at, and is sound */
	bool scattered;  /* much of the file is free, and the chains were not looked at */
	uint64_t room;   /* what is left of the largest piece */
	struct pat_meta meta;
	bool spoilt;  /* a write failed: what was begun must not be committed */
	bool alarmed; /* TDB logged a fatal error, of which it does not always return one */
	/* TDB logged any error at all since this was cleared: it takes a key that it could not read
	 * for another one, and so tells failure as absence, or adds a second record of one key. */
	int trouble; /* the errno of it; 0: none */
	int spare;   /* during a commit, what its descriptor gives way to then; else -1 */
	char *path;  /* for opening once more */
	char *lock_path;
	struct stat file; /* which file was looked at */
	uint64_t full_at; /* size from which on nothing is added */
	struct pat_key seen_key;
	TDB_DATA seen; /* the grant that was read last, as it is in the file; no .dptr: none */
};

/* Opens the file in store->tdb. Who calls has the mutex, and is alone in the gate or knows that
 * there is nothing to roll back. */
int store_open_tdb(struct pat_store *store);

/* Makes a file that is not there, and opens it. */
int store_make_tdb(struct pat_store *store, const char *path);

/* Makes the store. Called alone in the gate. */
struct place;
int store_create(const struct place *place);

/* Whether a descriptor is none of the first three. 0 or PAT_E_ACCESS. */
int store_check_descriptor(int fd);

/* Closes the file. */
void store_close_file(struct pat_store *store);

/* Whether the store is the file that was looked at, with nothing in it to roll back. */
bool store_is_as_it_was(const struct pat_store *store);

/* Whether the file ends within a page: then no transaction lets it grow. */
bool store_ends_within_page(const struct pat_store *store);

/* Clears away what a power cut left, at which TDB would stop (slot.h); alone in the gate. */
int store_forget_recovery(struct pat_store *store);

/* Whether the store's own record can be written, and so every change is counted there. */
bool store_counts(struct pat_store *store);

/* Whether the grant that was read last is the same to the byte; forgets that one. */
bool store_has_seen(struct pat_store *store);
void store_forget_seen(struct pat_store *store);

/* Writes the store's own record. PAT_E_DAMAGED, and nothing is written, where that cannot be. */
int store_put_meta(struct pat_store *store, const struct pat_meta *meta);

/* The mutex that is held while TDB has a store open in this process. 0 or PAT_E_BUSY. */
int store_take_mutex(pat_deadline deadline);
void store_give_mutex(void);

/* From here on it is noted what TDB tells its log of; and what that was: sets errno. */
void store_forget_trouble(struct pat_store *store);
int store_trouble(const struct pat_store *store);

/* What TDB's last failure means, and what one of tdb_store() does; errno tells more of PAT_E_IO. */
int store_tdb_error(struct tdb_context *tdb);
int store_put_error(struct tdb_context *tdb);

#endif
