/* SPDX-License-Identifier: ISC */

/*
 * Whole store files. The input is a row of changes to a good file: `@OFFSET BYTES` writes bytes
 * (`\xHH`) there, `+OFFSET N` adds to the number there, `0OFFSET N` writes zeros, `cLENGTH` cuts
 * it, `aOFFSET LENGTH TO` copies a part, and `m` has a change tried on top of it; after `!` come
 * the bytes of the whole file.
 *
 * What must hold, whatever the file is: nothing crashes, hangs or leaves anything behind; a token
 * is accepted only if its record, checksum and all, is the one that was written for it; what the
 * file is refused for is an error of the documented ones; all records can be walked over and told
 * good from bad; a mint on top of it succeeds whole or changes nothing.
 */

#include "world.h"

#include <sys/stat.h>

#include "pat/error.h"
#include "pat/store.h"
#include "pat/verify.h"

static unsigned char image[256 * 1024];
static size_t used;
static bool minted;

static void change(const char *line)
{
	unsigned at = 0, len = 0, to = 0;
	char bytes[256];
	uint32_t number;
	int skip = 0;

	(void)sscanf(line + 1, "%7u %n%7u %7u", &at, &skip, &len, &to);
	at %= 100000;
	len %= 50000;
	to %= 100000;
	if (line[0] == '@' && skip > 0) {
		len = (unsigned)strlen(expand(bytes, sizeof(bytes), line + 1 + skip));
		memcpy(image + at, bytes, len);
		used = at + len > used ? at + len : used;
	} else if (line[0] == '0') {
		memset(image + at, 0, len);
	} else if (line[0] == '+') {
		memcpy(&number, image + at, sizeof(number));
		number += len;
		memcpy(image + at, &number, sizeof(number));
	} else if (line[0] == 'c' && at < used) {
		used = at;
	} else if (line[0] == 'm') {
		minted = true;
	} else if (line[0] == 'a') {
		memmove(image + to, image + at, len);
		used = to + len > used ? to + len : used;
	}
}

static void make_file(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char line[256];
	int fd = open(place.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	memset(image, 0, sizeof(image));
	memcpy(image, place.image, place.size);
	used = place.size;
	minted = false;
	if (size > 0 && data[0] == '!') {
		used = size - 1 < sizeof(image) ? size - 1 : sizeof(image);
		memcpy(image, data + 1, used);
	} else {
		while (input_line(&input, line, sizeof(line)))
			change(line);
	}
	HOLDS(fd >= 0 && pwrite(fd, image, used, 0) == (ssize_t)used);
	HOLDS(ftruncate(fd, (off_t)used) == 0);
	close(fd);
}

/* What is accepted has the hash of that token in its record, which is live and alice's. */
static void verify_all(void)
{
	static const char *const owners[TOKENS] = {[A] = "alice", [B] = "bob", [C] = "alice"};
	struct pat_verdict verdict;

	static const enum token_name tried[] = {A, C, R};

	for (unsigned i = 0; i < COUNT(tried); i++) {
		enum token_name name = tried[i];
		const struct pat_attempt attempt = {.token = &tokens[name],
						    .user = owners[name] ? owners[name] : "alice",
						    .service = "sshd",
						    .rhost = "192.0.2.1"};

		pat_verify(place.path, &attempt, WORLD_NOW, pat_deadline_in(2000), &verdict);
		HOLDS(verdict.outcome != PAT_ACCEPTED || owners[name] != NULL);
		HOLDS(verdict.outcome != PAT_ACCEPTED ||
		      (verdict.grant.name[6] == token_letters[name] &&
		       verdict.grant.revoked_at == 0));
	}
}

static int look_at(const unsigned char *key, size_t key_len, const unsigned char *value,
		   size_t value_len, void *count)
{
	struct pat_grant grant;

	if (key_len == 1 + PAT_ID_LEN && key[0] == 't')
		(void)pat_grant_decode((const char *)key + 1, value, value_len, &grant);
	return ++*(unsigned *)count > 10000;
}

static void change_all(void)
{
	struct pat_store *store;
	struct pat_grant grant;
	unsigned count = 0;
	int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(2000));
	char id[PAT_ID_LEN + 1];

	HOLDS(error <= 0 && error >= PAT_E_SHADOW);
	if (error)
		return;
	(void)pat_store_each(store, look_at, &count);
	pat_token_id(&tokens[A], id);
	error = pat_store_get_grant(store, id, &grant);
	if (!error) {
		grant.revoked_at = WORLD_NOW;
		error = pat_store_put_grant(store, &grant);
	}
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	if (error || pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(2000)) != 0)
		return;
	/* It was committed: it is there. */
	HOLDS(pat_store_get_grant(store, id, &grant) == 0 && grant.revoked_at == WORLD_NOW);
	pat_store_close(store);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_store();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = next_descriptor();

	make_file(data, size);
	world_arm();
	verify_all();
	if (minted)
		change_all();
	world_disarm();
	HOLDS(world.waited <= INT64_C(30000000000) && next_descriptor() == fd);
	return 0;
}
