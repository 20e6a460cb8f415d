/* SPDX-License-Identifier: ISC */
#ifndef POWER_STATE_H
#define POWER_STATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "damage_reader.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/store.h"

/* What is in a store: all its records, by key. */

struct entry {
	struct pat_key key;
	uint32_t uid;  /* of grants and indexes */
	uint64_t uses; /* of use records */
	uint32_t len;
	unsigned char *value;
};

struct state {
	bool absent; /* there is no store */
	size_t count, room;
	struct entry *entries;
	char fault[200]; /* what cannot be read in it, or "" */
};

static inline void state_free(struct state *state)
{
	for (size_t i = 0; i < state->count; i++)
		free(state->entries[i].value);
	free(state->entries);
	*state = (struct state){0};
}

static inline int compare_entries(const void *a, const void *b)
{
	const struct pat_key *one = &((const struct entry *)a)->key;
	const struct pat_key *other = &((const struct entry *)b)->key;

	return one->len != other->len ? (int)one->len - (int)other->len
				      : memcmp(one->bytes, other->bytes, one->len);
}

static inline const struct entry *state_find(const struct state *state, const struct pat_key *key)
{
	const struct entry wanted = {.key = *key};

	if (state->count == 0)
		return NULL;
	return bsearch(&wanted, state->entries, state->count, sizeof(wanted), compare_entries);
}

/* Decodes a record, and keeps what is asked about it. */
static inline int entry_read(struct entry *entry)
{
	static struct pat_index index;
	struct pat_grant grant;
	struct pat_meta meta;
	struct pat_use use;
	const char *name = entry->key.bytes + 1;
	char digits[9] = "";
	int error;

	switch (entry->key.bytes[0]) {
	case 't':
		error = pat_grant_decode(name, entry->value, entry->len, &grant);
		entry->uid = grant.uid;
		return error;
	case 'u':
		error = pat_use_decode(name, entry->value, entry->len, &use);
		entry->uses = use.uses;
		return error;
	case 'i':
		memcpy(digits, name, 8);
		entry->uid = (uint32_t)strtoul(digits, NULL, 16);
		return pat_index_decode(entry->uid, entry->value, entry->len, &index);
	default:
		return pat_meta_decode(entry->value, entry->len, &meta);
	}
}

static inline int state_add(const unsigned char *key, size_t key_len, const unsigned char *value,
			    size_t value_len, void *data)
{
	struct state *state = data;
	struct entry *entry;
	int error = PAT_E_DAMAGED;

	if (state->count == state->room) {
		state->room = state->room ? 2 * state->room : 256;
		state->entries = reallocarray(state->entries, state->room, sizeof(*state->entries));
	}
	if (state->entries == NULL || key_len > PAT_KEY_MAX || key_len == 0)
		abort();
	entry = &state->entries[state->count++];
	*entry = (struct entry){.key = {.len = key_len}, .len = (uint32_t)value_len};
	memcpy(entry->key.bytes, key, key_len);
	entry->value = malloc(value_len + 1);
	if (entry->value == NULL)
		abort();
	memcpy(entry->value, value, value_len);
	if (key_len == PAT_KEY_MAX || key[0] == 'm')
		error = entry_read(entry);
	if (error)
		snprintf(state->fault, sizeof(state->fault), "record %.*s: %s", (int)key_len,
			 entry->key.bytes, pat_error_text(error));
	return 0;
}

static inline void state_sort(struct state *state)
{
	if (state->count > 0)
		qsort(state->entries, state->count, sizeof(*state->entries), compare_entries);
	for (size_t i = 1; i < state->count; i++)
		if (compare_entries(&state->entries[i - 1], &state->entries[i]) == 0)
			snprintf(state->fault, sizeof(state->fault), "record %.*s is there twice",
				 (int)state->entries[i].key.len, state->entries[i].key.bytes);
}

/*
 * What is in the file of an open store, by a reader of our own (TDB's own walk asks the kernel for
 * each bucket); and whether the store's look-ups find the same.
 */
static inline int state_load(struct pat_store *store, const char *path, struct state *state)
{
	struct reader_file file;
	struct pat_grant grant;
	int error = PAT_OK;

	*state = (struct state){0};
	if (!reader_open(path, &file))
		return PAT_E_IO;
	if (!reader_each(&file, state_add, state))
		snprintf(state->fault, sizeof(state->fault), "a chain is broken");
	reader_close(&file);
	state_sort(state);
	for (size_t i = 0; !error && i < state->count; i++)
		if (state->entries[i].key.bytes[0] == 't')
			error = pat_store_get_grant(store, state->entries[i].key.bytes + 1, &grant);
	return error;
}

/* As bytes: for each record its length of key, key, length and value. */
static inline size_t state_size(const struct state *state)
{
	size_t size = 0;

	for (size_t i = 0; i < state->count; i++)
		size += 1 + state->entries[i].key.len + 4 + state->entries[i].len;
	return size;
}

static inline void state_write(const struct state *state, unsigned char *to)
{
	for (size_t i = 0; i < state->count; i++) {
		const struct entry *entry = &state->entries[i];

		*to++ = (unsigned char)entry->key.len;
		memcpy(to, entry->key.bytes, entry->key.len);
		to += entry->key.len;
		memcpy(to, &entry->len, 4);
		memcpy(to + 4, entry->value, entry->len);
		to += 4 + entry->len;
	}
}

static inline void state_read(const unsigned char *from, size_t size, struct state *state)
{
	const unsigned char *end = from + size;

	*state = (struct state){0};
	while (from < end) {
		size_t key_len = *from;
		uint32_t len;

		memcpy(&len, from + 1 + key_len, 4);
		(void)state_add(from + 1, key_len, from + 5 + key_len, len, state);
		from += 5 + key_len + len;
	}
	state_sort(state);
}

/* Whether the grants and indexes of a uid are the same in both; of all uids with `all`. */
static inline bool state_has_all(const struct state *a, const struct state *b, uint32_t uid,
				 bool all)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *entry = &a->entries[i], *other;

		if (strchr("ti", entry->key.bytes[0]) == NULL || (!all && entry->uid != uid))
			continue;
		other = state_find(b, &entry->key);
		if (other == NULL || other->len != entry->len ||
		    memcmp(other->value, entry->value, entry->len) != 0)
			return false;
	}
	return true;
}

static inline bool state_same(const struct state *a, const struct state *b, uint32_t uid, bool all)
{
	return state_has_all(a, b, uid, all) && state_has_all(b, a, uid, all);
}

#endif
