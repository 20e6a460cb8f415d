/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void tell_back(struct rebuild *rebuild, const struct pat_key *key,
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
		tell_back(rebuild, &record->key, grant);
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

static int take_grant(struct rebuild *rebuild, struct source *source,
		      const struct salvage_record *record)
{
	const char *id = record->key.bytes + 1;
	struct ledger_token *token = ledger_find(&rebuild->ledger, id);
	struct pat_grant grant;
	int error = pat_grant_decode(id, rebuild->value, record->len, &grant);

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

/* Reads a use record again, for which nobody is kept from writing: what is damaged stays so. */
static int decode_use(struct rebuild *rebuild, const struct source *source,
		      const struct salvage_record *record, struct pat_use *use)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int error = pat_use_decode_counts(record->key.bytes + 1, rebuild->value, record->len, use);

	for (int i = 0;
	     error == PAT_E_DAMAGED && source->live >= 0 && record->place == SALVAGE_REACHED &&
	     record->len == PAT_USE_SIZE && i < 50 && rebuild->patience > 0;
	     i++, rebuild->patience--) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		if (pread(source->live, rebuild->value, record->len, (off_t)record->value_at) ==
		    (ssize_t)record->len)
			error = pat_use_decode_counts(record->key.bytes + 1, rebuild->value,
						      record->len, use);
	}
	return error;
}

static int put_use(struct rebuild *rebuild, const struct salvage_record *record,
		   const struct pat_use *use, uint32_t *at)
{
	int error = PAT_OK;

	*at = (uint32_t)record->value_at;
	if (rebuild->writing)
		error = tdbwrite_put(&rebuild->out, &record->key, rebuild->value, record->len, 0,
				     at);
	rebuild->result->uses += use->uses;
	rebuild->result->refused_proved += use->refused_proved;
	rebuild->result->refused_unproved += use->refused_unproved;
	return error;
}

static int take_strangers(struct rebuild *rebuild, const struct salvage_record *record,
			  const struct pat_use *use)
{
	static const struct pat_use none = {0};
	uint32_t at;

	if (rebuild->has_strangers)
		return PAT_OK;
	if (record->place != SALVAGE_REACHED)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key, "the file had lost it");
	rebuild->has_strangers = true;
	rebuild->result->strangers = use->refused_unproved;
	return put_use(rebuild, record, &none, &at);
}

/* Of a use record that was taken there is another copy: the one with more uses counts. */
static int take_other_use(struct rebuild *rebuild, const struct source *source,
			  const struct salvage_record *record, const struct pat_use *use,
			  struct ledger_token *token)
{
	bool from_backup = token->has & LEDGER_BACKED_USE;

	if (from_backup != !source->is_store && rebuild->merging)
		return PAT_OK;
	if (record->place == SALVAGE_REACHED)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "there is more than one copy of it");
	if (use->uses <= token->uses || record->len != PAT_USE_SIZE)
		return PAT_OK;
	token->uses = use->uses > UINT32_MAX ? UINT32_MAX : (uint32_t)use->uses;
	if (!rebuild->writing)
		return PAT_OK;
	return tdbwrite_over(&rebuild->out, token->use_at, rebuild->value, record->len);
}

