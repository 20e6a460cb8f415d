/* SPDX-License-Identifier: ISC */
#include "pat/record.h"

#include <sodium.h>
#include <string.h>

#include "bytes.h"
#include "pat/crc32.h"
#include "pat/error.h"

/* Every record: version (1 byte), its fields, and this checksum over key, version and fields. A use
 * record has that twice, and more. */
#define SUM_LEN 16
#define VERSION_LEN 1

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

/* Puts the checksum behind what was written into `buf`, and tells the whole length. */
static int seal(const struct pat_key *key, unsigned char *buf, const struct bytes *b, size_t *len)
{
	size_t body = *len - b->left;

	if (b->failed || b->left < SUM_LEN)
		return PAT_E_TOOBIG;
	sum(key, buf, body, buf + body);
	*len = body + SUM_LEN;
	return PAT_OK;
}

/* Checks the whole of a record; `b` is then at the first field, with the fields alone left. */
static int unseal(const struct pat_key *key, const unsigned char *buf, size_t len, struct bytes *b)
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

/* All fields were there, and nothing behind them. */
static int finish(const struct bytes *b)
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
	return seal(&key, buf, &b, len);
}

int pat_grant_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		     struct pat_grant *grant)
{
	struct pat_key key = pat_key_grant(id);
	struct bytes b;
	int error = unseal(&key, buf, len, &b);

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
	return finish(&b);
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

void pat_use_note(struct pat_use *use, const struct pat_event *event, bool accepted, bool proved)
{
	if (accepted) {
		use->uses++;
		use->last = *event;
	} else if (proved) {
		use->refused_proved++;
	} else {
		use->refused_unproved++;
		use->refused_unproved_at = event->time;
		return;
	}
	use->ring[use->ring_next] = *event;
	use->ring_next = (uint8_t)((use->ring_next + 1) % PAT_USE_RING);
}

static void put_event(struct bytes *b, const struct pat_event *event)
{
	bytes_put_uint(b, (uint64_t)event->time, 8);
	bytes_put_uint(b, event->outcome, 1);
	bytes_put_field(b, event->service, sizeof(event->service));
	bytes_put_field(b, event->rhost, sizeof(event->rhost));
}

static void get_event(struct bytes *b, struct pat_event *event)
{
	event->time = (int64_t)bytes_get_uint(b, 8);
	event->outcome = (uint8_t)bytes_get_uint(b, 1);
	bytes_get_field(b, event->service, sizeof(event->service));
	bytes_get_field(b, event->rhost, sizeof(event->rhost));
}

/* Where things are in a use record, by their lengths. */
enum {
	EVENT_LEN = 8 + 1 + PAT_EVENT_SERVICE_MAX + 1 + PAT_EVENT_RHOST_MAX + 1,
	ENTRY_LEN = EVENT_LEN + 4,
	COPY_LEN = PAT_USE_COPY_SIZE,
	RING_AT = 2 * COPY_LEN,
};
_Static_assert(VERSION_LEN + 4 * 8 + EVENT_LEN + 1 + SUM_LEN == COPY_LEN, "the size of a copy");
_Static_assert(RING_AT + PAT_USE_RING * ENTRY_LEN == PAT_USE_SIZE, "the size of a use record");

static int put_copy(const struct pat_key *key, const struct pat_use *use, unsigned char *buf)
{
	struct bytes b = bytes_for_writing(buf, COPY_LEN);
	size_t len = COPY_LEN;

	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, use->uses, 8);
	bytes_put_uint(&b, use->refused_proved, 8);
	bytes_put_uint(&b, use->refused_unproved, 8);
	bytes_put_uint(&b, (uint64_t)use->refused_unproved_at, 8);
	put_event(&b, &use->last);
	bytes_put_uint(&b, use->ring_next, 1);
	return seal(key, buf, &b, &len);
}

static int get_copy(const struct pat_key *key, const unsigned char *buf, struct pat_use *use)
{
	struct bytes b;
	int error = unseal(key, buf, COPY_LEN, &b);

	memset(use, 0, sizeof(*use));
	if (error)
		return error;
	use->uses = bytes_get_uint(&b, 8);
	use->refused_proved = bytes_get_uint(&b, 8);
	use->refused_unproved = bytes_get_uint(&b, 8);
	use->refused_unproved_at = (int64_t)bytes_get_uint(&b, 8);
	get_event(&b, &use->last);
	use->ring_next = (uint8_t)bytes_get_uint(&b, 1);
	if (use->ring_next >= PAT_USE_RING)
		return PAT_E_DAMAGED;
	return finish(&b);
}

/* An entry of the ring is history, not authority: a CRC tells whether it is whole. */
static uint32_t entry_sum(const struct pat_key *key, const unsigned char entry[EVENT_LEN])
{
	unsigned char all[PAT_KEY_MAX + EVENT_LEN];

	memcpy(all, key->bytes, key->len);
	memcpy(all + key->len, entry, EVENT_LEN);
	return pat_crc32(all, key->len + EVENT_LEN);
}

static void put_entry(const struct pat_key *key, const struct pat_event *event, unsigned char *buf)
{
	struct bytes b = bytes_for_writing(buf, ENTRY_LEN);

	put_event(&b, event);
	bytes_put_uint(&b, entry_sum(key, buf), 4);
}

