/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "pat/error.h"
#include "store_private.h"

/* A walk through some chains, or all. */
struct walk {
	struct pat_walk *all; /* which this is a part of */
	int (*each)(const unsigned char *key, size_t key_len, const unsigned char *value,
		    size_t value_len, void *data);
	void *data;
	uint64_t file_size;
	uint32_t chains;
	bool no_more; /* the file ends before their heads do */
	size_t looked_at;
	uint32_t *met; /* the records of this chain */
	size_t count, room;
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

/* Whether the walk came by a record of that key when the store had other chains. */
static bool was_handed_on(const struct walk *walk, const unsigned char *key, uint32_t key_len)
{
	const struct pat_walk *all = walk->all;
	uint32_t hash;

	if (all->count == 1)
		return false;
	hash = tdbfile_hash(key, key_len);
	for (unsigned i = 0; i < all->count; i++)
		if (i != all->now && hash % all->tables[i].chains < all->tables[i].done)
			return true;
	return false;
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
		walk->all->damaged = true;
		return PAT_OK;
	}
	bytes = malloc(len + 1);
	if (bytes == NULL)
		return PAT_E_NOMEM;
	result = chain_read(chain, 0, bytes, len);
	/* Those that were handed on before take their time, too. */
	walk->looked_at++;
	if (!result && !was_handed_on(walk, bytes, record->key_len)) {
		result = walk->each(bytes, record->key_len, bytes + record->key_len,
				    record->data_len, walk->data);
	}
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
		walk->all->damaged = true;
		result = PAT_OK;
	}
	return answer ? answer : result < 0 ? result : PAT_OK;
}

/* Goes on to some chains; *done counts them. */
static int walk_some(struct walk *walk, int fd, uint32_t *done, size_t enough)
{
	const uint32_t from = *done, left = walk->chains - from;
	uint32_t heads[CHAIN_HEADS], got;
	int answer =
		chain_read_heads(fd, from, heads, left < CHAIN_HEADS ? left : CHAIN_HEADS, &got);

	if (answer == PAT_E_DAMAGED) {
		walk->all->damaged = walk->no_more = true;
		answer = PAT_OK;
	}
	for (uint32_t i = 0; !answer && i < got && walk->looked_at < enough; i++) {
		if (heads[i] != 0)
			answer = walk_chain(walk, fd, from + i, heads[i]);
		++*done;
	}
	return answer;
}

/* Finds, or begins, what is known of a table of so many chains. */
static int choose_table(struct pat_walk *walk, uint32_t chains)
{
	for (walk->now = 0; walk->now < walk->count; walk->now++)
		if (walk->tables[walk->now].chains == chains)
			return PAT_OK;
	if (walk->count == PAT_WALK_TABLES)
		return PAT_E_BUSY;
	walk->tables[walk->count].chains = chains;
	walk->tables[walk->count++].done = 0;
	return PAT_OK;
}

int pat_store_each_some(struct pat_store *store, struct pat_walk *all, size_t enough,
			int (*each)(const unsigned char *key, size_t key_len,
				    const unsigned char *value, size_t value_len, void *data),
			void *data, bool *more)
{
	struct walk walk = {.all = all, .each = each, .data = data, .chains = store->hash_size};
	struct stat st;
	uint32_t *done;
	int answer;

	*more = false;
	if (store->fd < 0)
		return PAT_E_IO;
	if (store->changed)
		return PAT_E_INVALID;
	if (fstat(store->fd, &st) < 0)
		return PAT_E_IO;
	walk.file_size = (uint64_t)st.st_size;
	answer = choose_table(all, walk.chains);
	if (answer)
		return answer;
	done = &all->tables[all->now].done;
	while (!answer && !walk.no_more && *done < walk.chains && walk.looked_at < enough)
		answer = walk_some(&walk, store->fd, done, enough);
	free(walk.met);
	*more = !answer && !walk.no_more && *done < walk.chains;
	return answer || *more || !all->damaged ? answer : PAT_E_DAMAGED;
}

int pat_store_each(struct pat_store *store,
		   int (*each)(const unsigned char *key, size_t key_len, const unsigned char *value,
			       size_t value_len, void *data),
		   void *data)
{
	struct pat_walk walk = {0};
	bool more;

	return pat_store_each_some(store, &walk, SIZE_MAX, each, data, &more);
}
