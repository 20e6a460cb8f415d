/* SPDX-License-Identifier: ISC */
#include "pat/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "place.h"
#include "slot.h"
#include "store_private.h"

/* While TDB has a store open, because it is not safe for threads that open the same file. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

int store_take_mutex(pat_deadline deadline)
{
	unsigned tries = 0;

	while (pthread_mutex_trylock(&one_at_a_time) != 0)
		if (!pat_deadline_retry(deadline, &tries))
			return PAT_E_BUSY;
	return PAT_OK;
}

void store_give_mutex(void)
{
	pthread_mutex_unlock(&one_at_a_time);
}

/*
 * A process that may not write as far as the file goes would be killed by a stamp (SIGXFSZ,
 * setrlimit(2)): it is for patd then.
 */
static int check_limit(off_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
		return PAT_E_IO;
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (rlim_t)size) {
		errno = EFBIG;
		return PAT_E_ACCESS;
	}
	return PAT_OK;
}

void store_close_file(struct pat_store *store)
{
	if (store->tdb != NULL)
		tdb_close(store->tdb);
	else if (store->fd >= 0)
		close(store->fd);
	store->tdb = NULL;
	store->fd = -1;
}

/* Where standard error was closed, what a program complains of would be written into it. */
int store_check_descriptor(int fd)
{
	if (fd > STDERR_FILENO)
		return PAT_OK;
	errno = EBADF;
	return PAT_E_ACCESS;
}

/* What TDB would not open, nobody could change: no one is let in by it either. */
static bool has_known_hash(const struct tdbfile_header *header)
{
	return header->rwlocks == 0 || header->rwlocks == TDBFILE_OTHER_HASH;
}

/* Opens the store file and checks it: TDB asks neither for owner nor for kind. */
static int open_file(struct pat_store *store, const struct place *place, int flags)
{
	int error;

	store_close_file(store);
	/* Who is not its owner may not have its time of access left alone. */
	store->fd = openat(place->dir, place->base, flags | O_NOATIME);
	if (store->fd < 0 && errno == EPERM)
		store->fd = openat(place->dir, place->base, flags);
	if (store->fd < 0)
		return place_open_error();
	error = place_look(store->fd, S_IFREG, place->owner, &store->file);
	if (!error)
		error = store_check_descriptor(store->fd);
	if (!error)
		error = check_limit(store->file.st_size);
	return error;
}

/* The same, and looks whether there is something to roll back. */
static int look_at_file(struct pat_store *store, const struct place *place, int flags,
			enum slot_recovery *recovery)
{
	struct tdbfile_header header = {.hash_size = 0};
	int error = open_file(store, place, flags);

	if (!error)
		error = slot_look(store->fd, (uint64_t)store->file.st_size, recovery, &header);
	if (!error && !has_known_hash(&header))
		error = PAT_E_DAMAGED;
	store->hash_size = error ? 0 : header.hash_size;
	return error;
}

/* The same before TDB sees it. */
static int inspect(struct pat_store *store, const struct place *place, enum slot_recovery *recovery)
{
	int error = look_at_file(store, place, STORE_LOOK_FLAGS, recovery), saved = errno;

	store_close_file(store);
	errno = saved;
	return error;
}

int store_forget_recovery(struct pat_store *store)
{
	enum slot_recovery recovery = SLOT_CLEAN;
	struct stat st;
	int fd = open(store->path, STORE_OPEN_FLAGS);
	int error;

	if (fd < 0)
		return place_open_error();
	error = fstat(fd, &st) < 0 ? PAT_E_IO : PAT_OK;
	if (!error && (st.st_dev != store->file.st_dev || st.st_ino != store->file.st_ino))
		error = PAT_E_UNSAFE;
	if (!error)
		error = slot_look_at_recovery(fd, &recovery);
	if (!error && recovery == SLOT_DANGLING)
		error = slot_forget_recovery(fd);
	close(fd);
	return error;
}

static int is_ours(const unsigned char *key, size_t key_len, const unsigned char *value,
		   size_t value_len, void *data)
{
	struct pat_key ours = {.len = key_len};

	(void)data;
	if (key_len > PAT_KEY_MAX)
		return 0;
	memcpy(ours.bytes, key, key_len);
	return pat_record_verify(&ours, value, value_len) == PAT_OK;
}

/*
 * Whether it is a store, and of a layout that this program knows. Each record has the number of its
 * own, too: so where that of the store is lost, nobody is locked out by it, and the next change
 * makes it anew.
 */
