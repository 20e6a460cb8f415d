/* SPDX-License-Identifier: ISC */

/* Along the hash chains, and what they tell of what the walk along the file found. */

#include <string.h>

#include "pat/error.h"
#include "salvage_private.h"

static void set_broken(struct salvage *salvage, uint32_t chain)
{
	salvage->broken[chain / 8] |= (unsigned char)(1 << chain % 8);
}

/* Goes past a record by which a look-up would still find the next one. */
static bool go_past(const struct salvage *salvage, uint32_t *at)
{
	struct tdbfile_record record;

	if (!salvage_peek(salvage, *at, (unsigned char *)&record, sizeof(record)) ||
	    record.magic != TDBFILE_USED ||
	    *at + sizeof(record) + (uint64_t)record.rec_len > salvage->window.size)
		return false;
	*at = record.next;
	return true;
}

/* Whether that is the chain in which a record is looked for: the hash in the file may be what is
 * damaged, or the key. */
static bool belongs(struct salvage *salvage, const struct salvage_entry *entry, uint32_t chain)
{
	struct salvage_record record;

	if (entry->chain == chain)
		return true;
	return salvage_get(salvage, (size_t)(entry - salvage->entries), &record) &&
	       tdbfile_hash(record.key.bytes, (uint32_t)record.key.len) % salvage->hash_size ==
		       chain;
}

/* Whether there is a whole record after all, which the walk along the file went past. */
static bool is_overlaid(struct salvage *salvage, uint32_t at)
{
	struct tdbfile_record record;
	uint64_t len;

	return (uint64_t)at + sizeof(record) <= salvage->window.size &&
	       salvage_look_at(salvage, at, &record, &len) == RECORD;
}

/* Follows a chain, past what is no record any more, and past what another one is to lead to. True
 * if there is nothing of the kind, and it comes to an end. */
static bool follow(struct salvage *salvage, uint32_t chain, uint32_t at)
{
	enum { PAST_MAX = 64 };
	unsigned past = 0;

	while (at != 0) {
		struct salvage_entry *entry = salvage_entry_at(salvage, at);

		salvage->overlaid |= entry == NULL && is_overlaid(salvage, at);
		if (entry == NULL || !belongs(salvage, entry, chain)) {
			if (++past > PAST_MAX || !go_past(salvage, &at))
				return false;
			continue;
		}
		if (entry->at & REACHED)
			return false;
		entry->at |= REACHED;
		at = entry->next;
	}
	return past == 0;
}

/* Where no chain leads to any record, what must be damaged is the heads of them. */
static void doubt_all(struct salvage *salvage)
{
	for (size_t i = 0; i < salvage->count; i++)
		if (salvage->entries[i].at & REACHED)
			return;
	if (salvage->count == 0)
		return;
	salvage->found.chains = salvage->hash_size;
	memset(salvage->broken, 0xff, salvage->hash_size / 8 + 1);
}

void salvage_follow_all(struct salvage *salvage)
{
	enum { SOME = 1024, AHEAD = 8 };

	for (uint32_t chain = 0; chain < salvage->hash_size; chain += SOME) {
		uint32_t some = salvage->hash_size - chain, heads[SOME] = {0};
		const unsigned char *bytes;

		some = some < SOME ? some : SOME;
		bytes = window_get(&salvage->window, tdbfile_chain(chain, salvage->hash_size),
				   some * sizeof(heads[0]));
		if (bytes != NULL)
			memcpy(heads, bytes, some * sizeof(heads[0]));
		for (uint32_t i = 0; i < some; i++) {
			if (i + 2 * AHEAD < some)
				salvage_expect_page(salvage, heads[i + 2 * AHEAD]);
			if (i + AHEAD < some)
				salvage_expect(salvage, heads[i + AHEAD]);
			if (follow(salvage, chain + i, heads[i]))
				continue;
			salvage->found.chains++;
			set_broken(salvage, chain + i);
		}
	}
	doubt_all(salvage);
}

void salvage_mark_runs(struct salvage *salvage)
{
	size_t begin = 0, end;

	for (; begin < salvage->count; begin = end) {
		bool reached = (salvage->entries[begin].at & REACHED) ||
			       (begin == 0 && !salvage->gap_first);

		for (end = begin + 1; end < salvage->count && salvage->entries[end].at & SURE;
		     end++)
			reached |= salvage->entries[end].at & REACHED;
		for (size_t i = begin; i < end; i++) {
			salvage->found.unreached += !(salvage->entries[i].at & REACHED);
			if (reached)
				salvage->entries[i].at |= SURE;
			else
				salvage->entries[i].at &= ~(uint32_t)SURE;
		}
	}
}

void salvage_count_untailed(struct salvage *salvage)
{
	salvage->found.untailed = 0;
	for (size_t i = 0; i < salvage->count; i++) {
		uint64_t at = salvage_at(&salvage->entries[i]);
		const unsigned char *bytes =
			window_get(&salvage->window, at, sizeof(struct tdbfile_record));
		struct tdbfile_record record;

		if (!(salvage->entries[i].at & REACHED) || bytes == NULL)
			continue;
		memcpy(&record, bytes, sizeof(record));
		salvage->found.untailed += !salvage_has_tail(salvage, at, &record);
	}
}
