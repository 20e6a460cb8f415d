/* SPDX-License-Identifier: ISC */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/record.h"

/* What is known of each token and of each uid while a store is gone through: some 70 bytes a token.
 */

/* What a token has; it is in the ledger by any of these. */
enum {
	LEDGER_GRANT = 1,
	LEDGER_USE = 2,
	LEDGER_ENDED = 4,       /* its grant is one that can never work again */
	LEDGER_DOUBTFUL = 8,    /* its grant may be an old copy */
	LEDGER_STALE_USE = 16,  /* its use record may be an old copy */
	LEDGER_LISTED = 32,     /* it is in the index of its uid */
	LEDGER_CAME_BACK = 64,  /* its grant is not from the store but from a backup */
	LEDGER_SEEN = 128,      /* the store that is to be replaced has it */
	LEDGER_BAD_GRANT = 256, /* there is a grant that cannot be read */
	LEDGER_BAD_USE = 512,
	LEDGER_BACKED_USE = 1024, /* its use record is from a backup */
	LEDGER_OWNED = 2048,      /* it has no grant, but the index of its uid tells of it */
};

struct ledger_token {
	char id[PAT_ID_LEN];
	uint32_t uid;
	uint32_t grant_at, use_at; /* where the values lie: in the new file, or in the looked at */
	uint32_t max_uses, uses;   /* as far as 32 bits tell */
	uint32_t next;             /* in its chain; 0: none. Tokens count from 1 */
	uint32_t next_of_uid;
	uint32_t name_hash; /* of its user and name, if it may be chosen by that; else 0 */
	uint16_t grant_len;
	uint16_t has;
	uint8_t status; /* enum pat_status, its uses apart */
};

struct ledger_uid {
	uint32_t uid;
	uint32_t next;
	uint32_t first_token, tokens;
	uint64_t index_at; /* where its index record is, in the source of that number */
	uint16_t index_len;
	uint8_t index_source;
	bool has_index, index_unreadable;
};

struct ledger {
	struct ledger_token *tokens; /* [0] is none */
	uint32_t token_count, token_room, *token_heads, token_mask;
	struct ledger_uid *uids;
	uint32_t uid_count, uid_room, *uid_heads, uid_mask;
};

/* For about so many tokens; there may be more. 0 or PAT_E_NOMEM. ledger_close() is allowed. */
int ledger_open(struct ledger *ledger, size_t tokens);
void ledger_close(struct ledger *ledger);

/* NULL if there is none. Pointers are good until the next ledger_add_*(). */
struct ledger_token *ledger_find(const struct ledger *ledger, const char id[PAT_ID_LEN]);
struct ledger_uid *ledger_find_uid(const struct ledger *ledger, uint32_t uid);

/* A look-up is about to come, and what it needs is fetched meanwhile. */
void ledger_expect(const struct ledger *ledger, const char id[PAT_ID_LEN]);

/* The same, and it is added when there is none. NULL: out of memory. */
struct ledger_token *ledger_add(struct ledger *ledger, const char id[PAT_ID_LEN]);
struct ledger_uid *ledger_add_uid(struct ledger *ledger, uint32_t uid);

/* Puts each token that has a grant to its uid. 0 or PAT_E_NOMEM. */
int ledger_group(struct ledger *ledger);

#endif
