/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "rebuild.h"

/* So few uses were made while a pass went on that the next one will be as quick as any. */
#define FEW 256
#define PASSES 4

/* How long those who are in the store may stay. */
#define WAIT_MS 10000

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* One use record, with its key before it, as it is in the store now. Half of one is left for later,
 * when nobody writes any more. */
static int carry_one(struct rebuild *rebuild, struct carried *carried, const unsigned char *bytes,
		     bool alone, uint64_t *changed)
{
	const unsigned char *value = bytes + 1 + PAT_ID_LEN;
	struct pat_key key = {.len = 1 + PAT_ID_LEN};
	struct pat_use use;
	int error;

	memcpy(key.bytes, bytes, key.len);
	error = pat_use_decode_counts(key.bytes + 1, value, PAT_USE_SIZE, &use);
	if (!error && use.cut && !alone)
		return PAT_OK;
	if (error) {
		/* Somebody was killed in the middle of it. */
		if (alone)
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
				     "damaged a moment ago: as it was before that");
		return PAT_OK;
	}
	error = tdbwrite_over(&rebuild->out, carried->to, value, PAT_USE_SIZE);
	carried->state = pat_use_state(value);
	++*changed;
	return error;
}

/* Carries over all uses that were made since the last time. */
static int carry(struct rebuild *rebuild, bool alone, uint64_t *changed)
{
	struct window *window = &rebuild->store.salvage.window;
	const size_t key_len = 1 + PAT_ID_LEN;
	int error = PAT_OK;

	*changed = 0;
	window_forget(window);
	for (size_t i = 0; !error && i < rebuild->carried_count; i++) {
		struct carried *carried = &rebuild->carried[i];
		const unsigned char *bytes =
			window_get(window, carried->from - key_len, key_len + PAT_USE_SIZE);

		if (bytes == NULL)
			return PAT_E_IO;
		if (pat_use_state(bytes + key_len) != carried->state)
			error = carry_one(rebuild, carried, bytes, alone, changed);
	}
	return error;
}

/* The file that was read is still the store, and nobody has changed a grant: who does without the
 * pen is no program of this version. */
static bool store_is_same(const struct rebuild *rebuild)
{
	unsigned char buf[PAT_META_SIZE];
	struct stat ours, named;
	struct pat_meta meta;

	if (!gate_is_current(&rebuild->gate))
		return false;
	if (!rebuild->store.is_open)
		return !place_has_store(&rebuild->place);
	if (fstat(rebuild->store.fd, &ours) < 0 ||
	    fstatat(rebuild->place.dir, rebuild->place.base, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return false;
	if (!rebuild->has_meta || rebuild->meta_at == 0)
		return true;
	return rebuild->meta_len <= sizeof(buf) &&
	       pread(rebuild->store.fd, buf, rebuild->meta_len, (off_t)rebuild->meta_at) ==
		       (ssize_t)rebuild->meta_len &&
	       pat_meta_decode(buf, rebuild->meta_len, &meta) == PAT_OK &&
	       meta.generation == rebuild->result->meta.generation;
}

/* What has to be done alone in the store. */
static int exchange_alone(struct rebuild *rebuild, const char *new_base)
{
	uint64_t changed;
	int error = carry(rebuild, true, &changed);

	if (!error && !store_is_same(rebuild))
		error = PAT_E_BUSY;
	if (!error && fdatasync(rebuild->out.fd) < 0)
		error = PAT_E_IO;
	if (!error &&
	    renameat(rebuild->place.dir, new_base, rebuild->place.dir, rebuild->place.base) < 0)
		error = PAT_E_IO;
	if (error)
		return error;
	/* It has its name, and is not to be removed whatever comes. */
	rebuild->writing = false;
	return fsync(rebuild->place.dir) < 0 ? PAT_E_IO : PAT_OK;
}

int rebuild_exchange(struct rebuild *rebuild)
{
	const char *new_base = strrchr(rebuild->new_path, '/') + 1;
	uint64_t changed = FEW + 1;
	int error = PAT_OK;
	int64_t from;

	/* While logins go on: then little is left to be done while they wait. */
	for (int i = 0; !error && changed > FEW && i < PASSES; i++)
		error = carry(rebuild, false, &changed);
	if (!error && fsync(rebuild->out.fd) < 0)
		error = PAT_E_IO;
	if (!error)
		error = gate_enter_alone(&rebuild->gate, pat_deadline_in(WAIT_MS));
	if (error)
		return error;
	from = now_ns();
	error = exchange_alone(rebuild, new_base);
	gate_leave(&rebuild->gate);
	rebuild->result->alone_ns = now_ns() - from;
	return error;
}

static int sync_directory(const char *path)
{
	char *copy = strdup(path), *slash;
	int fd, error = PAT_OK;

	if (copy == NULL)
		return PAT_E_NOMEM;
	/* Not dirname(3), which may keep what it returns for all threads. */
	slash = strrchr(copy, '/');
	if (slash != NULL)
		slash[1] = '\0';
	fd = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		error = PAT_E_IO;
	if (fd >= 0)
		close(fd);
	free(copy);
	return error;
}

static int copy_out(struct rebuild *rebuild)
{
	unsigned char *buf = rebuild->out.buf; /* all of it is in the file */
	off_t at = 0;

	for (;;) {
		ssize_t got = pread(rebuild->out.fd, buf, TDBWRITE_BUF, at);

		if (got <= 0)
			return got == 0 ? PAT_OK : PAT_E_IO;
		at += got;
		for (ssize_t done = 0; done < got;) {
			ssize_t put = write(rebuild->order->out, buf + done, (size_t)(got - done));

			if (put < 0 && errno == EINTR)
				continue;
			if (put <= 0)
				return PAT_E_IO;
			done += put;
		}
	}
}

int rebuild_deliver(struct rebuild *rebuild)
{
	const struct pat_rebuild *order = rebuild->order;
	int result;

	if (order->file == NULL)
		return copy_out(rebuild);
	if (fsync(rebuild->out.fd) < 0)
		return PAT_E_IO;
	if (order->force) {
		result = rename(rebuild->new_path, order->file);
	} else {
		result = renameat2(AT_FDCWD, rebuild->new_path, AT_FDCWD, order->file,
				   RENAME_NOREPLACE);
		/* Not all file systems know how. */
		if (result < 0 && (errno == EINVAL || errno == ENOSYS) &&
		    access(order->file, F_OK) < 0)
			result = rename(rebuild->new_path, order->file);
	}
	if (result < 0)
		return errno == EEXIST ? PAT_E_EXISTS : PAT_E_IO;
	rebuild->writing = false;
	return sync_directory(order->file);
}
