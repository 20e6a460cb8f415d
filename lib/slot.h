/* SPDX-License-Identifier: ISC */
#ifndef SLOT_H
#define SLOT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tdbfile.h"

/*
 * Where the value of a record lies in a TDB file, so that it can be overwritten there and nowhere
 * else. tdb_store() is no such thing: when the write in place fails it deletes the record and makes
 * it anew, outside of any transaction (tdbfile.h).
 *
 * 0 and *at, if there is such a record and its value has exactly `size` bytes; PAT_E_NOTFOUND;
 * PAT_E_DAMAGED when the chain makes no sense; PAT_E_IO.
 */
int slot_find(int fd, const char *key, size_t key_len, size_t size, off_t *at);

/* The same in a file of which it is known how many chains it has, with the value. */
int slot_read(int fd, uint32_t hash_size, const char *key, size_t key_len, void *value, size_t size,
	      off_t *at);

/* Adds how many records a chain has, and how many bytes of the file. 0, PAT_E_DAMAGED or PAT_E_IO.
 */
int slot_measure_chain(int fd, uint32_t chain, unsigned *records, uint64_t *bytes);

/* What the header says of a transaction to roll back. */
enum slot_recovery {
	SLOT_CLEAN,    /* there is none */
	SLOT_PENDING,  /* a killed or failed process left one */
	SLOT_DANGLING, /* there is none, and the place of it is none: to be forgotten before TDB
			  sees it, alone in the gate */
};

/* PAT_E_DAMAGED when there is one that would write where it must not, or the file is no TDB of this
 * machine; PAT_E_IO. */
int slot_look_at_recovery(int fd, enum slot_recovery *found);

/* The header alone. PAT_E_DAMAGED, PAT_E_IO. */
int slot_read_header(int fd, struct tdbfile_header *header);

/* The same as slot_look_at_recovery() of a file of which the size is known; and the header. */
int slot_look(int fd, uint64_t file_size, enum slot_recovery *found, struct tdbfile_header *header);

/* PAT_E_DAMAGED for a file of which TDB would not tell the right hash function. */
int slot_check_hashes(int fd);

/*
 * PAT_E_DAMAGED where the heads of the hash chains do not end where records begin: the header has
 * another number of chains than the file, and each head that is written destroys something.
 */
int slot_check_table(int fd);

/* Has the header say that there is none, on disk when this returns 0. */
int slot_forget_recovery(int fd);

#endif
