/* SPDX-License-Identifier: ISC */

/* Records as bytes: they come back, stay within their buffer, and are those of version 1. */

#include "unit_record.h"

#include "pat/crc32.h"

static void same_grant(const struct pat_grant *a, const struct pat_grant *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->algorithm, b->algorithm);
	assert_memory_equal(a->hash, b->hash, PAT_HASH_LEN);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->created_by, b->created_by);
	assert_int_equal(a->revoked_by, b->revoked_by);
	assert_int_equal(a->created_at, b->created_at);
	assert_int_equal(a->expires_at, b->expires_at);
	assert_int_equal(a->revoked_at, b->revoked_at);
	assert_int_equal(a->suspended_at, b->suspended_at);
	assert_int_equal(a->gone_at, b->gone_at);
	assert_int_equal(a->max_uses, b->max_uses);
	assert_string_equal(a->successor, b->successor);
	assert_string_equal(a->user, b->user);
	assert_string_equal(a->services, b->services);
	assert_string_equal(a->sources, b->sources);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->description, b->description);
}

static void grant_comes_back(const struct pat_grant *grant)
{
	unsigned char bytes[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(bytes);
	struct pat_grant back;

	memset(&back, 0xa5, sizeof(back));
	assert_int_equal(pat_grant_encode(grant, bytes, &len), 0);
	assert_in_range(len, 1, sizeof(bytes));
	assert_int_equal(pat_grant_decode(grant->id, unit_at_edge(bytes, len), len, &back), 0);
	same_grant(grant, &back);
}

static void a_grant_comes_back_at_the_limits_of_every_field(void **state)
{
	struct pat_grant smallest = {.id = "00000000"};
	struct pat_grant small = small_grant(), largest = largest_grant();
	struct pat_grant revoked = small;

	(void)state;
	grant_comes_back(&smallest);
	grant_comes_back(&small);
	grant_comes_back(&largest);
	revoked.algorithm = PAT_ALGORITHM_NONE;
	memset(revoked.hash, 0, PAT_HASH_LEN);
	revoked.revoked_at = revoked.created_at + 1;
	grant_comes_back(&revoked);
	revoked.algorithm = PAT_ALGORITHM_TRACE;
	memset(revoked.hash, 0x5a, PAT_HASH_LEN);
	strcpy(revoked.successor, OTHER_ID);
	grant_comes_back(&revoked);
}

static void each_field_of_a_grant_is_kept_apart_from_the_others(void **state)
{
	struct pat_grant grant = largest_grant();

	(void)state;
	grant.user[0] = '\0';
	grant_comes_back(&grant);
	grant.name[0] = '\0';
	grant_comes_back(&grant);
	grant = largest_grant();
	grant.services[0] = '\0';
	grant_comes_back(&grant);
	grant.description[0] = '\0';
	grant_comes_back(&grant);
	grant = largest_grant();
	grant.sources[0] = '\0';
	grant_comes_back(&grant);
	grant.successor[0] = '\0';
	grant_comes_back(&grant);
	for (int field = 0; field < 11; field++) {
		memset(&grant, 0, sizeof(grant));
		strcpy(grant.id, ID);
		grant.uid = field == 0 ? UINT32_MAX : 0;
		grant.created_by = field == 1 ? UINT32_MAX : 0;
		grant.revoked_by = field == 2 ? UINT32_MAX : 0;
		grant.created_at = field == 3 ? INT64_MAX : 0;
		grant.expires_at = field == 4 ? INT64_MAX : 0;
		grant.revoked_at = field == 5 ? INT64_MAX : 0;
		grant.suspended_at = field == 6 ? INT64_MAX : 0;
		grant.gone_at = field == 7 ? INT64_MAX : 0;
		grant.max_uses = field == 8 ? UINT32_MAX : 0;
		strcpy(grant.successor, field == 9 ? OTHER_ID : "");
		strcpy(grant.sources, field == 10 ? "192.0.2.0/24,local" : "");
		grant_comes_back(&grant);
	}
}

static void random_grants_come_back(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct pat_grant grant = small_grant();

		unit_word(grant.id, PAT_ID_LEN);
		grant.uid = (uint32_t)unit_random();
		grant.created_by = (uint32_t)unit_random();
		grant.revoked_by = (uint32_t)unit_random();
		grant.created_at = (int64_t)(unit_random() >> 1);
		grant.expires_at = (int64_t)(unit_random() >> 1);
		grant.revoked_at = (int64_t)(unit_random() >> 1);
		grant.suspended_at = (int64_t)(unit_random() >> 1);
		grant.gone_at = (int64_t)(unit_random() >> 1);
		grant.max_uses = (uint32_t)unit_random();
		unit_word(grant.successor, unit_below(2) * PAT_ID_LEN);
		unit_word(grant.user, unit_below(PAT_USER_MAX + 1));
		unit_word(grant.services, unit_below(PAT_SERVICES_MAX + 1));
		unit_word(grant.sources, unit_below(PAT_SOURCES_MAX + 1));
		unit_word(grant.name, unit_below(PAT_NAME_MAX + 1));
		unit_word(grant.description, unit_below(PAT_DESCRIPTION_MAX + 1));
		grant_comes_back(&grant);
	}
}

