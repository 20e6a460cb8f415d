/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "rebuild.h"

/* A token that can never work again, whatever anybody does. */
static bool has_ended(const struct pat_grant *grant)
{
	return grant->revoked_at != 0 || grant->algorithm != PAT_ALGORITHM_BLAKE2B;
}

/* Whether `a` allows less than `b`, or allows it for less long. */
static bool stricter(const struct pat_grant *a, const struct pat_grant *b)
{
	if (has_ended(a) != has_ended(b))
		return has_ended(a);
	if ((a->suspended_at != 0) != (b->suspended_at != 0))
		return a->suspended_at != 0;
	if (a->expires_at != b->expires_at)
		return a->expires_at != 0 && (b->expires_at == 0 || a->expires_at < b->expires_at);
	return a->max_uses != 0 && (b->max_uses == 0 || a->max_uses < b->max_uses);
}

int rebuild_read_grant(struct rebuild *rebuild, const struct ledger_token *token,
		       struct pat_grant *grant)
{
	unsigned char buf[PAT_GRANT_SIZE_MAX];
	int error = PAT_E_IO;

	if (token->grant_len > sizeof(buf))
		return PAT_E_DAMAGED;
	if (rebuild->writing)
		error = tdbwrite_get(&rebuild->out, token->grant_at, buf, token->grant_len);
	else if (salvage_peek(&rebuild->store.salvage, token->grant_at, buf, token->grant_len))
		error = PAT_OK;
	if (!error)
		error = pat_grant_decode(token->id, buf, token->grant_len, grant);
	sodium_memzero(buf, sizeof(buf));
	return error;
}

/* Whether the trusted index of a uid has the id. */
static bool is_listed(struct rebuild *rebuild, const struct source *source, uint32_t uid,
		      const char *id)
{
	const struct ledger_uid *entry = ledger_find_uid(&rebuild->ledger, uid);
	unsigned char buf[PAT_INDEX_SIZE_MAX];
	struct pat_index *index;
	bool found = false;

	if (entry == NULL || !entry->has_index || entry->index_source != source->is_store ||
	    !salvage_peek(&source->salvage, entry->index_at, buf, entry->index_len))
		return false;
	index = malloc(sizeof(*index));
	if (index != NULL && pat_index_decode(uid, buf, entry->index_len, index) == PAT_OK)
		for (uint32_t i = 0; !found && i < index->count; i++)
			found = memcmp(index->ids[i], id, PAT_ID_LEN) == 0;
	free(index);
	return found;
}

/*
 * Whether a grant that no chain leads to was part of the store. If not, it is left over from a
 * change that was cut off, or is an old copy of one that was removed.
 */
static bool was_there(struct rebuild *rebuild, const struct source *source,
		      const struct salvage_record *record, const struct pat_grant *grant,
		      const struct ledger_token *token)
{
	if (record->place == SALVAGE_REACHED)
		return true;
	if (token != NULL && (token->has & (LEDGER_USE | LEDGER_BAD_GRANT)))
		return true;
	if (is_listed(rebuild, source, grant->uid, grant->id))
		return true;
	if (record->place == SALVAGE_IN_STEP)
		return source->distrusted;
	return salvage_chain_broken(&source->salvage, &record->key);
}

static uint32_t hash_name(const struct pat_grant *grant)
{
	char both[PAT_USER_MAX + PAT_NAME_MAX + 2];
	int len = snprintf(both, sizeof(both), "%s/%s", grant->user, grant->name);
	uint32_t hash = tdbfile_hash(both, (uint32_t)len);

	return hash ? hash : 1;
}

void rebuild_tell_back(struct rebuild *rebuild, const struct pat_key *key,
		       const struct pat_grant *grant)
{
	char name[100], user[100], text[300];

	snprintf(text, sizeof(text), "back from the backup, %s: \"%s\" of %s",
		 pat_status_text(pat_grant_status(grant, NULL, rebuild->now)),
		 pat_escape(name, sizeof(name), grant->name),
		 pat_escape(user, sizeof(user), grant->user));
	rebuild_tell(rebuild, PAT_NEWS_BACK, key, text);
}

/* Writes a grant, which is in rebuild->value as well, and enters it. */
static int put_grant(struct rebuild *rebuild, const struct source *source,
		     const struct salvage_record *record, struct pat_grant *grant,
		     struct ledger_token *token)
{
	bool doubtful = record->place == SALVAGE_STRAY && !has_ended(grant);
	uint32_t at = (uint32_t)record->value_at;
	size_t len = record->len;
	int error = PAT_OK;