static int take_use(struct rebuild *rebuild, struct source *source,
		    const struct salvage_record *record)
{
	const char *id = record->key.bytes + 1;
	struct ledger_token *token = ledger_find(&rebuild->ledger, id);
	const bool reached = record->place == SALVAGE_REACHED;
	struct pat_use use;
	int error = decode_use(rebuild, source, record, &use);

	if (error == PAT_E_DAMAGED && reached) {
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "damaged: its checksum does not hold");
		source->distrusted = true;
		if (token == NULL)
			token = ledger_add(&rebuild->ledger, id);
		if (token == NULL)
			return PAT_E_NOMEM;
		token->has |= LEDGER_BAD_USE;
		return PAT_OK;
	}
	if (error)
		return error == PAT_E_DAMAGED ? PAT_OK : error;
	if (memcmp(id, PAT_STRANGERS_ID, PAT_ID_LEN) == 0)
		return take_strangers(rebuild, record, &use);
	if (!reached && !source->distrusted && (token == NULL || (token->has & LEDGER_USE))) {
		source->left_over++;
		return PAT_OK;
	}
	if (token != NULL && (token->has & LEDGER_USE))
		return take_other_use(rebuild, source, record, &use, token);
	if (!reached && token == NULL && record->place == SALVAGE_STRAY)
		return PAT_OK;
	token = ledger_add(&rebuild->ledger, id);
	if (token == NULL)
		return PAT_E_NOMEM;
	source->distrusted |= record->place == SALVAGE_IN_STEP;
	token->has |= LEDGER_USE;
	token->has |= record->place == SALVAGE_STRAY ? LEDGER_STALE_USE : 0;
	token->has |= source->is_store ? 0 : LEDGER_BACKED_USE;
	token->uses = use.uses > UINT32_MAX ? UINT32_MAX : (uint32_t)use.uses;
	if (!reached)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key, "the file had lost it");
	return put_use(rebuild, record, &use, &token->use_at);
}

/* An index is only looked at now: it is written when all tokens are known. */
static int take_index(struct rebuild *rebuild, struct source *source,
		      const struct salvage_record *record)
{
	char digits[PAT_KEY_MAX] = "";
	struct ledger_uid *entry;
	uint32_t uid;
	int error = pat_record_verify(&record->key, rebuild->value, record->len);

	memcpy(digits, record->key.bytes + 1, 8);
	uid = (uint32_t)strtoul(digits, NULL, 16);
	if (error == PAT_E_DAMAGED && record->place == SALVAGE_REACHED) {
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "damaged: its checksum does not hold");
		source->distrusted = true;
	}
	if (error)
		return error == PAT_E_DAMAGED ? PAT_OK : error;
	if (record->place != SALVAGE_REACHED && !source->distrusted) {
		source->left_over++;
		return PAT_OK;
	}
	if (record->place == SALVAGE_STRAY)
		return PAT_OK;
	entry = ledger_add_uid(&rebuild->ledger, uid);
	if (entry == NULL)
		return PAT_E_NOMEM;
	if (entry->has_index) {
		if (record->place == SALVAGE_REACHED && entry->index_source == source->is_store)
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
				     "there is more than one copy of it");
		return PAT_OK;
	}
	entry->has_index = true;
	entry->index_at = record->value_at;
	entry->index_len = (uint16_t)record->len;
	entry->index_source = source->is_store;
	return PAT_OK;
}

static int take_meta(struct rebuild *rebuild, struct source *source,
		     const struct salvage_record *record)
{
	struct pat_meta meta;
	int error = pat_meta_decode(rebuild->value, record->len, &meta);

	if (error == PAT_E_DAMAGED && record->place == SALVAGE_REACHED)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key,
			     "damaged: its checksum does not hold");
	if (error)
		return error == PAT_E_DAMAGED ? PAT_OK : error;
	if (meta.schema != PAT_SCHEMA)
		return record->place == SALVAGE_REACHED ? PAT_E_VERSION : PAT_OK;
	if (!rebuild->has_meta) {
		if (record->place != SALVAGE_REACHED)
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key, "the file had lost it");
		rebuild->meta = meta;
		rebuild->meta_at = source->is_store ? record->value_at : 0;
		rebuild->meta_len = record->len;
	} else if (!source->is_store && meta.generation > rebuild->meta.generation) {
		/* It must not be taken for what it was before. */
		rebuild->meta.generation = meta.generation;
	}
	rebuild->has_meta = true;
	return PAT_OK;
}

static bool is_hex(const char *digits)
{
	return strspn(digits, "0123456789abcdef") >= 8;
}

static int take_one(struct rebuild *rebuild, struct source *source,
		    const struct salvage_record *record)
{
	char key[PAT_KEY_MAX + 1] = "";

	memcpy(key, record->key.bytes, record->key.len);
	if (strlen(key) == record->key.len && pat_text_valid(key, 1, PAT_KEY_MAX)) {
		bool has_id = record->key.len == 1 + PAT_ID_LEN;

		if (has_id && key[0] == 't')
			return take_grant(rebuild, source, record);
		if (has_id && key[0] == 'u')
			return take_use(rebuild, source, record);
		if (has_id && key[0] == 'i' && is_hex(key + 1))
			return take_index(rebuild, source, record);
		if (record->key.len == 1 && key[0] == 'm')
			return take_meta(rebuild, source, record);
	}
	if (record->place == SALVAGE_REACHED)
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &record->key, "not a record of ours");
	return PAT_OK;
}