static int check_schema(struct pat_store *store)
{
	int error = pat_store_get_meta(store, &store->meta);

	if (error == PAT_E_NOTFOUND || error == PAT_E_DAMAGED) {
		/* One record is enough to tell it from another program's file. */
		if (pat_store_each(store, is_ours, NULL) != 1)
			return PAT_E_DAMAGED;
		store->meta =
			(struct pat_meta){.schema = PAT_SCHEMA, .created_at = (int64_t)time(NULL)};
		error = PAT_OK;
	}
	if (!error && store->meta.schema != PAT_SCHEMA)
		return PAT_E_VERSION;
	store->knows_schema = !error;
	return error;
}

static int take_mutex(struct pat_store *store, pat_deadline deadline)
{
	int error = store_take_mutex(deadline);

	store->has_mutex = !error;
	return error;
}

/* Has TDB roll back what a change left half done. */
static int roll_back(struct pat_store *store, const struct place *place, pat_deadline deadline)
{
	enum slot_recovery recovery = SLOT_CLEAN;
	int error;

	/* Out of the room first: who has the mutex may be waiting to be alone there. */
	store_close_file(store);
	gate_leave(&store->gate);
	error = take_mutex(store, deadline);
	if (!error)
		error = gate_enter_alone(&store->gate, deadline);
	/* It was another's turn in between: look again. */
	if (!error)
		error = inspect(store, place, &recovery);
	if (!error && recovery == SLOT_DANGLING)
		error = store_forget_recovery(store);
	return error ? error : store_open_tdb(store);
}

/* Enters the gate and opens the file, shared if that can be. */
static int open_shared(struct pat_store *store, const struct place *place, pat_deadline deadline)
{
	const int flags = store->looks ? STORE_LOOK_FLAGS : STORE_OPEN_FLAGS;
	enum slot_recovery recovery = SLOT_CLEAN;
	int error = gate_enter_shared(&store->gate, deadline);

	if (!error)
		error = look_at_file(store, place, flags, &recovery);
	if (error || recovery == SLOT_CLEAN)
		return error;
	/* That cannot be undone where nothing can be written. */
	if (store->looks) {
		errno = EROFS;
		return PAT_E_ACCESS;
	}
	return roll_back(store, place, deadline);
}

/* How far into a page it ends. */
static off_t past_page(const struct stat *st)
{
	return st->st_size % sysconf(_SC_PAGESIZE);
}

bool store_ends_within_page(const struct pat_store *store)
{
	return past_page(&store->file) != 0;
}

/*
 * TDB lets the file grow by whole pages, and no transaction grow it any more that ends within one:
 * so it is left when somebody was killed while it grew. Space at the end that TDB does not know of
 * is as good as none. Where it cannot be had, what needs no more room is still done.
 */
static int fill_page(struct pat_store *store)
{
	struct stat st;
	off_t rest;

	if (fstat(store->fd, &st) < 0)
		return PAT_E_IO;
	rest = past_page(&st);
	if (rest == 0 || ftruncate(store->fd, st.st_size + sysconf(_SC_PAGESIZE) - rest) < 0)
		return PAT_OK;
	store_close_file(store);
	return store_open_tdb(store);
}

static int open_alone(struct pat_store *store, const struct place *place, bool make,
		      pat_deadline deadline)
{
	enum slot_recovery recovery = SLOT_CLEAN;
	int error = take_mutex(store, deadline);

	if (!error)
		error = gate_take_pen(&store->gate, deadline);
	if (!error)
		error = gate_enter_alone(&store->gate, deadline);
	if (!error && make && !place_has_store(place))
		error = store_create(place);
	if (!error)
		error = inspect(store, place, &recovery);
	if (!error && recovery == SLOT_DANGLING)
		error = store_forget_recovery(store);
	if (!error)
		error = store_open_tdb(store);
	if (!error)
		error = slot_check_hashes(tdb_fd(store->tdb));
	if (!error)
		error = fill_page(store);
	if (!error && tdb_transaction_start(store->tdb) != 0)
		error = store_tdb_error(store->tdb);
	store->in_transaction = !error;
	return error;
}

/* The two names that an open store goes by. */
static int name_files(struct pat_store *store, const char *path)
{
	static const char suffix[] = ".lock";
	size_t len = strlen(path);

	store->path = strdup(path);
	store->lock_path = malloc(len + sizeof(suffix));
	if (store->path == NULL || store->lock_path == NULL)
		return PAT_E_NOMEM;
	memcpy(store->lock_path, path, len);
	memcpy(store->lock_path + len, suffix, sizeof(suffix));
	return PAT_OK;
}

static int open_gate(struct pat_store *store, const struct place *place)
{
	int error = gate_open_old(&store->gate, store->lock_path);

	/* No lock file is made where there is nothing to lock. */
	if (error == PAT_E_NOSTORE && store->mode != PAT_STORE_CREATE && !place_has_store(place))
		return error;
	if (error == PAT_E_NOSTORE)
		error = gate_open(&store->gate, store->lock_path);
	if (error != PAT_E_ACCESS || errno != EROFS || store->mode != PAT_STORE_LOOK)
		return error;
	store->looks = true;
	error = gate_open_to_look(&store->gate, store->lock_path);
	return error;
}

