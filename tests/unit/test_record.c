/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "pat/crc32.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/verify.h"

static const char ID[] = "Ab3dE9xZ";
static const char OTHER_ID[] = "Ab3dE9xY";

/* Each kind of record in one form, so that what holds for all is said once. */
struct sample {
	const char *what;
	unsigned char bytes[PAT_INDEX_SIZE_MAX];
	size_t len;
	int (*decode)(const unsigned char *bytes, size_t len);
	int (*decode_elsewhere)(const unsigned char *bytes, size_t len);
};

static int decode_grant(const unsigned char *bytes, size_t len)
{
	struct pat_grant grant;

	return pat_grant_decode(ID, bytes, len, &grant);
}

static int decode_grant_elsewhere(const unsigned char *bytes, size_t len)
{
	struct pat_grant grant;

	return pat_grant_decode(OTHER_ID, bytes, len, &grant);
}

static int decode_use(const unsigned char *bytes, size_t len)
{
	struct pat_use use;

	return pat_use_decode(ID, bytes, len, &use);
}

static int decode_use_elsewhere(const unsigned char *bytes, size_t len)
{
	struct pat_use use;

	return pat_use_decode(OTHER_ID, bytes, len, &use);
}

static int decode_index(const unsigned char *bytes, size_t len)
{
	struct pat_index index;

	return pat_index_decode(1000, bytes, len, &index);
}

static int decode_index_elsewhere(const unsigned char *bytes, size_t len)
{
	struct pat_index index;

	return pat_index_decode(1001, bytes, len, &index);
}

static int decode_meta(const unsigned char *bytes, size_t len)
{
	struct pat_meta meta;

	return pat_meta_decode(bytes, len, &meta);
}

static struct pat_grant small_grant(void)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = 1000,
		.created_by = 1000,
		.created_at = 1795280000,
		.expires_at = 1803056000,
		.user = "alice",
		.services = "sshd",
		.name = "ci",
	};

	strcpy(grant.id, ID);
	for (size_t i = 0; i < PAT_HASH_LEN; i++)
		grant.hash[i] = (unsigned char)unit_random();
	return grant;
}

static struct pat_grant largest_grant(void)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = UINT32_MAX,
		.created_by = UINT32_MAX,
		.revoked_by = UINT32_MAX,
		.created_at = INT64_MAX,
		.expires_at = INT64_MAX,
		.revoked_at = INT64_MAX,
		.suspended_at = INT64_MAX,
		.gone_at = INT64_MAX,
		.max_uses = UINT32_MAX,
	};

	strcpy(grant.id, ID);
	strcpy(grant.successor, OTHER_ID);
	memset(grant.hash, 0xff, PAT_HASH_LEN);
	unit_word(grant.user, PAT_USER_MAX);
	unit_word(grant.services, PAT_SERVICES_MAX);
	unit_word(grant.sources, PAT_SOURCES_MAX);
	for (int i = 0; i < PAT_NAME_CHARS; i++)
		strcat(grant.name, "\xf0\x9f\x94\x91");
	for (int i = 0; i < PAT_DESCRIPTION_CHARS; i++)
		strcat(grant.description, "\xf0\x9f\x98\x80");
	return grant;
}

static struct pat_event event_at(int64_t time, uint8_t outcome, const char *service,
				 const char *rhost)
{
	struct pat_event event = {.time = time, .outcome = outcome};

	strcpy(event.service, service);
	strcpy(event.rhost, rhost);
	return event;
}

static struct pat_use full_use(void)
{
	struct pat_use use = {
		.uses = UINT64_MAX,
		.refused_proved = UINT64_MAX,
		.refused_unproved = UINT64_MAX,
		.refused_unproved_at = INT64_MAX,
		.ring_next = PAT_USE_RING - 1,
	};
	char service[PAT_EVENT_SERVICE_MAX + 1], rhost[PAT_EVENT_RHOST_MAX + 1];

	use.last = event_at(INT64_MAX, 255, unit_word(service, PAT_EVENT_SERVICE_MAX),
			    unit_word(rhost, PAT_EVENT_RHOST_MAX));
	for (int i = 0; i < PAT_USE_RING; i++)
		use.ring[i] = event_at(INT64_MAX - i, (uint8_t)(255 - i),
				       unit_word(service, PAT_EVENT_SERVICE_MAX),
				       unit_word(rhost, PAT_EVENT_RHOST_MAX));
	return use;
}

