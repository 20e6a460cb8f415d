/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "pat/error.h"
#include "rebuild.h"

/*
 * Whether a record is in the source just so, where its checksum held when it was taken. The records
 * stand in the same order there, the indexes aside: *at is how far that was followed.
 */
static bool is_in_source(struct salvage *source, size_t *at, const struct salvage_record *record)
{
	struct salvage_record other;

	for (; *at < source->count; ++*at) {
		if (salvage_place(source, *at) != SALVAGE_REACHED ||
		    !salvage_get(source, *at, &other) || strchr("tu", other.key.bytes[0]) == NULL)
			continue;
		if (other.key.len != record->key.len ||
		    memcmp(other.key.bytes, record->key.bytes, other.key.len) != 0)
			return false;
		++*at;
		return other.len == record->len &&
		       memcmp(other.value, record->value, other.len) == 0;
	}
	return false;
}

/*
 * Reads the new file again: it must have the records that were written and nothing else, each where
 * its chain leads to it; and each must be the one of the source bit for bit, or be whole by its own
 * checksum, which takes longer to find out.
 */
int rebuild_verify(struct rebuild *rebuild)
{
	struct salvage salvage;
	struct salvage_record record;
	size_t at = 0;
	int error = salvage_open(&salvage, rebuild->out.fd);

	if (!error && (salvage.count != rebuild->out.records || !salvage.header_good ||
		       salvage.found.chains > 0 || salvage.found.gap_bytes > 0 ||
		       salvage.found.untailed > 0 || salvage.found.unreached > 0))
		error = PAT_E_DAMAGED;
	for (size_t i = 0; !error && i < salvage.count; i++)
		if (!salvage_get(&salvage, i, &record) ||
		    (!is_in_source(&rebuild->store.salvage, &at, &record) &&
		     pat_record_verify(&record.key, record.value, record.len) != PAT_OK))
			error = PAT_E_DAMAGED;
	salvage_close(&salvage);
	return error;
}
