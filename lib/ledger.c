/* SPDX-License-Identifier: ISC */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "table.h"

static uint32_t mask_for(size_t count)
{
	uint32_t size = 1024;

	while (size < count && size < 1U << 24)
		size *= 2;
	return size - 1;
}

/* Ids are random, and what is not is met by all of them being told apart in the end. */
static uint32_t hash(uint64_t number)
{
	return (uint32_t)(number * 0x9e3779b97f4a7c15 >> 32);
}

int ledger_open(struct ledger *ledger, size_t tokens)
{
	*ledger = (struct ledger){.token_mask = mask_for(2 * tokens),
				  .uid_mask = mask_for(tokens / 8)};
	ledger->token_room = (uint32_t)(tokens < 1024 ? 1024 : tokens + tokens / 16);
	ledger->uid_room = 1024;
	ledger->token_count = ledger->uid_count = 1;
	ledger->tokens = reallocarray(NULL, ledger->token_room, sizeof(*ledger->tokens));
	ledger->uids = reallocarray(NULL, ledger->uid_room, sizeof(*ledger->uids));
	ledger->token_heads = calloc(ledger->token_mask + 1UL, sizeof(*ledger->token_heads));
	ledger->uid_heads = calloc(ledger->uid_mask + 1UL, sizeof(*ledger->uid_heads));
	table_wants_large_pages(ledger->tokens, ledger->token_room * sizeof(*ledger->tokens));
	table_wants_large_pages(ledger->token_heads,
				(ledger->token_mask + 1UL) * sizeof(*ledger->token_heads));
	return ledger->tokens && ledger->uids && ledger->token_heads && ledger->uid_heads
		       ? PAT_OK
		       : PAT_E_NOMEM;
}

void ledger_close(struct ledger *ledger)
{
	free(ledger->tokens);
	free(ledger->uids);
	free(ledger->token_heads);
	free(ledger->uid_heads);
	*ledger = (struct ledger){.token_count = 0};
}

static uint32_t *token_head(const struct ledger *ledger, const char id[PAT_ID_LEN])
{
	uint64_t number;

	_Static_assert(sizeof(number) == PAT_ID_LEN, "an id is a number");
	memcpy(&number, id, sizeof(number));
	return &ledger->token_heads[hash(number) & ledger->token_mask];
}

static uint32_t *uid_head(const struct ledger *ledger, uint32_t uid)
{
	return &ledger->uid_heads[hash(uid) & ledger->uid_mask];
}

void ledger_expect(const struct ledger *ledger, const char id[PAT_ID_LEN])
{
	__builtin_prefetch(token_head(ledger, id));
}

struct ledger_token *ledger_find(const struct ledger *ledger, const char id[PAT_ID_LEN])
{
	struct ledger_token *last = &ledger->tokens[ledger->token_count - 1];

	/* A use record mostly stands behind its grant. */
	if (ledger->token_count > 1 && memcmp(last->id, id, PAT_ID_LEN) == 0)
		return last;
	for (uint32_t i = *token_head(ledger, id); i != 0; i = ledger->tokens[i].next)
		if (memcmp(ledger->tokens[i].id, id, PAT_ID_LEN) == 0)
			return &ledger->tokens[i];
	return NULL;
}

struct ledger_uid *ledger_find_uid(const struct ledger *ledger, uint32_t uid)
{
	for (uint32_t i = *uid_head(ledger, uid); i != 0; i = ledger->uids[i].next)
		if (ledger->uids[i].uid == uid)
			return &ledger->uids[i];
	return NULL;
}

/* Makes room for one more in a list that grows by half. */
static int make_room(void **list, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t larger = *room + *room / 2;
	void *moved;

	if (count < *room)
		return PAT_OK;
	moved = larger > *room ? reallocarray(*list, larger, size) : NULL;
	if (moved == NULL)
		return PAT_E_NOMEM;
	*list = moved;
	*room = larger;
	return PAT_OK;
}

struct ledger_token *ledger_add(struct ledger *ledger, const char id[PAT_ID_LEN])
{
	struct ledger_token *token = ledger_find(ledger, id);
	void *list = ledger->tokens;
	uint32_t *head;

	if (token != NULL)
		return token;
	if (make_room(&list, ledger->token_count, &ledger->token_room, sizeof(*token)) != 0)
		return NULL;
	ledger->tokens = list;
	token = &ledger->tokens[ledger->token_count];
	head = token_head(ledger, id);
	*token = (struct ledger_token){.next = *head};
	memcpy(token->id, id, PAT_ID_LEN);
	*head = ledger->token_count++;
	return token;
}

struct ledger_uid *ledger_add_uid(struct ledger *ledger, uint32_t uid)
{
	struct ledger_uid *entry = ledger_find_uid(ledger, uid);
	void *list = ledger->uids;
	uint32_t *head;

	if (entry != NULL)
		return entry;
	if (make_room(&list, ledger->uid_count, &ledger->uid_room, sizeof(*entry)) != 0)
		return NULL;
	ledger->uids = list;
	entry = &ledger->uids[ledger->uid_count];
	head = uid_head(ledger, uid);
	*entry = (struct ledger_uid){.uid = uid, .next = *head};
	*head = ledger->uid_count++;
	return entry;
}

int ledger_group(struct ledger *ledger)
{
	/* From the last to the first, so that each list is in the order in which they came. */
	for (uint32_t i = ledger->token_count; i-- > 1;) {
		struct ledger_token *token = &ledger->tokens[i];
		struct ledger_uid *uid;

		if (!(token->has & LEDGER_GRANT))
			continue;
		uid = ledger_add_uid(ledger, token->uid);
		if (uid == NULL)
			return PAT_E_NOMEM;
		token->next_of_uid = uid->first_token;
		uid->first_token = i;
		uid->tokens++;
	}
	return PAT_OK;
}
