/* SPDX-License-Identifier: ISC */
#include "slot.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

#include "pat/error.h"
#include "tdbfile.h"

/* A chain this long is a loop, or takes longer than a login waits. */
#define STEPS_MAX 65536

uint32_t tdbfile_hash(const void *key, uint32_t len)
{
	/* TDB's argument is not const, though it writes nothing there. */
	TDB_DATA tdb_key = {.dptr = (unsigned char *)(uintptr_t)key, .dsize = len};

	return tdb_jenkins_hash(&tdb_key);
}

static int read_at(int fd, void *data, size_t len, off_t at)
{
	char *to = data;

	while (len > 0) {
		ssize_t got = pread(fd, to, len, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return PAT_E_IO;
		if (got == 0)
			return PAT_E_DAMAGED;
		to += got;
		at += got;
		len -= (size_t)got;
	}
	return PAT_OK;
}

static int read_header(int fd, struct tdbfile_header *header)
{
	int error = read_at(fd, header, sizeof(*header), 0);

	if (!error && (header->version != TDBFILE_VERSION || header->hash_size == 0))
		error = PAT_E_DAMAGED;
	return error;
}

/* Whether the record has that key; an error is not the same as another key. */
static int compare_key(int fd, const struct tdbfile_record *record, off_t at, const char *key,
		       size_t len, bool *same)
{
	char found[16];
	int error;

	*same = false;
	if (record->key_len != len || len > sizeof(found))
		return PAT_OK;
	error = read_at(fd, found, len, at + (off_t)sizeof(*record));
	*same = !error && memcmp(found, key, len) == 0;
	return error;
}

int slot_find(int fd, const char *key, size_t key_len, size_t size, off_t *at)
{
	uint32_t hash = tdbfile_hash(key, (uint32_t)key_len), offset;
	struct tdbfile_header header;
	struct tdbfile_record record;
	bool same;
	int error = read_header(fd, &header);

	if (!error)
		error = read_at(fd, &offset, sizeof(offset),
				(off_t)tdbfile_chain(hash, header.hash_size));
	for (unsigned steps = 0; !error && offset != 0; steps++) {
		error = read_at(fd, &record, sizeof(record), offset);
		if (error)
			break;
		if (record.magic != TDBFILE_USED || steps == STEPS_MAX)
			return PAT_E_DAMAGED;
		if (record.full_hash == hash) {
			error = compare_key(fd, &record, offset, key, key_len, &same);
			if (error)
				break;
		}
		if (record.full_hash == hash && same) {
			*at = (off_t)offset + (off_t)sizeof(record) + (off_t)key_len;
			return record.data_len == size && record.rec_len >= key_len + size
				       ? PAT_OK
				       : PAT_E_DAMAGED;
		}
		offset = record.next;
	}
	return error ? error : PAT_E_NOTFOUND;
}

int slot_measure_chain(int fd, uint32_t chain, unsigned *records, uint64_t *bytes)
{
	struct tdbfile_record record;
	uint32_t offset;
	int error = read_at(fd, &offset, sizeof(offset), (off_t)tdbfile_chain(chain, UINT32_MAX));

	for (unsigned steps = 0; !error && offset != 0; steps++) {
		error = read_at(fd, &record, sizeof(record), offset);
		if (!error && (record.magic != TDBFILE_USED || steps == STEPS_MAX))
			error = PAT_E_DAMAGED;
		if (error)
			break;
		offset = record.next;
		*bytes += sizeof(record) + (uint64_t)record.rec_len;
		++*records;
	}
	return error;
}

/*
 * Whether TDB may be let loose on a recovery area: it believes the lengths that it finds there. The
 * area is a row of offset, length and that many bytes.
 */
static int check_recovery(int fd, off_t at, const struct tdbfile_record *record, off_t file_size)
{
	uint64_t end = (uint64_t)at + sizeof(*record) + record->data_len;
	uint64_t place = (uint64_t)at + sizeof(*record);
	uint32_t item[2];

	if (record->data_len > record->rec_len || end > (uint64_t)file_size ||
	    record->key_len > (uint64_t)file_size)
		return PAT_E_DAMAGED;
	while (place + sizeof(item) < end) {
		int error = read_at(fd, item, sizeof(item), (off_t)place);

		if (error)
			return error;
		if (place + sizeof(item) + item[1] > end ||
		    (uint64_t)item[0] + item[1] > (uint64_t)file_size)
			return PAT_E_DAMAGED;
		place += sizeof(item) + item[1];
	}
	return PAT_OK;
}

int slot_needs_recovery(int fd, int *needed)
{
	struct tdbfile_header header;
	struct tdbfile_record record;
	struct stat st;
	int error = read_header(fd, &header);

	*needed = 0;
	if (error || header.recovery_start == 0)
		return error;
	error = read_at(fd, &record, sizeof(record), header.recovery_start);
	if (error || record.magic != TDBFILE_RECOVERY)
		return error == PAT_E_DAMAGED ? PAT_OK : error;
	*needed = 1;
	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	return check_recovery(fd, header.recovery_start, &record, st.st_size);
}
