/* SPDX-License-Identifier: ISC */
#ifndef PAT_REBUILD_H
#define PAT_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "pat/deadline.h"
#include "pat/record.h"

/*
 * Looking through a store, whole or damaged, and writing it anew: to grow, to repair, to back up
 * and to bring back.
 *
 * MUST:
 *  - lose nothing that can be read, nor a use or a revocation that was made meanwhile;
 *  - let nothing come back that had ended: of two copies of a token the one that has ended counts,
 *    and one that is perhaps an old copy does not work before somebody says so;
 *  - keep nobody from logging in, and who changes the store no longer than it takes;
 *  - leave the old file whole, and nothing else, until the new one is on disk: then exchange them
 * in one step, alone in the store.
 */

enum pat_rebuild_task {
	PAT_REBUILD_LOOK,    /* only tell what there is */
	PAT_REBUILD_STORE,   /* the store anew, in its place */
	PAT_REBUILD_BACKUP,  /* the store anew, into a file or a descriptor */
	PAT_REBUILD_RESTORE, /* the store, and what it lacks from a backup */
	PAT_REBUILD_REPLACE, /* the backup, whatever the store has */
};

enum pat_rebuild_news {
	PAT_NEWS_NOTE,  /* nothing is wrong */
	PAT_NEWS_FAULT, /* something is; a rebuild mends it, or has */
	PAT_NEWS_LOST,  /* something is, and cannot be had from here any more */
	PAT_NEWS_BACK,  /* a token is from the backup */
};

/* What is found, and of what: nothing of it is a secret, and the texts are fit to be shown. */
struct pat_rebuild_told {
	enum pat_rebuild_news news;
	const char *file;   /* "the file" or "the backup"; NULL: it is a record */
	struct pat_key key; /* of the record */
	bool has_uid;       /* whose it is, as far as that is known by now */
	uint32_t uid;
	const char *text;
};

/* Called while the store is held: it must not wait for anybody. */
typedef void pat_rebuild_tell(void *data, const struct pat_rebuild_told *told);

struct pat_rebuild {
	enum pat_rebuild_task task;
	const char *store;      /* absolute */
	const char *file;       /* BACKUP: where to, if not `out`; RESTORE, REPLACE: from where */
	int out;                /* BACKUP without `file` */
	bool force;             /* BACKUP: replace the file */
	bool thorough;          /* LOOK: have TDB check the structure, too, which takes longer */
	bool whole_only;        /* PAT_E_DAMAGED, without a change, if there is any fault */
	pat_deadline deadline;  /* for the writers that are before us */
	unsigned patience_ms;   /* how long others may wait for us until we give way; 0: 3 s */
	pat_rebuild_tell *tell; /* NULL for nobody */
	void *data;
};

struct pat_rebuild_result {
	uint64_t by_status[PAT_STATUS_REVOKED + 1]; /* tokens */
	uint64_t users;                             /* uids that have tokens */
	uint64_t uses, refused_proved, refused_unproved, strangers;
	uint64_t faults, lost, back;
	uint64_t bytes; /* of the file that was looked at, and its chains */
	uint32_t buckets;
	uint64_t free_bytes; /* in it */
	struct pat_meta meta;
	int64_t alone_ns; /* how long nobody could log in */
};

/*
 * Does the task. 0, also where something was lost: the result tells. PAT_E_EXISTS when the file is
 * there, PAT_E_BUSY, also when it had to give way too often to who changes the store, and as
 * pat_store_open().
 */
int pat_rebuild(const struct pat_rebuild *order, struct pat_rebuild_result *result);

/*
 * Whether the store should be rebuilt, because its chains have become long, because its free space
 * has come to lie in many pieces, or because most of it is free space; judged by some of its
 * chains. 0 or as pat_store_open().
 */
struct pat_rebuild_need {
	bool crowded, scattered, hollow;
};
int pat_rebuild_need(const char *store, pat_deadline deadline, struct pat_rebuild_need *need);

#endif