	if (doubtful && grant->suspended_at == 0) {
		grant->suspended_at = rebuild->now;
		len = sizeof(rebuild->value);
		if (rebuild->writing)
			error = pat_grant_encode(grant, rebuild->value, &len);
	}
	if (!error && rebuild->writing)
		error = tdbwrite_put(&rebuild->out, &record->key, rebuild->value, len, 0, &at);
	if (error)
		return error;
	token->has |= LEDGER_GRANT;
	token->has &= (uint16_t) ~(LEDGER_ENDED | LEDGER_DOUBTFUL | LEDGER_CAME_BACK);
	token->has |= has_ended(grant) ? LEDGER_ENDED : 0;
	token->has |= doubtful ? LEDGER_DOUBTFUL : 0;
	token->has |= source->is_store ? 0 : LEDGER_CAME_BACK;
	token->uid = grant->uid;
	token->max_uses = grant->max_uses;
	token->grant_at = at;
	token->grant_len = (uint16_t)len;
	token->status = (uint8_t)pat_grant_status(grant, NULL, rebuild->now);
	token->name_hash = rebuild->order->task == PAT_REBUILD_LOOK &&
					   pat_status_live(token->status) &&
					   grant->successor[0] == '\0'
				   ? hash_name(grant)
				   : 0;
	if (doubtful)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "the file had lost it, and this may be an older copy: suspended");
	else if (record->place != SALVAGE_REACHED)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key, "the file had lost it");
	if (!source->is_store && rebuild->order->task == PAT_REBUILD_RESTORE)
		rebuild_tell_back(rebuild, &record->key, grant);
	return PAT_OK;
}

/* Of a token that was taken there is another copy. */
static int take_other_grant(struct rebuild *rebuild, const struct source *source,
			    const struct salvage_record *record, struct pat_grant *grant,
			    struct ledger_token *token)
{
	const bool first_from_store = !(token->has & LEDGER_CAME_BACK);
	struct pat_grant first;
	int error;

	/* What the store has, it keeps. */
	if (!source->is_store && first_from_store && rebuild->merging &&
	    !(token->has & LEDGER_DOUBTFUL))
		return PAT_OK;
	if (record->place == SALVAGE_REACHED && source->is_store == first_from_store)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "there is more than one copy of it");
	/* In a whole file that is left over from a change which was cut off. */
	else if (record->place != SALVAGE_REACHED && !source->distrusted)
		return PAT_OK;
	if (record->place != SALVAGE_REACHED && !has_ended(grant))
		return PAT_OK;
	error = rebuild_read_grant(rebuild, token, &first);
	if (!error && stricter(grant, &first)) {
		if (rebuild->writing)
			error = tdbwrite_drop(&rebuild->out, &record->key, token->grant_at);
		if (!error)
			error = put_grant(rebuild, source, record, grant, token);
	}
	sodium_memzero(first.hash, sizeof(first.hash));
	return error;
}

int rebuild_take_grant(struct rebuild *rebuild, struct source *source,
		       const struct salvage_record *record)
{
	const char *id = record->key.bytes + 1;
	struct ledger_token *token;
	struct pat_grant grant;
	int error = pat_grant_decode(id, rebuild->value, record->len, &grant);

	token = ledger_find(&rebuild->ledger, id);
	if (error == PAT_E_DAMAGED) {
		if (record->place != SALVAGE_REACHED)
			return PAT_OK;
		token = ledger_add(&rebuild->ledger, id);
		if (token == NULL)
			return PAT_E_NOMEM;
		token->has |= LEDGER_BAD_GRANT;
		source->distrusted = true;
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "damaged: its checksum does not hold");
		return PAT_OK;
	}
	if (!error && !was_there(rebuild, source, record, &grant, token)) {
		source->left_over++;
	} else if (!error && token != NULL && (token->has & LEDGER_GRANT)) {
		error = take_other_grant(rebuild, source, record, &grant, token);
	} else if (!error) {
		/* One victim is proof that what no chain leads to may be others. */
		source->distrusted |= record->place == SALVAGE_IN_STEP;
		token = ledger_add(&rebuild->ledger, id);
		error = token ? put_grant(rebuild, source, record, &grant, token) : PAT_E_NOMEM;
	}
	sodium_memzero(grant.hash, sizeof(grant.hash));
	return error;
}