static void fill_index(struct pat_index *index, uint32_t count)
{
	memset(index, 0, sizeof(*index));
	index->count = count;
	for (uint32_t i = 0; i < count && i < PAT_INDEX_MAX; i++) {
		char id[PAT_ID_LEN + 1];

		memcpy(index->ids[i], unit_word(id, PAT_ID_LEN), PAT_ID_LEN);
	}
}

#define SAMPLES 6
static struct sample *samples(void)
{
	static struct sample all[SAMPLES];
	struct pat_grant small = small_grant(), large = largest_grant();
	struct pat_use use = full_use();
	struct pat_meta meta = {PAT_SCHEMA, 1795280000, 42};
	static struct pat_index index;

	if (all[0].len)
		return all;
	for (int i = 0; i < SAMPLES; i++)
		all[i].len = sizeof(all[i].bytes);
	assert_int_equal(pat_grant_encode(&small, all[0].bytes, &all[0].len), 0);
	assert_int_equal(pat_grant_encode(&large, all[1].bytes, &all[1].len), 0);
	assert_int_equal(pat_use_encode(ID, &use, all[2].bytes, &all[2].len), 0);
	fill_index(&index, 3);
	assert_int_equal(pat_index_encode(1000, &index, all[3].bytes, &all[3].len), 0);
	fill_index(&index, 0);
	assert_int_equal(pat_index_encode(1000, &index, all[4].bytes, &all[4].len), 0);
	assert_int_equal(pat_meta_encode(&meta, all[5].bytes, &all[5].len), 0);

	all[0].what = "a small grant";
	all[1].what = "the largest grant";
	all[2].what = "a use record";
	all[3].what = "an index of 3";
	all[4].what = "an empty index";
	all[5].what = "the meta record";
	all[0].decode = all[1].decode = decode_grant;
	all[2].decode = decode_use;
	all[3].decode = all[4].decode = decode_index;
	all[5].decode = decode_meta;
	all[0].decode_elsewhere = all[1].decode_elsewhere = decode_grant_elsewhere;
	all[2].decode_elsewhere = decode_use_elsewhere;
	all[3].decode_elsewhere = all[4].decode_elsewhere = decode_index_elsewhere;
	return all;
}

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

static bool is_event(const struct pat_event *a, const struct pat_event *b)
{
	return a->time == b->time && a->outcome == b->outcome &&
	       strcmp(a->service, b->service) == 0 && strcmp(a->rhost, b->rhost) == 0;
}

static void same_event(const struct pat_event *a, const struct pat_event *b)
{
	assert_int_equal(a->time, b->time);
	assert_true(is_event(a, b));
}

