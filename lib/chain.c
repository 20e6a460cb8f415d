/* SPDX-License-Identifier: ISC */
#include "chain.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/record.h"

/* A chain this long takes longer than a login waits. */
#define STEPS_MAX 65536

/* Reads at least so much as `least`. */
static int read_some(int fd, void *data, size_t least, size_t most, uint64_t at, size_t *got)
{
	*got = 0;
	while (*got < least) {
		ssize_t now = pread(fd, (char *)data + *got, most - *got, (off_t)(at + *got));

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return PAT_E_IO;
		if (now == 0)
			return PAT_E_DAMAGED;
		*got += (size_t)now;
	}
	return PAT_OK;
}

void chain_begin_at(struct chain *chain, int fd, uint64_t file_size, uint32_t first, uint32_t magic)
{
	chain->fd = fd;
	chain->magic = magic;
	chain->size = file_size;
	chain->at = chain->mark = 0;
	chain->next = first;
	chain->steps = 0;
	chain->got = 0;
	chain->doubtful = false;
}

int chain_begin(struct chain *chain, int fd, uint64_t head_at, uint32_t magic)
{
	size_t got;

	chain_begin_at(chain, fd, 0, 0, magic);
	return read_some(fd, &chain->next, sizeof(chain->next), sizeof(chain->next), head_at, &got);
}

int chain_read_heads(int fd, uint32_t from, uint32_t *heads, uint32_t count, uint32_t *got)
{
	const size_t len = count * sizeof(*heads);
	size_t bytes;
	int error = read_some(fd, heads, len, len, tdbfile_chain(from, UINT32_MAX), &bytes);

	*got = (uint32_t)(bytes / sizeof(*heads));
	return error;
}

void chain_end(struct chain *chain)
{
	/* A longer one may have been there before the last. */
	sodium_memzero(chain->ahead, sizeof(chain->ahead));
	chain->got = 0;
}

/* Whether so many bytes from there on are in the file. */
static int check_within(struct chain *chain, uint32_t at, uint64_t len)
{
	struct stat st;

	if (chain->size == 0) {
		if (fstat(chain->fd, &st) < 0)
			return PAT_E_IO;
		chain->size = (uint64_t)st.st_size;
	}
	return at + len <= chain->size ? PAT_OK : PAT_E_DAMAGED;
}

static int read_record(struct chain *chain)
{
	struct tdbfile_record *record = &chain->record;
	struct iovec parts[] = {{record, sizeof(*record)}, {chain->ahead, sizeof(chain->ahead)}};
	ssize_t got;

	/* Of free space the bytes are nobody's. */
	do
		got = preadv(chain->fd, parts, chain->magic == TDBFILE_USED ? 2 : 1, chain->at);
	while (got < 0 && errno == EINTR);
	chain->got = 0;
	if (got < 0)
		return PAT_E_IO;
	if ((size_t)got < sizeof(*record))
		return PAT_E_DAMAGED;
	chain->got = (size_t)got - sizeof(*record);
	return PAT_OK;
}

/* Whether TDB would believe it. */
static int check_record(struct chain *chain)
{
	const struct tdbfile_record *record = &chain->record;
	int error = PAT_OK;

	if (record->magic != chain->magic)
		return PAT_E_DAMAGED;
	if (record->rec_len > chain->got)
		error = check_within(chain, chain->at, sizeof(*record) + (uint64_t)record->rec_len);
	if (!error && record->next != 0)
		error = check_within(chain, record->next, sizeof(*record));
	return error;
}

int chain_next(struct chain *chain)
{
	int error;

	if (chain->next == 0)
		return 0;
	/* Who marks where it is at ever longer intervals comes to a mark again in any loop (Brent
	 * 1980). */
	if (chain->next == chain->mark || chain->steps == STEPS_MAX)
		return PAT_E_DAMAGED;
	chain->at = chain->next;
	if ((chain->steps & (chain->steps - 1)) == 0)
		chain->mark = chain->at;
	chain->steps++;
	error = read_record(chain);
	if (!error)
		error = check_record(chain);
	if (error)
		return error;
	chain->next = chain->record.next;
	return 1;
}

bool chain_fits(const struct chain *chain)
{
	return (uint64_t)chain->record.key_len + chain->record.data_len <= chain->record.rec_len;
}

