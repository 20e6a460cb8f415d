/* SPDX-License-Identifier: ISC */
#include "tdbwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

#include "pat/error.h"
#include "place.h"
#include "store_private.h"
#include "table.h"
#include "tdbfile.h"

static int write_all(int fd, const unsigned char *bytes, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t done = pwrite(fd, bytes, len, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? ENOSPC : errno;
			return PAT_E_IO;
		}
		bytes += done;
		len -= (size_t)done;
		at += (uint64_t)done;
	}
	return PAT_OK;
}

/* Begins to put on disk what is in the file, so that there is little to wait for in the end. What
 * fails of it fails then, too. */
static void begin_to_sync(struct tdbwrite *out)
{
	enum { WORTH_IT = 8 << 20 };

	if (out->buf_at - out->begun_at < WORTH_IT)
		return;
	(void)sync_file_range(out->fd, (off_t)out->begun_at, (off_t)(out->buf_at - out->begun_at),
			      SYNC_FILE_RANGE_WRITE);
	out->begun_at = out->buf_at;
}

static int flush(struct tdbwrite *out)
{
	int error = write_all(out->fd, out->buf, out->used, out->buf_at);

	out->buf_at += out->used;
	out->used = 0;
	begin_to_sync(out);
	return error;
}

int tdbwrite_open(struct tdbwrite *out, const char *path, uint32_t hash_size)
{
	struct tdb_context *tdb;

	*out = (struct tdbwrite){.fd = -1, .hash_size = hash_size};
	out->buf = malloc(TDBWRITE_BUF);
	out->heads = calloc(hash_size, sizeof(*out->heads));
	table_wants_large_pages(out->heads, hash_size * sizeof(*out->heads));
	if (out->buf == NULL || out->heads == NULL)
		return PAT_E_NOMEM;
	errno = 0;
	tdb = tdb_open(path, (int)hash_size, STORE_TDB_FLAGS | TDB_NOSYNC,
		       STORE_OPEN_FLAGS | O_CREAT | O_EXCL, 0600);
	if (tdb == NULL) {
		if (errno == 0)
			errno = EIO;
		return errno == EEXIST ? PAT_E_EXISTS : place_open_error();
	}
	/* Its name may be another's file by the time that it is opened again: this is the one. */
	out->fd = fcntl(tdb_fd(tdb), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	tdb_close(tdb);
	out->buf_at = tdbfile_records(hash_size);
	if (out->fd < 0 || fchmod(out->fd, 0600) < 0 || ftruncate(out->fd, (off_t)out->buf_at) < 0)
		return PAT_E_IO;
	return PAT_OK;
}

void tdbwrite_close(struct tdbwrite *out)
{
	if (out->fd >= 0)
		close(out->fd);
	if (out->buf != NULL)
		sodium_memzero(out->buf, TDBWRITE_BUF);
	free(out->buf);
	free(out->heads);
	*out = (struct tdbwrite){.fd = -1};
}

void tdbwrite_expect(struct tdbwrite *out, uint32_t full_hash)
{
	__builtin_prefetch(&out->heads[full_hash % out->hash_size], 1);
}

int tdbwrite_put(struct tdbwrite *out, const struct pat_key *key, const unsigned char *value,
		 size_t len, size_t slack, uint32_t *value_at)
{
	struct tdbfile_record record = {.key_len = (uint32_t)key->len,
					.data_len = (uint32_t)len,
					.full_hash = tdbfile_hash(key->bytes, (uint32_t)key->len),
					.magic = TDBFILE_USED};
	size_t space = (key->len + len + slack + 3) & ~(size_t)3;
	uint32_t total = (uint32_t)(sizeof(record) + space + 4), chain;
	uint64_t at = out->buf_at + out->used;
	unsigned char *p;
	int error = PAT_OK;

	/* An offset has 32 bits, and TDB must be able to go on from there. */
	if (at + total > STORE_SIZE_MAX)
		return PAT_E_FULL;
	if (total > TDBWRITE_BUF)
		return PAT_E_TOOBIG;
	if (out->used + total > TDBWRITE_BUF)
		error = flush(out);
	if (error)
		return error;
	chain = record.full_hash % out->hash_size;
	record.rec_len = (uint32_t)(space + 4);
	record.next = out->heads[chain];
	out->heads[chain] = (uint32_t)at;
	p = out->buf + out->used;
	memset(p, 0, total);
	memcpy(p, &record, sizeof(record));
	memcpy(p + sizeof(record), key->bytes, key->len);
	memcpy(p + sizeof(record) + key->len, value, len);
	memcpy(p + total - sizeof(total), &total, sizeof(total));
	out->used += total;
	out->records++;
	*value_at = (uint32_t)(at + sizeof(record) + key->len);
	return PAT_OK;
}

int tdbwrite_over(struct tdbwrite *out, uint64_t at, const unsigned char *bytes, size_t len)
{
	if (at >= out->buf_at && at + len <= out->buf_at + out->used) {
		memcpy(out->buf + (at - out->buf_at), bytes, len);
		return PAT_OK;
	}
	return write_all(out->fd, bytes, len, at);
}

int tdbwrite_get(struct tdbwrite *out, uint64_t at, unsigned char *bytes, size_t len)
{
	if (at >= out->buf_at && at + len <= out->buf_at + out->used) {
		memcpy(bytes, out->buf + (at - out->buf_at), len);
		return PAT_OK;
	}
	return pread(out->fd, bytes, len, (off_t)at) == (ssize_t)len ? PAT_OK : PAT_E_IO;
}

int tdbwrite_drop(struct tdbwrite *out, const struct pat_key *key, uint32_t value_at)
{
	const uint32_t at = (uint32_t)(value_at - key->len - sizeof(struct tdbfile_record));
	uint32_t chain = tdbfile_hash(key->bytes, (uint32_t)key->len) % out->hash_size;
	uint32_t link = out->heads[chain], before = 0;
	struct tdbfile_record record, other;
	int error = tdbwrite_get(out, at, (unsigned char *)&record, sizeof(record));

	while (!error && link != at && link != 0) {
		before = link;
		error = tdbwrite_get(out, link, (unsigned char *)&other, sizeof(other));
		link = other.next;
	}
	if (error || link == 0)
		return error ? error : PAT_E_NOTFOUND;
	if (before == 0) {
		out->heads[chain] = record.next;
	} else {
		other.next = record.next;
		error = tdbwrite_over(out, before, (const unsigned char *)&other, sizeof(other));
	}
	record = (struct tdbfile_record){
		.next = out->free_list, .rec_len = record.rec_len, .magic = TDBFILE_FREE};
	out->free_list = at;
	out->records--;
	if (!error)
		error = tdbwrite_over(out, at, (const unsigned char *)&record, sizeof(record));
	return error;
}

/*
 * Free space up to the end of a page. What TDB writes into a recovery area are whole pages as they
 * were: one that had a part of the area itself in it would, when it is rolled back, put there what
 * was there before, and nobody could go on with the rest after another power cut.
 */
static int fill_page(struct tdbwrite *out)
{
	enum { LEAST = sizeof(struct tdbfile_record) + 8 };
	const uint64_t at = out->buf_at + out->used;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint32_t len = (uint32_t)((page - at % page) % page);
	struct tdbfile_record record = {.next = out->free_list, .magic = TDBFILE_FREE};
	int error = PAT_OK;

	if (len > 0 && len < LEAST)
		len += (uint32_t)page;
	if (len == 0 || at + len > STORE_SIZE_MAX)
		return PAT_OK;
	if (out->used + len > TDBWRITE_BUF)
		error = flush(out);
	if (error)
		return error;
	record.rec_len = len - (uint32_t)sizeof(record);
	memset(out->buf + out->used, 0, len);
	memcpy(out->buf + out->used, &record, sizeof(record));
	memcpy(out->buf + out->used + len - sizeof(len), &len, sizeof(len));
	out->used += len;
	out->free_list = (uint32_t)at;
	return PAT_OK;
}

int tdbwrite_finish(struct tdbwrite *out)
{
	int error = fill_page(out);

	if (!error)
		error = flush(out);
	if (!error)
		error = write_all(out->fd, (const unsigned char *)&out->free_list,
				  sizeof(out->free_list), TDBFILE_FREE_LIST);
	if (!error)
		error = write_all(out->fd, (const unsigned char *)out->heads,
				  (size_t)out->hash_size * sizeof(*out->heads),
				  tdbfile_chain(0, out->hash_size));
	return error;
}

/* From `at` on to `end`, as TDB leaves one that it has no use for at the moment: without a magic.
 */
static int write_area(struct tdbwrite *out, uint32_t at, uint32_t end)
{
	const struct tdbfile_record area = {.rec_len = end - at - (uint32_t)sizeof(area)};
	const uint32_t total = end - at;
	int error = write_all(out->fd, (const unsigned char *)&area, sizeof(area), at);

	if (!error)
		error = write_all(out->fd, (const unsigned char *)&total, sizeof(total),
				  end - sizeof(total));
	/* Now that there is one: */
	if (!error)
		error = write_all(out->fd, (const unsigned char *)&at, sizeof(at),
				  TDBFILE_RECOVERY_AT);
	return error;
}

int tdbwrite_reserve(struct tdbwrite *out)
{
	/* What touches more, all of a user's tokens, say, makes a larger one. */
	enum { PAGES = 17 };
	const uint64_t at = out->buf_at;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t end = at + PAGES * page;

	if (at % page != 0 || end > STORE_SIZE_MAX)
		return PAT_OK;
	if (posix_fallocate(out->fd, (off_t)at, (off_t)(end - at)) != 0)
		return ftruncate(out->fd, (off_t)at) < 0 ? PAT_E_IO : PAT_OK;
	return write_area(out, (uint32_t)at, (uint32_t)end);
}
