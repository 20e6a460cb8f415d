/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain.h"
#include "pat/error.h"
#include "slot.h"
#include "store_private.h"

/* TDB goes through all chains when it makes a file longer of which a tenth or more is free. */
#define SPACE_UNUSUAL 10

/* TDB's argument is not const, though it does not write to keys. */
static TDB_DATA tdb_key(struct pat_key *key)
{
	return (TDB_DATA){.dptr = (unsigned char *)key->bytes, .dsize = key->len};
}

/* tdb_fetch(), because tdb_parse_record() tells damage as absence. */
static int fetch_changed(struct pat_store *store, struct pat_key *key, TDB_DATA *value)
{
	int error;

	store_forget_trouble(store);
	*value = tdb_fetch(store->tdb, tdb_key(key));
	if (value->dptr != NULL)
		return PAT_OK;
	error = tdb_error(store->tdb) == TDB_SUCCESS ? PAT_E_NOTFOUND : store_tdb_error(store->tdb);
	return error == PAT_E_NOTFOUND && store->trouble ? store_trouble(store) : error;
}

static int find(const struct pat_store *store, const struct pat_key *key, struct chain *chain)
{
	return chain_find(chain, store->fd, store->hash_size, key->bytes, key->len);
}

static int read_value(const struct chain *chain, size_t key_len, TDB_DATA *value)
{
	size_t len = chain->record.data_len;
	int error;

	if (len > PAT_RECORD_SIZE_MAX)
		return PAT_E_DAMAGED;
	value->dptr = malloc(len + 1);
	if (value->dptr == NULL)
		return PAT_E_NOMEM;
	value->dsize = len;
	error = chain_read(chain, key_len, value->dptr, len);
	if (error) {
		free(value->dptr);
		value->dptr = NULL;
	}
	return error;
}

/* TDB tells some damage, and each failure of the disk, as absence. */
static int fetch(struct pat_store *store, struct pat_key *key, TDB_DATA *value)
{
	struct chain chain;
	int result;

	*value = (TDB_DATA){.dptr = NULL};
	/* After a commit that failed there may be no file any more to ask. */
	if (store->fd < 0)
		return PAT_E_IO;
	if (store->changed)
		return fetch_changed(store, key, value);
	result = find(store, key, &chain);
	if (result == 1)
		result = read_value(&chain, key->len, value);
	else if (result == 0)
		result = PAT_E_NOTFOUND;
	chain_end(&chain);
	return result;
}

static void discard(TDB_DATA *value)
{
	if (value->dptr != NULL)
		sodium_memzero(value->dptr, value->dsize);
	free(value->dptr);
}

/*
 * Whether TDB may be let loose on the table of chains, to enter a record, and on the free space, to
 * put it there: of some loops in that TDB finds no end. Where no piece is large enough it makes the
 * file longer, and then, if much of it is free, goes through all chains.
 */
static int check_space(struct pat_store *store, size_t len)
{
	const uint64_t need = len + len / 4 + 64; /* TDB takes a quarter more, and a head */
	int error, fd = tdb_fd(store->tdb);
	struct chain_space space;
	struct stat st;

	if (!store->sure_space) {
		if (fstat(fd, &st) < 0)
			return PAT_E_IO;
		error = slot_check_table(fd);
		if (error)
			return error;
		error = chain_measure_space(fd, (uint64_t)st.st_size, &space);
		if (error)
			return error;
		store->room = space.largest;
		store->scattered = space.bytes > (uint64_t)st.st_size / SPACE_UNUSUAL;
		store->sure_space = true;
	}
	if (store->room >= need) {
		store->room -= need;
		return PAT_OK;
	}
	if (!store->scattered)
		return PAT_OK;
	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	error = chain_check_all(fd, (uint64_t)st.st_size, (uint32_t)tdb_hash_size(store->tdb));
	if (!error)
		store->scattered = false;
	return error;
}

