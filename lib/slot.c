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

#include "chain.h"
#include "pat/error.h"
#include "tdbfile.h"

uint32_t tdbfile_hash(const void *key, uint32_t len)
{
	/* TDB's argument is not const, though it writes nothing there. */
	TDB_DATA tdb_key = {.dptr = (unsigned char *)(uintptr_t)key, .dsize = len};

	return tdb_jenkins_hash(&tdb_key);
}

bool tdbfile_hashes_right(const uint32_t hashes[2])
{
	static const char food[] = TDBFILE_MAGIC_FOOD;
	const uint32_t magic = TDBFILE_USED;

	return hashes[0] == tdbfile_hash(food, sizeof(food)) &&
	       hashes[1] == tdbfile_hash(&magic, sizeof(magic));
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

int slot_read_header(int fd, struct tdbfile_header *header)
{
	int error;

	memset(header, 0, sizeof(*header));
	error = read_at(fd, header, sizeof(*header), 0);
	if (!error && (header->version != TDBFILE_VERSION || header->hash_size == 0))
		error = PAT_E_DAMAGED;
	return error;
}

int slot_read(int fd, uint32_t hash_size, const char *key, size_t key_len, void *value, size_t size,
	      off_t *at)
{
	struct chain chain;
	int result = chain_find(&chain, fd, hash_size, key, key_len);

	if (result == 1) {
		*at = (off_t)chain.at + (off_t)sizeof(chain.record) + (off_t)key_len;
		result = chain.record.data_len == size ? PAT_OK : PAT_E_DAMAGED;
		if (!result && value != NULL)
			result = chain_read(&chain, key_len, value, size);
	} else if (result == 0) {
		result = PAT_E_NOTFOUND;
	}
	chain_end(&chain);
	return result;
}

int slot_find(int fd, const char *key, size_t key_len, size_t size, off_t *at)
{
	struct tdbfile_header header;
	int error = slot_read_header(fd, &header);

	return error ? error : slot_read(fd, header.hash_size, key, key_len, NULL, size, at);
}

int slot_measure_chain(int fd, uint32_t chain_number, unsigned *records, uint64_t *bytes)
{
	struct chain chain;
	int result = chain_begin(&chain, fd, tdbfile_chain(chain_number, UINT32_MAX), TDBFILE_USED);

	while (result >= 0 && (result = chain_next(&chain)) == 1) {
		*bytes += sizeof(chain.record) + (uint64_t)chain.record.rec_len;
		++*records;
	}
	chain_end(&chain);
	return result;
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

/*
 * Whether there is a recovery area where the header says so, of which TDB can make use again.
 *
 * To move the area, TDB makes the file longer, writes where it will be into the header, and writes
 * its head, and syncs all this together, before it sets the magic: of a power cut any part of it
 * may be left. Then tdb_open() fails behind the end of the file; and the next change takes for the
 * area what lies there. What has no magic has nothing to roll back.
 */
static bool is_area(const struct tdbfile_record *record, uint64_t at, uint64_t file_size)
{
	return record->rec_len >= sizeof(*record) &&
	       at + sizeof(*record) + record->rec_len <= file_size;
}

int slot_look(int fd, uint64_t file_size, enum slot_recovery *found, struct tdbfile_header *header)
{
	struct tdbfile_record record;
	int error = slot_read_header(fd, header);

	*found = SLOT_CLEAN;
	if (error || header->recovery_start == 0)
		return error;
	*found = SLOT_DANGLING;
	/* TDB gives back the space of an area that is too small, and so writes there: not into the
	 * heads. */
	if (header->recovery_start < tdbfile_records(header->hash_size) ||
	    (uint64_t)header->recovery_start + sizeof(record) > file_size)
		return PAT_OK;
	error = read_at(fd, &record, sizeof(record), header->recovery_start);
	if (error)
		return error;
	if (record.magic == TDBFILE_RECOVERY) {
		*found = SLOT_PENDING;
		return check_recovery(fd, header->recovery_start, &record, (off_t)file_size);
	}
	/* TDB itself leaves alone what has another magic. */
	if (record.magic != 0 || is_area(&record, header->recovery_start, file_size))
		*found = SLOT_CLEAN;
	return PAT_OK;
}

int slot_look_at_recovery(int fd, enum slot_recovery *found)
{
	struct tdbfile_header header;
	struct stat st;

	*found = SLOT_CLEAN;
	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	return slot_look(fd, (uint64_t)st.st_size, found, &header);
}

int slot_check_hashes(int fd)
{
	uint32_t hashes[2];
	int error = read_at(fd, hashes, sizeof(hashes), TDBFILE_HASHES_AT);

	if (error)
		return error;
	return tdbfile_hashes_right(hashes) ? PAT_OK : PAT_E_DAMAGED;
}

/* Whether there is a record, or free space, which the size at its end tells from what merely looks
 * like one. */
static int check_record(int fd, uint64_t file_size, uint32_t at, uint32_t magic)
{
	struct chain chain;
	int result;

	chain_begin_at(&chain, fd, file_size, at, magic);
	result = chain_next(&chain);
	if (result == 1)
		result = chain_check_tail(&chain);
	chain_end(&chain);
	return result;
}

int slot_check_table(int fd)
{
	struct tdbfile_header header;
	struct tdbfile_record record;
	struct stat st;
	uint64_t at;
	int error = slot_read_header(fd, &header);

	if (error)
		return error;
	at = tdbfile_records(header.hash_size);
	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	/* A new one ends there. */
	if ((uint64_t)st.st_size == at)
		return PAT_OK;
	error = read_at(fd, &record, sizeof(record), (off_t)at);
	if (error)
		return error;
	switch (record.magic) {
	case TDBFILE_USED:
	case TDBFILE_FREE:
	case TDBFILE_DEAD:
		return check_record(fd, (uint64_t)st.st_size, (uint32_t)at, record.magic);
	case TDBFILE_RECOVERY:
	case 0:
		return at == header.recovery_start ? PAT_OK : PAT_E_DAMAGED;
	}
	return PAT_E_DAMAGED;
}

int slot_forget_recovery(int fd)
{
	const uint32_t none = 0;

	if (pwrite(fd, &none, sizeof(none), TDBFILE_RECOVERY_AT) != sizeof(none) ||
	    fdatasync(fd) < 0)
		return PAT_E_IO;
	return PAT_OK;
}
