/* SPDX-License-Identifier: ISC */
#ifndef UNIT_DAMAGE_H
#define UNIT_DAMAGE_H

#include "unit_store.h"

#include "../../lib/tdbfile.h"

/* The store as a file that a test may damage: read, changed, and written back. */

enum { HASH_SIZE = 10007 };

static struct unit_bytes file;

static UNUSED void load(void)
{
	free(file.data);
	file = unit_read_file(place.path);
}

static UNUSED void save(void)
{
	unit_write_file(place.path, file.data, file.len);
}

static UNUSED uint32_t word(uint64_t at)
{
	uint32_t value;

	memcpy(&value, file.data + at, sizeof(value));
	return value;
}

static UNUSED void set_word(uint64_t at, uint32_t value)
{
	memcpy(file.data + at, &value, sizeof(value));
}

static UNUSED uint64_t chain_of(const char *key)
{
	return tdbfile_chain(tdbfile_hash(key, (uint32_t)strlen(key)), HASH_SIZE);
}

/* Where the head of a record is. */
static UNUSED uint32_t record_of(const char *key)
{
	uint32_t at = word(chain_of(key));

	while (at != 0 &&
	       (word(at + 8) != strlen(key) || memcmp(file.data + at + 24, key, strlen(key)) != 0))
		at = word(at);
	assert_int_not_equal(at, 0);
	return at;
}

#endif
