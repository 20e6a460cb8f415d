/* SPDX-License-Identifier: ISC */
#ifndef REBUILD_H
#define REBUILD_H

#include "gate.h"
#include "ledger.h"
#include "pat/rebuild.h"
#include "place.h"
#include "salvage.h"
#include "tdbwrite.h"

/*
 * A rebuild in progress. rebuild.c leads; rebuild_source.c opens what is read; rebuild_take.c takes
 * each record or leaves it, with rebuild_grant.c and rebuild_use.c; rebuild_finish.c adds what must
 * be there besides, the indexes above all (rebuild_index.c); rebuild_verify.c reads the new file
 * again; rebuild_replay.c brings what was changed meanwhile, and rebuild_exchange.c puts the file
 * where it belongs. rebuild_yield.c lets others have the pen. rebuild_compare.c is for who replaces
 * the store, rebuild_look.c for who changes nothing.
 */

/* A file that is read. */
struct source {
	bool is_open;
	bool is_store; /* the present one, not a backup */
	int fd;
	int live;        /* where a record that was half written can be read again */
	bool distrusted; /* it has lost something: what no chain leads to may be a victim */
	struct salvage salvage;
	uint64_t left_over; /* records of changes that were cut off */
};

struct rebuild {
	const struct pat_rebuild *order;
	struct pat_rebuild_result *result;
	struct place place;
	struct gate gate;
	char *lock_path;
	struct source store, backup;
	struct ledger ledger;
	bool merging; /* two sources, of which the store goes first */
	bool writing;
	struct tdbwrite out;
	char *new_path;
	struct tdb_context *out_tdb; /* the new file, as TDB sees it, once that is needed */
	bool noting;                 /* what is changed meanwhile is noted */
	uint64_t noted;              /* how many of those notes were read */
	uint64_t commits;            /* among which so many of them */
	struct pat_key *later;       /* use records that are to be read in the store again */
	size_t later_count, later_room;
	bool pen_lent;             /* others could change grants since the store was read */
	unsigned attempt;          /* 0: the first */
	bool repairs;              /* the one before found a fault */
	pat_deadline deadline;     /* for those who are before us */
	bool gave_way;             /* to somebody who waited for the pen */
	bool must_restart;         /* it is no fault, and may be tried again */
	pat_deadline wanted_until; /* 0: nobody waits for the pen, as far as we know */
	uint64_t told, tell_from;  /* what an attempt before has told is not told again */
	bool has_meta, has_strangers;
	struct pat_meta meta;
	uint64_t meta_at; /* in the store; 0 if it has none */
	size_t meta_len;
	int64_t now;
	unsigned patience; /* how often a record that is being written may still be waited for */
	unsigned char value[PAT_RECORD_SIZE_MAX]; /* of the record that is looked at */
};

/* Tells of something; the record by its key, and whose it is. */
void rebuild_tell_owned(struct rebuild *rebuild, enum pat_rebuild_news news,
			const struct pat_key *key, uint32_t uid, const char *text);
/* The same where it is told whose it is as far as that is known. */
void rebuild_tell(struct rebuild *rebuild, enum pat_rebuild_news news, const struct pat_key *key,
		  const char *text);
void rebuild_tell_file(struct rebuild *rebuild, enum pat_rebuild_news news, const char *which,
		       const char *text);

/* Whether the name of the new file is still that of what was written; if that cannot be told, what
 * the caller says. */
bool rebuild_new_is_ours(const struct rebuild *rebuild, bool if_unknown);

/* Opens the store and what it needs, with a change that was cut off rolled back, and nobody
 * changing it from then on; and the backup. */
int rebuild_open_store(struct rebuild *rebuild);
int rebuild_open_backup(struct rebuild *rebuild);
void rebuild_close(struct rebuild *rebuild);

/* Takes over, from a source, what stands at such a place. */
int rebuild_take(struct rebuild *rebuild, struct source *source, enum salvage_place place);

/* The same of one record, which is in rebuild->value. */
int rebuild_take_grant(struct rebuild *rebuild, struct source *source,
		       const struct salvage_record *record);
int rebuild_take_use(struct rebuild *rebuild, struct source *source,
		     const struct salvage_record *record);

/* Tells that a token is from the backup. */
void rebuild_tell_back(struct rebuild *rebuild, const struct pat_key *key,
		       const struct pat_grant *grant);

/* For --replace: tells what of the store there will not be any more, and what will be again. */
int rebuild_compare(struct rebuild *rebuild);

/* Adds what is missing, takes out what belongs to nothing, and writes the indexes. */
int rebuild_finish(struct rebuild *rebuild);

/* Learns by the indexes whose the tokens are whose grants cannot be read. */
int rebuild_index_owners(struct rebuild *rebuild);

/* The indexes, each with the ids of the tokens of its uid. */
int rebuild_index_all(struct rebuild *rebuild);

/* The bytes of a grant that was taken. */
int rebuild_read_grant(struct rebuild *rebuild, const struct ledger_token *token,
		       struct pat_grant *grant);

/* Whether what was written is what it should be. */
int rebuild_verify(struct rebuild *rebuild);

/*
 * Does in the new file what was done in the store meanwhile. With the pen; not `alone`, some uses
 * may be left for later.
 */
int rebuild_replay(struct rebuild *rebuild, bool alone);

/* A use record is to be copied from the store again then. 0 or PAT_E_NOMEM. */
int rebuild_leave_for_later(struct rebuild *rebuild, const struct pat_key *key);

/* Whether the reading is to be given up because somebody has waited long enough for the pen. */
bool rebuild_gives_way(struct rebuild *rebuild);

/* Whether the store is to be copied first, so that the pen is needed for that alone. */
bool rebuild_wants_copy(const struct rebuild *rebuild, uint64_t size);

/* Whether there is to be another attempt; waits a moment before that. */
bool rebuild_tries_again(const struct rebuild *rebuild);

/* Brings the new file up to date, and puts it in the place of the store. */
int rebuild_exchange(struct rebuild *rebuild);

/* What only who looks wants to know of the file. Gives the pen back before that. */
int rebuild_look_further(struct rebuild *rebuild);

/* Whether the file that was read is the store still, and nobody has changed a grant but those who
 * noted it: who does without that is no program of this version. */
bool rebuild_store_is_same(const struct rebuild *rebuild);

/* Gives the backup its name, or copies it to the descriptor. */
int rebuild_deliver(struct rebuild *rebuild);

#endif
