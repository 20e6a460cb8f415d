/* SPDX-License-Identifier: ISC */
#include "pat/record.h"

#include <sodium.h>
#include <string.h>

#include "pat/error.h"
#include "record_private.h"

/* Exactly crypto_generichash_blake2b_PERSONALBYTES. */
static const unsigned char sum_personal[16] = "pam_pat record1";

struct pat_key pat_key_grant(const char id[PAT_ID_LEN])
{
	struct pat_key key = {.len = 1 + PAT_ID_LEN, .bytes = "t"};

	memcpy(key.bytes + 1, id, PAT_ID_LEN);
	return key;
}

struct pat_key pat_key_use(const char id[PAT_ID_LEN])
{
	struct pat_key key = pat_key_grant(id);

	key.bytes[0] = 'u';
	return key;
}

struct pat_key pat_key_index(uint32_t uid)
{
	static const char hex[] = "0123456789abcdef";
	struct pat_key key = {.len = 9, .bytes = "i"};

	for (int i = 0; i < 8; i++)
		key.bytes[1 + i] = hex[uid >> (28 - 4 * i) & 15];
	return key;
}

struct pat_key pat_key_meta(void)
{
	return (struct pat_key){.len = 1, .bytes = "m"};
}

static void sum(const struct pat_key *key, const unsigned char *body, size_t len,
		unsigned char out[SUM_LEN])
{
	/* The length of the key goes first, so that no key and body make another pair. */
	unsigned char head[1 + PAT_KEY_MAX] = {(unsigned char)key->len};
	crypto_generichash_blake2b_state state;

	memcpy(head + 1, key->bytes, key->len);
	crypto_generichash_blake2b_init_salt_personal(&state, NULL, 0, SUM_LEN, NULL, sum_personal);
	crypto_generichash_blake2b_update(&state, head, 1 + key->len);
	crypto_generichash_blake2b_update(&state, body, len);
	crypto_generichash_blake2b_final(&state, out, SUM_LEN);
}

int record_seal(const struct pat_key *key, unsigned char *buf, const struct bytes *b, size_t *len)
{
	size_t body = *len - b->left;

	if (b->failed || b->left < SUM_LEN)
		return PAT_E_TOOBIG;
	sum(key, buf, body, buf + body);
	*len = body + SUM_LEN;
	return PAT_OK;
}

int record_unseal(const struct pat_key *key, const unsigned char *buf, size_t len, struct bytes *b)
{
	unsigned char expected[SUM_LEN];

	if (len < VERSION_LEN + SUM_LEN)
		return PAT_E_DAMAGED;
	len -= SUM_LEN;
	sum(key, buf, len, expected);
	if (memcmp(buf + len, expected, SUM_LEN) != 0)
		return PAT_E_DAMAGED;
	*b = bytes_for_reading(buf, len);
	if (bytes_get_uint(b, VERSION_LEN) != PAT_SCHEMA)
		return PAT_E_VERSION;
	return PAT_OK;
}

int record_finish(const struct bytes *b)
{
	return b->failed || b->left > 0 ? PAT_E_DAMAGED : PAT_OK;
}

int pat_grant_encode(const struct pat_grant *grant, unsigned char *buf, size_t *len)
{
	struct pat_key key = pat_key_grant(grant->id);
	struct bytes b = bytes_for_writing(buf, *len);

	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, grant->algorithm, 1);
	bytes_put(&b, grant->hash, PAT_HASH_LEN);
	bytes_put_uint(&b, grant->uid, 4);
	bytes_put_uint(&b, grant->created_by, 4);
	bytes_put_uint(&b, grant->revoked_by, 4);
	bytes_put_uint(&b, (uint64_t)grant->created_at, 8);
	bytes_put_uint(&b, (uint64_t)grant->expires_at, 8);
	bytes_put_uint(&b, (uint64_t)grant->revoked_at, 8);
	bytes_put_uint(&b, (uint64_t)grant->suspended_at, 8);
	bytes_put_uint(&b, (uint64_t)grant->gone_at, 8);
	bytes_put_uint(&b, grant->max_uses, 4);
	bytes_put_field(&b, grant->successor, sizeof(grant->successor));
	bytes_put_text(&b, grant->user);
	bytes_put_text(&b, grant->services);
	bytes_put_text(&b, grant->sources);
	bytes_put_text(&b, grant->name);
	bytes_put_text(&b, grant->description);
	return record_seal(&key, buf, &b, len);
}