static void same_use(const struct pat_use *a, const struct pat_use *b)
{
	assert_int_equal(a->uses, b->uses);
	assert_int_equal(a->refused_proved, b->refused_proved);
	assert_int_equal(a->refused_unproved, b->refused_unproved);
	assert_int_equal(a->refused_unproved_at, b->refused_unproved_at);
	assert_int_equal(a->ring_next, b->ring_next);
	same_event(&a->last, &b->last);
	for (int i = 0; i < PAT_USE_RING; i++)
		same_event(&a->ring[i], &b->ring[i]);
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

static void use_comes_back(const struct pat_use *use)
{
	unsigned char bytes[PAT_USE_SIZE];
	size_t len = sizeof(bytes);
	struct pat_use back;

	memset(&back, 0xa5, sizeof(back));
	assert_int_equal(pat_use_encode(ID, use, bytes, &len), 0);
	assert_int_equal(len, PAT_USE_SIZE);
	assert_int_equal(pat_use_decode(ID, unit_at_edge(bytes, len), len, &back), 0);
	same_use(use, &back);
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

/* Of a use record there are two copies, and what is in neither has its own checksum. */
static bool is_use(const struct sample *sample)
{
	return sample->decode == decode_use;
}

static void every_single_bit_flip_is_damage(void **state)
{
	struct sample *all = samples();

	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		assert_int_equal(all[i].decode(all[i].bytes, all[i].len), 0);
		for (size_t bit = 0; bit < 8 * all[i].len && !is_use(&all[i]); bit++) {
			int error;

			all[i].bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
			error = all[i].decode(all[i].bytes, all[i].len);
			all[i].bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
			if (error != PAT_E_DAMAGED)
				fail_msg("%s, bit %zu: %d", all[i].what, bit, error);
		}
		assert_int_equal(all[i].decode(all[i].bytes, all[i].len), 0);
	}
}

/* What both copies say is so, or one of two; and each event is one that was, or none. */
static void is_one_of(const struct pat_use *got, const struct pat_use *old,
		      const struct pat_use *new)
{
	const struct pat_event none = {0};
	const struct pat_use *like = got->uses == old->uses ? old : new;

	assert_int_equal(got->uses, like->uses);
	assert_int_equal(got->refused_proved, like->refused_proved);
	assert_int_equal(got->refused_unproved, like->refused_unproved);
	assert_int_equal(got->refused_unproved_at, like->refused_unproved_at);
	assert_int_equal(got->ring_next, like->ring_next);
	same_event(&got->last, &like->last);
	for (size_t i = 0; i < PAT_USE_RING; i++)
		assert_true(is_event(&got->ring[i], &old->ring[i]) ||
			    is_event(&got->ring[i], &new->ring[i]) ||
			    is_event(&got->ring[i], &none));
}

static void a_bit_flip_in_a_use_record_changes_no_count(void **state)
{
	unsigned char bytes[PAT_USE_SIZE];
	size_t len = sizeof(bytes);
	struct pat_use use = full_use(), back;

	(void)state;
	assert_int_equal(pat_use_encode(ID, &use, bytes, &len), 0);
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_int_equal(pat_use_decode(ID, bytes, len, &back), 0);
		assert_int_equal(back.cut, bit / 8 < (size_t)2 * PAT_USE_COPY_SIZE);
		is_one_of(&back, &use, &use);
		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	bytes[0] ^= 1;
	bytes[PAT_USE_COPY_SIZE + 5] ^= 1;
	assert_int_equal(pat_use_decode(ID, bytes, len, &back), PAT_E_DAMAGED);
}

/* Power fails between any two bytes of a stamp, and what was written first is there or is not. */
static void a_stamp_that_is_cut_off_damages_nothing(void **state)
{
	const struct pat_event event = {
		.time = 1795280099, .service = "sshd", .rhost = "192.0.2.7"};
	unsigned char old[PAT_USE_SIZE], new[PAT_USE_SIZE], cut[PAT_USE_SIZE];
	size_t len = sizeof(old);
	struct pat_use before = full_use(), after, back;

	(void)state;
	before.uses = 1;
	assert_int_equal(pat_use_encode(ID, &before, old, &len), 0);
	for (int round = 0; round < 7; round++) {
		memcpy(new, old, sizeof(old));
		assert_int_equal(pat_use_decode(ID, old, len, &before), 0);
		after = before;
		assert_int_equal(pat_use_amend(ID, &after, &event, true, true, new), 0);
		for (size_t at = 0; at <= len; at++) {
			memcpy(cut, new, at);
			memcpy(cut + at, old + at, len - at);
			assert_int_equal(pat_use_decode(ID, cut, len, &back), 0);
			is_one_of(&back, &before, &after);
			memcpy(cut, old, at);
			memcpy(cut + at, new + at, len - at);
			assert_int_equal(pat_use_decode(ID, cut, len, &back), 0);
			is_one_of(&back, &before, &after);
		}
		memcpy(old, new, sizeof(old));
	}
	assert_int_equal(pat_use_decode(ID, old, len, &back), 0);
	assert_int_equal(back.uses, 8);
	assert_false(back.cut);
}

static void a_stamp_writes_one_copy_and_one_event(void **state)
{
	const struct pat_event event = event_at(1795280099, PAT_ACCEPTED, "sshd", "192.0.2.7");
	const size_t ring_at = (size_t)2 * PAT_USE_COPY_SIZE;
	const size_t entry_len = (PAT_USE_SIZE - ring_at) / PAT_USE_RING;
	unsigned char old[PAT_USE_SIZE], new[PAT_USE_SIZE];
	size_t len = sizeof(old);
	struct pat_use use = full_use(), back;

	(void)state;
	assert_int_equal(pat_use_encode(ID, &use, old, &len), 0);
	for (unsigned round = 0; round < 2U * PAT_USE_RING + 1; round++) {
		const bool proved = round % 3 != 2;
		size_t entry, copy;

		assert_int_equal(pat_use_decode_counts(ID, old, len, &use), 0);
		copy = use.copy ? 0 : PAT_USE_COPY_SIZE;
		entry = ring_at + use.ring_next * entry_len;
		memcpy(new, old, len);
		assert_int_equal(pat_use_amend(ID, &use, &event, false, proved, new), 0);
		assert_memory_not_equal(new + copy, old + copy, PAT_USE_COPY_SIZE);
		memcpy(old + copy, new + copy, PAT_USE_COPY_SIZE);
		if (proved)
			memcpy(old + entry, new + entry, entry_len);
		assert_memory_equal(new, old, len);
	}
	assert_int_equal(pat_use_decode(ID, old, len, &back), 0);
	for (size_t i = 0; i < PAT_USE_RING; i++)
		same_event(&back.ring[i], &event);
}

static void every_truncation_is_damage(void **state)
{
	struct sample *all = samples();

	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		for (size_t len = 0; len < all[i].len; len++) {
			const unsigned char *head = unit_at_edge(all[i].bytes, len);

			if (all[i].decode(head, len) != PAT_E_DAMAGED)
				fail_msg("%s cut to %zu", all[i].what, len);
		}
	}
}

