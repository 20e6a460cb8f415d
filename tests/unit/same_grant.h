/* SPDX-License-Identifier: ISC */
#ifndef SAME_GRANT_H
#define SAME_GRANT_H

#include <stdbool.h>
#include <string.h>

#include "pat/record.h"

/* Whether all that two grants say is the same, whatever stands behind the ends of their texts. */
static inline bool same_grant(const struct pat_grant *a, const struct pat_grant *b)
{
	return !strcmp(a->id, b->id) && a->algorithm == b->algorithm &&
	       !memcmp(a->hash, b->hash, PAT_HASH_LEN) && a->uid == b->uid &&
	       a->created_by == b->created_by && a->revoked_by == b->revoked_by &&
	       a->created_at == b->created_at && a->expires_at == b->expires_at &&
	       a->revoked_at == b->revoked_at && a->suspended_at == b->suspended_at &&
	       a->gone_at == b->gone_at && a->max_uses == b->max_uses &&
	       !strcmp(a->successor, b->successor) && !strcmp(a->user, b->user) &&
	       !strcmp(a->services, b->services) && !strcmp(a->sources, b->sources) &&
	       !strcmp(a->name, b->name) && !strcmp(a->description, b->description);
}

#endif
