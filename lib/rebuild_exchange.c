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
#include "slot.h"

/* How long those who are in the store may stay. */
#define WAIT_MS 10000

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

bool rebuild_store_is_same(const struct rebuild *rebuild)
{
	unsigned char buf[PAT_META_SIZE];
	struct stat ours, named;
	struct pat_meta meta;

	if (!gate_is_current(&rebuild->gate))
		return false;
	if (!rebuild->store.is_open)
		return !place_has_store(&rebuild->place);
	if (fstat(rebuild->store.live, &ours) < 0 ||
	    fstatat(rebuild->place.dir, rebuild->place.base, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return false;
	if (!rebuild->has_meta || rebuild->meta_at == 0)
		return true;
	return rebuild->meta_len <= sizeof(buf) &&
	       pread(rebuild->store.live, buf, rebuild->meta_len, (off_t)rebuild->meta_at) ==
		       (ssize_t)rebuild->meta_len &&
	       pat_meta_decode(buf, rebuild->meta_len, &meta) == PAT_OK &&
	       meta.generation - rebuild->result->meta.generation <= rebuild->commits;
}

bool rebuild_new_is_ours(const struct rebuild *rebuild, bool if_unknown)
{
	struct stat ours, named;

	if (fstat(rebuild->out.fd, &ours) < 0 || lstat(rebuild->new_path, &named) < 0)
		return if_unknown;
	return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/*
 * A writer who was killed in a commit while the pen was lent has left half of it in the store, and
 * what brings the other half back, which nobody may have looked for yet. With the pen in hand no
 * new one comes.
 */
static int look_for_halves(struct rebuild *rebuild)
{
	enum slot_recovery found = SLOT_CLEAN;
	int error;

	if (!rebuild->store.is_open)
		return PAT_OK;
	error = slot_look_at_recovery(rebuild->store.live, &found);
	if (!error && found == SLOT_CLEAN)
		return PAT_OK;
	rebuild->must_restart = true;
	return PAT_E_BUSY;
}

/* What has to be done alone in the store. */
static int exchange_alone(struct rebuild *rebuild, const char *new_base)
{
	int error = rebuild_replay(rebuild, true);

	if (!error && !(rebuild_store_is_same(rebuild) && rebuild_new_is_ours(rebuild, false))) {
		rebuild->must_restart = true;
		error = PAT_E_BUSY;
	}
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
	int error = PAT_OK;
	int64_t from;

	/* What takes long, before anybody has to wait for it. */
	if (fsync(rebuild->out.fd) < 0)
		error = PAT_E_IO;
	if (!error && !rebuild->gate.has_pen)
		error = gate_take_pen(&rebuild->gate, pat_deadline_in(WAIT_MS));
	if (!error && rebuild->pen_lent)
		error = look_for_halves(rebuild);
	if (!error)
		error = rebuild_replay(rebuild, false);
	if (!error && fdatasync(rebuild->out.fd) < 0)
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
