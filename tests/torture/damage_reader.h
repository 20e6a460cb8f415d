/* SPDX-License-Identifier: ISC */
#ifndef DAMAGE_READER_H
#define DAMAGE_READER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A reader of TDB files that has nothing from TDB or from the product but the layout
 * (common/tdb_private.h) and the hash function: what is in a chain, and what can be reached by it.
 */

#define READER_VERSION (0x26011967 + 6)
#define READER_RECORD 0x26011999
#define READER_RECOVERY 0xf53bc0e7
#define READER_HEADER 168
#define READER_STEPS 100000 /* more records than that in one chain are a loop */

/* Places in the header. */
#define READER_HASH_SIZE_AT 36
#define READER_RECOVERY_AT 44

struct reader_file {
	const unsigned char *data;
	uint64_t size;
};

/* struct tdb_record. */
struct reader_record {
	uint32_t next, rec_len, key_len, data_len, full_hash, magic;
};

static inline uint32_t reader_word(const struct reader_file *file, uint64_t at)
{
	uint32_t word = 0;

	if (at + sizeof(word) <= file->size)
		memcpy(&word, file->data + at, sizeof(word));
	return word;
}

static inline uint32_t reader_buckets(const struct reader_file *file)
{
	return reader_word(file, READER_HASH_SIZE_AT);
}

/* Where the chain of a bucket begins: a place of an offset. */
static inline uint64_t reader_bucket_at(uint32_t bucket)
{
	return READER_HEADER + 4 * ((uint64_t)bucket + 1);
}

/*
 * The record at `at`; false if there is none that TDB would go by: it wants the number, and the
 * next one inside the file, too.
 */
static inline bool reader_record(const struct reader_file *file, uint64_t at,
				 struct reader_record *record)
{
	if (at < READER_HEADER || at + sizeof(*record) > file->size)
		return false;
	memcpy(record, file->data + at, sizeof(*record));
	return record->magic == READER_RECORD &&
	       (uint64_t)record->next + sizeof(*record) <= file->size &&
	       at + sizeof(*record) + record->rec_len <= file->size;
}

/* Whether key and value of a record lie in the file, and in the record. */
static inline bool reader_fits(const struct reader_file *file, uint64_t at,
			       const struct reader_record *record)
{
	uint64_t len = (uint64_t)record->key_len + record->data_len;

	return len <= record->rec_len && at + sizeof(*record) + len <= file->size;
}

static inline const unsigned char *reader_key(const struct reader_file *file, uint64_t at)
{
	return file->data + at + sizeof(struct reader_record);
}

/* Calls `each` for each record of each chain. False if a chain is broken; the others are gone
 * through all the same. */
static inline bool reader_each(const struct reader_file *file,
			       int (*each)(const unsigned char *key, size_t key_len,
					   const unsigned char *value, size_t value_len,
					   void *data),
			       void *data)
{
	uint32_t buckets = reader_buckets(file);
	bool whole = true;

	for (uint32_t i = 0; i < buckets && reader_bucket_at(i) < file->size; i++) {
		uint64_t at = reader_word(file, reader_bucket_at(i));
		struct reader_record record;

		for (unsigned steps = 0; at != 0; at = record.next) {
			if (!reader_record(file, at, &record) || ++steps > READER_STEPS ||
			    !reader_fits(file, at, &record)) {
				whole = false;
				break;
			}
			(void)each(reader_key(file, at), record.key_len,
				   reader_key(file, at) + record.key_len, record.data_len, data);
		}
	}
	return whole;
}

/*
 * The value of a key, by the one way that leads to it: the chain of its hash. NULL where that ends
 * (*broken is false) or breaks (true) before.
 */
static inline const unsigned char *reader_find(const struct reader_file *file, const char *key,
					       size_t key_len, uint32_t hash, uint32_t *value_len,
					       bool *broken)
{
	uint32_t buckets = reader_buckets(file);
	struct reader_record record;
	uint64_t at = 0;

	*broken = buckets == 0 || reader_bucket_at(hash % buckets) + 4 > file->size;
	if (!*broken)
		at = reader_word(file, reader_bucket_at(hash % buckets));
	for (unsigned steps = 0; at != 0; at = record.next) {
		*broken = !reader_record(file, at, &record) || ++steps > READER_STEPS;
		if (*broken)
			return NULL;
		if (record.full_hash != hash || record.key_len != key_len)
			continue;
		*broken = !reader_fits(file, at, &record);
		if (*broken)
			return NULL;
		if (memcmp(reader_key(file, at), key, key_len) == 0) {
			*value_len = record.data_len;
			return reader_key(file, at) + key_len;
		}
	}
	return NULL;
}

/* Maps a file to read. False if that cannot be. */
static inline bool reader_open(const char *path, struct reader_file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return false;
	file->data = map;
	file->size = (uint64_t)st.st_size;
	return true;
}

static inline void reader_close(struct reader_file *file)
{
	munmap((void *)(uintptr_t)file->data, file->size);
}

#endif