int chain_read(const struct chain *chain, size_t from, void *bytes, size_t len)
{
	size_t got;

	if (from + len <= chain->got) {
		memcpy(bytes, chain->ahead + from, len);
		return PAT_OK;
	}
	return read_some(chain->fd, bytes, len, len,
			 chain->at + sizeof(chain->record) + (uint64_t)from, &got);
}

/* An error is not the same as another key. */
static int has_key(const struct chain *chain, const char *key, size_t len)
{
	char found[16];
	int error;

	if (chain->record.key_len != len || len > sizeof(found))
		return 0;
	error = chain_read(chain, 0, found, len);
	return error ? error : memcmp(found, key, len) == 0;
}

/* Whether it is a record that belongs into the chain of a hash, whole as far as that can be told
 * without its value. */
static bool belongs(const struct chain *chain, uint32_t hash, uint32_t hash_size)
{
	char key[PAT_KEY_MAX];
	const uint32_t len = chain->record.key_len;

	return len >= 1 && len <= sizeof(key) && chain_fits(chain) &&
	       chain->record.full_hash % hash_size == hash % hash_size &&
	       chain_read(chain, 0, key, len) == PAT_OK &&
	       tdbfile_hash(key, len) == chain->record.full_hash;
}

int chain_find(struct chain *chain, int fd, uint32_t hash_size, const char *key, size_t len)
{
	uint32_t hash = tdbfile_hash(key, (uint32_t)len);
	int result = chain_begin(chain, fd, tdbfile_chain(hash, hash_size), TDBFILE_USED);

	if (result < 0)
		return result;
	while ((result = chain_next(chain)) == 1) {
		result = has_key(chain, key, len);
		/* TDB goes past it then. Perhaps it is another, of which the key is damaged. */
		if (result == 1 && chain->record.full_hash != hash)
			result = 0;
		if (result == 1 && !chain_fits(chain))
			return PAT_E_DAMAGED;
		if (result != 0)
			return result;
		chain->doubtful |= !belongs(chain, hash, hash_size);
	}
	/* The one that is looked for may be the one that cannot be told any more. */
	return result == 0 && chain->doubtful ? PAT_E_DAMAGED : result;
}

int chain_check_tail(const struct chain *chain)
{
	uint32_t total, whole = chain->record.rec_len + (uint32_t)sizeof(chain->record);
	int error;

	if (chain->record.rec_len < sizeof(total))
		return PAT_E_DAMAGED;
	error = chain_read(chain, chain->record.rec_len - sizeof(total), &total, sizeof(total));
	return error ? error : total == whole ? PAT_OK : PAT_E_DAMAGED;
}

int chain_measure_space(int fd, uint64_t file_size, struct chain_space *space)
{
	struct chain chain;
	int result = chain_begin(&chain, fd, TDBFILE_FREE_LIST, TDBFILE_FREE);

	*space = (struct chain_space){.bytes = 0};
	chain.size = file_size;
	while (result >= 0 && chain.steps < CHAIN_PIECES_MAX &&
	       (result = chain_next(&chain)) == 1) {
		result = chain_check_tail(&chain);
		space->bytes += chain.record.rec_len;
		if (chain.record.rec_len > space->largest)
			space->largest = chain.record.rec_len;
	}
	space->pieces = chain.steps;
	return result < 0 ? result : PAT_OK;
}

/* Whether these chains come to an end. */
static int check_some(int fd, uint64_t file_size, const uint32_t *heads, uint32_t count)
{
	struct chain chain;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < count; i++) {
		chain_begin_at(&chain, fd, file_size, heads[i], TDBFILE_USED);
		while ((result = chain_next(&chain)) == 1)
			;
		chain_end(&chain);
	}
	return result;
}

int chain_check_all(int fd, uint64_t file_size, uint32_t hash_size)
{
	uint32_t heads[CHAIN_HEADS], some, got;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < hash_size; i += some) {
		some = hash_size - i < CHAIN_HEADS ? hash_size - i : CHAIN_HEADS;
		result = chain_read_heads(fd, i, heads, some, &got);
		if (result == 0)
			result = check_some(fd, file_size, heads, got);
	}
	return result;
}
