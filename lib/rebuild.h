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
 * each record or leaves it; rebuild_finish.c adds what must be there besides, the indexes above
 * all; rebuild_exchange.c puts the new file where it belongs. rebuild_look.c is for those who
 * change nothing.
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

/* A use record that logins rewrite meanwhile. */
struct carried {
	uint32_t from, to; /* its value in the store, and in the new file */
	uint64_t state;    /* pat_use_state() */
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
	struct carried *carried;
	size_t carried_count, carried_room;
	bool has_meta, has_strangers;
	struct pat_meta meta;
	uint64_t meta_at; /* in the store; 0 if it has none */
	size_t meta_len;
	int64_t now;
	unsigned patience; /* how often a record that is being written may still be waited for */
	unsigned char value[PAT_RECORD_SIZE_MAX]; /* of the record that is looked at */
};

/* Tells of something; the record by its key. */
void rebuild_tell(struct rebuild *rebuild, enum pat_rebuild_news news, const struct pat_key *key,
		  const char *text);
void rebuild_tell_file(struct rebuild *rebuild, enum pat_rebuild_news news, const char *which,
		       const char *text);

/* Opens the store and what it needs, with a change that was cut off rolled back, and nobody
 * changing it from then on; and the backup. */
int rebuild_open_store(struct rebuild *rebuild);
int rebuild_open_backup(struct rebuild *rebuild);
void rebuild_close(struct rebuild *rebuild);

/* Takes over, from a source, what stands at such a place. */
int rebuild_take(struct rebuild *rebuild, struct source *source, enum salvage_place place);

/* For --replace: tells what of the store there will not be any more, and what will be again. */
int rebuild_compare(struct rebuild *rebuild);

/* Adds what is missing, takes out what belongs to nothing, and writes the indexes. */
int rebuild_finish(struct rebuild *rebuild);

/* The indexes, each with the ids of the tokens of its uid. */
int rebuild_index_all(struct rebuild *rebuild);

/* The bytes of a grant that was taken. */
int rebuild_read_grant(struct rebuild *rebuild, const struct ledger_token *token,
		       struct pat_grant *grant);

/* Whether what was written is what it should be. */
int rebuild_verify(struct rebuild *rebuild);

/* Takes over the uses that were made meanwhile, and puts the new file in the place of the store. */
int rebuild_exchange(struct rebuild *rebuild);

/* What only who looks wants to know of the file. */
void rebuild_look_further(struct rebuild *rebuild);

/* Gives the backup its name, or copies it to the descriptor. */
int rebuild_deliver(struct rebuild *rebuild);

#endif
