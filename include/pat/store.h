/* SPDX-License-Identifier: ISC */
#ifndef PAT_STORE_H
#define PAT_STORE_H

#include <stdbool.h>

#include "pat/deadline.h"
#include "pat/record.h"

/*
 * The TDB file, and who may be in it when.
 *
 * MUST:
 *  - trust only a file, and a directory, that belong to the effective user and that nobody else
 *    may write; follow no symbolic link to them;
 *  - never wait past the deadline, whoever holds a lock, stopped or not;
 *  - change grants only inside a transaction, and have them on disk when pat_store_commit() says
 * so;
 *  - never show a record whose checksum does not hold;
 *  - let no process see a transaction half done, nor lose one that was committed.
 *
 * TDB's own locks cannot be waited for with a deadline, so TDB runs without them, under a lock file
 * beside the store (PATH.lock), by open file description locks (fcntl(2)): shared while verifying,
 * exclusive while changing. Reading and stamping go to the file itself; for changes and for rolling
 * back there is TDB, and within one process a mutex is held from open to close then, because TDB
 * keeps an unlocked list of its open files and refuses to open one twice. A child that is forked
 * while it is held can never change a store; its parent's locks are not its own.
 */

#ifndef PAT_STORE_PATH
#define PAT_STORE_PATH "/var/lib/pat/tokens.tdb"
#endif

struct pat_store;

enum pat_store_mode {
	PAT_STORE_READ,   /* shared: look up, and stamp */
	PAT_STORE_CHANGE, /* exclusive, in a transaction */
	PAT_STORE_CREATE, /* as CHANGE, and an absent store, with its directory, is made first */
	/* As READ; and where the file system is read-only, look up alone: noting is PAT_E_ACCESS.
	 */
	PAT_STORE_LOOK,
	PAT_STORE_PLAN, /* shared, to decide by what there is; pat_store_begin() makes it CHANGE */
};

/*
 * Opens the store at the absolute path. On success *store must be given to pat_store_close(), in
 * the same thread. A transaction that a killed process left unfinished is rolled back first.
 * PAT_E_NOSTORE, _ACCESS, _UNSAFE, _BUSY, _DAMAGED, _VERSION, _IO or _NOMEM.
 */
int pat_store_open(struct pat_store **store, const char *path, enum pat_store_mode mode,
		   pat_deadline deadline);

/*
 * Goes out of the store, which holds nobody up then, and comes back: only for PAT_STORE_READ and
 * _LOOK. Nothing else may be done outside, and what was read before may have changed when one is
 * back. After a failure there is nothing left but to close it: the errors are those of opening.
 */
void pat_store_leave(struct pat_store *store);

/*
 * The same without going in, for pat_store_look_up() alone: holds nobody up, and waits for nobody.
 * What is found may be half changed, or changed back, and is worth no more than a guess of what
 * will be found inside, where pat_store_enter() leads. Only for PAT_STORE_READ and _LOOK.
 */
int pat_store_open_outside(struct pat_store **store, const char *path, enum pat_store_mode mode);

/*
 * Goes in. If asked for, *unchanged tells that the grant that pat_store_get_grant() read last, and
 * took for whole, is there to the byte: then what was found out about it holds. Nothing else was
 * looked at then, not even whether the store's own record has a schema that this program knows. A
 * grant has that, too: whoever gives the store another one has to give it to each grant.
 */
int pat_store_enter(struct pat_store *store, pat_deadline deadline, bool *unchanged);

/*
 * From PAT_STORE_PLAN to a transaction: what was read since opening still holds then, but for the
 * use records, and logins were not kept out while it was read. In a transaction already, it does
 * nothing. PAT_E_STALE when something was changed since, or cannot be told not to have been: then,
 * as after every failure, there is nothing left but to close it; to open it for PAT_STORE_CHANGE is
 * sure to lead on. Else the errors are those of opening.
 */
int pat_store_begin(struct pat_store *store, pat_deadline deadline);

/*
 * Makes the changes durable: they are on disk when this returns 0. After a failure the old state
 * stands, whole. Only in a transaction; at most once.
 */
int pat_store_commit(struct pat_store *store);

/* Ends it; what was not committed is forgotten. NULL is allowed. Keeps errno. */
void pat_store_close(struct pat_store *store);

/* Look-ups: 0, PAT_E_NOTFOUND, PAT_E_DAMAGED, PAT_E_VERSION, PAT_E_IO or PAT_E_NOMEM. */
int pat_store_get_grant(struct pat_store *store, const char id[PAT_ID_LEN],
			struct pat_grant *grant);

