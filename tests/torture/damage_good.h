/* SPDX-License-Identifier: ISC */
#ifndef DAMAGE_GOOD_H
#define DAMAGE_GOOD_H

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
/* tdb.h wants these before it. */
#include <signal.h>
#include <sys/types.h>
#include <tdb.h>

#include "../../helper/patd/grants.h"
#include "damage_reader.h"
#include "pat/crc32.h"
#include "pat/error.h"
#include "pat/store.h"
#include "pat/token.h"

/* Good stores of several shapes, and what must be true of their tokens. */

#define GOOD_FIRST_UID 70000u
#define GOOD_USERS_MAX 8
#define GOOD_SERVICE "sshd"
#define GOOD_COUNT 5 /* uses of a counted token */

enum worth {
	WORTH_GOOD,
	WORTH_COUNTED,
	WORTH_REVOKED,
	WORTH_EXPIRED,
	WORTH_SUSPENDED,
	WORTH_SPENT,
	WORTHS
};

struct good_token {
	enum worth worth;
	unsigned user;
	struct pat_token token;
	struct pat_grant grant;
	struct pat_use use;
};

struct good_record {
	uint64_t at; /* of its head */
	struct pat_key key;
	uint32_t len;
};

struct shape {
	const char *name;
	unsigned tokens, users, buckets;
	bool deletes, recovery;
	unsigned weight;
};

