/* SPDX-License-Identifier: ISC */

/* Records of which bytes are wrong, missing or another's. */

#include "unit_record.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_single_bit_flip_is_damage),
		cmocka_unit_test(a_bit_flip_in_a_use_record_changes_no_count),
		cmocka_unit_test(a_stamp_that_is_cut_off_damages_nothing),
		cmocka_unit_test(a_stamp_writes_one_copy_and_one_event),
		cmocka_unit_test(every_truncation_is_damage),
		cmocka_unit_test(every_extension_is_damage),
		cmocka_unit_test(a_record_under_another_key_is_damage),
		cmocka_unit_test(a_record_of_another_kind_is_damage),
		cmocka_unit_test(random_bytes_are_damage),
	};

	return unit_run(tests);
}
