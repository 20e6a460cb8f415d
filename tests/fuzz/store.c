/* SPDX-License-Identifier: ISC */
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
/* tdb.h wants the two above, and stdbool.h, before it. */
#include <tdb.h>

#include "pat/crc32.h"
#include "pat/store.h"

struct pat_token tokens[TOKENS];
const char token_letters[] = "ABCRESOX";
struct place place;

/* How all their secrets begin, so that one search finds any. */
static const char mark[] = "QfuzzedSecretXYZ";

/* libFuzzer learns from what memcmp() and its like are asked: not from this. */
#define UNOBSERVED __attribute__((noinline, no_sanitize("coverage")))
UNOBSERVED static bool same(const char *a, const char *b, size_t len)
{
	while (len > 0 && *a == *b) {
		a++;
		b++;
		len--;
	}
	return len == 0;
}

UNOBSERVED enum token_name token_named(const char *text)
{
	enum token_name name = 0;

	if (strlen(text) != PAT_TOKEN_LEN)
		return TOKENS;
	while (name < TOKENS && !same(tokens[name].text, text, PAT_TOKEN_LEN))
		name++;
	return name;
}

UNOBSERVED bool has_secret(const void *bytes, size_t len)
{
	const size_t wanted = sizeof(mark) - 1;
	const char *at = bytes, *end = at + len;

	while ((size_t)(end - at) >= wanted &&
	       (at = memchr(at, mark[0], (size_t)(end - at))) != NULL &&
	       (size_t)(end - at) >= wanted) {
		if (same(at, mark, wanted))
			return true;
		at++;
	}
	return false;
}

static void finish_checksum(struct pat_token *token)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t sum = pat_crc32(token->text, PAT_TOKEN_LEN - PAT_CHECKSUM_LEN);

	for (int i = PAT_TOKEN_LEN - 1; i >= PAT_TOKEN_LEN - PAT_CHECKSUM_LEN; i--, sum /= 62)
		token->text[i] = digits[sum % 62];
}

void make_tokens(void)
{
	for (unsigned i = 0; i < TOKENS; i++) {
		char *text = tokens[i].text, *secret = text + PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN;
		unsigned char hash[PAT_SECRET_LEN];

		memcpy(text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN);
		memset(text + PAT_TOKEN_PREFIX_LEN, token_letters[i], PAT_ID_LEN);
		crypto_generichash(hash, sizeof(hash), (const unsigned char *)&token_letters[i], 1,
				   NULL, 0);
		for (unsigned k = 0; k < PAT_SECRET_LEN; k++)
			secret[k] = (char)('a' + hash[k] % 26);
		memcpy(secret, mark, strlen(mark));
		finish_checksum(&tokens[i]);
	}
}

static struct pat_grant grant_of(enum token_name name)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = name == B ? BOB : ALICE,
		.created_at = 1700000000,
		.services = "sshd,sudo",
	};

	pat_token_id(&tokens[name], grant.id);
	pat_token_hash(&tokens[name], grant.hash);
	strcpy(grant.user, name == B ? "bob" : "alice");
	snprintf(grant.name, sizeof(grant.name), "token %c", token_letters[name]);
	if (name == B)
		strcpy(grant.description, "for bob's eyes");
	if (name == R || name == O)
		grant.revoked_at = 1700000001;
	if (name == O)
		pat_token_id(&tokens[A], grant.successor);
	if (name == E)
		grant.expires_at = 1700000001;
	if (name == S)
		grant.suspended_at = 1700000001;
	if (name == C) {
		grant.max_uses = 3;
		strcpy(grant.sources, "192.0.2.0/24");
		strcpy(grant.description, "counted");
	}
	if (name == R || name == E)
		grant.algorithm = PAT_ALGORITHM_TRACE, pat_token_trace(grant.hash, grant.hash);
	return grant;
}

static void put_all(struct pat_store *store)
{
	static struct pat_index indexes[2];
	static const struct pat_use unused;

	for (enum token_name name = 0; name < X; name++) {
		struct pat_grant grant = grant_of(name);
		struct pat_index *index = &indexes[grant.uid == BOB];

		memcpy(index->ids[index->count++], grant.id, PAT_ID_LEN);
		HOLDS(pat_store_put_grant(store, &grant) == 0);
		HOLDS(pat_store_put_use(store, grant.id, &unused) == 0);
	}
	HOLDS(pat_store_put_index(store, ALICE, &indexes[0]) == 0);
	HOLDS(pat_store_put_index(store, BOB, &indexes[1]) == 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_place(void)
{
	nftw(place.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(place.image);
}

static int copy_record(const unsigned char *key, size_t key_len, const unsigned char *value,
		       size_t value_len, void *to)
{
	TDB_DATA tdb_key = {(unsigned char *)(uintptr_t)key, key_len};
	TDB_DATA tdb_value = {(unsigned char *)(uintptr_t)value, value_len};

	return tdb_store(to, tdb_key, tdb_value, TDB_INSERT);
}

/* The same records in a file with next to no buckets: quick to put back, and to change. */
static void make_small(void)
{
	char other[sizeof(place.path) + 4];
	struct tdb_context *small;
	struct pat_store *store;

	snprintf(other, sizeof(other), "%s.new", place.path);
	small = tdb_open(other, 7, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH, O_RDWR | O_CREAT, 0600);
	HOLDS(small != NULL);
	HOLDS(pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(5000)) == 0);
	HOLDS(pat_store_each(store, copy_record, small) == 0);
	pat_store_close(store);
	tdb_close(small);
	HOLDS(rename(other, place.path) == 0);
}

void make_store(void)
{
	const char *tmp = getenv("TMPDIR");
	struct pat_store *store;
	struct stat st;
	int fd;

	HOLDS(sodium_init() >= 0);
	make_tokens();
	snprintf(place.dir, sizeof(place.dir), "%.90s/pat-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	HOLDS(mkdtemp(place.dir) != NULL);
	atexit(remove_place);
	snprintf(place.path, sizeof(place.path), "%s/tokens.tdb", place.dir);
	HOLDS(pat_store_open(&store, place.path, PAT_STORE_CREATE, pat_deadline_in(5000)) == 0);
	put_all(store);
	HOLDS(pat_store_commit(store) == 0);
	pat_store_close(store);
	make_small();

	fd = open(place.path, O_RDONLY | O_CLOEXEC);
	HOLDS(fd >= 0 && fstat(fd, &st) == 0);
	place.size = (size_t)st.st_size;
	place.image = malloc(place.size);
	HOLDS(place.image != NULL && read(fd, place.image, place.size) == (ssize_t)place.size);
	close(fd);
}

void reset_store(void)
{
	int fd = open(place.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	HOLDS(fd >= 0 && ftruncate(fd, (off_t)place.size) == 0);
	HOLDS(pwrite(fd, place.image, place.size, 0) == (ssize_t)place.size);
	close(fd);
}
