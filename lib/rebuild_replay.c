/* SPDX-License-Identifier: ISC */

/*
 * What was done in the store while it was written anew is done in the new file, too: each record of
 * which a note tells becomes what it is in the store now, or goes. What is of the same length is
 * written over; the rest is for TDB, which nobody else uses that file with.
 *
 * MUST: leave no note unread before the exchange; take no half of a use record for the whole; see
 * in the new file what was written there.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chain.h"
#include "pat/error.h"
#include "rebuild.h"
#include "store_private.h"

/* How long a use record may be held by who writes it, until it is left for later. */
#define HOLD_MS 50

static bool is_use(const struct pat_key *key)
{
	return key->bytes[0] == 'u' && key->len == 1 + PAT_ID_LEN;
}

int rebuild_leave_for_later(struct rebuild *rebuild, const struct pat_key *key)
{
	if (rebuild->later_count == rebuild->later_room) {
		size_t room = rebuild->later_room ? rebuild->later_room * 2 : 64;
		void *list = reallocarray(rebuild->later, room, sizeof(*rebuild->later));

		if (list == NULL)
			return PAT_E_NOMEM;
		rebuild->later = list;
		rebuild->later_room = room;
	}
	rebuild->later[rebuild->later_count++] = *key;
	return PAT_OK;
}

/* Reads a record of the store as it is now. 1, 0 if there is none, or an error. */
static int read_live(struct rebuild *rebuild, const struct pat_key *key, size_t *len)
{
	struct chain chain;
	int result = chain_find(&chain, rebuild->store.live, rebuild->store.salvage.hash_size,
				key->bytes, key->len);

	if (result == 1) {
		int error = PAT_E_DAMAGED;

		*len = chain.record.data_len;
		if (*len <= sizeof(rebuild->value))
			error = chain_read(&chain, key->len, rebuild->value, *len);
		if (!error)
			error = pat_record_verify(key, rebuild->value, *len);
		result = error ? error : 1;
	}
	chain_end(&chain);
	return result;
}

/* Where the value is in the new file, and how long. 1, 0, or an error. */
static int find_new(struct rebuild *rebuild, const struct pat_key *key, uint64_t *at, size_t *len)
{
	struct chain chain;
	int result =
		chain_find(&chain, rebuild->out.fd, rebuild->out.hash_size, key->bytes, key->len);

	*at = (uint64_t)chain.at + sizeof(chain.record) + key->len;
	*len = chain.record.data_len;
	chain_end(&chain);
	return result;
}

static int open_new(struct rebuild *rebuild)
{
	struct stat ours, opened;

	if (rebuild->out_tdb != NULL)
		return PAT_OK;
	rebuild->out_tdb = tdb_open(rebuild->new_path, 0, STORE_TDB_FLAGS, STORE_OPEN_FLAGS, 0);
	if (rebuild->out_tdb == NULL || fstat(rebuild->out.fd, &ours) < 0 ||
	    fstat(tdb_fd(rebuild->out_tdb), &opened) < 0)
		return PAT_E_IO;
	return ours.st_ino == opened.st_ino && ours.st_dev == opened.st_dev ? PAT_OK : PAT_E_UNSAFE;
}

/* `value` NULL: there is to be no such record. */
static int store_new(struct rebuild *rebuild, const struct pat_key *key, unsigned char *value,
		     size_t len)
{
	struct pat_key copy = *key;
	TDB_DATA tdb_key = {.dptr = (unsigned char *)copy.bytes, .dsize = copy.len};
	int error = open_new(rebuild);

	if (error)
		return error;
	if (value == NULL)
		return tdb_delete(rebuild->out_tdb, tdb_key) == 0
			       ? PAT_OK
			       : store_tdb_error(rebuild->out_tdb);
	return tdb_store(rebuild->out_tdb, tdb_key, (TDB_DATA){.dptr = value, .dsize = len},
			 TDB_REPLACE) == 0
		       ? PAT_OK
		       : store_put_error(rebuild->out_tdb);
}

/* The record that is in rebuild->value is in the new file. */
static int check_new(struct rebuild *rebuild, const struct pat_key *key, size_t len)
{
	unsigned char part[512];
	uint64_t at;
	size_t new_len;
	int result = find_new(rebuild, key, &at, &new_len), error = PAT_OK;

	if (result < 0)
		return result;
	if (result == 0 || new_len != len)
		return PAT_E_DAMAGED;
	for (size_t done = 0; !error && done < len; done += sizeof(part)) {
		size_t some = len - done < sizeof(part) ? len - done : sizeof(part);

		error = tdbwrite_get(&rebuild->out, at + done, part, some);
		if (!error && memcmp(part, rebuild->value + done, some) != 0)
			error = PAT_E_DAMAGED;
	}
	return error;
}

