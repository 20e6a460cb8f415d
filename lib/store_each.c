/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "pat/error.h"
#include "store_private.h"

/* A walk through all chains. */
struct walk {
	int (*each)(const unsigned char *key, size_t key_len, const unsigned char *value,
		    size_t value_len, void *data);
	void *data;
	uint64_t file_size;
	uint32_t chains;
	bool no_more;  /* the file ends before their heads do */
	uint32_t *met; /* the records of this chain */
	size_t count, room;
	bool damaged; /* something was not reached, or is where nobody finds it */
};

/* Whether the record was met before. A walk that goes round comes by once more. */
static bool was_met(const struct walk *walk, uint32_t at)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->met[i] == at)
			return true;
	return false;
}

static int note_met(struct walk *walk, uint32_t at)
{
	if (walk->count == walk->room) {
		size_t room = walk->room ? walk->room * 2 : 64;
		void *met = reallocarray(walk->met, room, sizeof(*walk->met));

		if (met == NULL)
			return PAT_E_NOMEM;
		walk->met = met;
		walk->room = room;
	}
	walk->met[walk->count++] = at;
	return PAT_OK;
}

/* Hands on a record, unless it is one of another chain, which this one was tied to. */
static int hand_on(struct walk *walk, const struct chain *chain, uint32_t number)
{
	const struct tdbfile_record *record = &chain->record;
	unsigned char *bytes;
	size_t len = (size_t)record->key_len + record->data_len;
	int result;

	if (was_met(walk, chain->at))
		return PAT_OK;
	result = note_met(walk, chain->at);
	if (result < 0)
		return result;
	if (record->full_hash % walk->chains != number || !chain_fits(chain) ||
	    record->key_len > PAT_KEY_MAX || record->data_len > PAT_RECORD_SIZE_MAX) {
		walk->damaged = true;
		return PAT_OK;
	}
	bytes = malloc(len + 1);
	if (bytes == NULL)
		return PAT_E_NOMEM;
	result = chain_read(chain, 0, bytes, len);
	if (!result)
		result = walk->each(bytes, record->key_len, bytes + record->key_len,
				    record->data_len, walk->data);
	sodium_memzero(bytes, len);
	free(bytes);
	return result;
}

static int walk_chain(struct walk *walk, int fd, uint32_t number, uint32_t first)
{
	struct chain chain;
	int result = 0, answer = 0;

	walk->count = 0;
	chain_begin_at(&chain, fd, walk->file_size, first, TDBFILE_USED);
	while (!answer && (result = chain_next(&chain)) == 1)
		answer = hand_on(walk, &chain, number);
	chain_end(&chain);
	/* The others are none the worse. */
	if (result == PAT_E_DAMAGED) {
		walk->damaged = true;
		result = PAT_OK;
	}
	return answer ? answer : result < 0 ? result : PAT_OK;
}

static int walk_some(struct walk *walk, int fd, uint32_t from, uint32_t count)
{
	uint32_t heads[CHAIN_HEADS], got;
	int answer = chain_read_heads(fd, from, heads, count, &got);

	if (answer == PAT_E_DAMAGED) {
		walk->damaged = walk->no_more = true;
		answer = PAT_OK;
	}
	for (uint32_t i = 0; !answer && i < got; i++)
		if (heads[i] != 0)
			answer = walk_chain(walk, fd, from + i, heads[i]);
	return answer;
}

int pat_store_each(struct pat_store *store,
		   int (*each)(const unsigned char *key, size_t key_len, const unsigned char *value,
			       size_t value_len, void *data),
		   void *data)
{
	struct walk walk = {.each = each, .data = data};
	struct stat st;
	uint32_t some;
	int answer = 0;

	if (store->fd < 0)
		return PAT_E_IO;
	if (store->changed)
		return PAT_E_INVALID;
	walk.chains = store->hash_size;
	if (fstat(store->fd, &st) < 0)
		return PAT_E_IO;
	walk.file_size = (uint64_t)st.st_size;
	for (uint32_t i = 0; !answer && !walk.no_more && i < walk.chains; i += some) {
		some = walk.chains - i < CHAIN_HEADS ? walk.chains - i : CHAIN_HEADS;
		answer = walk_some(&walk, store->fd, i, some);
	}
	free(walk.met);
	return answer || !walk.damaged ? answer : PAT_E_DAMAGED;
}
