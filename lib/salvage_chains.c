/* SPDX-License-Identifier: ISC */

/* Along the hash chains, and what they tell of what the walk along the file found. */

#include <string.h>

#include "pat/error.h"
#include "salvage_private.h"

static void set_broken(struct salvage *salvage, uint32_t chain)
{
	salvage->broken[chain / 8] |= (unsigned char)(1 << chain % 8);
}

/* Goes past a record that is none any more, but by which a look-up would still find the next one.
 */
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

/* Follows a chain. What another led to before is the end of it: a loop, or two that cross. */
static bool follow(struct salvage *salvage, uint32_t at)
{
	enum { PAST_MAX = 64 };
	unsigned past = 0;

	while (at != 0) {
		struct salvage_entry *entry = salvage_entry_at(salvage, at);

		if (entry == NULL) {
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

void salvage_follow_all(struct salvage *salvage)
{
	enum { SOME = 1024 };

	for (uint32_t chain = 0; chain < salvage->hash_size; chain += SOME) {
		uint32_t some = salvage->hash_size - chain, heads[SOME] = {0};
		const unsigned char *bytes;

		some = some < SOME ? some : SOME;
		bytes = window_get(&salvage->window, tdbfile_chain(chain, salvage->hash_size),
				   some * sizeof(heads[0]));
		if (bytes != NULL)
			memcpy(heads, bytes, some * sizeof(heads[0]));
		for (uint32_t i = 0; i < some; i++) {
			if (follow(salvage, heads[i]))
				continue;
			salvage->found.chains++;
			set_broken(salvage, chain + i);
		}
	}
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
