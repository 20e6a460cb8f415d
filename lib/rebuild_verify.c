/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "pat/error.h"
#include "rebuild.h"
#include "salvage_private.h"
#include "table.h"

/*
 * Reads the new file again: it must have the records that were written and nothing else but free
 * space, each where its chain leads to it; and each must be the one of the source bit for bit, or
 * be whole by its own checksum, which takes longer to find out. That does not tell all of a use
 * record; one that is not that of the source, perhaps because it was stamped meanwhile, is copied
 * again.
 *
 * A record is put before those of its chain that stand before it in the file. So who goes along the
 * file with what was the last one of each chain knows what the next one must lead to, and in the
 * end what the heads must be; by those each chain leads to all of its records, and to no other.
 */

struct verifying {
	struct salvage salvage;   /* of the new file: where it is read, not what is in it */
	uint32_t *lasts;          /* of each chain */
	uint64_t records, pieces; /* of free space */
	size_t at;                /* how far the source was followed */
	int error;                /* why it cannot be told whether all is right */
};

/*
 * Whether a record is in the source just so, where its checksum held when it was taken. The records
 * stand in the same order there, the indexes aside: *at is how far that was followed. Some there
 * may be others by now, and some were not taken.
 */
static bool is_in_source(struct salvage *source, size_t *at, const struct pat_key *key,
			 const unsigned char *value, size_t len)
{
	enum { OTHERS_MAX = 8 };
	struct salvage_record other;
	unsigned others = 0;

	for (size_t i = *at; i < source->count && others < OTHERS_MAX; i++) {
		if (salvage_place(source, i) != SALVAGE_REACHED ||
		    !salvage_get(source, i, &other) || strchr("tu", other.key.bytes[0]) == NULL)
			continue;
		if (other.key.len != key->len ||
		    memcmp(other.key.bytes, key->bytes, other.key.len) != 0) {
			others++;
			continue;
		}
		*at = i + 1;
		return other.len == len && memcmp(other.value, value, other.len) == 0;
	}
	return false;
}

/* What is not in the source just so. */
static bool is_whole(struct rebuild *rebuild, struct verifying *verifying,
		     const struct pat_key *key, const unsigned char *value, size_t len)
{
	bool repaired = rebuild->result->faults + rebuild->result->lost > 0;
	struct pat_use use;

	if (pat_record_verify(key, value, len) != PAT_OK)
		return false;
	if (key->bytes[0] != 'u' || repaired || rebuild->backup.is_open)
		return true;
	if (rebuild->noting) {
		verifying->error = rebuild_leave_for_later(rebuild, key);
		return verifying->error == PAT_OK;
	}
	return pat_use_decode(key->bytes + 1, value, len, &use) == PAT_OK && !use.cut;
}

static bool is_right(struct rebuild *rebuild, struct verifying *verifying, uint64_t at,
		     const struct tdbfile_record *record)
{
	struct salvage *salvage = &verifying->salvage;
	uint32_t *last = &verifying->lasts[record->full_hash % salvage->hash_size];
	struct pat_key key = {.len = record->key_len};
	const unsigned char *bytes = NULL;

	/* It comes while the rest is looked at. */
	__builtin_prefetch(last, 1);
	if (record->key_len >= 1 && record->key_len <= sizeof(key.bytes) &&
	    record->data_len <= PAT_RECORD_SIZE_MAX)
		bytes = window_get(&salvage->window, at + sizeof(*record),
				   key.len + record->data_len);
	if (bytes == NULL || tdbfile_hash(bytes, record->key_len) != record->full_hash)
		return false;
	memcpy(key.bytes, bytes, key.len);
	bytes += key.len;
	if (!is_in_source(&rebuild->store.salvage, &verifying->at, &key, bytes, record->data_len) &&
	    !is_whole(rebuild, verifying, &key, bytes, record->data_len))
		return false;
	if (record->next != *last)
		return false;
	*last = (uint32_t)at;
	verifying->records++;
	return true;
}

static bool are_all_right(struct rebuild *rebuild, struct verifying *verifying)
{
	struct salvage *salvage = &verifying->salvage;
	uint64_t at = tdbfile_records(salvage->hash_size), len;

	while (at < salvage->window.size) {
		struct tdbfile_record record;
		enum salvage_thing thing = salvage_look_at(salvage, at, &record, &len);

		if (thing == NOTHING ||
		    (thing == RECORD && !is_right(rebuild, verifying, at, &record)))
			return false;
		if (thing == SPACE) {
			verifying->pieces++;
			salvage->found.free_bytes += record.rec_len;
		}
		at += len;
	}
	return verifying->records == rebuild->out.records;
}

/* Whether the list of free space leads to all that there is. */
static bool is_space_right(struct verifying *verifying)
{
	const struct salvage *salvage = &verifying->salvage;
	struct chain_space space;

	return chain_measure_space(salvage->window.fd, salvage->window.size, &space) == PAT_OK &&
	       (space.bytes == salvage->found.free_bytes || verifying->pieces > CHAIN_PIECES_MAX);
}

static bool are_heads_right(struct verifying *verifying)
{
	enum { SOME = 8192 };
	struct salvage *salvage = &verifying->salvage;

	for (uint32_t i = 0, some; i < salvage->hash_size; i += some) {
		const unsigned char *bytes;

		some = salvage->hash_size - i < SOME ? salvage->hash_size - i : SOME;
		bytes = window_get(&salvage->window, tdbfile_chain(i, salvage->hash_size),
				   some * sizeof(uint32_t));
		if (bytes == NULL ||
		    memcmp(bytes, &verifying->lasts[i], some * sizeof(uint32_t)) != 0)
			return false;
	}
	return true;
}

int rebuild_verify(struct rebuild *rebuild)
{
	struct verifying verifying = {.records = 0};
	struct salvage *salvage = &verifying.salvage;
	int error = window_open(&salvage->window, rebuild->out.fd);

	if (!error)
		error = salvage_read_header(salvage);
	salvage->no_areas = true;
	if (!error && (salvage->header_fault != NULL || salvage->recovery_start != 0 ||
		       salvage->hash_size != rebuild->out.hash_size))
		error = PAT_E_DAMAGED;
	if (!error) {
		verifying.lasts = calloc(salvage->hash_size, sizeof(*verifying.lasts));
		error = verifying.lasts ? PAT_OK : PAT_E_NOMEM;
		table_wants_large_pages(verifying.lasts,
					salvage->hash_size * sizeof(*verifying.lasts));
	}
	if (!error && !(are_all_right(rebuild, &verifying) && are_heads_right(&verifying) &&
			is_space_right(&verifying)))
		error = verifying.error ? verifying.error : PAT_E_DAMAGED;
	free(verifying.lasts);
	window_close(&salvage->window);
	return error;
}