/*
 * TDB takes a chain that it cannot follow for one without the record, and adds a second one. So
 * nothing is written unless what TDB will follow makes sense. Of a record that stays where it is,
 * that is no more than the way there: to revoke a token it is enough that it can be found.
 */
static int check_way(struct pat_store *store, struct pat_key *key, size_t len)
{
	struct chain chain;
	int result = find(store, key, &chain);
	bool fits = result == 1 && key->len + len + sizeof(uint32_t) <= chain.record.rec_len;

	chain_end(&chain);
	if (result < 0)
		return result;
	/* Some versions of TDB go past such a record, and others do not. */
	if (result == 1 && chain.doubtful && !tdb_exists(store->tdb, tdb_key(key)))
		return PAT_E_DAMAGED;
	return fits ? PAT_OK : check_space(store, key->len + len);
}

/* What there is can still be changed, revoked above all. */
static bool is_full(const struct pat_store *store)
{
	struct stat st;

	return fstat(tdb_fd(store->tdb), &st) == 0 && (uint64_t)st.st_size >= store->full_at;
}

/* There is one. With the room that TDB gives it, no page begins within it in a new store: to write
 * it takes as long as to write any other. */
static bool is_strangers(const struct pat_key *key)
{
	const struct pat_key strangers = pat_key_use(PAT_STRANGERS_ID);

	return key->len == strangers.len && memcmp(key->bytes, strangers.bytes, key->len) == 0;
}

/*
 * TDB gives a new record a quarter more room than it asks for. An index grows into that; of a token
 * hardly anything ever grows, and it would be a sixth of the store. In what there is TDB puts what
 * fits: so a record is begun with four fifths of itself.
 */
static int begin_record(struct pat_store *store, struct pat_key *key, TDB_DATA value)
{
	size_t whole = key->len + value.dsize, asked = (4 * whole + 4) / 5;

	if (strchr("tu", key->bytes[0]) == NULL || asked <= key->len || is_strangers(key) ||
	    tdb_exists(store->tdb, tdb_key(key)))
		return 0;
	value.dsize = asked - key->len;
	return tdb_store(store->tdb, tdb_key(key), value, TDB_INSERT);
}

static int put(struct pat_store *store, struct pat_key *key, const unsigned char *buf, size_t len)
{
	TDB_DATA value = {.dptr = (unsigned char *)(uintptr_t)buf, .dsize = len};
	int error;

	if (!store->in_transaction)
		return PAT_E_INVALID;
	error = check_way(store, key, len);
	if (error) {
		store->spoilt = true;
		return error;
	}
	store_forget_trouble(store);
	if (is_full(store) && !tdb_exists(store->tdb, tdb_key(key)))
		return store->trouble ? store_trouble(store) : PAT_E_FULL;
	error = gate_note(&store->gate, key);
	if (error)
		return error;
	store->changed = true;
	if (begin_record(store, key, value) == 0 &&
	    tdb_store(store->tdb, tdb_key(key), value, TDB_REPLACE) == 0 && !store->trouble)
		return PAT_OK;
	store->spoilt = true;
	return store->trouble ? store_trouble(store) : store_put_error(store->tdb);
}

bool store_counts(struct pat_store *store)
{
	struct pat_key key = pat_key_meta();

	return check_way(store, &key, PAT_META_SIZE) == PAT_OK;
}

int store_put_meta(struct pat_store *store, const struct pat_meta *meta)
{
	struct pat_key key = pat_key_meta();
	unsigned char buf[PAT_META_SIZE];
	size_t len = sizeof(buf);
	int error = pat_meta_encode(meta, buf, &len);

	if (!error)
		error = check_way(store, &key, len);
	return error ? error : put(store, &key, buf, len);
}

int pat_store_get_grant(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_grant *grant)
{
	struct pat_key key = pat_key_grant(id);
	TDB_DATA value;
	int error = fetch(store, &key, &value);

	store_forget_seen(store);
	if (error)
		return error;
	error = pat_grant_decode(id, value.dptr, value.dsize, grant);
	if (error) {
		discard(&value);
		return error;
	}
	store->seen = value;
	store->seen_key = key;
	return PAT_OK;
}

