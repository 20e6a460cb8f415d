/* SPDX-License-Identifier: ISC */

/* What lies at a place of the file, and what the header of it tells. */

#include <string.h>

#include "pat/error.h"
#include "salvage_private.h"

/* The numbers of chains that this program gives a file: one of them it must be when the header does
 * not tell. */
#define LADDER_BOTTOM 10007
#define LADDER_STEPS 10

static const char damaged[] = "its header is damaged";

bool salvage_has_tail(struct salvage *salvage, uint64_t at, const struct tdbfile_record *record)
{
	const unsigned char *tail;
	uint32_t total;

	if (record->rec_len < sizeof(total) || record->rec_len % 4 != 0 ||
	    record->rec_len > salvage->window.size - at - sizeof(*record))
		return false;
	tail = window_get(&salvage->window, at + sizeof(*record) + record->rec_len - sizeof(total),
			  sizeof(total));
	if (tail == NULL)
		return false;
	memcpy(&total, tail, sizeof(total));
	return total == record->rec_len + sizeof(*record);
}

/* Whether key and value are there, and the checksum of the value holds. */
static bool has_sum(struct salvage *salvage, uint64_t at, const struct tdbfile_record *record)
{
	struct pat_key key = {.len = record->key_len};
	const unsigned char *bytes;

	if (key.len < 1 || key.len > PAT_KEY_MAX || record->data_len > PAT_RECORD_SIZE_MAX)
		return false;
	bytes = window_get(&salvage->window, at + sizeof(*record), key.len + record->data_len);
	if (bytes == NULL)
		return false;
	memcpy(key.bytes, bytes, key.len);
	return pat_record_verify(&key, bytes + key.len, record->data_len) != PAT_E_DAMAGED;
}

static bool is_recovery(const struct salvage *salvage, uint64_t at,
			const struct tdbfile_record *record)
{
	if (salvage->no_areas || record->rec_len > salvage->window.size - at - sizeof(*record))
		return false;
	if (salvage->recovery_start != 0 && at == salvage->recovery_start)
		return record->magic == TDBFILE_RECOVERY || record->magic == 0;
	return record->magic == TDBFILE_RECOVERY && record->data_len <= record->rec_len;
}

enum salvage_thing salvage_look_at(struct salvage *salvage, uint64_t at,
				   struct tdbfile_record *record, uint64_t *len)
{
	const unsigned char *bytes = window_get(&salvage->window, at, sizeof(*record));

	if (bytes == NULL)
		return NOTHING;
	memcpy(record, bytes, sizeof(*record));
	*len = sizeof(*record) + (uint64_t)record->rec_len;
	switch (record->magic) {
	case TDBFILE_USED:
		if ((uint64_t)record->key_len + record->data_len + 4 <= record->rec_len &&
		    salvage_has_tail(salvage, at, record))
			return RECORD;
		if (!has_sum(salvage, at, record))
			return NOTHING;
		salvage->found.untailed++;
		*len = (sizeof(*record) + record->key_len + record->data_len + 3) & ~3ULL;
		return RECORD;
	case TDBFILE_FREE:
	case TDBFILE_DEAD:
		return salvage_has_tail(salvage, at, record) ? SPACE : NOTHING;
	case TDBFILE_RECOVERY:
	case 0:
		*len = (*len + 3) & ~3ULL;
		return is_recovery(salvage, at, record) ? SPACE : NOTHING;
	}
	return NOTHING;
}

/* Whether a file with so many chains would have a record, or space, where they end. */
static bool fits(struct salvage *salvage, uint32_t hash_size)
{
	uint64_t at = tdbfile_records(hash_size), len;
	struct tdbfile_record record;

	return hash_size != 0 && at + sizeof(record) <= salvage->window.size &&
	       salvage_look_at(salvage, at, &record, &len) != NOTHING;
}

/* What TDB would refuse the file for, or write to it so that nobody finds it. */
static const char *find_fault(const struct tdbfile_header *header)
{
	if (memcmp(header->magic, TDBFILE_MAGIC_FOOD, sizeof(TDBFILE_MAGIC_FOOD)) != 0 ||
	    header->version != TDBFILE_VERSION)
		return damaged;
	if (header->rwlocks != TDBFILE_OTHER_HASH || !tdbfile_hashes_right(header->hashes))
		return "its header does not tell the hash function any more: nothing can be "
		       "changed before a rebuild";
	return NULL;
}

int salvage_read_header(struct salvage *salvage)
{
	const unsigned char *bytes = window_get(&salvage->window, 0, sizeof(struct tdbfile_header));
	struct tdbfile_header header;
	uint32_t hash_size = LADDER_BOTTOM;

	if (bytes == NULL)
		return PAT_E_DAMAGED;
	memcpy(&header, bytes, sizeof(header));
	salvage->recovery_start = header.recovery_start;
	salvage->hash_size = header.hash_size;
	salvage->header_fault = find_fault(&header);
	salvage->header_good = salvage->header_fault != damaged;
	if (fits(salvage, header.hash_size))
		return PAT_OK;
	for (int i = 0; i < LADDER_STEPS; i++, hash_size *= 2) {
		if (!fits(salvage, hash_size))
			continue;
		salvage->hash_size = hash_size;
		salvage->header_good = false;
		salvage->header_fault = damaged;
		return PAT_OK;
	}
	if (tdbfile_records(header.hash_size) > salvage->window.size || header.hash_size == 0) {
		salvage->header_good = false;
		salvage->header_fault = damaged;
		salvage->hash_size = 1;
	}
	return PAT_OK;
}
