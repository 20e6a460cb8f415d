/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "rebuild.h"

/* The index of a uid as it will be. */
struct indexing {
	struct pat_index was, will;
	int64_t created_at[PAT_INDEX_MAX]; /* of those in `will`, once somebody asked */
	bool dated;
	bool changed;
};

static struct ledger_token *find(const struct rebuild *rebuild, const char *id)
{
	struct ledger_token *token = ledger_find(&rebuild->ledger, id);

	return token != NULL && (token->has & LEDGER_GRANT) ? token : NULL;
}

static int load(struct rebuild *rebuild, const struct ledger_uid *uid, struct pat_index *index)
{
	const struct source *source = uid->index_source ? &rebuild->store : &rebuild->backup;

	index->count = 0;
	if (!uid->has_index)
		return PAT_OK;
	if (uid->index_len > sizeof(rebuild->value) ||
	    !salvage_peek(&source->salvage, uid->index_at, rebuild->value, uid->index_len))
		return PAT_E_IO;
	return pat_index_decode(uid->uid, rebuild->value, uid->index_len, index);
}

static void learn_owners(struct rebuild *rebuild, const struct ledger_uid *uid,
			 struct pat_index *index)
{
	/* One that cannot be read tells nothing. */
	if (load(rebuild, uid, index) != PAT_OK)
		return;
	for (uint32_t i = 0; i < index->count; i++) {
		struct ledger_token *token = ledger_find(&rebuild->ledger, index->ids[i]);

		if (token == NULL || (token->has & LEDGER_GRANT))
			continue;
		token->has |= LEDGER_OWNED;
		token->uid = uid->uid;
	}
}

int rebuild_index_owners(struct rebuild *rebuild)
{
	const struct ledger *ledger = &rebuild->ledger;
	struct pat_index *index;
	uint32_t i = 1;

	while (i < ledger->token_count &&
	       (ledger->tokens[i].has & (LEDGER_GRANT | LEDGER_BAD_GRANT)) != LEDGER_BAD_GRANT)
		i++;
	if (i >= ledger->token_count)
		return PAT_OK;
	index = malloc(sizeof(*index));
	if (index == NULL)
		return PAT_E_NOMEM;
	for (i = 1; i < ledger->uid_count; i++)
		learn_owners(rebuild, &ledger->uids[i], index);
	free(index);
	return PAT_OK;
}

/* Takes from the index that there was what there still is. */
static void keep_listed(struct rebuild *rebuild, const struct ledger_uid *uid,
			struct indexing *indexing)
{
	enum { AHEAD = 8 };
	struct pat_key key = pat_key_index(uid->uid);

	for (uint32_t i = 0; i < indexing->was.count; i++) {
		const char *id = indexing->was.ids[i];
		struct ledger_token *token = find(rebuild, id);
		const char *fault = NULL;

		if (i + AHEAD < indexing->was.count)
			ledger_expect(&rebuild->ledger, indexing->was.ids[i + AHEAD]);
		if (token == NULL)
			fault = "it names a token that there is not";
		else if (token->uid != uid->uid)
			fault = "it names a token of another uid";
		else if (token->has & LEDGER_LISTED)
			fault = "it names a token twice";
		if (fault == NULL) {
			token->has |= LEDGER_LISTED;
			memcpy(indexing->will.ids[indexing->will.count++], id, PAT_ID_LEN);
			continue;
		}
		indexing->changed = true;
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &key, fault);
		if (token == NULL && uid->index_source) {
			struct pat_key lost = pat_key_grant(id);
			const struct ledger_token *known = ledger_find(&rebuild->ledger, id);

			if (known == NULL || !(known->has & LEDGER_BAD_GRANT))
				rebuild_tell_owned(rebuild, PAT_NEWS_LOST, &lost, uid->uid,
						   "is gone");
		}
	}
}

static int64_t created_at(struct rebuild *rebuild, const struct ledger_token *token)
{
	struct pat_grant grant;
	int64_t time = 0;

	if (rebuild_read_grant(rebuild, token, &grant) == PAT_OK)
		time = grant.created_at;
	sodium_memzero(grant.hash, sizeof(grant.hash));
	return time;
}

static void remove_from(struct indexing *indexing, uint32_t place)
{
	uint32_t behind = --indexing->will.count - place;

	memmove(indexing->will.ids[place], indexing->will.ids[place + 1], behind * PAT_ID_LEN);
	memmove(indexing->created_at + place, indexing->created_at + place + 1,
		behind * sizeof(indexing->created_at[0]));
}

/* Makes room in an index that is full, by the oldest token that can never work again. */
static int make_room(struct rebuild *rebuild, struct indexing *indexing)
{
	for (uint32_t i = 0; i < indexing->will.count; i++) {
		struct ledger_token *token = find(rebuild, indexing->will.ids[i]);
		struct pat_key grant = pat_key_grant(token->id), use = pat_key_use(token->id);
		int error = PAT_OK;

		if (!(token->has & LEDGER_ENDED))
			continue;
		if (rebuild->writing)
			error = tdbwrite_drop(&rebuild->out, &grant, token->grant_at);
		if (!error && rebuild->writing)
			error = tdbwrite_drop(&rebuild->out, &use, token->use_at);
		rebuild_tell(rebuild, PAT_NEWS_NOTE, &grant,
			     "removed: it had ended, and its user has too many");
		token->has = 0;
		remove_from(indexing, i);
		return error;
	}
	return PAT_E_TOOBIG;
}

