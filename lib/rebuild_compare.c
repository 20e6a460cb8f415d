/* SPDX-License-Identifier: ISC */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "rebuild.h"

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
		rebuild_tell_back(rebuild, &key, &grant);
	}
	return PAT_OK;
}