int pat_grant_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		     struct pat_grant *grant)
{
	struct pat_key key = pat_key_grant(id);
	struct bytes b;
	int error = record_unseal(&key, buf, len, &b);

	memset(grant, 0, sizeof(*grant));
	if (error)
		return error;
	memcpy(grant->id, id, PAT_ID_LEN);
	grant->algorithm = (uint8_t)bytes_get_uint(&b, 1);
	bytes_get(&b, grant->hash, PAT_HASH_LEN);
	grant->uid = (uint32_t)bytes_get_uint(&b, 4);
	grant->created_by = (uint32_t)bytes_get_uint(&b, 4);
	grant->revoked_by = (uint32_t)bytes_get_uint(&b, 4);
	grant->created_at = (int64_t)bytes_get_uint(&b, 8);
	grant->expires_at = (int64_t)bytes_get_uint(&b, 8);
	grant->revoked_at = (int64_t)bytes_get_uint(&b, 8);
	grant->suspended_at = (int64_t)bytes_get_uint(&b, 8);
	grant->gone_at = (int64_t)bytes_get_uint(&b, 8);
	grant->max_uses = (uint32_t)bytes_get_uint(&b, 4);
	bytes_get_field(&b, grant->successor, sizeof(grant->successor));
	bytes_get_text(&b, grant->user, PAT_USER_MAX);
	bytes_get_text(&b, grant->services, PAT_SERVICES_MAX);
	bytes_get_text(&b, grant->sources, PAT_SOURCES_MAX);
	bytes_get_text(&b, grant->name, PAT_NAME_MAX);
	bytes_get_text(&b, grant->description, PAT_DESCRIPTION_MAX);
	return record_finish(&b);
}

enum pat_status pat_grant_status(const struct pat_grant *grant, const struct pat_use *use,
				 int64_t now)
{
	if (grant->revoked_at != 0 || grant->algorithm == PAT_ALGORITHM_NONE)
		return PAT_STATUS_REVOKED;
	if (grant->expires_at != 0 && now >= grant->expires_at)
		return PAT_STATUS_EXPIRED;
	if (grant->max_uses != 0 && use != NULL && use->uses >= grant->max_uses)
		return PAT_STATUS_SPENT;
	/* Swept after it had ended by itself; that the clock was set back does not undo it. */
	if (grant->algorithm != PAT_ALGORITHM_BLAKE2B)
		return grant->max_uses != 0 ? PAT_STATUS_SPENT : PAT_STATUS_EXPIRED;
	if (grant->suspended_at != 0)
		return PAT_STATUS_SUSPENDED;
	return PAT_STATUS_ACTIVE;
}

bool pat_status_live(enum pat_status status)
{
	return status == PAT_STATUS_ACTIVE || status == PAT_STATUS_SUSPENDED;
}

const char *pat_status_text(enum pat_status status)
{
	switch (status) {
	case PAT_STATUS_ACTIVE:
		return "active";
	case PAT_STATUS_SUSPENDED:
		return "suspended";
	case PAT_STATUS_SPENT:
		return "spent";
	case PAT_STATUS_EXPIRED:
		return "expired";
	case PAT_STATUS_REVOKED:
		break;
	}
	return "revoked";
}

int pat_record_verify(const struct pat_key *key, const unsigned char *buf, size_t len)
{
	struct pat_use use;
	struct bytes b;

	if (key->bytes[0] == 'u' && key->len == 1 + PAT_ID_LEN)
		return pat_use_decode_newest(key->bytes + 1, buf, len, &use);
	return record_unseal(key, buf, len, &b);
}

int pat_index_encode(uint32_t uid, const struct pat_index *index, unsigned char *buf, size_t *len)
{
	struct pat_key key = pat_key_index(uid);
	struct bytes b = bytes_for_writing(buf, *len);

	if (index->count > PAT_INDEX_MAX)
		return PAT_E_TOOBIG;
	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, index->count, 4);
	bytes_put(&b, index->ids, (size_t)index->count * PAT_ID_LEN);
	return record_seal(&key, buf, &b, len);
}

int pat_index_decode(uint32_t uid, const unsigned char *buf, size_t len, struct pat_index *index)
{
	struct pat_key key = pat_key_index(uid);
	struct bytes b;
	int error = record_unseal(&key, buf, len, &b);

	memset(index, 0, sizeof(*index));
	if (error)
		return error;
	index->count = (uint32_t)bytes_get_uint(&b, 4);
	if (index->count > PAT_INDEX_MAX) {
		index->count = 0;
		return PAT_E_DAMAGED;
	}
	bytes_get(&b, index->ids, (size_t)index->count * PAT_ID_LEN);
	return record_finish(&b);
}

int pat_meta_encode(const struct pat_meta *meta, unsigned char *buf, size_t *len)
{
	struct pat_key key = pat_key_meta();
	struct bytes b = bytes_for_writing(buf, *len);

	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, meta->schema, 4);
	bytes_put_uint(&b, (uint64_t)meta->created_at, 8);
	bytes_put_uint(&b, meta->generation, 8);
	return record_seal(&key, buf, &b, len);
}

int pat_meta_decode(const unsigned char *buf, size_t len, struct pat_meta *meta)
{
	struct pat_key key = pat_key_meta();
	struct bytes b;
	int error = record_unseal(&key, buf, len, &b);

	memset(meta, 0, sizeof(*meta));
	if (error)
		return error;
	meta->schema = (uint32_t)bytes_get_uint(&b, 4);
	meta->created_at = (int64_t)bytes_get_uint(&b, 8);
	meta->generation = bytes_get_uint(&b, 8);
	return record_finish(&b);
}