/* Puts a token where it belongs by its age. */
static int insert(struct rebuild *rebuild, struct indexing *indexing, struct ledger_token *token)
{
	struct pat_index *will = &indexing->will;
	int64_t created = created_at(rebuild, token);
	uint32_t place = 0;
	int error = PAT_OK;

	if (!indexing->dated)
		for (uint32_t i = 0; i < will->count; i++)
			indexing->created_at[i] = created_at(rebuild, find(rebuild, will->ids[i]));
	indexing->dated = indexing->changed = true;
	if (will->count == PAT_INDEX_MAX)
		error = make_room(rebuild, indexing);
	if (error)
		return error;
	while (place < will->count && indexing->created_at[place] <= created)
		place++;
	memmove(will->ids[place + 1], will->ids[place], (will->count - place) * PAT_ID_LEN);
	memmove(indexing->created_at + place + 1, indexing->created_at + place,
		(will->count - place) * sizeof(indexing->created_at[0]));
	memcpy(will->ids[place], token->id, PAT_ID_LEN);
	indexing->created_at[place] = created;
	will->count++;
	token->has |= LEDGER_LISTED;
	return PAT_OK;
}

/* Adds the tokens of the uid that the index did not have. */
static int add_unlisted(struct rebuild *rebuild, const struct ledger_uid *uid,
			struct indexing *indexing)
{
	int error = PAT_OK;

	for (uint32_t i = uid->first_token; !error && i != 0;) {
		struct ledger_token *token = &rebuild->ledger.tokens[i];
		struct pat_key key = pat_key_grant(token->id);

		i = token->next_of_uid;
		if (token->has & LEDGER_LISTED)
			continue;
		if (!(token->has & LEDGER_CAME_BACK) || !rebuild->merging)
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
				     "it is not in the index of its uid");
		error = insert(rebuild, indexing, token);
		if (error == PAT_E_TOOBIG) {
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
				     "its user has too many tokens: it is in no list");
			error = PAT_OK;
		}
	}
	return error;
}

static bool is_spent(const struct ledger_token *token)
{
	return token->max_uses != 0 && token->uses >= token->max_uses;
}

/* By the hash of the name, and then as they came. */
static int compare_names(const void *one, const void *other)
{
	const struct ledger_token *a = *(const struct ledger_token *const *)one;
	const struct ledger_token *b = *(const struct ledger_token *const *)other;

	if (a->name_hash != b->name_hash)
		return a->name_hash < b->name_hash ? -1 : 1;
	return a < b ? -1 : a > b;
}

static bool same_name(struct rebuild *rebuild, const struct ledger_token *a,
		      const struct ledger_token *b)
{
	struct pat_grant one, other;
	bool same = rebuild_read_grant(rebuild, a, &one) == PAT_OK &&
		    rebuild_read_grant(rebuild, b, &other) == PAT_OK &&
		    strcmp(one.name, other.name) == 0 && strcmp(one.user, other.user) == 0;

	sodium_memzero(one.hash, sizeof(one.hash));
	sodium_memzero(other.hash, sizeof(other.hash));
	return same;
}

/* Live tokens of one name: a name must choose one. */
static int look_for_namesakes(struct rebuild *rebuild, const struct ledger_uid *uid)
{
	const struct ledger_token **named, *tokens = rebuild->ledger.tokens;
	size_t count = 0;

	named = reallocarray(NULL, uid->tokens, sizeof(const struct ledger_token *));
	if (named == NULL)
		return PAT_E_NOMEM;
	for (uint32_t i = uid->first_token; i != 0; i = tokens[i].next_of_uid)
		if (tokens[i].name_hash != 0 && !is_spent(&tokens[i]))
			named[count++] = &tokens[i];
	qsort(named, count, sizeof(const struct ledger_token *), compare_names);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count && named[j]->name_hash == named[i]->name_hash;
		     j++) {
			struct pat_key key = pat_key_grant(named[j]->id);

			if (same_name(rebuild, named[i], named[j]))
				rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
					     "another live token of its user has the same name");
		}
	}
	free(named);
	return PAT_OK;
}

static int write_index(struct rebuild *rebuild, const struct ledger_uid *uid,
		       const struct indexing *indexing)
{
	struct pat_key key = pat_key_index(uid->uid);
	size_t len = uid->index_len;
	uint32_t at;
	int error = PAT_OK;

	if (!rebuild->writing || indexing->will.count == 0)
		return PAT_OK;
	/* If it was not changed, its bytes are still in `value`, where load() read them. */
	if (indexing->changed) {
		len = sizeof(rebuild->value);
		error = pat_index_encode(uid->uid, &indexing->will, rebuild->value, &len);
	}
	/* It grows with each mint. */
	return error ? error : tdbwrite_put(&rebuild->out, &key, rebuild->value, len, len / 4, &at);
}

static int index_one(struct rebuild *rebuild, const struct ledger_uid *uid,
		     struct indexing *indexing)
{
	int error = load(rebuild, uid, &indexing->was);

	indexing->will.count = 0;
	indexing->dated = indexing->changed = false;
	if (error)
		return error;
	keep_listed(rebuild, uid, indexing);
	error = add_unlisted(rebuild, uid, indexing);
	if (!error && rebuild->order->task == PAT_REBUILD_LOOK && uid->tokens > 1)
		error = look_for_namesakes(rebuild, uid);
	rebuild->result->users += indexing->was.count > 0 || indexing->will.count > 0;
	return error ? error : write_index(rebuild, uid, indexing);
}

int rebuild_index_all(struct rebuild *rebuild)
{
	struct indexing *indexing = malloc(sizeof(*indexing));
	int error = indexing ? PAT_OK : PAT_E_NOMEM;

	for (uint32_t i = 1; !error && i < rebuild->ledger.uid_count; i++)
		error = index_one(rebuild, &rebuild->ledger.uids[i], indexing);
	free(indexing);
	return error;
}