static void every_extension_is_damage(void **state)
{
	static unsigned char bytes[4 * PAT_INDEX_SIZE_MAX];
	struct sample *all = samples();

	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		for (size_t more = 1; more < 600; more++) {
			memset(bytes, more % 2 ? 0 : 0x41, sizeof(bytes));
			memcpy(bytes, all[i].bytes, all[i].len);
			if (all[i].decode(bytes, all[i].len + more) != PAT_E_DAMAGED)
				fail_msg("%s and %zu", all[i].what, more);
		}
		if (all[i].decode(bytes, sizeof(bytes)) != PAT_E_DAMAGED)
			fail_msg("%s in a huge record", all[i].what);
	}
}

static void a_record_under_another_key_is_damage(void **state)
{
	struct sample *all = samples();

	(void)state;
	for (int i = 0; i < SAMPLES; i++)
		if (all[i].decode_elsewhere)
			assert_int_equal(all[i].decode_elsewhere(all[i].bytes, all[i].len),
					 PAT_E_DAMAGED);
}

static void a_record_of_another_kind_is_damage(void **state)
{
	struct sample *all = samples();

	(void)state;
	for (int i = 0; i < SAMPLES; i++)
		for (int k = 0; k < SAMPLES; k++)
			if (all[i].decode != all[k].decode)
				assert_int_equal(all[k].decode(all[i].bytes, all[i].len),
						 PAT_E_DAMAGED);
}

static void random_bytes_are_damage(void **state)
{
	struct sample *all = samples();
	unsigned char bytes[PAT_USE_SIZE];

	(void)state;
	for (int round = 0; round < 5000; round++) {
		size_t len = round % 3 == 0   ? PAT_USE_SIZE
			     : round % 3 == 1 ? PAT_META_SIZE
					      : unit_below(600);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)unit_random();
		if (len)
			bytes[0] = PAT_SCHEMA;
		for (int i = 0; i < SAMPLES; i++)
			assert_int_equal(all[i].decode(unit_at_edge(bytes, len), len),
					 PAT_E_DAMAGED);
	}
}

static void a_token_is_active_until_the_second_it_expires(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	assert_int_equal(pat_grant_status(&grant, NULL, 1), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, 1999), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, 2000), PAT_STATUS_EXPIRED);
	assert_int_equal(pat_grant_status(&grant, NULL, 2001), PAT_STATUS_EXPIRED);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_EXPIRED);
	grant.expires_at = INT64_MAX;
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX - 1), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_EXPIRED);
}

static void a_token_without_an_end_never_expires(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 0), PAT_STATUS_ACTIVE);
	assert_int_equal(pat_grant_status(&grant, NULL, INT64_MAX), PAT_STATUS_ACTIVE);
}

