/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "rebuild.h"
#include "slot.h"
#include "store_private.h"
#include "window.h"

static int open_file(struct rebuild *rebuild, int *fd)
{
	*fd = openat(rebuild->place.dir, rebuild->place.base,
		     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return *fd < 0 ? place_open_error() : PAT_OK;
}

/* Who only looks may look at what nobody should use, as long as it is a file. */
static int check_file(struct rebuild *rebuild, int fd)
{
	struct stat st;
	int error = place_check_ours(fd, S_IFREG);

	if (error != PAT_E_UNSAFE || rebuild->order->task != PAT_REBUILD_LOOK)
		return error;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return PAT_E_UNSAFE;
	if (st.st_uid != geteuid())
		rebuild_tell_file(
			rebuild, PAT_NEWS_LOST, "the file",
			"it is not root's: nobody is let in by it until it is (chown root:root)");
	if ((st.st_mode & 022) != 0)
		rebuild_tell_file(rebuild, PAT_NEWS_LOST, "the file",
				  "others may write it: nobody is let in by it until they may not "
				  "(chmod 600)");
	if (st.st_nlink != 1)
		rebuild_tell_file(
			rebuild, PAT_NEWS_LOST, "the file",
			"it has a second name: nobody is let in by it until that is gone");
	return PAT_OK;
}

/* Has TDB roll back the change that a killed process left. Nobody may be in the store for that. */
static int roll_back(struct rebuild *rebuild, int *fd)
{
	struct pat_store store = {.path = (char *)(uintptr_t)rebuild->order->store, .spare = -1};
	enum slot_recovery found = SLOT_CLEAN;
	int error = gate_enter_alone(&rebuild->gate, rebuild->deadline);

	if (error)
		return error;
	/* It was another's turn in between: look again. */
	close(*fd);
	error = open_file(rebuild, fd);
	if (!error)
		error = slot_look_at_recovery(*fd, &found);
	if (!error && found != SLOT_CLEAN && fstat(*fd, &store.file) == 0) {
		error = store_forget_recovery(&store);
		if (!error)
			error = store_open_tdb(&store);
		if (store.tdb != NULL)
			tdb_close(store.tdb);
	}
	gate_leave(&rebuild->gate);
	return error;
}

static int look_for_rest(struct rebuild *rebuild, int *fd)
{
	enum slot_recovery found;
	int error = slot_look_at_recovery(*fd, &found);

	if (!error && found != SLOT_CLEAN)
		error = rebuild->gate.looks ? PAT_E_DAMAGED : roll_back(rebuild, fd);
	if (error != PAT_E_DAMAGED)
		return error;
	/* The records are to be had without it; each of them has its checksum. */
	rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
			  found == SLOT_PENDING ? "a change that was cut off cannot be rolled back"
						: "its header is damaged");
	return PAT_OK;
}

/* Copies so much as there is to a file that has no name, beside where the new one will be. */
static int copy_file(struct rebuild *rebuild, int from, int to)
{
	struct window window;
	uint64_t at = 0;
	int error;

	/* Where files may share blocks. */
	if (ioctl(to, FICLONE, from) == 0)
		return PAT_OK;
	error = window_open(&window, from);
	if (!error && ftruncate(to, (off_t)window.size) < 0)
		error = PAT_E_IO;
	while (!error && at < window.size) {
		size_t len = window.size - at < 65536 ? (size_t)(window.size - at) : 65536;
		const unsigned char *bytes = window_get(&window, at, len);
		ssize_t written = bytes != NULL ? pwrite(to, bytes, len, (off_t)at) : -1;
		off_t data;

		if (written != (ssize_t)len) {
			/* Of what does not fit some is written, and no reason told. */
			if (written >= 0)
				errno = ENOSPC;
			error = PAT_E_IO;
			break;
		}
		at += len;
		if (at % (1 << 20) == 0 && rebuild_gives_way(rebuild))
			error = PAT_E_BUSY;
		/* A damaged file may have gigabytes of holes. */
		data = lseek(from, (off_t)at, SEEK_DATA);
		if (data > (off_t)at)
			at = (uint64_t)data;
		else if (data < 0 && errno == ENXIO)
			break;
	}
	window_close(&window);
	return error;
}