static void get_entry(const struct pat_key *key, const unsigned char *buf, struct pat_event *event)
{
	struct bytes b = bytes_for_reading(buf, ENTRY_LEN);

	get_event(&b, event);
	if (bytes_get_uint(&b, 4) != entry_sum(key, buf) || b.failed)
		memset(event, 0, sizeof(*event));
}

int pat_use_encode(const char id[PAT_ID_LEN], const struct pat_use *use, unsigned char *buf,
		   size_t *len)
{
	struct pat_key key = pat_key_use(id);
	int error;

	if (*len < PAT_USE_SIZE)
		return PAT_E_TOOBIG;
	*len = PAT_USE_SIZE;
	error = put_copy(&key, use, buf);
	memcpy(buf + COPY_LEN, buf, COPY_LEN);
	for (size_t i = 0; i < PAT_USE_RING; i++)
		put_entry(&key, &use->ring[i], buf + RING_AT + i * ENTRY_LEN);
	return error;
}

/* Every event is counted, so the copy in which more were is the newer one. The sum may go round. */
static bool is_newer(const struct pat_use *a, const struct pat_use *b)
{
	return (int64_t)(a->uses + a->refused_proved + a->refused_unproved - b->uses -
			 b->refused_proved - b->refused_unproved) > 0;
}

int pat_use_decode_counts(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
			  struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	struct pat_use other;
	int error, error_of_other;

	if (len != PAT_USE_SIZE) {
		memset(use, 0, sizeof(*use));
		return PAT_E_DAMAGED;
	}
	error = get_copy(&key, buf, use);
	error_of_other = get_copy(&key, buf + COPY_LEN, &other);
	if (error == PAT_E_VERSION || error_of_other == PAT_E_VERSION)
		return PAT_E_VERSION;
	if (error_of_other == PAT_OK && (error || is_newer(&other, use))) {
		*use = other;
		use->copy = 1;
	}
	use->cut = error || error_of_other;
	return error && error_of_other ? PAT_E_DAMAGED : PAT_OK;
}

int pat_use_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		   struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	int error = pat_use_decode_counts(id, buf, len, use);

	if (len != PAT_USE_SIZE || error == PAT_E_VERSION)
		return error;
	for (size_t i = 0; i < PAT_USE_RING; i++)
		get_entry(&key, buf + RING_AT + i * ENTRY_LEN, &use->ring[i]);
	return error;
}

int pat_use_amend(const char id[PAT_ID_LEN], struct pat_use *use, unsigned char buf[PAT_USE_SIZE])
{
	struct pat_key key = pat_key_use(id);

	use->copy = !use->copy;
	use->cut = false;
	for (size_t i = 0; i < PAT_USE_RING; i++)
		put_entry(&key, &use->ring[i], buf + RING_AT + i * ENTRY_LEN);
	return put_copy(&key, use, buf + (use->copy ? COPY_LEN : 0));
}

uint64_t pat_use_state(const unsigned char buf[PAT_USE_SIZE])
{
	uint64_t first, second;

	memcpy(&first, buf + COPY_LEN - SUM_LEN, sizeof(first));
	memcpy(&second, buf + 2 * COPY_LEN - SUM_LEN, sizeof(second));
	for (size_t i = 0; i < PAT_USE_RING; i++) {
		uint32_t sum_of_entry;

		memcpy(&sum_of_entry, buf + RING_AT + (i + 1) * ENTRY_LEN - sizeof(sum_of_entry),
		       sizeof(sum_of_entry));
		first ^= (uint64_t)sum_of_entry << 5 * i;
	}
	return first ^ second;
}

int pat_record_verify(const struct pat_key *key, const unsigned char *buf, size_t len)
{
	struct pat_use use;
	struct bytes b;

	if (key->bytes[0] == 'u' && key->len == 1 + PAT_ID_LEN)
		return pat_use_decode_counts(key->bytes + 1, buf, len, &use);
	return unseal(key, buf, len, &b);
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
	return seal(&key, buf, &b, len);
}

int pat_index_decode(uint32_t uid, const unsigned char *buf, size_t len, struct pat_index *index)
{
	struct pat_key key = pat_key_index(uid);
	struct bytes b;
	int error = unseal(&key, buf, len, &b);

	memset(index, 0, sizeof(*index));
	if (error)
		return error;
	index->count = (uint32_t)bytes_get_uint(&b, 4);
	if (index->count > PAT_INDEX_MAX) {
		index->count = 0;
		return PAT_E_DAMAGED;
	}
	bytes_get(&b, index->ids, (size_t)index->count * PAT_ID_LEN);
	return finish(&b);
}

int pat_meta_encode(const struct pat_meta *meta, unsigned char *buf, size_t *len)
{
	struct pat_key key = pat_key_meta();
	struct bytes b = bytes_for_writing(buf, *len);

	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, meta->schema, 4);
	bytes_put_uint(&b, (uint64_t)meta->created_at, 8);
	bytes_put_uint(&b, meta->generation, 8);
	return seal(&key, buf, &b, len);
}

int pat_meta_decode(const unsigned char *buf, size_t len, struct pat_meta *meta)
{
	struct pat_key key = pat_key_meta();
	struct bytes b;
	int error = unseal(&key, buf, len, &b);

	memset(meta, 0, sizeof(*meta));
	if (error)
		return error;
	meta->schema = (uint32_t)bytes_get_uint(&b, 4);
	meta->created_at = (int64_t)bytes_get_uint(&b, 8);
	meta->generation = bytes_get_uint(&b, 8);
	return finish(&b);
}