/*
 * The same for an id that may have been guessed: it takes as long whether there is one or not, one
 * record being read and one looked for in vain in either case. What is left in *grant after
 * PAT_E_NOTFOUND is a grant of which nobody can prove the secret.
 */
int pat_store_look_up(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_grant *grant);

/* The rest of that, behind pat_store_get_grant() and what it said: for who sees in the grant
 * whether the time may still tell whether there is one. */
void pat_store_look_on(struct pat_store *store, const char id[PAT_ID_LEN], int found,
		       struct pat_grant *grant);
int pat_store_get_use(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_use *use);
int pat_store_get_index(struct pat_store *store, uint32_t uid, struct pat_index *index);
int pat_store_get_meta(struct pat_store *store, struct pat_meta *meta);

/*
 * Notes an event in the use record of `id`, in place: no allocation, and no other record is
 * touched. May be called in every mode. PAT_E_NOTFOUND when there is no such record; PAT_E_BUSY
 * when another holds that record until the deadline.
 */
int pat_store_note(struct pat_store *store, const char id[PAT_ID_LEN],
		   const struct pat_event *event, bool accepted, bool proved,
		   pat_deadline deadline);

/* The same as the last that is done in the store, which is left then: pat_store_leave(). */
int pat_store_note_and_leave(struct pat_store *store, const char id[PAT_ID_LEN],
			     const struct pat_event *event, bool accepted, bool proved,
			     pat_deadline deadline);

/*
 * Makes one of `max_uses` uses: the same as noting an accepted one, but it only counts as made when
 * this returns 0, and is on disk then. PAT_E_SPENT, with nothing noted, when they were all made.
 */
int pat_store_spend(struct pat_store *store, const char id[PAT_ID_LEN],
		    const struct pat_event *event, uint32_t max_uses, pat_deadline deadline);

/* Writes, only inside a transaction. 0, or a negative error after which nothing must be committed:
 * PAT_E_FULL for a new record where there are as many as the format allows. */
int pat_store_put_grant(struct pat_store *store, const struct pat_grant *grant);
int pat_store_put_use(struct pat_store *store, const char id[PAT_ID_LEN],
		      const struct pat_use *use);
int pat_store_put_index(struct pat_store *store, uint32_t uid, const struct pat_index *index);
int pat_store_drop_grant(struct pat_store *store, const char id[PAT_ID_LEN]); /* and its use */
int pat_store_drop_index(struct pat_store *store, uint32_t uid);

/*
 * Calls `each` with the key and bytes of every record, in no order, until it returns other than 0;
 * returns that, or 0, or a negative error. The bytes are those in the file: nothing was checked.
 * PAT_E_DAMAGED at the end, after all others, where some could not be reached. Not after a change.
 */
int pat_store_each(struct pat_store *store,
		   int (*each)(const unsigned char *key, size_t key_len, const unsigned char *value,
			       size_t value_len, void *data),
		   void *data);

/*
 * The same by and by: goes on from where the walk is, until at least `enough` records were looked
 * at, or the end of all is reached; *more tells which. In between, the store may be left, closed
 * and changed, and give way to another that has more or fewer chains: a record that is there all
 * along is handed on once, all the same; one that comes meanwhile, once or not at all. PAT_E_BUSY
 * when it was given too many different numbers of chains. Not to be gone on with after an error but
 * PAT_E_DAMAGED, which comes at the end.
 *
 * Where a record is depends on the hash of its key, and on how many chains there are. So it is
 * enough to know for each such number up to which chain the walk went.
 */
#define PAT_WALK_TABLES 16
struct pat_walk { /* {0}: at its beginning */
	unsigned count, now;
	struct {
		uint32_t chains, done;
	} tables[PAT_WALK_TABLES];
	bool damaged; /* something was not reached, or is where nobody finds it */
};
int pat_store_each_some(struct pat_store *store, struct pat_walk *walk, size_t enough,
			int (*each)(const unsigned char *key, size_t key_len,
				    const unsigned char *value, size_t value_len, void *data),
			void *data, bool *more);

/* TDB's own check of the file's structure (not of the records): 0 or PAT_E_DAMAGED. */
int pat_store_check_structure(struct pat_store *store);

/* Bytes of the file, and hash buckets in it. */
int pat_store_size(struct pat_store *store, uint64_t *bytes, uint32_t *buckets);

#endif