static void a_revoked_token_is_revoked_for_good(void **state)
{
	static const uint8_t algorithms[] = {PAT_ALGORITHM_NONE, PAT_ALGORITHM_BLAKE2B,
					     PAT_ALGORITHM_TRACE};
	static const int64_t times[] = {0, 1000, 1499, 1500, 3000, INT64_MAX};
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	grant.revoked_at = 1500;
	for (size_t i = 0; i < COUNT(algorithms); i++)
		for (size_t k = 0; k < COUNT(times); k++) {
			grant.algorithm = algorithms[i];
			assert_int_equal(pat_grant_status(&grant, NULL, times[k]),
					 PAT_STATUS_REVOKED);
		}
	/* Nor is one without a hash anything else. */
	grant.algorithm = PAT_ALGORITHM_NONE;
	grant.revoked_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_REVOKED);
}

static void a_suspended_token_is_suspended_whenever_that_was(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	grant.expires_at = 2000;
	/* Also in the future: the clock may have been set back meanwhile. */
	for (int64_t when = 1; when < 4000; when += 999) {
		grant.suspended_at = when;
		assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_SUSPENDED);
		assert_int_equal(pat_grant_status(&grant, NULL, 1999), PAT_STATUS_SUSPENDED);
		assert_int_equal(pat_grant_status(&grant, NULL, 2000), PAT_STATUS_EXPIRED);
	}
	grant.suspended_at = 0;
	assert_int_equal(pat_grant_status(&grant, NULL, 1000), PAT_STATUS_ACTIVE);
}

static void a_token_is_spent_from_its_last_use_on(void **state)
{
	static const struct {
		uint32_t max_uses;
		uint64_t uses;
		enum pat_status status;
	} table[] = {
		{0, 0, PAT_STATUS_ACTIVE},
		{0, 1, PAT_STATUS_ACTIVE},
		{0, UINT64_MAX, PAT_STATUS_ACTIVE},
		{1, 0, PAT_STATUS_ACTIVE},
		{1, 1, PAT_STATUS_SPENT},
		{1, 2, PAT_STATUS_SPENT},
		{5, 4, PAT_STATUS_ACTIVE},
		{5, 5, PAT_STATUS_SPENT},
		{5, 6, PAT_STATUS_SPENT},
		{5, UINT64_MAX, PAT_STATUS_SPENT},
		/* Not cut to 32 bits. */
		{5, UINT64_C(1) << 32, PAT_STATUS_SPENT},
		{UINT32_MAX, UINT32_MAX - 1, PAT_STATUS_ACTIVE},
		{UINT32_MAX, UINT32_MAX, PAT_STATUS_SPENT},
		{UINT32_MAX, UINT64_MAX, PAT_STATUS_SPENT},
	};
	struct pat_grant grant = small_grant();
	struct pat_use use = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		grant.max_uses = table[i].max_uses;
		use.uses = table[i].uses;
		assert_int_equal(pat_grant_status(&grant, &use, 1795280001), table[i].status);
		assert_int_equal(pat_grant_status(&grant, NULL, 1795280001), PAT_STATUS_ACTIVE);
	}
	/* Refusals are no uses. */
	grant.max_uses = 1;
	use = (struct pat_use){.refused_proved = 9, .refused_unproved = 9};
	assert_int_equal(pat_grant_status(&grant, &use, 1795280001), PAT_STATUS_ACTIVE);
}

/* Every combination of what a token may be: it is the last of them in the order of the header. */
static void of_several_statuses_a_token_has_the_last(void **state)
{
	enum { SUSPENDED = 1, SPENT = 2, EXPIRED = 4, REVOKED = 8, ALL = 16 };

	(void)state;
	assert_true(PAT_STATUS_ACTIVE < PAT_STATUS_SUSPENDED);
	assert_true(PAT_STATUS_SUSPENDED < PAT_STATUS_SPENT);
	assert_true(PAT_STATUS_SPENT < PAT_STATUS_EXPIRED);
	assert_true(PAT_STATUS_EXPIRED < PAT_STATUS_REVOKED);
	for (unsigned is = 0; is < ALL; is++) {
		struct pat_grant grant = small_grant();
		struct pat_use use = {.uses = is & SPENT ? 3 : 2};
		enum pat_status want = is & REVOKED     ? PAT_STATUS_REVOKED
				       : is & EXPIRED   ? PAT_STATUS_EXPIRED
				       : is & SPENT     ? PAT_STATUS_SPENT
				       : is & SUSPENDED ? PAT_STATUS_SUSPENDED
							: PAT_STATUS_ACTIVE;

		grant.max_uses = 3;
		grant.expires_at = is & EXPIRED ? 2000 : 2001;
		grant.suspended_at = is & SUSPENDED ? 1500 : 0;
		grant.revoked_at = is & REVOKED ? 1600 : 0;
		assert_int_equal(pat_grant_status(&grant, &use, 2000), want);
		/* That it was rotated, or that its account is gone, is no status. */
		strcpy(grant.successor, OTHER_ID);
		grant.gone_at = 1700;
		assert_int_equal(pat_grant_status(&grant, &use, 2000), want);
	}
}

