/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "rebuild.h"

/* What stands for the service of a last use that is not known any more. */
#define UNKNOWN_SERVICE "(rebuilt)"

static bool is_counted(const struct ledger_token *token)
{
	return (token->has & LEDGER_GRANT) && token->max_uses != 0;
}

/* Makes the use record of a token that has none. How often it was used nobody knows: so a counted
 * one is spent, and one that is not counts as used today, lest it be swept as long unused. */
static int make_use(struct rebuild *rebuild, struct ledger_token *token)
{
	struct pat_key key = pat_key_use(token->id);
	struct pat_use use = {.uses = token->max_uses, .last = {.time = rebuild->now}};
	size_t len = sizeof(rebuild->value);
	int error;

	memcpy(use.last.service, UNKNOWN_SERVICE, sizeof(UNKNOWN_SERVICE));
	rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
		     is_counted(token) ? "missing: its token, whose uses are counted, is spent"
				       : "missing: its token is taken for unused");
	token->has |= LEDGER_USE;
	token->uses = token->max_uses;
	if (!rebuild->writing)
		return PAT_OK;
	error = pat_use_encode(token->id, &use, rebuild->value, &len);
	return error ? error
		     : tdbwrite_put(&rebuild->out, &key, rebuild->value, len, 0, &token->use_at);
}

/* Of a counted token only an old copy of the use record was found. */
static int spend(struct rebuild *rebuild, struct ledger_token *token)
{
	struct pat_key key = pat_key_use(token->id);
	struct pat_use use;
	size_t len = PAT_USE_SIZE;
	int error;

	rebuild_tell(rebuild, PAT_NEWS_FAULT, &key,
		     "this may be an older copy: its token, whose uses are counted, is spent");
	token->uses = token->max_uses;
	if (!rebuild->writing)
		return PAT_OK;
	error = tdbwrite_get(&rebuild->out, token->use_at, rebuild->value, len);
	if (!error)
		error = pat_use_decode(token->id, rebuild->value, len, &use);
	if (error)
		return error;
	if (use.uses < token->max_uses)
		use.uses = token->max_uses;
	error = pat_use_encode(token->id, &use, rebuild->value, &len);
	return error ? error : tdbwrite_over(&rebuild->out, token->use_at, rebuild->value, len);
}

/* What has no grant: a use record by itself, or nothing but that there was one. */
static int leave_out(struct rebuild *rebuild, const struct ledger_token *token)
{
	struct pat_key grant = pat_key_grant(token->id), use = pat_key_use(token->id);

	if (token->has & LEDGER_BAD_GRANT)
		rebuild_tell(rebuild, PAT_NEWS_LOST, &grant, "cannot be read");
	if (!(token->has & LEDGER_USE))
		return PAT_OK;
	if (!(token->has & (LEDGER_BAD_GRANT | LEDGER_BACKED_USE)))
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &use, "it belongs to no token");
	return rebuild->writing ? tdbwrite_drop(&rebuild->out, &use, token->use_at) : PAT_OK;
}

static int finish_token(struct rebuild *rebuild, struct ledger_token *token)
{
	/* The use record of the store was damaged, and the one of a backup tells less. */
	bool outdated = (token->has & LEDGER_BACKED_USE) && (token->has & LEDGER_BAD_USE) &&
			!(token->has & LEDGER_CAME_BACK);
	enum pat_status status = token->status;
	int error = PAT_OK;

	if (!(token->has & LEDGER_GRANT))
		return leave_out(rebuild, token);
	if (!(token->has & LEDGER_USE))
		error = make_use(rebuild, token);
	else if (((token->has & LEDGER_STALE_USE) || outdated) && is_counted(token) &&
		 token->uses < token->max_uses)
		error = spend(rebuild, token);
	if (is_counted(token) && token->uses >= token->max_uses && pat_status_live(status))
		status = PAT_STATUS_SPENT;
	rebuild->result->by_status[status]++;
	return error;
}

static int put_strangers(struct rebuild *rebuild)
{
	const struct pat_use none = {0};
	struct pat_key key = pat_key_use(PAT_STRANGERS_ID);
	size_t len = sizeof(rebuild->value);
	uint32_t at;
	int error;

	if (rebuild->has_strangers)
		return PAT_OK;
	rebuild_tell(rebuild, PAT_NEWS_FAULT, &key, "it is missing");
	if (!rebuild->writing)
		return PAT_OK;
	error = pat_use_encode(PAT_STRANGERS_ID, &none, rebuild->value, &len);
	return error ? error : tdbwrite_put(&rebuild->out, &key, rebuild->value, len, 0, &at);
}

/* The last one, so that it is the first of its chain: who opens a store asks for it. */
static int put_meta(struct rebuild *rebuild)
{
	struct pat_key key = pat_key_meta();
	size_t len = sizeof(rebuild->value);
	uint32_t at;
	int error;

	if (!rebuild->has_meta) {
		rebuild_tell(rebuild, PAT_NEWS_FAULT, &key, "it is missing");
		rebuild->meta = (struct pat_meta){.schema = PAT_SCHEMA, .created_at = rebuild->now};
	}
	rebuild->result->meta = rebuild->meta;
	/* What is restored is a change of grants. */
	if (rebuild->backup.is_open)
		rebuild->meta.generation++;
	if (!rebuild->writing)
		return PAT_OK;
	error = pat_meta_encode(&rebuild->meta, rebuild->value, &len);
	return error ? error : tdbwrite_put(&rebuild->out, &key, rebuild->value, len, 0, &at);
}

int rebuild_finish(struct rebuild *rebuild)
{
	int error = rebuild_index_owners(rebuild);

	for (uint32_t i = 1; !error && i < rebuild->ledger.token_count; i++)
		error = finish_token(rebuild, &rebuild->ledger.tokens[i]);
	if (!error)
		error = ledger_group(&rebuild->ledger);
	if (!error)
		error = rebuild_index_all(rebuild);
	if (!error)
		error = put_strangers(rebuild);
	if (!error)
		error = put_meta(rebuild);
	return error;
}