static const struct shape shapes[] = {
	{"few", 6, 3, 131, false, false, 8},
	{"many", 300, 8, 1009, false, false, 4},
	{"deep chains", 120, 4, 7, false, false, 4},
	{"one chain", 12, 2, 1, false, false, 4},
	{"after deletes", 60, 3, 131, true, false, 6},
	{"a transaction to roll back", 24, 3, 131, true, true, 6},
	{"as patd makes it", 10, 3, 10007, false, false, 1},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

struct good {
	const struct shape *shape;
	unsigned char *data;    /* of the file */
	unsigned char *settled; /* the same once what was to be rolled back was */
	uint64_t size, settled_size;
	struct good_token *tokens;
	unsigned count;
	struct good_record *records;
	size_t record_count;
};

/* splitmix64: small, and the same everywhere. */
static inline uint64_t chance(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t below(uint64_t *seed, uint64_t limit)
{
	return limit ? chance(seed) % limit : 0;
}

static inline void good_user(char *name, size_t size, unsigned user)
{
	snprintf(name, size, "user%u", user);
}

#define DIGITS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static inline void set_checksum(struct pat_token *token)
{
	size_t body = PAT_TOKEN_LEN - PAT_CHECKSUM_LEN;
	uint32_t sum = pat_crc32(token->text, body);

	for (size_t i = PAT_TOKEN_LEN; i-- > body; sum /= 62)
		token->text[i] = DIGITS[sum % 62];
	token->text[PAT_TOKEN_LEN] = '\0';
}

/* A token of its own seed, so that what was found can be found again. */
static inline void make_token(uint64_t *seed, struct pat_token *token)
{
	snprintf(token->text, sizeof(token->text), "%s", PAT_TOKEN_PREFIX);
	for (size_t i = PAT_TOKEN_PREFIX_LEN; i < PAT_TOKEN_LEN; i++)
		token->text[i] = DIGITS[below(seed, 62)];
	set_checksum(token);
}

static inline void end_grant(struct pat_grant *grant, int64_t now)
{
	grant_end(grant, grant->uid, now);
}

static inline void make_good_token(uint64_t *seed, unsigned number, unsigned users, int64_t now,
				   struct good_token *token)
{
	struct pat_grant *grant = &token->grant;

	*token = (struct good_token){.user = number % users};
	/* Each user has some that work. */
	token->worth = number < users || below(seed, 2) ? WORTH_GOOD
							: (enum worth)(1 + below(seed, WORTHS - 1));
	make_token(seed, &token->token);
	pat_token_id(&token->token, grant->id);
	pat_token_hash(&token->token, grant->hash);
	grant->algorithm = PAT_ALGORITHM_BLAKE2B;
	grant->uid = grant->created_by = GOOD_FIRST_UID + token->user;
	grant->created_at = now - 10000;
	grant->expires_at = now + 1000000;
	good_user(grant->user, sizeof(grant->user), token->user);
	snprintf(grant->services, sizeof(grant->services), "%s", GOOD_SERVICE);
	snprintf(grant->name, sizeof(grant->name), "token %u", number);
	snprintf(grant->description, sizeof(grant->description), "%.*s", (int)below(seed, 40),
		 "what this token is for, in some words, more or less of them");
	if (token->worth == WORTH_COUNTED || token->worth == WORTH_SPENT)
		grant->max_uses = GOOD_COUNT;
	if (token->worth == WORTH_SPENT)
		token->use.uses = GOOD_COUNT;
	if (token->worth == WORTH_EXPIRED)
		grant->expires_at = now - 100;
	if (token->worth == WORTH_SUSPENDED)
		grant->suspended_at = now - 100;
	if (token->worth == WORTH_REVOKED)
		end_grant(grant, now - 100);
}

static inline void must(int error, const char *what)
{
	if (error == 0)
		return;
	printf("Bail out! a good store cannot be made: %s: %s\n", what, pat_error_text(error));
	exit(255);
}

static inline void store_raw(struct tdb_context *tdb, struct pat_key key, unsigned char *value,
			     size_t len)
{
	TDB_DATA tdb_key = {.dptr = (unsigned char *)key.bytes, .dsize = key.len};
	TDB_DATA tdb_value = {.dptr = value, .dsize = len};

	must(tdb_store(tdb, tdb_key, tdb_value, TDB_INSERT), "tdb_store");
}

/* What the product makes first, with as many buckets as the shape wants. */
static inline void lay_foundation(const char *path, unsigned buckets, int64_t now)
{
	struct pat_meta meta = {.schema = PAT_SCHEMA, .created_at = now};
	unsigned char buf[PAT_INDEX_SIZE_MAX];
	struct pat_use none = {0};
	size_t len = sizeof(buf);
	struct tdb_context *tdb = tdb_open(path, (int)buckets, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH,
					   O_RDWR | O_CREAT | O_EXCL, 0600);

	must(tdb == NULL ? PAT_E_IO : 0, path);
	must(pat_meta_encode(&meta, buf, &len), "meta");
	store_raw(tdb, pat_key_meta(), buf, len);
	len = sizeof(buf);
	must(pat_use_encode(PAT_STRANGERS_ID, &none, buf, &len), "strangers");
	store_raw(tdb, pat_key_use(PAT_STRANGERS_ID), buf, len);
	tdb_close(tdb);
}

static inline void put_token(struct pat_store *store, const struct good_token *token)
{
	static struct pat_index index;
	int error = pat_store_get_index(store, token->grant.uid, &index);

	if (error == PAT_E_NOTFOUND)
		index.count = 0;
	else
		must(error, "get_index");
	memcpy(index.ids[index.count++], token->grant.id, PAT_ID_LEN);
	must(pat_store_put_index(store, token->grant.uid, &index), "put_index");
	must(pat_store_put_grant(store, &token->grant), "put_grant");
	must(pat_store_put_use(store, token->grant.id, &token->use), "put_use");
}

static inline struct pat_store *open_to_change(const char *path)
{
	struct pat_store *store;

	must(pat_store_open(&store, path, PAT_STORE_CHANGE, pat_deadline_in(10000)), "open");
	return store;
}

static inline void fill_good(const char *path, struct good *good)
{
	struct pat_store *store = open_to_change(path);

	for (unsigned i = 0; i < good->count; i++) {
		struct good_token token = good->tokens[i];

		/* What is revoked later leaves itself behind as it was. */
		if (good->shape->deletes && token.worth == WORTH_REVOKED) {
			token.grant.revoked_at = 0;
			token.grant.algorithm = PAT_ALGORITHM_BLAKE2B;
			pat_token_hash(&token.token, token.grant.hash);
		}
		put_token(store, &token);
	}
	must(pat_store_commit(store), "commit");
	pat_store_close(store);
	if (!good->shape->deletes)
		return;
	/* Holes of all sizes: each third token goes, and its name from the index. */
	store = open_to_change(path);
	for (unsigned user = 0; user < good->shape->users; user++)
		must(pat_store_drop_index(store, GOOD_FIRST_UID + user), "drop_index");
	for (unsigned i = 0, kept = 0, all = good->count; i < all; i++) {
		must(pat_store_drop_grant(store, good->tokens[i].grant.id), "drop_grant");
		if (i % 3 != 1)
			good->tokens[kept++] = good->tokens[i];
		good->count = kept;
	}
	for (unsigned i = 0; i < good->count; i++)
		put_token(store, &good->tokens[i]);
	must(pat_store_commit(store), "commit");
	pat_store_close(store);
}

/* Brings back the mark of a transaction that was not ended: it gave one token another description.
 */
static inline void leave_to_roll_back(const char *path, struct good *good)
{
	struct pat_store *store = open_to_change(path);
	struct pat_grant grant = good->tokens[0].grant;
	uint32_t magic = READER_RECOVERY, at;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	snprintf(grant.description, sizeof(grant.description), "never acknowledged");
	must(pat_store_put_grant(store, &grant), "put_grant");
	must(pat_store_commit(store), "commit");
	pat_store_close(store);
	must(pread(fd, &at, 4, READER_RECOVERY_AT) != 4 || pwrite(fd, &magic, 4, at + 20) != 4
		     ? PAT_E_IO
		     : 0,
	     "recovery");
	close(fd);
}

static inline unsigned char *copy_of(const char *path, uint64_t *size)
{
	struct reader_file file;
	unsigned char *data;

	must(reader_open(path, &file) ? 0 : PAT_E_IO, path);
	/* Shared, so that a fork need not copy the tables of it. */
	data = mmap(NULL, file.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(data != MAP_FAILED ? 0 : PAT_E_NOMEM, path);
	memcpy(data, file.data, file.size);
	*size = file.size;
	reader_close(&file);
	return data;
}

/* Where the records are. */
static inline void find_records(struct good *good)
{
	struct reader_file file = {good->settled, good->settled_size};

	good->records = calloc(3 * good->count + 64, sizeof(*good->records));
	must(good->records ? 0 : PAT_E_NOMEM, "records");
	for (uint32_t i = 0; i < good->shape->buckets; i++) {
		struct reader_record record = {0};

		for (uint64_t at = reader_word(&file, reader_bucket_at(i)); at != 0;
		     at = record.next) {
			struct good_record *found = &good->records[good->record_count++];

			if (!reader_record(&file, at, &record) || !reader_fits(&file, at, &record))
				must(PAT_E_DAMAGED, "records");
			*found = (struct good_record){at, {.len = record.key_len}, record.data_len};
			memcpy(found->key.bytes, reader_key(&file, at), record.key_len);
		}
	}
}

static inline void make_good(const struct shape *shape, const char *path, uint64_t seed,
			     int64_t now, struct good *good)
{
	*good = (struct good){.shape = shape, .count = shape->tokens};
	good->tokens = calloc(shape->tokens, sizeof(*good->tokens));
	must(good->tokens ? 0 : PAT_E_NOMEM, path);
	for (unsigned i = 0; i < shape->tokens; i++)
		make_good_token(&seed, i, shape->users, now, &good->tokens[i]);
	(void)unlink(path);
	lay_foundation(path, shape->buckets, now);
	fill_good(path, good);
	if (shape->recovery)
		leave_to_roll_back(path, good);
	good->data = copy_of(path, &good->size);
	pat_store_close(open_to_change(path));
	good->settled = copy_of(path, &good->settled_size);
	find_records(good);
	(void)unlink(path);
}

#endif
