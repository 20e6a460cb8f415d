/* SPDX-License-Identifier: ISC */
#include "salvage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/error.h"

enum { REACHED = 1, SURE = 2, FLAGS = 3 };
enum { PAGE_BITS = 12 };

/* The numbers of chains that this program gives a file: one of them it must be when the header does
 * not tell. */
#define LADDER_BOTTOM 10007
#define LADDER_STEPS 10

enum thing { NOTHING, SPACE, RECORD };

static uint32_t at_of(const struct salvage_entry *entry)
{
	return entry->at & ~(uint32_t)FLAGS;
}

/* Whether the size of the whole stands where it must, which tells a length from a damaged one. */
static bool has_tail(struct salvage *salvage, uint64_t at, const struct tdbfile_record *record)
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
	if (record->rec_len > salvage->window.size - at - sizeof(*record))
		return false;
	if (salvage->recovery_start != 0 && at == salvage->recovery_start)
		return record->magic == TDBFILE_RECOVERY || record->magic == 0;
	return record->magic == TDBFILE_RECOVERY && record->data_len <= record->rec_len;
}

/* What is at an offset that lies at least a record's head before the end, and how long it is. */
static enum thing look_at(struct salvage *salvage, uint64_t at, struct tdbfile_record *record,
			  uint64_t *len)
{
	const unsigned char *bytes = window_get(&salvage->window, at, sizeof(*record));

	if (bytes == NULL)
		return NOTHING;
	memcpy(record, bytes, sizeof(*record));
	*len = sizeof(*record) + (uint64_t)record->rec_len;
	switch (record->magic) {
	case TDBFILE_USED:
		if ((uint64_t)record->key_len + record->data_len + 4 <= record->rec_len &&
		    has_tail(salvage, at, record))
			return RECORD;
		if (!has_sum(salvage, at, record))
			return NOTHING;
		salvage->found.untailed++;
		*len = (sizeof(*record) + record->key_len + record->data_len + 3) & ~3ULL;
		return RECORD;
	case TDBFILE_FREE:
	case TDBFILE_DEAD:
		return has_tail(salvage, at, record) ? SPACE : NOTHING;
	case TDBFILE_RECOVERY:
	case 0:
		*len = (*len + 3) & ~3ULL;
		return is_recovery(salvage, at, record) ? SPACE : NOTHING;
	}
	return NOTHING;
}

static int add(struct salvage *salvage, uint64_t at, uint32_t next, bool sure)
{
	if (salvage->count == salvage->room) {
		size_t room = salvage->room ? salvage->room * 2 : 4096;
		void *entries = reallocarray(salvage->entries, room, sizeof(*salvage->entries));

		if (entries == NULL)
			return PAT_E_NOMEM;
		salvage->entries = entries;
		salvage->room = room;
	}
	salvage->entries[salvage->count++] =
		(struct salvage_entry){.at = (uint32_t)at | (sure ? SURE : 0), .next = next};
	return PAT_OK;
}

/* Past what is all zeros, and holes above all, of which a damaged file may have gigabytes: to what
 * may be the first record behind. */
