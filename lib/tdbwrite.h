/* SPDX-License-Identifier: ISC */
#ifndef TDBWRITE_H
#define TDBWRITE_H

#include <stdint.h>

#include "pat/record.h"

/*
 * Writes a new TDB file from end to end: each record once, in the order in which they come, with
 * its chain, and the heads of the chains at last. tdb_store() is no way to a rebuild within five
 * times a copy: for a million tokens it alone takes 3.6 s of CPU with the file mapped, and 7.2 s in
 * a transaction, where a whole rebuild takes 2; and as it gives each record a quarter more
 * room the file is 1149 MB long and not 879.
 */
#define TDBWRITE_BUF (1 << 18)
struct tdbwrite {
	int fd;
	uint32_t hash_size;
	uint32_t *heads;
	uint32_t free_list;
	unsigned char *buf; /* what is not in the file yet */
	uint64_t buf_at;
	uint64_t begun_at; /* what is before that is on its way to the disk */
	size_t used;
	uint64_t records;
};

/* Makes the file, which must not be there, with mode 0600. 0, PAT_E_ACCESS, PAT_E_EXISTS, PAT_E_IO
 * or PAT_E_NOMEM. tdbwrite_close() is allowed in any case. */
int tdbwrite_open(struct tdbwrite *out, const char *path, uint32_t hash_size);

/* A record with a key of that hash is about to be appended. */
void tdbwrite_expect(struct tdbwrite *out, uint32_t full_hash);

/* Appends a record, of a key that the file has not; *value_at is where its value lies. `slack`
 * bytes are left behind it to grow into. 0, PAT_E_FULL, PAT_E_IO. */
int tdbwrite_put(struct tdbwrite *out, const struct pat_key *key, const unsigned char *value,
		 size_t len, size_t slack, uint32_t *value_at);

/* Rewrites a value, or a part of one, where it is. */
int tdbwrite_over(struct tdbwrite *out, uint64_t at, const unsigned char *bytes, size_t len);

/* Reads back. */
int tdbwrite_get(struct tdbwrite *out, uint64_t at, unsigned char *bytes, size_t len);

/* Takes a record out again, and makes free space of it. */
int tdbwrite_drop(struct tdbwrite *out, const struct pat_key *key, uint32_t value_at);

/* Writes what is missing: the file is whole then, and ends with a page, but is not on disk. */
int tdbwrite_finish(struct tdbwrite *out);

/*
 * Leaves a recovery area behind the last record of a finished file, where TDB notes what a change
 * is about to overwrite. With it, a change that needs no more room succeeds on a full disk, too: to
 * revoke a token, above all. Without it, the next change would make one, a tenth of the file long
 * (tdb_expand_adjust() of tdb's common/io.c). Where there is no room, none is left. 0 or PAT_E_IO.
 */
int tdbwrite_reserve(struct tdbwrite *out);

/* Closes it; the descriptor too. */
void tdbwrite_close(struct tdbwrite *out);

#endif