static void a_use_record_comes_back_at_the_limits_of_every_field(void **state)
{
	static const struct pat_use unused;
	struct pat_use full = full_use();

	(void)state;
	use_comes_back(&unused);
	use_comes_back(&full);
}

static void random_use_records_come_back(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct pat_use use = full_use();

		use.uses = unit_random();
		use.refused_proved = unit_random();
		use.refused_unproved = unit_random();
		use.refused_unproved_at = (int64_t)(unit_random() >> 1);
		use.ring_next = (uint8_t)unit_below(PAT_USE_RING);
		use.last.time = (int64_t)(unit_random() >> 1);
		unit_word(use.last.service, unit_below(PAT_EVENT_SERVICE_MAX + 1));
		unit_word(use.last.rhost, unit_below(PAT_EVENT_RHOST_MAX + 1));
		for (int i = 0; i < PAT_USE_RING; i++) {
			use.ring[i].outcome = (uint8_t)unit_random();
			unit_word(use.ring[i].service, unit_below(PAT_EVENT_SERVICE_MAX + 1));
			unit_word(use.ring[i].rhost, unit_below(PAT_EVENT_RHOST_MAX + 1));
		}
		use_comes_back(&use);
	}
}

static void an_index_comes_back_from_empty_to_full(void **state)
{
	static const uint32_t counts[] = {0, 1, 2, 50, PAT_INDEX_MAX - 1, PAT_INDEX_MAX};
	static struct pat_index index, back;
	unsigned char bytes[PAT_INDEX_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		size_t len = sizeof(bytes);

		fill_index(&index, counts[i]);
		memset(&back, 0xa5, sizeof(back));
		assert_int_equal(pat_index_encode(UINT32_MAX, &index, bytes, &len), 0);
		assert_in_range(len, 1, sizeof(bytes));
		assert_int_equal(pat_index_decode(UINT32_MAX, unit_at_edge(bytes, len), len, &back),
				 0);
		assert_int_equal(back.count, counts[i]);
		assert_memory_equal(back.ids, index.ids, counts[i] * PAT_ID_LEN);
	}
}

static void an_index_of_more_than_the_maximum_is_not_written(void **state)
{
	static struct pat_index index;
	unsigned char bytes[2 * PAT_INDEX_SIZE_MAX];
	size_t len = sizeof(bytes);

	(void)state;
	fill_index(&index, PAT_INDEX_MAX + 1);
	assert_int_equal(pat_index_encode(1000, &index, bytes, &len), PAT_E_TOOBIG);
	len = sizeof(bytes);
	index.count = UINT32_MAX;
	assert_int_equal(pat_index_encode(1000, &index, bytes, &len), PAT_E_TOOBIG);
}