/* A file without a name, beside that of the order. */
static int open_unnamed(const struct rebuild *rebuild, int *fd)
{
	const char *beside = rebuild->order->task == PAT_REBUILD_BACKUP && rebuild->order->file
				     ? rebuild->order->file
				     : rebuild->order->store;
	char *name = NULL;
	int error;

	*fd = -1;
	if (beside == rebuild->order->store)
		*fd = openat(rebuild->place.dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return PAT_OK;
	if (asprintf(&name, "%s.%ld.tmp", beside, (long)getpid()) < 0)
		return PAT_E_NOMEM;
	*fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	error = *fd < 0 || unlink(name) < 0 ? PAT_E_IO : PAT_OK;
	free(name);
	return error;
}

/*
 * Once there is a copy, the store may change. Uses may be made while it is copied; half of one is
 * read again from the store itself (source.live).
 */
static int take_snapshot(struct rebuild *rebuild)
{
	struct source *store = &rebuild->store;
	int fd, error = open_unnamed(rebuild, &fd);

	if (!error)
		error = copy_file(rebuild, store->fd, fd);
	if (error) {
		if (fd >= 0)
			close(fd);
		/* Who has no room for it, or may write nothing there, does without. */
		return error == PAT_E_IO && rebuild->order->task != PAT_REBUILD_BACKUP ? PAT_OK
										       : error;
	}
	gate_put_pen(&rebuild->gate);
	rebuild->pen_lent = true;
	close(store->fd);
	store->fd = fd;
	return PAT_OK;
}

/* Where the file system is read-only nobody changes anything, and who looks need keep nobody from
 * it. */
static int take_gate(struct rebuild *rebuild)
{
	const struct pat_rebuild *order = rebuild->order;
	int error = gate_open(&rebuild->gate, rebuild->lock_path);

	if (error == PAT_E_ACCESS && errno == EROFS &&
	    (order->task == PAT_REBUILD_LOOK || order->task == PAT_REBUILD_BACKUP))
		return gate_open_to_look(&rebuild->gate, rebuild->lock_path);
	/* Before the pen, which who has the notes now needs in order to come to an end. Who has the
	 * notes is also the only one who makes a new store beside the old one. */
	if (!error && (rebuild->noting || order->task == PAT_REBUILD_REPLACE))
		error = gate_take_notes(&rebuild->gate, rebuild->deadline);
	if (!error)
		error = gate_take_pen(&rebuild->gate, rebuild->deadline);
	if (!error && rebuild->noting)
		error = gate_begin_notes(&rebuild->gate);
	return error;
}

/* Those who came before there were notes have left. */
static int wait_for_others(struct rebuild *rebuild)
{
	int error = gate_enter_alone(&rebuild->gate, rebuild->deadline);

	gate_leave(&rebuild->gate);
	return error;
}

int rebuild_open_store(struct rebuild *rebuild)
{
	const struct pat_rebuild *order = rebuild->order;
	bool make = order->task == PAT_REBUILD_RESTORE || order->task == PAT_REBUILD_REPLACE;
	struct source *store = &rebuild->store;
	struct stat st;
	int error = place_open(&rebuild->place, order->store, make);

	if (!error && !make && !place_has_store(&rebuild->place))
		error = PAT_E_NOSTORE;
	if (!error)
		error = take_gate(rebuild);
	if (error)
		return error;
	store->is_store = true;
	error = open_file(rebuild, &store->fd);
	if (error == PAT_E_NOSTORE && make)
		return PAT_OK;
	if (!error)
		error = check_file(rebuild, store->fd);
	if (!error && rebuild->noting)
		error = wait_for_others(rebuild);
	if (!error)
		error = look_for_rest(rebuild, &store->fd);
	if (!error)
		store->live = fcntl(store->fd, F_DUPFD_CLOEXEC, 0);
	if (!error && fstat(store->fd, &st) == 0 &&
	    rebuild_wants_copy(rebuild, (uint64_t)st.st_size))
		error = take_snapshot(rebuild);
	store->is_open = !error;
	return error;
}

int rebuild_open_backup(struct rebuild *rebuild)
{
	struct source *backup = &rebuild->backup;
	int error;

	backup->fd = open(rebuild->order->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (backup->fd < 0)
		return place_open_error();
	/* Whoever could write it could let anybody in. Another name does no harm here. */
	error = place_check_ours(backup->fd, S_IFREG);
	if (error == PAT_E_UNSAFE) {
		struct stat st;

		if (fstat(backup->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		    (st.st_mode & 022) == 0)
			error = PAT_OK;
	}
	backup->is_open = !error;
	return error;
}

static void close_source(struct source *source)
{
	salvage_close(&source->salvage);
	if (source->fd >= 0)
		close(source->fd);
	if (source->live >= 0)
		close(source->live);
}

void rebuild_close(struct rebuild *rebuild)
{
	int saved = errno;

	close_source(&rebuild->store);
	close_source(&rebuild->backup);
	ledger_close(&rebuild->ledger);
	tdbwrite_close(&rebuild->out);
	if (rebuild->out_tdb != NULL)
		tdb_close(rebuild->out_tdb);
	free(rebuild->later);
	if (rebuild->gate.fd >= 0) {
		gate_end_notes(&rebuild->gate);
		gate_close(&rebuild->gate);
	}
	place_close(&rebuild->place);
	free(rebuild->lock_path);
	free(rebuild->new_path);
	errno = saved;
}