/* All the way in, whatever of it was done before. */
static int come_in(struct pat_store *store, pat_deadline deadline)
{
	const bool make = store->mode == PAT_STORE_CREATE;
	struct place place;
	int error = place_open(&place, store->path, make);

	if (!error && store->gate.fd < 0)
		error = open_gate(store, &place);
	if (!error && store->mode != PAT_STORE_CHANGE && !make)
		error = open_shared(store, &place, deadline);
	else if (!error)
		error = open_alone(store, &place, make, deadline);
	if (!error)
		error = check_schema(store);
	place_close(&place);
	return error;
}

/* The store's file as it is, whoever is changing it. */
static int look_from_outside(struct pat_store *store)
{
	struct tdbfile_header header = {.hash_size = 0};
	struct place place;
	int error = place_find(&place, store->path);

	if (!error)
		error = open_file(store, &place, STORE_OPEN_FLAGS);
	if (!error)
		error = slot_read_header(store->fd, &header);
	if (!error && !has_known_hash(&header))
		error = PAT_E_DAMAGED;
	store->hash_size = error ? 0 : header.hash_size;
	place_close(&place);
	return error;
}

static int make_store(struct pat_store **out, const char *path, enum pat_store_mode mode)
{
	struct pat_store *store = calloc(1, sizeof(*store));

	*out = store;
	if (store == NULL)
		return PAT_E_NOMEM;
	store->mode = mode;
	store->gate.fd = store->fd = -1;
	store->spare = -1;
	store->full_at = STORE_FULL_AT;
	return name_files(store, path);
}

/* An open store, or none. */
static int hand_out(struct pat_store **store, int error)
{
	if (error) {
		pat_store_close(*store);
		*store = NULL;
	}
	return error;
}

int pat_store_open(struct pat_store **store, const char *path, enum pat_store_mode mode,
		   pat_deadline deadline)
{
	int error = make_store(store, path, mode);

	if (!error)
		error = come_in(*store, deadline);
	return hand_out(store, error);
}

int pat_store_open_outside(struct pat_store **store, const char *path, enum pat_store_mode mode)
{
	int error = make_store(store, path, mode);

	if (!error)
		error = look_from_outside(*store);
	return hand_out(store, error);
}

void pat_store_leave(struct pat_store *store)
{
	gate_let_go(&store->gate);
	/* It may have had to roll back something; else it has no TDB, and keeps no thread waiting.
	 */
	if (store->has_mutex) {
		store_close_file(store);
		store_give_mutex();
		store->has_mutex = false;
	}
}

bool store_is_as_it_was(const struct pat_store *store)
{
	enum slot_recovery recovery;
	struct tdbfile_header header = {.hash_size = 0};
	struct stat st;

	return store->fd >= 0 && place_stat(AT_FDCWD, store->path, AT_SYMLINK_NOFOLLOW, &st) == 0 &&
	       st.st_dev == store->file.st_dev && st.st_ino == store->file.st_ino &&
	       st.st_size == store->file.st_size &&
	       place_judge(&st, S_IFREG, store->file.st_uid) == PAT_OK &&
	       slot_look(store->fd, (uint64_t)st.st_size, &recovery, &header) == PAT_OK &&
	       recovery == SLOT_CLEAN && header.hash_size == store->hash_size;
}

int pat_store_enter(struct pat_store *store, pat_deadline deadline, bool *unchanged)
{
	int error;

	if (unchanged != NULL)
		*unchanged = false;
	/* The gate of a store that is open has a lock file, as a rule, and can be written to. */
	if (store->gate.fd < 0)
		error = gate_open_and_enter(&store->gate, store->lock_path, deadline);
	else
		error = gate_enter_shared(&store->gate, deadline);
	if (store->gate.fd < 0)
		return come_in(store, deadline);
	if (error)
		return error;
	if (!store_is_as_it_was(store))
		return come_in(store, deadline);
	/* What was believed of it was its own number of the schema, too. */
	if (unchanged != NULL && (*unchanged = store_has_seen(store)))
		return PAT_OK;
	return store->knows_schema ? PAT_OK : check_schema(store);
}

void pat_store_close(struct pat_store *store)
{
	int saved = errno;

	if (store == NULL)
		return;
	if (store->tdb != NULL && store->in_transaction)
		tdb_transaction_cancel(store->tdb);
	store_forget_seen(store);
	store_close_file(store);
	gate_close(&store->gate);
	if (store->has_mutex)
		store_give_mutex();
	free(store->lock_path);
	free(store->path);
	free(store);
	errno = saved;
}