/* What the sweep left of a token that had ended by itself stays ended when the clock is set back.
 */
static void a_swept_token_never_comes_to_life_again(void **state)
{
	static const int64_t times[] = {0, 1, 1000, 1999, 2000, 2001, INT64_MAX};
	struct pat_grant grant = small_grant();
	struct pat_use unused = {0}, used = {.uses = 3};

	(void)state;
	grant.algorithm = PAT_ALGORITHM_TRACE;
	for (size_t i = 0; i < COUNT(times); i++) {
		bool late = times[i] >= 2000;

		grant.expires_at = 2000;
		grant.max_uses = 0;
		assert_int_equal(pat_grant_status(&grant, NULL, times[i]), PAT_STATUS_EXPIRED);
		assert_int_equal(pat_grant_status(&grant, &used, times[i]), PAT_STATUS_EXPIRED);

		grant.max_uses = 3;
		assert_int_equal(pat_grant_status(&grant, &used, times[i]),
				 late ? PAT_STATUS_EXPIRED : PAT_STATUS_SPENT);
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		assert_false(pat_status_live(pat_grant_status(&grant, &unused, times[i])));

		grant.suspended_at = 1500;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.max_uses = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.expires_at = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
		grant.suspended_at = 0;
		assert_false(pat_status_live(pat_grant_status(&grant, NULL, times[i])));
	}
}

static void of_an_algorithm_that_is_not_known_no_token_is_live(void **state)
{
	struct pat_grant grant = small_grant();

	(void)state;
	for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
		grant.algorithm = (uint8_t)algorithm;
		assert_int_equal(pat_status_live(pat_grant_status(&grant, NULL, 1795280001)),
				 algorithm == PAT_ALGORITHM_BLAKE2B);
	}
}

static void active_and_suspended_tokens_are_live_and_no_others(void **state)
{
	(void)state;
	assert_true(pat_status_live(PAT_STATUS_ACTIVE));
	assert_true(pat_status_live(PAT_STATUS_SUSPENDED));
	assert_false(pat_status_live(PAT_STATUS_SPENT));
	assert_false(pat_status_live(PAT_STATUS_EXPIRED));
	assert_false(pat_status_live(PAT_STATUS_REVOKED));
}

static void the_status_has_the_documented_words(void **state)
{
	(void)state;
	assert_string_equal(pat_status_text(PAT_STATUS_ACTIVE), "active");
	assert_string_equal(pat_status_text(PAT_STATUS_SUSPENDED), "suspended");
	assert_string_equal(pat_status_text(PAT_STATUS_SPENT), "spent");
	assert_string_equal(pat_status_text(PAT_STATUS_EXPIRED), "expired");
	assert_string_equal(pat_status_text(PAT_STATUS_REVOKED), "revoked");
}

static void a_use_counts_and_is_the_last_and_enters_the_ring(void **state)
{
	struct pat_use use = {0};
	struct pat_event event = event_at(1000, PAT_ACCEPTED, "sshd", "192.0.2.1");

	(void)state;
	pat_use_note(&use, &event, true, true);
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.refused_proved, 0);
	assert_int_equal(use.refused_unproved, 0);
	assert_int_equal(use.refused_unproved_at, 0);
	assert_int_equal(use.ring_next, 1);
	same_event(&use.last, &event);
	same_event(&use.ring[0], &event);
	assert_int_equal(use.ring[1].time, 0);
}