static void the_meta_record_comes_back(void **state)
{
	static const struct pat_meta metas[] = {
		{PAT_SCHEMA, 0, 0},
		{PAT_SCHEMA, 1795280000, 1},
		{PAT_SCHEMA, INT64_MAX, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(metas); i++) {
		unsigned char bytes[PAT_META_SIZE];
		size_t len = sizeof(bytes);
		struct pat_meta back;

		assert_int_equal(pat_meta_encode(&metas[i], bytes, &len), 0);
		assert_in_range(len, 1, PAT_META_SIZE);
		assert_int_equal(pat_meta_decode(unit_at_edge(bytes, len), len, &back), 0);
		assert_int_equal(back.schema, metas[i].schema);
		assert_int_equal(back.created_at, metas[i].created_at);
		assert_int_equal(back.generation, metas[i].generation);
	}
}

/* Stores hold these bytes: another layout needs another version. The lengths and CRC-32s are those
 * of records that Python's struct and hashlib.blake2b made from the description in the header. */
static void the_bytes_of_version_1_are_what_they_always_were(void **state)
{
	struct pat_grant grant = {
		.id = "Ab3dE9xZ",
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = 1000,
		.revoked_by = UINT32_MAX - 1,
		.created_at = 1795280000,
		.expires_at = 1803056000,
		.user = "alice",
		.services = "sshd,sudo",
		.name = "ci",
	};
	struct pat_use use = {
		.uses = 7,
		.refused_proved = 1,
		.refused_unproved = 2,
		.refused_unproved_at = 1795280001,
		.last = {1795280002, 0, "sshd", "192.0.2.1"},
		.ring_next = 3,
	};
	static struct pat_index index = {.count = 2};
	struct pat_meta meta = {PAT_SCHEMA, 1795280000, 42};
	unsigned char bytes[PAT_GRANT_SIZE_MAX];
	size_t len;

	(void)state;
	for (unsigned char i = 0; i < PAT_HASH_LEN; i++)
		grant.hash[i] = i;
	for (uint8_t i = 0; i < PAT_USE_RING; i++)
		use.ring[i] = event_at(1795280000 + i, i, "sudo", "");
	memcpy(index.ids[0], ID, PAT_ID_LEN);
	memcpy(index.ids[1], OTHER_ID, PAT_ID_LEN);

	len = sizeof(bytes);
	assert_int_equal(pat_grant_encode(&grant, bytes, &len), 0);
	assert_int_equal(len, 141);
	assert_int_equal(pat_crc32(bytes, len), 0x552d0ac0);
	grant.algorithm = PAT_ALGORITHM_TRACE;
	grant.created_by = 1000;
	grant.revoked_by = 0;
	grant.suspended_at = 1795280007;
	grant.gone_at = 1795280009;
	grant.max_uses = 5;
	strcpy(grant.successor, OTHER_ID);
	strcpy(grant.sources, "192.0.2.0/24,2001:db8::/32,local");
	strcpy(grant.description, "deploys");
	len = sizeof(bytes);
	assert_int_equal(pat_grant_encode(&grant, bytes, &len), 0);
	assert_int_equal(len, 180);
	assert_int_equal(pat_crc32(bytes, len), 0xc8d5e8d2);
	len = sizeof(bytes);
	assert_int_equal(pat_use_encode(ID, &use, bytes, &len), 0);
	assert_int_equal(len, 638);
	assert_int_equal(pat_crc32(bytes, len), 0xbaa7d111);
	len = sizeof(bytes);
	assert_int_equal(pat_index_encode(1000, &index, bytes, &len), 0);
	assert_int_equal(len, 37);
	assert_int_equal(pat_crc32(bytes, len), 0x33e7098a);
	len = sizeof(bytes);
	assert_int_equal(pat_meta_encode(&meta, bytes, &len), 0);
	assert_int_equal(len, 37);
	assert_int_equal(pat_crc32(bytes, len), 0x594e0b30);
}

/* The largest record of each kind into a buffer of *len bytes. */
static int encode_largest(int kind, unsigned char *bytes, size_t *len)
{
	static struct pat_index index;
	struct pat_grant grant = largest_grant();
	struct pat_use use = full_use();
	struct pat_meta meta = {PAT_SCHEMA, 1, 1};

	switch (kind) {
	case 0:
		return pat_grant_encode(&grant, bytes, len);
	case 1:
		return pat_use_encode(ID, &use, bytes, len);
	case 2:
		fill_index(&index, PAT_INDEX_MAX);
		return pat_index_encode(1000, &index, bytes, len);
	default:
		return pat_meta_encode(&meta, bytes, len);
	}
}

static void encoding_stays_within_the_buffer(void **state)
{
	unsigned char bytes[PAT_INDEX_SIZE_MAX + 1];

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		size_t whole = sizeof(bytes);

		assert_int_equal(encode_largest(kind, bytes, &whole), 0);
		for (size_t less = 0; less <= whole; less++) {
			size_t room = whole - less, len = room;

			/* The edges, and some between. */
			if (less > 2 && room > 70 && less % 97)
				continue;
			memset(bytes, 0x5a, sizeof(bytes));
			assert_int_equal(encode_largest(kind, bytes, &len),
					 less ? PAT_E_TOOBIG : 0);
			for (size_t i = room; i < sizeof(bytes); i++)
				assert_int_equal(bytes[i], 0x5a);
		}
	}
}

static void keys_are_a_letter_and_the_id_or_uid(void **state)
{
	struct pat_key key;
	char id[PAT_ID_LEN] = {'A', 'b', '3', 'd', 'E', '9', 'x', 'Z'};

	(void)state;
	key = pat_key_grant(id);
	assert_int_equal(key.len, 9);
	assert_memory_equal(key.bytes, "tAb3dE9xZ", 9);
	key = pat_key_use(id);
	assert_int_equal(key.len, 9);
	assert_memory_equal(key.bytes, "uAb3dE9xZ", 9);
	key = pat_key_index(0x12345678);
	assert_int_equal(key.len, 9);
	assert_memory_equal(key.bytes, "i12345678", 9);
	key = pat_key_index(0);
	assert_memory_equal(key.bytes, "i00000000", 9);
	key = pat_key_index(UINT32_MAX);
	assert_int_equal(key.len, 9);
	assert_int_equal(strncasecmp(key.bytes, "iffffffff", 9), 0);
	key = pat_key_meta();
	assert_int_equal(key.len, 1);
	assert_memory_equal(key.bytes, "m", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_comes_back_at_the_limits_of_every_field),
		cmocka_unit_test(each_field_of_a_grant_is_kept_apart_from_the_others),
		cmocka_unit_test(random_grants_come_back),
		cmocka_unit_test(a_use_record_comes_back_at_the_limits_of_every_field),
		cmocka_unit_test(random_use_records_come_back),
		cmocka_unit_test(an_index_comes_back_from_empty_to_full),
		cmocka_unit_test(an_index_of_more_than_the_maximum_is_not_written),
		cmocka_unit_test(the_meta_record_comes_back),
		cmocka_unit_test(the_bytes_of_version_1_are_what_they_always_were),
		cmocka_unit_test(encoding_stays_within_the_buffer),
		cmocka_unit_test(keys_are_a_letter_and_the_id_or_uid),
	};

	return unit_run(tests);
}
