/* SPDX-License-Identifier: ISC */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tdbfile.h"

/*
 * A hash chain of a TDB file, or its list of free space, without TDB: that follows some of them for
 * ever when they are tied into a loop, and takes a record that it cannot read for no record.
 *
 * MUST: come to an end, and read nothing outside of the file, whatever is in it; believe no record
 * that TDB would stop at, lest one be found here that nobody can change there.
 */

/* So much is read with the head of a record: a use record with the room that TDB gives it, and
 * hardly a grant is longer. Not more, because each page that is begun takes time, which tells of
 * one record where it lies, and of another that it does not. */
#define CHAIN_AHEAD 832

/* So many heads of chains are read at a time by who wants all. */
#define CHAIN_HEADS 1024

struct chain {
	int fd;
	uint64_t size; /* of the file; 0: not asked for yet */
	uint32_t magic;
	uint32_t at, next; /* where the record is, and the one behind it */
	uint32_t mark;     /* a record that was met: who meets it again goes round */
	unsigned steps;
	struct tdbfile_record record;
	unsigned char ahead[CHAIN_AHEAD]; /* what stands behind the head; secrets, perhaps */
	size_t got;
	bool doubtful; /* a record was passed that does not belong there */
};

/* Before the first record of the chain that begins at so many bytes from the start of the file. Its
 * records have that magic. 0, PAT_E_DAMAGED or PAT_E_IO. chain_end() is allowed in any case. */
int chain_begin(struct chain *chain, int fd, uint64_t head_at, uint32_t magic);

/* The same, where it is known already where the first record is, 0 for none, and how long the file
 * is. */
void chain_begin_at(struct chain *chain, int fd, uint64_t file_size, uint32_t first,
		    uint32_t magic);

/* Reads where chains begin, `count` of them from `from` on, or *got of them, and PAT_E_DAMAGED, if
 * the file ends before. 0 or PAT_E_IO. */
int chain_read_heads(int fd, uint32_t from, uint32_t *heads, uint32_t count, uint32_t *got);

/* Forgets what was read. */
void chain_end(struct chain *chain);

/* On to the next record. 1; 0 at the end; PAT_E_DAMAGED, PAT_E_IO. */
int chain_next(struct chain *chain);

/* Whether key and value are within the record. */
bool chain_fits(const struct chain *chain);

/* Copies bytes that lie `from` bytes behind the head of the record. 0, PAT_E_DAMAGED, PAT_E_IO. */
int chain_read(const struct chain *chain, size_t from, void *bytes, size_t len);

/* Whether the size of the whole stands at the end of the record, which TDB takes for granted when
 * it merges free space. 0, PAT_E_DAMAGED, PAT_E_IO. */
int chain_check_tail(const struct chain *chain);

/* Begins the chain of a key and goes on to its record. 1, 0 if there surely is none, or an error.
 */
int chain_find(struct chain *chain, int fd, uint32_t hash_size, const char *key, size_t len);

/* Free space may be in more pieces than anybody wants to wait for. TDB takes the first that is not
 * too large, and so hardly ever goes on to where nobody looked. */
#define CHAIN_PIECES_MAX 65536

/* What there is of free space, as far as that. PAT_E_DAMAGED when TDB must not be let loose on it.
 */
struct chain_space {
	uint64_t bytes;
	uint32_t largest;
	unsigned pieces;
};
int chain_measure_space(int fd, uint64_t file_size, struct chain_space *space);

/* Whether all hash chains come to an end where they should. 0, PAT_E_DAMAGED, PAT_E_IO. */
int chain_check_all(int fd, uint64_t file_size, uint32_t hash_size);

#endif
