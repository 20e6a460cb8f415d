/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "rebuild.h"

/* Reads a use record again, for which nobody is kept from writing: what is damaged stays so. */
static int decode_use(struct rebuild *rebuild, const struct source *source,
		      const struct salvage_record *record, struct pat_use *use)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int error = pat_use_decode_newest(record->key.bytes + 1, rebuild->value, record->len, use);

	for (int i = 0;
	     error == PAT_E_DAMAGED && source->live >= 0 && record->place == SALVAGE_REACHED &&
	     record->len == PAT_USE_SIZE && i < 50 && rebuild->patience > 0;
	     i++, rebuild->patience--) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		if (pread(source->live, rebuild->value, record->len, (off_t)record->value_at) ==
		    (ssize_t)record->len)
			error = pat_use_decode_newest(record->key.bytes + 1, rebuild->value,
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

int rebuild_take_use(struct rebuild *rebuild, struct source *source,
		     const struct salvage_record *record)
{
	const char *id = record->key.bytes + 1;
	struct ledger_token *token;
	const bool reached = record->place == SALVAGE_REACHED;
	struct pat_use use;
	int error = decode_use(rebuild, source, record, &use);

	token = ledger_find(&rebuild->ledger, id);
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