static uint64_t skip_zeros(struct salvage *salvage, uint64_t at)
{
	enum { MANY = 4096 };
	static const unsigned char zeros[MANY];
	uint64_t from = at, back = sizeof(struct tdbfile_record);
	const unsigned char *bytes = window_get(&salvage->window, at, MANY);

	while (bytes != NULL && memcmp(bytes, zeros, MANY) == 0) {
		off_t data = lseek(salvage->window.fd, (off_t)(at + MANY), SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return salvage->window.size & ~3ULL;
		at = data > (off_t)(at + MANY) ? (uint64_t)data & ~3ULL : at + MANY;
		bytes = window_get(&salvage->window, at, MANY);
	}
	return at - from > back ? at - back : from;
}

/*
 * Along the file, from record to record; where there is none, on to the next that looks like one.
 * What stands in a row is a run; the entry that begins one is not SURE while all others are: so the
 * flag tells where runs begin until mark_runs() gives it its meaning.
 */
static int walk(struct salvage *salvage)
{
	uint64_t at = tdbfile_records(salvage->hash_size), len = 0;
	struct tdbfile_record record;
	bool new_run = true;
	int error = PAT_OK;

	while (!error && at + sizeof(record) <= salvage->window.size && at < UINT32_MAX) {
		enum thing thing = look_at(salvage, at, &record, &len);

		if (thing == NOTHING) {
			uint64_t from = at;

			at = skip_zeros(salvage, at + 4);
			salvage->found.gap_bytes += at - from;
			new_run = true;
			continue;
		}
		if (thing == RECORD) {
			if (salvage->count == 0)
				salvage->gap_first = salvage->found.gap_bytes > 0;
			error = add(salvage, at, record.next, !new_run);
			new_run = false;
		} else {
			salvage->found.free_bytes += len;
		}
		at += len;
	}
	return error;
}

/* Where the entries of each page of the file begin. */
static int index_pages(struct salvage *salvage)
{
	size_t pages = (size_t)(salvage->window.size >> PAGE_BITS) + 2, entry = 0;

	salvage->pages = reallocarray(NULL, pages, sizeof(*salvage->pages));
	if (salvage->pages == NULL)
		return PAT_E_NOMEM;
	for (size_t page = 0; page < pages; page++) {
		while (entry < salvage->count &&
		       at_of(&salvage->entries[entry]) >> PAGE_BITS < page)
			entry++;
		salvage->pages[page] = (uint32_t)entry;
	}
	return PAT_OK;
}

static struct salvage_entry *entry_at(struct salvage *salvage, uint32_t at)
{
	if (at >= salvage->window.size)
		return NULL;
	for (size_t i = salvage->pages[at >> PAGE_BITS]; i < salvage->count; i++) {
		uint32_t found = at_of(&salvage->entries[i]);

		if (found >= at)
			return found == at ? &salvage->entries[i] : NULL;
	}
	return NULL;
}

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
		struct salvage_entry *entry = entry_at(salvage, at);

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

static void follow_all(struct salvage *salvage)
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

/* A run is in step when a chain leads to any of its records, or when it begins where records do. */
static void mark_runs(struct salvage *salvage)
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

/* What is left over from a change that was cut off may have no tail, and needs none. */
static void count_untailed(struct salvage *salvage)
{
	salvage->found.untailed = 0;
	for (size_t i = 0; i < salvage->count; i++) {
		uint64_t at = at_of(&salvage->entries[i]);
		const unsigned char *bytes =
			window_get(&salvage->window, at, sizeof(struct tdbfile_record));
		struct tdbfile_record record;

		if (!(salvage->entries[i].at & REACHED) || bytes == NULL)
			continue;
		memcpy(&record, bytes, sizeof(record));
		salvage->found.untailed += !has_tail(salvage, at, &record);
	}
}

/* Whether a file with so many chains would have a record, or space, where they end. */
static bool fits(struct salvage *salvage, uint32_t hash_size)
{
	uint64_t at = tdbfile_records(hash_size), len;
	struct tdbfile_record record;

	return hash_size != 0 && at + sizeof(record) <= salvage->window.size &&
	       look_at(salvage, at, &record, &len) != NOTHING;
}

/* Finds out how many chains there are. */
static int read_header(struct salvage *salvage)
{
	const unsigned char *bytes = window_get(&salvage->window, 0, sizeof(struct tdbfile_header));
	struct tdbfile_header header;
	uint32_t hash_size = LADDER_BOTTOM;

	if (bytes == NULL)
		return PAT_E_DAMAGED;
	memcpy(&header, bytes, sizeof(header));
	salvage->recovery_start = header.recovery_start;
	salvage->hash_size = header.hash_size;
	salvage->header_good =
		memcmp(header.magic, TDBFILE_MAGIC_FOOD, sizeof(TDBFILE_MAGIC_FOOD)) == 0 &&
		header.version == TDBFILE_VERSION;
	if (fits(salvage, header.hash_size))
		return PAT_OK;
	for (int i = 0; i < LADDER_STEPS; i++, hash_size *= 2) {
		if (!fits(salvage, hash_size))
			continue;
		salvage->hash_size = hash_size;
		salvage->header_good = false;
		return PAT_OK;
	}
	if (tdbfile_records(header.hash_size) > salvage->window.size || header.hash_size == 0) {
		salvage->header_good = false;
		salvage->hash_size = 1;
	}
	return PAT_OK;
}

int salvage_open(struct salvage *salvage, int fd)
{
	int error;

	*salvage = (struct salvage){.count = 0};
	error = window_open(&salvage->window, fd);
	if (!error)
		error = read_header(salvage);
	salvage->found.untailed = 0;
	if (!error)
		error = walk(salvage);
	if (!error)
		error = index_pages(salvage);
	if (error)
		return error;
	salvage->broken = calloc(salvage->hash_size / 8 + 1, 1);
	if (salvage->broken == NULL)
		return PAT_E_NOMEM;
	follow_all(salvage);
	if (salvage->found.untailed > 0)
		count_untailed(salvage);
	mark_runs(salvage);
	return salvage->count == 0 && !salvage->header_good ? PAT_E_DAMAGED : PAT_OK;
}

void salvage_close(struct salvage *salvage)
{
	window_close(&salvage->window);
	free(salvage->entries);
	free(salvage->pages);
	free(salvage->broken);
	*salvage = (struct salvage){.count = 0};
}

enum salvage_place salvage_place(const struct salvage *salvage, size_t entry)
{
	uint32_t flags = salvage->entries[entry].at & FLAGS;

	return flags & REACHED ? SALVAGE_REACHED : flags & SURE ? SALVAGE_IN_STEP : SALVAGE_STRAY;
}

bool salvage_get(struct salvage *salvage, size_t entry, struct salvage_record *record)
{
	uint64_t at = at_of(&salvage->entries[entry]);
	const unsigned char *bytes =
		window_get(&salvage->window, at, sizeof(struct tdbfile_record));
	struct tdbfile_record head;

	*record = (struct salvage_record){.place = salvage_place(salvage, entry)};
	if (bytes == NULL)
		return false;
	memcpy(&head, bytes, sizeof(head));
	if (head.key_len < 1 || head.key_len > PAT_KEY_MAX || head.data_len > PAT_RECORD_SIZE_MAX)
		return false;
	bytes = window_get(&salvage->window, at + sizeof(head), head.key_len + head.data_len);
	if (bytes == NULL)
		return false;
	record->key.len = head.key_len;
	memcpy(record->key.bytes, bytes, head.key_len);
	record->value = bytes + head.key_len;
	record->len = head.data_len;
	record->value_at = at + sizeof(head) + head.key_len;
	record->full_hash = head.full_hash;
	return true;
}

bool salvage_peek(const struct salvage *salvage, uint64_t at, unsigned char *bytes, size_t len)
{
	return pread(salvage->window.fd, bytes, len, (off_t)at) == (ssize_t)len;
}

bool salvage_chain_broken(const struct salvage *salvage, const struct pat_key *key)
{
	uint32_t chain = tdbfile_hash(key->bytes, (uint32_t)key->len) % salvage->hash_size;

	return !salvage->header_good || (salvage->broken[chain / 8] >> chain % 8 & 1);
}