static void a_proved_refusal_counts_and_enters_the_ring_but_is_no_use(void **state)
{
	struct pat_use use = {0};
	struct pat_event used = event_at(1000, PAT_ACCEPTED, "sshd", "192.0.2.1");
	struct pat_event refused = event_at(1001, PAT_REFUSED_SERVICE, "sudo", "");

	(void)state;
	pat_use_note(&use, &used, true, true);
	pat_use_note(&use, &refused, false, true);
	assert_int_equal(use.uses, 1);
	assert_int_equal(use.refused_proved, 1);
	assert_int_equal(use.refused_unproved, 0);
	assert_int_equal(use.refused_unproved_at, 0);
	assert_int_equal(use.ring_next, 2);
	same_event(&use.last, &used);
	same_event(&use.ring[0], &used);
	same_event(&use.ring[1], &refused);
}

static void a_stranger_cannot_push_the_history_out(void **state)
{
	struct pat_use use = {0}, before;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pat_event used = event_at(1000 + i, PAT_ACCEPTED, "sshd", "192.0.2.1");

		pat_use_note(&use, &used, true, true);
	}
	before = use;
	for (int i = 0; i < 100; i++) {
		struct pat_event guess =
			event_at(2000 + i, PAT_REFUSED_SECRET, "sshd", "198.51.100.1");

		pat_use_note(&use, &guess, false, false);
		assert_int_equal(use.refused_unproved, i + 1);
		assert_int_equal(use.refused_unproved_at, 2000 + i);
	}
	before.refused_unproved = use.refused_unproved;
	before.refused_unproved_at = use.refused_unproved_at;
	same_use(&before, &use);
}

static void the_ring_keeps_the_most_recent_events(void **state)
{
	struct pat_use use = {0};
	const int events = 3 * PAT_USE_RING + 2;

	(void)state;
	for (int i = 0; i < events; i++) {
		struct pat_event event =
			event_at(1000 + i, i % 2 ? PAT_REFUSED_EXPIRED : PAT_ACCEPTED,
				 i % 2 ? "sudo" : "sshd", "192.0.2.7");

		pat_use_note(&use, &event, i % 2 == 0, true);
		assert_int_equal(use.ring_next, (i + 1) % PAT_USE_RING);
		same_event(&use.ring[i % PAT_USE_RING], &event);
		/* The one that was in that place is gone, the others stand. */
		for (int k = 1; k < PAT_USE_RING && k <= i; k++)
			assert_int_equal(use.ring[(i - k) % PAT_USE_RING].time, 1000 + i - k);
	}
	assert_int_equal(use.uses, (events + 1) / 2);
	assert_int_equal(use.refused_proved, events / 2);
	assert_int_equal(use.last.time, 1000 + (events - 1) / 2 * 2);
	use_comes_back(&use);
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
		cmocka_unit_test(every_single_bit_flip_is_damage),
		cmocka_unit_test(a_bit_flip_in_a_use_record_changes_no_count),
		cmocka_unit_test(a_stamp_that_is_cut_off_damages_nothing),
		cmocka_unit_test(a_stamp_writes_one_copy_and_one_event),
		cmocka_unit_test(every_truncation_is_damage),
		cmocka_unit_test(every_extension_is_damage),
		cmocka_unit_test(a_record_under_another_key_is_damage),
		cmocka_unit_test(a_record_of_another_kind_is_damage),
		cmocka_unit_test(random_bytes_are_damage),
		cmocka_unit_test(a_token_is_active_until_the_second_it_expires),
		cmocka_unit_test(a_token_without_an_end_never_expires),
		cmocka_unit_test(a_revoked_token_is_revoked_for_good),
		cmocka_unit_test(a_suspended_token_is_suspended_whenever_that_was),
		cmocka_unit_test(a_token_is_spent_from_its_last_use_on),
		cmocka_unit_test(of_several_statuses_a_token_has_the_last),
		cmocka_unit_test(a_swept_token_never_comes_to_life_again),
		cmocka_unit_test(of_an_algorithm_that_is_not_known_no_token_is_live),
		cmocka_unit_test(active_and_suspended_tokens_are_live_and_no_others),
		cmocka_unit_test(the_status_has_the_documented_words),
		cmocka_unit_test(a_use_counts_and_is_the_last_and_enters_the_ring),
		cmocka_unit_test(a_proved_refusal_counts_and_enters_the_ring_but_is_no_use),
		cmocka_unit_test(a_stranger_cannot_push_the_history_out),
		cmocka_unit_test(the_ring_keeps_the_most_recent_events),
		cmocka_unit_test(keys_are_a_letter_and_the_id_or_uid),
	};

	return unit_run(tests);
}
