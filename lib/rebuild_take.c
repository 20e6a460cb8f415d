/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "rebuild.h"

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

/* What most are, which takes less to find out. */
static bool is_plain(const char *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((key[i] >= '0' && key[i] <= '9') || (key[i] >= 'A' && key[i] <= 'Z') ||
		      (key[i] >= 'a' && key[i] <= 'z')))
			return false;
	return true;
}

static int take_one(struct rebuild *rebuild, struct source *source,
		    const struct salvage_record *record)
{
	char key[PAT_KEY_MAX + 1] = "";

	memcpy(key, record->key.bytes, record->key.len);
	if (is_plain(key, record->key.len) ||
	    (strlen(key) == record->key.len && pat_text_valid(key, 1, PAT_KEY_MAX))) {
		bool has_id = record->key.len == 1 + PAT_ID_LEN;

		/* Both are needed once its checksum has been reckoned. */
		if (has_id)
			ledger_expect(&rebuild->ledger, key + 1);
		if (rebuild->writing)
			tdbwrite_expect(&rebuild->out, record->full_hash);
		if (has_id && key[0] == 't')
			return rebuild_take_grant(rebuild, source, record);
		if (has_id && key[0] == 'u')
			return rebuild_take_use(rebuild, source, record);
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
	enum { NOW_AND_THEN = 64 };
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