bool store_has_seen(struct pat_store *store)
{
	TDB_DATA value;
	bool same;

	if (store->seen.dptr == NULL || fetch(store, &store->seen_key, &value) != PAT_OK)
		return false;
	same = value.dsize == store->seen.dsize &&
	       memcmp(value.dptr, store->seen.dptr, value.dsize) == 0;
	discard(&value);
	return same;
}

void store_forget_seen(struct pat_store *store)
{
	discard(&store->seen);
	store->seen = (TDB_DATA){.dptr = NULL};
}

/* A grant that is nobody's, of which nobody can prove the secret, as it would be in the file. */
static int encode_stand_in(const char id[PAT_ID_LEN], unsigned char *buf, size_t *len)
{
	struct pat_grant stand_in = {
		.algorithm = PAT_ALGORITHM_NONE,
		.user = "nobody",
		.services = "sshd",
		.name = "nothing",
	};

	memcpy(stand_in.id, id, PAT_ID_LEN);
	return pat_grant_encode(&stand_in, buf, len);
}

void pat_store_look_on(struct pat_store *store, const char id[PAT_ID_LEN], int found,
		       struct pat_grant *grant)
{
	struct pat_key nobodys = pat_key_grant(id), strangers = pat_key_use(PAT_STRANGERS_ID);
	unsigned char stand_in[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(stand_in);
	TDB_DATA other = {.dptr = NULL};
	int error = encode_stand_in(id, stand_in, &len);

	/* A character that no id has; the rest makes it lie elsewhere for each id. */
	nobodys.bytes[1] = '-';
	if (!error && found == PAT_E_NOTFOUND)
		(void)pat_grant_decode(id, stand_in, len, grant);
	(void)fetch(store, found == PAT_E_NOTFOUND ? &strangers : &nobodys, &other);
	discard(&other);
}

int pat_store_look_up(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_grant *grant)
{
	int found = pat_store_get_grant(store, id, grant);

	pat_store_look_on(store, id, found, grant);
	return found;
}

static int read_use(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	TDB_DATA value;
	int error = fetch(store, &key, &value);

	if (!error) {
		error = pat_use_decode(id, value.dptr, value.dsize, use);
		discard(&value);
	}
	return error;
}

int pat_store_get_use(struct pat_store *store, const char id[PAT_ID_LEN], struct pat_use *use)
{
	enum { WAIT_MS = 100 };
	struct pat_key key = pat_key_use(id);
	int error = read_use(store, id, use);

	/* Perhaps it was read while another rewrote it: damaged is what stays so. */
	if (error != PAT_E_DAMAGED)
		return error;
	if (gate_hold_record(&store->gate, key.bytes, key.len, pat_deadline_in(WAIT_MS)) != 0)
		return error;
	error = read_use(store, id, use);
	gate_release_record(&store->gate, key.bytes, key.len);
	return error;
}

int pat_store_get_index(struct pat_store *store, uint32_t uid, struct pat_index *index)
{
	struct pat_key key = pat_key_index(uid);
	TDB_DATA value;
	int error = fetch(store, &key, &value);

	if (!error) {
		error = pat_index_decode(uid, value.dptr, value.dsize, index);
		discard(&value);
	}
	return error;
}

int pat_store_get_meta(struct pat_store *store, struct pat_meta *meta)
{
	struct pat_key key = pat_key_meta();
	TDB_DATA value;
	int error = fetch(store, &key, &value);

	if (!error) {
		error = pat_meta_decode(value.dptr, value.dsize, meta);
		discard(&value);
	}
	return error;
}

/* Writes all of it, where that is possible: what was interrupted, or cut short, goes on. */
static size_t write_all(int fd, const unsigned char *buf, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t put = pwrite(fd, buf + done, len - done, at + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			break;
		done += (size_t)put;
	}
	return done;
}

/* Rewrites a use record, which we hold, where it lies: one write of its own bytes, of which the
 * older copy and one event are new. With `max_uses`, only if a use is left. */
static int rewrite(struct pat_store *store, const char id[PAT_ID_LEN],
		   const struct pat_event *event, bool accepted, bool proved,
		   const uint32_t *max_uses)
{
	const struct pat_key key = pat_key_use(id);
	unsigned char buf[PAT_USE_SIZE], old[PAT_USE_SIZE];
	size_t len = sizeof(buf), done;
	struct pat_use use;
	int fd = store->fd, error, saved;
	off_t at;

	error = slot_read(fd, store->hash_size, key.bytes, key.len, buf, len, &at);
	if (error)
		return error;
	memcpy(old, buf, len);
	/* What was cut off may have let somebody in; with what is written now nobody could tell.
	 * But a use of a token that is good for any number counts what it counts. */
	error = accepted && max_uses == NULL ? pat_use_decode_newest(id, buf, len, &use)
					     : pat_use_decode_counts(id, buf, len, &use);
	if (error)
		return error;
	if (use.cut && (max_uses != NULL || !accepted))
		use.uses++;
	if (max_uses != NULL && use.uses >= *max_uses)
		return PAT_E_SPENT;
	/* Without the lock file that we hold, another may be making the same use. */
	if (max_uses != NULL && !gate_is_current(&store->gate))
		return PAT_E_BUSY;
	error = pat_use_amend(id, &use, event, accepted, proved, buf);
	if (!error)
		error = gate_note(&store->gate, &key);
	if (error)
		return error;
	done = write_all(fd, buf, len, at);
	if (done == len)
		return PAT_OK;
	/* Half of a record is worth less than the old one. */
	saved = errno;
	(void)write_all(fd, old, done, at);
	errno = saved;
	return PAT_E_IO;
}

/* The same inside a transaction, where the file is not what it will be. */
static int rewrite_in_transaction(struct pat_store *store, const char id[PAT_ID_LEN],
				  const struct pat_event *event, bool accepted, bool proved)
{
	struct pat_use use;
	int error = read_use(store, id, &use);

	if (error)
		return error;
	if (use.cut && !accepted)
		use.uses++;
	pat_use_note(&use, event, accepted, proved);
	return pat_store_put_use(store, id, &use);
}

/* *key is the record that is held then, perhaps. */
static int note(struct pat_store *store, const char id[PAT_ID_LEN], const struct pat_event *event,
		bool accepted, bool proved, pat_deadline deadline, struct pat_key *key)
{
	int error;

	*key = pat_key_use(id);
	if (store->fd < 0)
		return PAT_E_IO;
	if (store->looks) {
		errno = EROFS;
		return PAT_E_ACCESS;
	}
	if (store->in_transaction)
		return rewrite_in_transaction(store, id, event, accepted, proved);
	error = gate_hold_record(&store->gate, key->bytes, key->len, deadline);
	return error ? error : rewrite(store, id, event, accepted, proved, NULL);
}

int pat_store_note(struct pat_store *store, const char id[PAT_ID_LEN],
		   const struct pat_event *event, bool accepted, bool proved, pat_deadline deadline)
{
	struct pat_key key;
	int error = note(store, id, event, accepted, proved, deadline, &key);

	if (!store->in_transaction)
		gate_release_record(&store->gate, key.bytes, key.len);
	return error;
}

int pat_store_note_and_leave(struct pat_store *store, const char id[PAT_ID_LEN],
			     const struct pat_event *event, bool accepted, bool proved,
			     pat_deadline deadline)
{
	struct pat_key key;
	int error = note(store, id, event, accepted, proved, deadline, &key);

	pat_store_leave(store);
	return error;
}

int pat_store_spend(struct pat_store *store, const char id[PAT_ID_LEN],
		    const struct pat_event *event, uint32_t max_uses, pat_deadline deadline)
{
	struct pat_key key = pat_key_use(id);
	int error;

	if (store->fd < 0 || store->in_transaction || max_uses == 0)
		return PAT_E_INVALID;
	if (store->looks) {
		errno = EROFS;
		return PAT_E_ACCESS;
	}
	error = gate_hold_record(&store->gate, key.bytes, key.len, deadline);
	if (error)
		return error;
	error = rewrite(store, id, event, true, true, &max_uses);
	/* Before anybody is let in for it: a power cut must not give the use back. */
	if (!error && fdatasync(store->fd) < 0)
		error = PAT_E_IO;
	gate_release_record(&store->gate, key.bytes, key.len);
	return error;
}

int pat_store_put_grant(struct pat_store *store, const struct pat_grant *grant)
{
	struct pat_key key = pat_key_grant(grant->id);
	unsigned char buf[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(buf);
	int error = pat_grant_encode(grant, buf, &len);

	if (!error)
		error = put(store, &key, buf, len);
	sodium_memzero(buf, sizeof(buf));
	return error;
}

int pat_store_put_use(struct pat_store *store, const char id[PAT_ID_LEN], const struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	unsigned char buf[PAT_USE_SIZE];
	size_t len = sizeof(buf);
	int error = pat_use_encode(id, use, buf, &len);

	return error ? error : put(store, &key, buf, len);
}

int pat_store_put_index(struct pat_store *store, uint32_t uid, const struct pat_index *index)
{
	struct pat_key key = pat_key_index(uid);
	unsigned char buf[PAT_INDEX_SIZE_MAX];
	size_t len = sizeof(buf);
	int error = pat_index_encode(uid, index, buf, &len);

	return error ? error : put(store, &key, buf, len);
}

static int drop(struct pat_store *store, struct pat_key *key)
{
	struct chain chain;
	int result;

	if (!store->in_transaction)
		return PAT_E_INVALID;
	result = find(store, key, &chain);
	chain_end(&chain);
	if (result < 0) {
		store->spoilt = true;
		return result;
	}
	result = gate_note(&store->gate, key);
	if (result)
		return result;
	store_forget_trouble(store);
	store->changed = true;
	if (tdb_delete(store->tdb, tdb_key(key)) == 0 && !store->trouble)
		return PAT_OK;
	if (tdb_error(store->tdb) == TDB_ERR_NOEXIST && !store->trouble)
		return PAT_E_NOTFOUND;
	store->spoilt = true;
	return store->trouble ? store_trouble(store) : store_tdb_error(store->tdb);
}

int pat_store_drop_grant(struct pat_store *store, const char id[PAT_ID_LEN])
{
	struct pat_key grant = pat_key_grant(id), use = pat_key_use(id);
	int error = drop(store, &grant), use_error = drop(store, &use);

	return error ? error : use_error == PAT_E_NOTFOUND ? PAT_OK : use_error;
}

int pat_store_drop_index(struct pat_store *store, uint32_t uid)
{
	struct pat_key key = pat_key_index(uid);

	return drop(store, &key);
}

int pat_store_check_structure(struct pat_store *store)
{
	int error = PAT_OK;

	if (store->tdb == NULL && store->fd >= 0) {
		/* Reading needed none so far. */
		if (!store->has_mutex)
			error = store_take_mutex(pat_deadline_in(0));
		store->has_mutex = store->has_mutex || !error;
		if (!error) {
			store_close_file(store);
			error = store_open_tdb(store);
		}
	}
	if (error || store->tdb == NULL)
		return error ? error : PAT_E_IO;
	return tdb_check(store->tdb, NULL, NULL) == 0 ? PAT_OK : PAT_E_DAMAGED;
}

int pat_store_size(struct pat_store *store, uint64_t *bytes, uint32_t *buckets)
{
	struct stat st;

	if (store->fd < 0 || fstat(store->fd, &st) < 0)
		return PAT_E_IO;
	*bytes = (uint64_t)st.st_size;
	*buckets = store->hash_size;
	return PAT_OK;
}
