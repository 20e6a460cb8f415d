/* SPDX-License-Identifier: ISC */
#include "salvage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/error.h"
#include "salvage_private.h"
#include "table.h"

enum { PAGE_BITS = 12 };

/* Of a record, or a little less: so there is room for all at once. */
enum { USUAL_BYTES = 400 };

static int add(struct salvage *salvage, uint64_t at, const struct tdbfile_record *record, bool sure)
{
	if (salvage->count == salvage->room) {
		uint64_t size =
			salvage->window.size < UINT32_MAX ? salvage->window.size : UINT32_MAX;
		size_t room =
			salvage->room ? salvage->room * 2 : 4096 + (size_t)(size / USUAL_BYTES);
		void *entries = reallocarray(salvage->entries, room, sizeof(*salvage->entries));

		if (entries == NULL)
			return PAT_E_NOMEM;
		salvage->entries = entries;
		salvage->room = room;
		table_wants_large_pages(entries, room * sizeof(*salvage->entries));
	}
	salvage->entries[salvage->count++] =
		(struct salvage_entry){.at = (uint32_t)at | (sure ? SURE : 0),
				       .next = record->next,
				       .chain = record->full_hash % salvage->hash_size};
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
		enum salvage_thing thing = salvage_look_at(salvage, at, &record, &len);

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
			error = add(salvage, at, &record, !new_run);
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
		       salvage_at(&salvage->entries[entry]) >> PAGE_BITS < page)
			entry++;
		salvage->pages[page] = (uint32_t)entry;
	}
	return PAT_OK;
}

void salvage_expect_page(const struct salvage *salvage, uint32_t at)
{
	if (at < salvage->window.size)
		__builtin_prefetch(&salvage->pages[at >> PAGE_BITS]);
}

void salvage_expect(const struct salvage *salvage, uint32_t at)
{
	const struct salvage_entry *first;

	if (at >= salvage->window.size)
		return;
	first = &salvage->entries[salvage->pages[at >> PAGE_BITS]];
	__builtin_prefetch(first, 1);
	/* Some of them stand in a page, more than a line of the cache has. */
	__builtin_prefetch((const char *)first + 64, 1);
}

struct salvage_entry *salvage_entry_at(struct salvage *salvage, uint32_t at)
{
	if (at >= salvage->window.size)
		return NULL;
	for (size_t i = salvage->pages[at >> PAGE_BITS]; i < salvage->count; i++) {
		uint32_t found = salvage_at(&salvage->entries[i]);

		if (found >= at)
			return found == at ? &salvage->entries[i] : NULL;
	}
	return NULL;
}

static void forget(struct salvage *salvage)
{
	free(salvage->entries);
	free(salvage->pages);
	free(salvage->broken);
	salvage->entries = NULL;
	salvage->pages = NULL;
	salvage->broken = NULL;
	salvage->count = salvage->room = 0;
	memset(&salvage->found, 0, sizeof(salvage->found));
}

/* Along the file, and along the chains. */
static int go_through(struct salvage *salvage)
{
	int error;

	forget(salvage);
	salvage->gap_first = false;
	error = walk(salvage);
	if (!error)
		error = index_pages(salvage);
	if (error)
		return error;
	salvage->broken = calloc(salvage->hash_size / 8 + 1, 1);
	if (salvage->broken == NULL)
		return PAT_E_NOMEM;
	salvage_follow_all(salvage);
	return PAT_OK;
}

int salvage_open(struct salvage *salvage, int fd)
{
	int error;

	*salvage = (struct salvage){.count = 0};
	error = window_open(&salvage->window, fd);
	if (!error)
		error = salvage_read_header(salvage);
	if (!error)
		error = go_through(salvage);
	/* What is in a chain is no part of a recovery area, whatever that says of its length. */
	if (!error && salvage->overlaid) {
		salvage->no_areas = true;
		error = go_through(salvage);
	}
	if (error)
		return error;
	if (salvage->found.untailed > 0)
		salvage_count_untailed(salvage);
	salvage_mark_runs(salvage);
	return salvage->count == 0 && !salvage->header_good ? PAT_E_DAMAGED : PAT_OK;
}

void salvage_close(struct salvage *salvage)
{
	window_close(&salvage->window);
	forget(salvage);
	*salvage = (struct salvage){.count = 0};
}

enum salvage_place salvage_place(const struct salvage *salvage, size_t entry)
{
	uint32_t flags = salvage->entries[entry].at & FLAGS;

	return flags & REACHED ? SALVAGE_REACHED : flags & SURE ? SALVAGE_IN_STEP : SALVAGE_STRAY;
}

bool salvage_get(struct salvage *salvage, size_t entry, struct salvage_record *record)
{
	uint64_t at = salvage_at(&salvage->entries[entry]);
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