static int put_new(struct rebuild *rebuild, const struct pat_key *key, size_t len)
{
	uint64_t at;
	size_t old_len;
	int result = find_new(rebuild, key, &at, &old_len), error;

	if (result < 0)
		return result;
	/* A use record of a token that was not taken is not, either. */
	if (result == 0 && is_use(key) && !rebuild->pen_lent)
		return PAT_OK;
	if (result == 1 && old_len == len)
		error = tdbwrite_over(&rebuild->out, at, rebuild->value, len);
	else
		error = store_new(rebuild, key, rebuild->value, len);
	return error ? error : check_new(rebuild, key, len);
}

static int drop_new(struct rebuild *rebuild, const struct pat_key *key)
{
	uint64_t at;
	size_t len;
	int result = find_new(rebuild, key, &at, &len);

	/* What the store does not have, but a repair has made, stays. */
	if (result <= 0 || !rebuild->pen_lent)
		return result;
	return store_new(rebuild, key, NULL, 0);
}

static int replay_one(struct rebuild *rebuild, const struct pat_key *key, bool alone)
{
	size_t len = 0;
	bool hold = is_use(key) && !alone;
	int result;

	if (!is_use(key) && rebuild->result->faults + rebuild->result->lost > 0) {
		rebuild->must_restart = true;
		return PAT_E_BUSY;
	}
	/* Its note is there before it is: who has it may be about to write. */
	if (hold &&
	    gate_hold_record(&rebuild->gate, key->bytes, key->len, pat_deadline_in(HOLD_MS)) != 0)
		return rebuild_leave_for_later(rebuild, key);
	result = read_live(rebuild, key, &len);
	if (hold)
		gate_release_record(&rebuild->gate, key->bytes, key->len);
	if (result == PAT_E_DAMAGED && is_use(key)) {
		/* Somebody was killed in the middle of it. */
		rebuild_tell(rebuild, PAT_NEWS_FAULT, key,
			     "damaged a moment ago: as it was before that");
		return PAT_OK;
	}
	if (result < 0)
		return result;
	return result == 1 ? put_new(rebuild, key, len) : drop_new(rebuild, key);
}

/* Behind a key there are zeros. */
static int compare(const void *a, const void *b)
{
	const struct pat_key *one = a, *other = b;

	return memcmp(one->bytes, other->bytes, sizeof(one->bytes));
}

/* Each key once, however often it was noted. */
static int replay_some(struct rebuild *rebuild, struct pat_key *keys, size_t count, bool alone)
{
	int error = PAT_OK;

	/* qsort(3) wants a list in any case. */
	if (count == 0)
		return PAT_OK;
	for (size_t i = 0; i < count; i++)
		rebuild->commits += keys[i].len == 1 && keys[i].bytes[0] == 'm';
	qsort(keys, count, sizeof(*keys), compare);
	for (size_t i = 0; !error && i < count; i++)
		if (i == 0 || compare(&keys[i - 1], &keys[i]) != 0)
			error = replay_one(rebuild, &keys[i], alone);
	return error;
}

static int replay_notes(struct rebuild *rebuild, bool alone)
{
	enum { MANY = 16384 };
	struct pat_key *keys = reallocarray(NULL, MANY, sizeof(*keys));
	int got, error = keys ? PAT_OK : PAT_E_NOMEM;

	do {
		size_t count = 0;

		got = 1;
		while (!error && got > 0 && count < MANY) {
			got = gate_read_notes(&rebuild->gate, &rebuild->noted, keys + count,
					      (unsigned)(MANY - count));
			if (got > 0)
				count += (size_t)got;
		}
		if (got < 0)
			error = got;
		if (got == PAT_E_BUSY)
			rebuild->must_restart = true;
		if (!error)
			error = replay_some(rebuild, keys, count, alone);
	} while (!error && got > 0);
	free(keys);
	return error;
}

/* What was left for later; some of it, not alone, once more. */
static int replay_later(struct rebuild *rebuild, bool alone)
{
	struct pat_key *keys = rebuild->later;
	size_t count = rebuild->later_count;
	int error;

	rebuild->later = NULL;
	rebuild->later_count = rebuild->later_room = 0;
	error = replay_some(rebuild, keys, count, alone);
	free(keys);
	return error;
}

int rebuild_replay(struct rebuild *rebuild, bool alone)
{
	int error = PAT_OK;

	if (!rebuild->noting)
		return PAT_OK;
	error = replay_later(rebuild, alone);
	if (!error)
		error = replay_notes(rebuild, alone);
	if (alone || error) {
		if (rebuild->out_tdb != NULL)
			tdb_close(rebuild->out_tdb);
		rebuild->out_tdb = NULL;
	}
	return error;
}
