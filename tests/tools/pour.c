/* SPDX-License-Identifier: ISC */

/*
 * Makes a token store of any size at once, for tests: no transaction for each token, no policy.
 *
 *	pour [-b BUCKETS] [-g USER] [-n TOKENS] [-u UID] [-m COUNT] [-p COUNT] STORE
 *
 * TOKENS tokens of that user, 1000 for each uid from UID on, in a new store with that many hash
 * buckets. -m counts their uses. Prints the first and the last token, or, with -p, so many of the
 * first.
 */

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

#include "pat/record.h"
#include "pat/token.h"

struct pour {
	struct tdb_context *tdb;
	const char *user;
	uint32_t max_uses;
};

static void put(struct pour *pour, const struct pat_key *key, unsigned char *buf, size_t len,
		int error)
{
	TDB_DATA tdb_key = {.dptr = (unsigned char *)(uintptr_t)key->bytes, .dsize = key->len};
	TDB_DATA value = {.dptr = buf, .dsize = len};

	if (error != 0 || tdb_store(pour->tdb, tdb_key, value, TDB_INSERT) != 0)
		errx(1, "%.*s cannot be written", (int)key->len, key->bytes);
}

static void put_use(struct pour *pour, const char *id)
{
	const struct pat_use unused = {0};
	struct pat_key key = pat_key_use(id);
	unsigned char buf[PAT_USE_SIZE];
	size_t len = sizeof(buf);
	int error = pat_use_encode(id, &unused, buf, &len);

	put(pour, &key, buf, len, error);
}

static void put_token(struct pour *pour, uint32_t uid, unsigned number, bool print,
		      struct pat_index *index)
{
	struct pat_grant grant = {.algorithm = PAT_ALGORITHM_BLAKE2B,
				  .uid = uid,
				  .created_at = (int64_t)time(NULL) - 86400,
				  .max_uses = pour->max_uses,
				  .services = "probe"};
	unsigned char buf[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(buf);
	struct pat_token token;
	struct pat_key key;
	int error;

	if (pat_token_generate(&token) != 0)
		errx(1, "no token");
	pat_token_id(&token, grant.id);
	pat_token_hash(&token, grant.hash);
	snprintf(grant.user, sizeof(grant.user), "%s", pour->user);
	snprintf(grant.name, sizeof(grant.name), "poured %u", number);
	key = pat_key_grant(grant.id);
	error = pat_grant_encode(&grant, buf, &len);
	put(pour, &key, buf, len, error);
	put_use(pour, grant.id);
	memcpy(index->ids[index->count++], grant.id, PAT_ID_LEN);
	if (print)
		puts(token.text);
}

static void put_index(struct pour *pour, uint32_t uid, const struct pat_index *index)
{
	static unsigned char buf[PAT_INDEX_SIZE_MAX];
	struct pat_key key = pat_key_index(uid);
	size_t len = sizeof(buf);
	int error = pat_index_encode(uid, index, buf, &len);

	put(pour, &key, buf, len, error);
}

static void put_meta(struct pour *pour)
{
	struct pat_meta meta = {.schema = PAT_SCHEMA, .created_at = (int64_t)time(NULL)};
	struct pat_key key = pat_key_meta();
	unsigned char buf[PAT_META_SIZE];
	size_t len = sizeof(buf);
	int error = pat_meta_encode(&meta, buf, &len);

	put(pour, &key, buf, len, error);
	put_use(pour, PAT_STRANGERS_ID);
}

int main(int argc, char **argv)
{
	static struct pat_index index;
	struct pour pour = {.user = "root"};
	unsigned count = 1, buckets = 10007, printed = 0;
	uint32_t uid = 0;
	int option;

	while ((option = getopt(argc, argv, "b:g:n:u:m:p:")) != -1) {
		if (option == 'b')
			buckets = (unsigned)atoi(optarg);
		else if (option == 'g')
			pour.user = optarg;
		else if (option == 'n')
			count = (unsigned)atoi(optarg);
		else if (option == 'u')
			uid = (uint32_t)atoi(optarg);
		else if (option == 'm')
			pour.max_uses = (uint32_t)atoi(optarg);
		else if (option == 'p')
			printed = (unsigned)atoi(optarg);
		else
			return 2;
	}
	if (optind != argc - 1 || sodium_init() < 0)
		return 2;
	pour.tdb = tdb_open(argv[optind], (int)buckets,
			    TDB_NOLOCK | TDB_NOSYNC | TDB_INCOMPATIBLE_HASH,
			    O_RDWR | O_CREAT | O_EXCL, 0600);
	if (pour.tdb == NULL)
		err(1, "%s", argv[optind]);
	put_meta(&pour);
	for (unsigned i = 0; i < count; i++) {
		put_token(&pour, uid, i, printed > 0 ? i < printed : i == 0 || i == count - 1,
			  &index);
		if (index.count < PAT_INDEX_MAX && i < count - 1)
			continue;
		put_index(&pour, uid++, &index);
		index.count = 0;
	}
	tdb_close(pour.tdb);
	return 0;
}
