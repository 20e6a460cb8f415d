/* SPDX-License-Identifier: ISC */
#ifndef RECORD_PRIVATE_H
#define RECORD_PRIVATE_H

#include "bytes.h"
#include "pat/record.h"

/* Every record: version (1 byte), its fields, and this checksum over key, version and fields. A use
 * record has that twice, and more. */
#define SUM_LEN 16
#define VERSION_LEN 1

/* Puts the checksum behind what was written into `buf`, and tells the whole length. 0 or
 * PAT_E_TOOBIG. */
int record_seal(const struct pat_key *key, unsigned char *buf, const struct bytes *b, size_t *len);

/* Checks the whole of a record; `b` is then at the first field, with the fields alone left. 0,
 * PAT_E_DAMAGED or PAT_E_VERSION. */
int record_unseal(const struct pat_key *key, const unsigned char *buf, size_t len, struct bytes *b);

/* All fields were there, and nothing behind them: 0, else PAT_E_DAMAGED. */
int record_finish(const struct bytes *b);

#endif
