/* SPDX-License-Identifier: ISC */
#ifndef TDBFILE_H
#define TDBFILE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What lies where in a TDB file, from tdb's common/tdb_private.h, in the byte order of the machine:
 * the header, the head of the list of free space, the heads of the hash chains, and records from
 * there to the end, each with the one behind it. Behind the last byte of each record, within its
 * length, stands the size of the whole.
 */
#define TDBFILE_VERSION (0x26011967 + 6)
#define TDBFILE_MAGIC_FOOD "TDB file\n"
#define TDBFILE_USED 0x26011999      /* magic of a record that is in use */
#define TDBFILE_FREE 0xd9fee666      /* of free space */
#define TDBFILE_DEAD 0xfee1dead      /* of a record that is as good as free */
#define TDBFILE_RECOVERY 0xf53bc0e7  /* of a recovery area that is to be rolled back; else 0 */
#define TDBFILE_FREE_LIST 168        /* the header's size, too */
#define TDBFILE_RECOVERY_AT 44       /* where in the header recovery_start is */
#define TDBFILE_HASHES_AT 52         /* and two hashes, which tell what function made them */
#define TDBFILE_OTHER_HASH 0xbad1a51 /* in rwlocks: the function is not TDB's first one */

/* The beginning of struct tdb_header. */
struct tdbfile_header {
	char magic[32];
	uint32_t version, hash_size, rwlocks, recovery_start, sequence, hashes[2];
};

/* struct tdb_record. In a recovery area key_len is the size of the file to go back to. */
struct tdbfile_record {
	uint32_t next, rec_len, key_len, data_len, full_hash, magic;
};

/* Where the chain of a hash begins, and where the first record is. */
static inline uint64_t tdbfile_chain(uint32_t hash, uint32_t hash_size)
{
	return TDBFILE_FREE_LIST + 4 * ((uint64_t)(hash % hash_size) + 1);
}

static inline uint64_t tdbfile_records(uint32_t hash_size)
{
	return TDBFILE_FREE_LIST + 4 * ((uint64_t)hash_size + 1);
}

/* Hash of a key, as TDB_INCOMPATIBLE_HASH has it. */
uint32_t tdbfile_hash(const void *key, uint32_t len);

/* Whether the header has the hashes that tell of that function: of any others, and of none, TDB
 * concludes that it was another one, and what it writes then nobody finds. */
bool tdbfile_hashes_right(const uint32_t hashes[2]);

#endif
