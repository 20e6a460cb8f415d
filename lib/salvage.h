/* SPDX-License-Identifier: ISC */
#ifndef SALVAGE_H
#define SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/record.h"
#include "tdbfile.h"
#include "window.h"

/*
 * The records of a TDB file, whole or damaged, without TDB: by a walk along the file, which needs
 * no hash chain, and along the chains, which tells what the file has from what merely lies in it.
 * Old copies do, with magic and checksum: in free space, in the recovery area, and behind the end
 * that the file had before a change that was cut off.
 *
 * MUST: end, read nothing out of bounds and change nothing, whatever the file has.
 */

/* What speaks for a record, the best first. */
enum salvage_place {
	SALVAGE_REACHED, /* a hash chain leads to it */
	SALVAGE_IN_STEP, /* none does, but it stands in a row with such: a victim of its chain, or
			    left over from a change that was cut off */
	SALVAGE_STRAY,   /* found by its magic, between what is no record: perhaps an old copy */
};

struct salvage_entry {
	uint32_t at; /* its two lowest bits are flags */
	uint32_t next;
	uint32_t chain; /* where it belongs */
};

struct salvage {
	struct window window;
	uint32_t hash_size;
	uint32_t recovery_start;       /* 0: none, or not known */
	bool header_good;              /* it tells where the chains are */
	const char *header_fault;      /* what is wrong with the header, or NULL */
	bool no_areas;                 /* what looks like a recovery area is none */
	bool overlaid;                 /* a chain leads into one, or into free space */
	bool gap_first;                /* before the first entry */
	struct salvage_entry *entries; /* in the order of the file */
	size_t count, room;
	uint32_t *pages;       /* the first entry behind each 4 KiB */
	unsigned char *broken; /* a bit for each chain that leads nowhere */
	struct {
		uint64_t chains;     /* broken ones, or such with a record that is not theirs */
		uint64_t gap_bytes;  /* that are no record, nor free space */
		uint64_t free_bytes; /* of space that may be used again */
		uint64_t untailed;   /* records whose length is not confirmed by their tail */
		uint64_t unreached;
	} found;
};

/* A record as it is in the file, until the next one is read. */
struct salvage_record {
	struct pat_key key;
	const unsigned char *value;
	size_t len;
	uint64_t value_at;
	uint32_t full_hash;
	enum salvage_place place;
};

/* Reads what is open at `fd`, which stays the caller's. 0; PAT_E_DAMAGED when there is nothing of a
 * TDB in it; PAT_E_IO; PAT_E_NOMEM. salvage_close() is allowed whatever it returns. */
int salvage_open(struct salvage *salvage, int fd);
void salvage_close(struct salvage *salvage);

/* Fills in the record of an entry. False when its key is none of ours. */
bool salvage_get(struct salvage *salvage, size_t entry, struct salvage_record *record);
enum salvage_place salvage_place(const struct salvage *salvage, size_t entry);

/* Copies what lies at an offset, which the caller knows from a record. False if it cannot be had.
 */
bool salvage_peek(const struct salvage *salvage, uint64_t at, unsigned char *bytes, size_t len);

/* Whether the chain in which a key would be is broken, so that it may have lost that. */
bool salvage_chain_broken(const struct salvage *salvage, const struct pat_key *key);

#endif