int rebuild_take(struct rebuild *rebuild, struct source *source, enum salvage_place place)
{
	enum { NOW_AND_THEN = 32 };
	int error = PAT_OK;

	for (size_t i = 0; !error && i < source->salvage.count; i++) {
		struct salvage_record record;

		if (i % NOW_AND_THEN == 0 && rebuild_gives_way(rebuild))
			return PAT_E_BUSY;

		if (salvage_place(&source->salvage, i) != place)
			continue;
		if (!salvage_get(&source->salvage, i, &record)) {
			if (place == SALVAGE_REACHED) {
				const struct pat_key none = {.len = 1, .bytes = "?"};

				rebuild_tell(rebuild, PAT_NEWS_FAULT, &none,
					     "not a record of ours");
			}
			continue;
		}
		memcpy(rebuild->value, record.value, record.len);
		/* The window moves when something else is read. */
		record.value = rebuild->value;
		if (place == SALVAGE_REACHED &&
		    record.full_hash != tdbfile_hash(record.key.bytes, (uint32_t)record.key.len)) {
			rebuild_tell(rebuild, PAT_NEWS_FAULT, &record.key,
				     "its hash in the file is wrong: nobody finds it");
			source->distrusted = true;
		}
		error = take_one(rebuild, source, &record);
	}
	return error;
}

/* One token of the store that is being replaced. */
static void compare_one(struct rebuild *rebuild, const struct salvage_record *record)
{
	const char *id = record->key.bytes + 1;
	struct ledger_token *token = ledger_find(&rebuild->ledger, id);
	struct pat_grant grant;
	char name[100], user[100], text[300];
	enum pat_status status;

	if (pat_grant_decode(id, record->value, record->len, &grant) != PAT_OK)
		return;
	status = pat_grant_status(&grant, NULL, rebuild->now);
	sodium_memzero(grant.hash, sizeof(grant.hash));
	pat_escape(name, sizeof(name), grant.name);
	pat_escape(user, sizeof(user), grant.user);
	if (token == NULL || !(token->has & LEDGER_GRANT)) {
		snprintf(text, sizeof(text), "not in the backup, gone now: \"%s\" of %s, %s", name,
			 user, pat_status_text(status));
		rebuild_tell(rebuild, PAT_NEWS_NOTE, &record->key, text);
		return;
	}
	token->has |= LEDGER_SEEN;
	if (!pat_status_live(status) && pat_status_live(token->status)) {
		snprintf(text, sizeof(text), "it was %s, and is %s again: \"%s\" of %s",
			 pat_status_text(status), pat_status_text(token->status), name, user);
		rebuild_tell(rebuild, PAT_NEWS_BACK, &record->key, text);
	}
}

int rebuild_compare(struct rebuild *rebuild)
{
	struct salvage *salvage = &rebuild->store.salvage;
	struct salvage_record record;
	struct pat_grant grant;

	for (size_t i = 0; i < salvage->count; i++)
		if (salvage_place(salvage, i) == SALVAGE_REACHED &&
		    salvage_get(salvage, i, &record) && record.key.len == 1 + PAT_ID_LEN &&
		    record.key.bytes[0] == 't')
			compare_one(rebuild, &record);
	for (uint32_t i = 1; i < rebuild->ledger.token_count; i++) {
		struct ledger_token *token = &rebuild->ledger.tokens[i];
		struct pat_key key = pat_key_grant(token->id);
		int error;

		if (!(token->has & LEDGER_GRANT) || (token->has & LEDGER_SEEN))
			continue;
		error = rebuild_read_grant(rebuild, token, &grant);
		sodium_memzero(grant.hash, sizeof(grant.hash));
		if (error)
			return error;
		tell_back(rebuild, &key, &grant);
	}
	return PAT_OK;
}
