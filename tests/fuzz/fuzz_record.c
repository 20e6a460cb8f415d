/* SPDX-License-Identifier: ISC */

/*
 * The decoders of the four records. The first byte chooses one (`g`rant, `u`se, `i`ndex, `m`eta;
 * in upper case the input is taken as it is, else the checksum is made right), then come 8 bytes
 * of the key and the record.
 *
 * What must hold: what is decoded is encoded to the very same bytes, so that there is one form of
 * each record; all texts end within their fields; no record without its checksum, with one bit
 * changed, shorter, or under another key is decoded.
 */

#include "support.h"

#include <sodium.h>
#include <stdio.h>

#include "pat/error.h"
#include "pat/record.h"

#define SUM_LEN 16
#define SIZE_MAX_OF_ALL PAT_INDEX_SIZE_MAX

/* What one record can be, decoded. */
static union {
	struct pat_grant grant;
	struct pat_use use;
	struct pat_index index;
	struct pat_meta meta;
} record;

static struct pat_key key_of(char kind, const char id[PAT_ID_LEN], uint32_t uid)
{
	return kind == 'g'   ? pat_key_grant(id)
	       : kind == 'u' ? pat_key_use(id)
	       : kind == 'i' ? pat_key_index(uid)
			     : pat_key_meta();
}

static int decode(char kind, const char id[PAT_ID_LEN], uint32_t uid, const unsigned char *bytes,
		  size_t len)
{
	return kind == 'g'   ? pat_grant_decode(id, bytes, len, &record.grant)
	       : kind == 'u' ? pat_use_decode(id, bytes, len, &record.use)
	       : kind == 'i' ? pat_index_decode(uid, bytes, len, &record.index)
			     : pat_meta_decode(bytes, len, &record.meta);
}

static int encode(char kind, const char id[PAT_ID_LEN], uint32_t uid, unsigned char *bytes,
		  size_t *len)
{
	return kind == 'g'   ? pat_grant_encode(&record.grant, bytes, len)
	       : kind == 'u' ? pat_use_encode(id, &record.use, bytes, len)
	       : kind == 'i' ? pat_index_encode(uid, &record.index, bytes, len)
			     : pat_meta_encode(&record.meta, bytes, len);
}

static void seal(const struct pat_key *key, unsigned char *bytes, size_t len)
{
	static const unsigned char personal[16] = "pam_pat record1";
	unsigned char text[1 + PAT_KEY_MAX + SIZE_MAX_OF_ALL];

	text[0] = (unsigned char)key->len;
	memcpy(text + 1, key->bytes, key->len);
	memcpy(text + 1 + key->len, bytes, len);
	crypto_generichash_blake2b_salt_personal(bytes + len, SUM_LEN, text, 1 + key->len + len,
						 NULL, 0, NULL, personal);
}

static void look_at(char kind)
{
	const struct pat_grant *grant = &record.grant;

	if (kind == 'g') {
		HOLDS(strnlen(grant->user, sizeof(grant->user)) <= PAT_USER_MAX);
		HOLDS(strnlen(grant->services, sizeof(grant->services)) <= PAT_SERVICES_MAX);
		HOLDS(strnlen(grant->sources, sizeof(grant->sources)) <= PAT_SOURCES_MAX);
		HOLDS(strnlen(grant->name, sizeof(grant->name)) <= PAT_NAME_MAX);
		HOLDS(strnlen(grant->description, sizeof(grant->description)) <=
		      PAT_DESCRIPTION_MAX);
		HOLDS(strnlen(grant->successor, sizeof(grant->successor)) <= PAT_ID_LEN);
		HOLDS(pat_grant_status(grant, NULL, 1) <= PAT_STATUS_REVOKED);
	} else if (kind == 'u') {
		HOLDS(record.use.ring_next < PAT_USE_RING);
	} else if (kind == 'i') {
		HOLDS(record.index.count <= PAT_INDEX_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char again[SIZE_MAX_OF_ALL], *bytes;
	struct input input = {data, size};
	char given = (char)input_byte(&input), kind = (char)(given | 0x20), id[PAT_ID_LEN];
	bool raw = given != kind;
	struct pat_key key;
	uint32_t uid;
	size_t len, at;

	for (unsigned i = 0; i < PAT_ID_LEN; i++)
		id[i] = (char)input_byte(&input);
	memcpy(&uid, id, sizeof(uid));
	key = key_of(kind, id, uid);
	len = input.left + (raw ? 0 : SUM_LEN);
	if (len > SIZE_MAX_OF_ALL)
		return 0;
	bytes = malloc(len + 1);
	memcpy(bytes, input.at, input.left);
	if (!raw)
		seal(&key, bytes, len - SUM_LEN);
	bytes = realloc(bytes, len ? len : 1); /* nothing is behind it */
	if (decode(kind, id, uid, bytes, len) == PAT_OK) {
		look_at(kind);
		at = sizeof(again);
		HOLDS(encode(kind, id, uid, again, &at) == PAT_OK);
		HOLDS(at == len && memcmp(again, bytes, len) == 0);
		HOLDS(decode(kind, id, uid, bytes, len - 1) == PAT_E_DAMAGED);
		bytes[(unsigned char)id[0] * 251 % len] ^= (unsigned char)(1 << (id[1] & 7));
		HOLDS(decode(kind, id, uid, bytes, len) == PAT_E_DAMAGED);
	}
	free(bytes);
	return 0;
}
