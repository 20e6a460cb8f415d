/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <ctype.h>
#include <sodium.h>

#include "pat/crc32.h"
#include "pat/error.h"
#include "pat/record.h"
#include "pat/token.h"

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define ID_AT PAT_TOKEN_PREFIX_LEN
#define SECRET_AT (ID_AT + PAT_ID_LEN)
#define CHECKSUM_AT (SECRET_AT + PAT_SECRET_LEN)

#define MANY 10000
static struct pat_token many[MANY];

/*
 * The limit for a chi-squared statistic of 61 degrees of freedom that uniform characters pass once
 * in 10^12 (Wilson and Hilferty). A byte modulo 62 would give more than 500 over 10 000 ids.
 */
#define CHI_SQUARED_LIMIT 175.0

static void generate_many(void)
{
	if (many[0].text[0])
		return;
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(pat_token_generate(&many[i]), 0);
}

static const struct pat_token *fresh(void)
{
	static struct pat_token token;

	assert_int_equal(pat_token_generate(&token), 0);
	return &token;
}

static enum pat_token_form form_of(const char *input)
{
	struct pat_token parsed;

	return pat_token_parse(input, &parsed);
}

static bool in_alphabet(int c)
{
	return c && strchr(base62, c);
}

/* The checksum of the specification, made here a second time. */
static void checksum(const char *text, char digits[PAT_CHECKSUM_LEN + 1])
{
	uint32_t rest = pat_crc32(text, CHECKSUM_AT);

	digits[PAT_CHECKSUM_LEN] = '\0';
	for (int i = PAT_CHECKSUM_LEN - 1; i >= 0; i--) {
		digits[i] = base62[rest % 62];
		rest /= 62;
	}
	assert_int_equal(rest, 0);
}

/* A token with a right checksum over the given id and secret. */
static void compose(struct pat_token *token, const char *id, const char *secret)
{
	char digits[PAT_CHECKSUM_LEN + 1];

	snprintf(token->text, sizeof(token->text), "%s%s%s", PAT_TOKEN_PREFIX, id, secret);
	checksum(token->text, digits);
	strcat(token->text, digits);
	assert_int_equal(strlen(token->text), PAT_TOKEN_LEN);
}

static void a_token_is_64_characters_with_the_documented_parts(void **state)
{
	const struct pat_token *token = fresh();

	(void)state;
	assert_int_equal(PAT_TOKEN_LEN, 64);
	assert_int_equal(strlen(token->text), 64);
	assert_memory_equal(token->text, "lnxpat_", 7);
	for (size_t i = ID_AT; i < PAT_TOKEN_LEN; i++)
		assert_true(in_alphabet(token->text[i]));
}

static void every_generated_token_is_accepted_as_it_was_written(void **state)
{
	(void)state;
	generate_many();
	for (size_t i = 0; i < MANY; i++) {
		struct pat_token parsed;

		memset(&parsed, 0xa5, sizeof(parsed));
		assert_int_equal(pat_token_parse(many[i].text, &parsed), PAT_FORM_TOKEN);
		assert_string_equal(parsed.text, many[i].text);
	}
}

static void every_generated_token_has_only_characters_of_the_alphabet(void **state)
{
	(void)state;
	generate_many();
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(strlen(many[i].text), PAT_TOKEN_LEN);
		assert_memory_equal(many[i].text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN);
		for (size_t k = ID_AT; k < PAT_TOKEN_LEN; k++)
			assert_true(in_alphabet(many[i].text[k]));
	}
}

static void the_checksum_is_the_crc32_of_all_before_it_in_base62(void **state)
{
	(void)state;
	generate_many();
	for (size_t i = 0; i < MANY; i++) {
		char digits[PAT_CHECKSUM_LEN + 1];

		checksum(many[i].text, digits);
		assert_string_equal(many[i].text + CHECKSUM_AT, digits);
	}
}

static int by_id(const void *a, const void *b)
{
	return memcmp((const char *)a + ID_AT, (const char *)b + ID_AT, PAT_ID_LEN);
}

static int by_secret(const void *a, const void *b)
{
	return memcmp((const char *)a + SECRET_AT, (const char *)b + SECRET_AT, PAT_SECRET_LEN);
}

/* Two ids of 10 000 are the same once in four million runs, two pairs of them in 10^13. */
static void ids_and_secrets_are_all_different(void **state)
{
	size_t same_ids = 0;

	(void)state;
	generate_many();
	qsort(many, MANY, sizeof(many[0]), by_id);
	for (size_t i = 1; i < MANY; i++)
		same_ids += !by_id(&many[i - 1], &many[i]);
	assert_in_range(same_ids, 0, 1);

	qsort(many, MANY, sizeof(many[0]), by_secret);
	for (size_t i = 1; i < MANY; i++)
		assert_int_not_equal(by_secret(&many[i - 1], &many[i]), 0);
}

static double chi_squared(size_t from, size_t to)
{
	size_t seen[62] = {0};
	double expected = (double)MANY * (double)(to - from) / 62;
	double sum = 0;

	for (size_t i = 0; i < MANY; i++)
		for (size_t k = from; k < to; k++)
			seen[strchr(base62, many[i].text[k]) - base62]++;
	for (size_t c = 0; c < 62; c++)
		sum += ((double)seen[c] - expected) * ((double)seen[c] - expected) / expected;
	return sum;
}

static void ids_and_secrets_are_uniform_over_the_alphabet(void **state)
{
	(void)state;
	generate_many();
	assert_true(chi_squared(ID_AT, SECRET_AT) < CHI_SQUARED_LIMIT);
	assert_true(chi_squared(SECRET_AT, CHECKSUM_AT) < CHI_SQUARED_LIMIT);
}

static void each_position_of_id_and_secret_is_uniform(void **state)
{
	(void)state;
	generate_many();
	for (size_t k = ID_AT; k < CHECKSUM_AT; k++)
		assert_true(chi_squared(k, k + 1) < CHI_SQUARED_LIMIT);
}

static void every_single_character_change_is_refused(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		struct pat_token changed = *fresh();

		for (size_t k = 0; k < PAT_TOKEN_LEN; k++) {
			char right = changed.text[k];

			for (unsigned byte = 0; byte < 256; byte++) {
				if ((char)byte == right)
					continue;
				changed.text[k] = (char)byte;
				assert_int_not_equal(form_of(changed.text), PAT_FORM_TOKEN);
			}
			changed.text[k] = right;
		}
		assert_int_equal(form_of(changed.text), PAT_FORM_TOKEN);
	}
}

static void a_typo_within_the_alphabet_is_a_bad_checksum_and_anything_else_is_no_token(void **state)
{
	struct pat_token changed = *fresh();

	(void)state;
	for (size_t k = 0; k < PAT_TOKEN_LEN; k++) {
		char right = changed.text[k];

		for (unsigned byte = 0; byte < 256; byte++) {
			enum pat_token_form want = PAT_FORM_OTHER;

			if ((char)byte == right)
				continue;
			if (k >= ID_AT && byte < 128 && in_alphabet((int)byte))
				want = PAT_FORM_BAD_CHECKSUM;
			changed.text[k] = (char)byte;
			assert_int_equal(form_of(changed.text), want);
		}
		changed.text[k] = right;
	}
}

static void a_bad_checksum_still_tells_what_was_typed(void **state)
{
	struct pat_token changed = *fresh(), parsed;
	char id[PAT_ID_LEN + 1];

	(void)state;
	changed.text[SECRET_AT] = changed.text[SECRET_AT] == 'a' ? 'b' : 'a';
	memset(&parsed, 0, sizeof(parsed));
	assert_int_equal(pat_token_parse(changed.text, &parsed), PAT_FORM_BAD_CHECKSUM);
	assert_string_equal(parsed.text, changed.text);
	pat_token_id(&parsed, id);
	assert_memory_equal(id, changed.text + ID_AT, PAT_ID_LEN);
}

static void swapped_neighbours_are_refused(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct pat_token token = *fresh();

		for (size_t k = 0; k + 1 < PAT_TOKEN_LEN; k++) {
			struct pat_token swapped = token;

			if (token.text[k] == token.text[k + 1])
				continue;
			swapped.text[k] = token.text[k + 1];
			swapped.text[k + 1] = token.text[k];
			assert_int_not_equal(form_of(swapped.text), PAT_FORM_TOKEN);
		}
	}
}

static void a_checksum_above_32_bits_is_refused(void **state)
{
	struct pat_token token = *fresh();

	(void)state;
	memcpy(token.text + CHECKSUM_AT, "zzzzzz", 6);
	assert_int_equal(form_of(token.text), PAT_FORM_BAD_CHECKSUM);

	/* The same number modulo 2^32 in other digits. */
	for (int round = 0; round < 100; round++) {
		uint64_t sum;

		token = *fresh();
		sum = pat_crc32(token.text, CHECKSUM_AT) + (UINT64_C(1) << 32);
		for (size_t k = PAT_TOKEN_LEN; k > CHECKSUM_AT; k--) {
			token.text[k - 1] = base62[sum % 62];
			sum /= 62;
		}
		assert_int_equal(form_of(token.text), PAT_FORM_BAD_CHECKSUM);
	}
}

static void one_character_less_or_more_is_no_token(void **state)
{
	const struct pat_token *token = fresh();
	char text[PAT_TOKEN_LEN + 2];

	(void)state;
	for (size_t len = 0; len < PAT_TOKEN_LEN; len++) {
		memcpy(text, token->text, len);
		text[len] = '\0';
		assert_int_equal(form_of(text), PAT_FORM_OTHER);
		assert_int_equal(form_of(token->text + PAT_TOKEN_LEN - len), PAT_FORM_OTHER);
	}
	for (size_t c = 0; c < 62; c++) {
		snprintf(text, sizeof(text), "%s%c", token->text, base62[c]);
		assert_int_equal(form_of(text), PAT_FORM_OTHER);
		snprintf(text, sizeof(text), "%c%s", base62[c], token->text);
		assert_int_equal(form_of(text), PAT_FORM_OTHER);
	}
}

static void passwords_are_no_tokens(void **state)
{
	static const char *const passwords[] = {
		"",
		" ",
		"\n",
		"correct horse battery staple",
		"lnxpat_",
		"secret-token:",
		"secret-token:hunter2",
		"ghp_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01",
		"LNXPAT_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV",
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01",
		"\xc3\xa4\xc3\xb6\xc3\xbc",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(passwords); i++)
		assert_int_equal(form_of(passwords[i]), PAT_FORM_OTHER);
}

static void white_space_around_a_token_is_taken_off(void **state)
{
	static const char *const spaces[] = {" ", "\t", "\n", "\r", "\r\n", "  \t\r\n \n"};
	const struct pat_token *token = fresh();
	struct pat_token parsed;
	char text[PAT_TOKEN_INPUT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(spaces); i++) {
		snprintf(text, sizeof(text), "%s%s", spaces[i], token->text);
		assert_int_equal(pat_token_parse(text, &parsed), PAT_FORM_TOKEN);
		assert_string_equal(parsed.text, token->text);
		snprintf(text, sizeof(text), "%s%s", token->text, spaces[i]);
		assert_int_equal(pat_token_parse(text, &parsed), PAT_FORM_TOKEN);
		assert_string_equal(parsed.text, token->text);
		snprintf(text, sizeof(text), "%.20s%s%s", token->text, spaces[i], token->text + 20);
		assert_int_equal(form_of(text), PAT_FORM_OTHER);
	}
}

static void the_wrapper_of_rfc_8959_is_taken_off(void **state)
{
	const struct pat_token *token = fresh();
	struct pat_token parsed;
	char text[PAT_TOKEN_INPUT_MAX];

	(void)state;
	snprintf(text, sizeof(text), "secret-token:%s", token->text);
	assert_int_equal(pat_token_parse(text, &parsed), PAT_FORM_TOKEN);
	assert_string_equal(parsed.text, token->text);

	snprintf(text, sizeof(text), " \tsecret-token:%s\r\n", token->text);
	assert_int_equal(pat_token_parse(text, &parsed), PAT_FORM_TOKEN);
	assert_string_equal(parsed.text, token->text);
}

static void other_wrappers_and_two_of_them_are_no_token(void **state)
{
	static const char *const before[] = {
		"secret-token:secret-token:",
		"secret-token",
		"secret-token;",
		"token:",
		"xsecret-token:",
		":",
		"\"",
		"Bearer ",
	};
	const struct pat_token *token = fresh();
	char text[PAT_TOKEN_INPUT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(before); i++) {
		snprintf(text, sizeof(text), "%s%s", before[i], token->text);
		assert_int_equal(form_of(text), PAT_FORM_OTHER);
	}
	snprintf(text, sizeof(text), "%ssecret-token:", token->text);
	assert_int_equal(form_of(text), PAT_FORM_OTHER);
}

static void input_longer_than_the_limit_is_no_token(void **state)
{
	const struct pat_token *token = fresh();
	char text[4 * PAT_TOKEN_INPUT_MAX];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, token->text, PAT_TOKEN_LEN);
	text[PAT_TOKEN_INPUT_MAX] = '\0';
	assert_int_equal(form_of(text), PAT_FORM_TOKEN);
	text[PAT_TOKEN_INPUT_MAX] = ' ';
	text[PAT_TOKEN_INPUT_MAX + 1] = '\0';
	assert_int_equal(form_of(text), PAT_FORM_OTHER);
	text[PAT_TOKEN_INPUT_MAX + 1] = ' ';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(form_of(text), PAT_FORM_OTHER);
}

static void nothing_is_read_past_the_limit_or_the_nul(void **state)
{
	const struct pat_token *token = fresh();
	char text[PAT_TOKEN_INPUT_MAX + 1];

	(void)state;
	/* Not terminated: the byte after the limit is the last that can tell how long it is. */
	memset(text, 'x', sizeof(text));
	assert_int_equal(form_of((char *)unit_at_edge(text, sizeof(text))), PAT_FORM_OTHER);
	memset(text, ' ', sizeof(text));
	assert_int_equal(form_of((char *)unit_at_edge(text, sizeof(text))), PAT_FORM_OTHER);

	for (size_t len = 0; len <= PAT_TOKEN_LEN; len++) {
		memcpy(text, token->text, len);
		text[len] = '\0';
		assert_int_equal(form_of((char *)unit_at_edge(text, len + 1)),
				 len == PAT_TOKEN_LEN ? PAT_FORM_TOKEN : PAT_FORM_OTHER);
	}
}

static void the_id_is_the_8_characters_after_the_prefix(void **state)
{
	struct pat_token token;
	char id[PAT_ID_LEN + 1];
	char secret[PAT_SECRET_LEN + 1];

	(void)state;
	compose(&token, "Ab3dE9xZ", unit_word(secret, PAT_SECRET_LEN));
	assert_int_equal(form_of(token.text), PAT_FORM_TOKEN);
	memset(id, 0xa5, sizeof(id));
	pat_token_id(&token, id);
	assert_string_equal(id, "Ab3dE9xZ");
}

static void an_id_is_exactly_8_characters_of_the_alphabet(void **state)
{
	char id[PAT_ID_LEN + 2] = "Ab3dE9xZ";

	(void)state;
	assert_true(pat_id_valid(id));
	assert_true(pat_id_valid("00000000"));
	assert_true(pat_id_valid("zzzzzzzz"));
	assert_false(pat_id_valid(""));
	assert_false(pat_id_valid("Ab3dE9x"));
	assert_false(pat_id_valid("Ab3dE9xZ0"));
	assert_false(pat_id_valid("Ab3dE9xZ "));
	assert_false(pat_id_valid(" Ab3dE9x"));
	for (size_t k = 0; k < PAT_ID_LEN; k++) {
		char right = id[k];

		for (unsigned byte = 0; byte < 256; byte++) {
			id[k] = (char)byte;
			assert_int_equal(!!pat_id_valid(id), byte < 128 && in_alphabet((int)byte));
		}
		id[k] = right;
	}
}

static void the_strangers_id_is_no_id(void **state)
{
	(void)state;
	assert_int_equal(strlen(PAT_STRANGERS_ID), PAT_ID_LEN);
	assert_false(pat_id_valid(PAT_STRANGERS_ID));
}

static void of_a_token_no_more_than_the_id_is_public(void **state)
{
	struct pat_token token;
	char text[3 * PAT_TOKEN_LEN];

	(void)state;
	assert_int_equal(pat_token_generate(&token), PAT_OK);
	for (size_t len = 0; len <= PAT_TOKEN_LEN; len++) {
		const size_t shown = PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN;

		snprintf(text, sizeof(text), "%.*s", (int)len, token.text);
		assert_int_equal(pat_token_public_part(text), len < shown ? len : shown);
		snprintf(text, sizeof(text), "as \xc3\xa4: %.*s, please", (int)len, token.text);
		if (len >= PAT_TOKEN_PREFIX_LEN)
			assert_int_equal(pat_token_public_part(text),
					 7 + (len < shown ? len : shown));
		else
			assert_int_equal(pat_token_public_part(text), strlen(text));
	}
	/* One with a typing error in it is almost as good. */
	snprintf(text, sizeof(text), "%.10s-%s", token.text, token.text + 11);
	assert_int_equal(pat_token_public_part(text), 10);
	snprintf(text, sizeof(text), "%.20s-%s", token.text, token.text + 21);
	assert_int_equal(pat_token_public_part(text), 15);
	assert_int_equal(pat_token_public_part("lnxpat"), 6);
	assert_int_equal(pat_token_public_part("alice"), 5);
	assert_int_equal(pat_token_public_part(""), 0);
}

static void the_same_token_has_the_same_hash(void **state)
{
	const struct pat_token *token = fresh();
	struct pat_token parsed;
	unsigned char first[PAT_HASH_LEN], second[PAT_HASH_LEN];
	char text[PAT_TOKEN_INPUT_MAX];

	(void)state;
	pat_token_hash(token, first);
	pat_token_hash(token, second);
	assert_memory_equal(first, second, PAT_HASH_LEN);

	snprintf(text, sizeof(text), " secret-token:%s\n", token->text);
	assert_int_equal(pat_token_parse(text, &parsed), PAT_FORM_TOKEN);
	pat_token_hash(&parsed, second);
	assert_memory_equal(first, second, PAT_HASH_LEN);
}

static void each_character_of_a_token_changes_its_hash(void **state)
{
	struct pat_token token = *fresh();
	unsigned char right[PAT_HASH_LEN], other[PAT_HASH_LEN];

	(void)state;
	pat_token_hash(&token, right);
	for (size_t k = 0; k < PAT_TOKEN_LEN; k++) {
		token.text[k] ^= 1;
		pat_token_hash(&token, other);
		assert_memory_not_equal(right, other, PAT_HASH_LEN);
		token.text[k] ^= 1;
	}
}

static void the_hash_is_not_plain_blake2b(void **state)
{
	const struct pat_token *token = fresh();
	unsigned char ours[PAT_HASH_LEN], plain[PAT_HASH_LEN];

	(void)state;
	pat_token_hash(token, ours);
	crypto_generichash(plain, sizeof(plain), (const unsigned char *)token->text, PAT_TOKEN_LEN,
			   NULL, 0);
	assert_memory_not_equal(ours, plain, PAT_HASH_LEN);
	crypto_generichash(plain, sizeof(plain), (const unsigned char *)token->text,
			   PAT_TOKEN_LEN + 1, NULL, 0);
	assert_memory_not_equal(ours, plain, PAT_HASH_LEN);
}

/* Stores hold these hashes: another personalisation would make every token in them worthless. The
 * values are Python's zlib.crc32() and hashlib.blake2b(digest_size=32, person=...). */
static void a_known_token_has_the_checksum_and_hash_it_always_had(void **state)
{
	static const unsigned char want[PAT_HASH_LEN] = {
		0x8a, 0x71, 0x90, 0x4a, 0x14, 0x8f, 0xfb, 0xdb, 0xea, 0x08, 0x8b,
		0x85, 0x51, 0xd3, 0xcb, 0xce, 0x2f, 0x02, 0x9e, 0xdb, 0x91, 0x8c,
		0xb1, 0x44, 0x7e, 0x6f, 0x7a, 0x42, 0xc4, 0xbc, 0x4c, 0xef,
	};
	unsigned char hash[PAT_HASH_LEN];
	struct pat_token token;

	(void)state;
	compose(&token, "Ab3dE9xZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg");
	assert_string_equal(token.text + CHECKSUM_AT, "05W80M");
	assert_int_equal(form_of(token.text), PAT_FORM_TOKEN);
	pat_token_hash(&token, hash);
	assert_memory_equal(hash, want, PAT_HASH_LEN);
}

/* As above, of the hash of that token. */
static void a_known_token_has_the_trace_it_always_had(void **state)
{
	static const unsigned char want[PAT_HASH_LEN] = {
		0xc0, 0xa1, 0x5f, 0xa9, 0xf9, 0xd5, 0xae, 0x5c, 0xe2, 0xb3, 0x2c,
		0x58, 0xba, 0x75, 0x1a, 0x63, 0x3b, 0x7a, 0x0b, 0x63, 0xe9, 0x53,
		0xa1, 0x35, 0x34, 0xc7, 0x80, 0xb9, 0xed, 0x2b, 0xcc, 0x54,
	};
	unsigned char hash[PAT_HASH_LEN], trace[PAT_HASH_LEN];
	struct pat_token token;

	(void)state;
	compose(&token, "Ab3dE9xZ", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg");
	pat_token_hash(&token, hash);
	pat_token_trace(hash, trace);
	assert_memory_equal(trace, want, PAT_HASH_LEN);
}

static void each_bit_of_a_hash_changes_its_trace_and_a_trace_is_no_hash(void **state)
{
	unsigned char hash[PAT_HASH_LEN], right[PAT_HASH_LEN], other[PAT_HASH_LEN];

	(void)state;
	pat_token_hash(fresh(), hash);
	pat_token_trace(hash, right);
	assert_memory_not_equal(right, hash, PAT_HASH_LEN);
	crypto_generichash(other, sizeof(other), hash, PAT_HASH_LEN, NULL, 0);
	assert_memory_not_equal(right, other, PAT_HASH_LEN);
	for (size_t bit = 0; bit < 8 * PAT_HASH_LEN; bit++) {
		hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
		pat_token_trace(hash, other);
		assert_memory_not_equal(right, other, PAT_HASH_LEN);
		hash[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	pat_token_trace(hash, other);
	assert_memory_equal(right, other, PAT_HASH_LEN);
}

static void wiping_leaves_nothing(void **state)
{
	static const struct pat_token nothing;
	struct pat_token token = *fresh();

	(void)state;
	pat_token_wipe(&token);
	assert_memory_equal(&token, &nothing, sizeof(token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_64_characters_with_the_documented_parts),
		cmocka_unit_test(every_generated_token_is_accepted_as_it_was_written),
		cmocka_unit_test(every_generated_token_has_only_characters_of_the_alphabet),
		cmocka_unit_test(the_checksum_is_the_crc32_of_all_before_it_in_base62),
		cmocka_unit_test(ids_and_secrets_are_all_different),
		cmocka_unit_test(ids_and_secrets_are_uniform_over_the_alphabet),
		cmocka_unit_test(each_position_of_id_and_secret_is_uniform),
		cmocka_unit_test(every_single_character_change_is_refused),
		cmocka_unit_test(
			a_typo_within_the_alphabet_is_a_bad_checksum_and_anything_else_is_no_token),
		cmocka_unit_test(a_bad_checksum_still_tells_what_was_typed),
		cmocka_unit_test(swapped_neighbours_are_refused),
		cmocka_unit_test(a_checksum_above_32_bits_is_refused),
		cmocka_unit_test(one_character_less_or_more_is_no_token),
		cmocka_unit_test(passwords_are_no_tokens),
		cmocka_unit_test(white_space_around_a_token_is_taken_off),
		cmocka_unit_test(the_wrapper_of_rfc_8959_is_taken_off),
		cmocka_unit_test(other_wrappers_and_two_of_them_are_no_token),
		cmocka_unit_test(input_longer_than_the_limit_is_no_token),
		cmocka_unit_test(nothing_is_read_past_the_limit_or_the_nul),
		cmocka_unit_test(the_id_is_the_8_characters_after_the_prefix),
		cmocka_unit_test(an_id_is_exactly_8_characters_of_the_alphabet),
		cmocka_unit_test(the_strangers_id_is_no_id),
		cmocka_unit_test(of_a_token_no_more_than_the_id_is_public),
		cmocka_unit_test(the_same_token_has_the_same_hash),
		cmocka_unit_test(each_character_of_a_token_changes_its_hash),
		cmocka_unit_test(the_hash_is_not_plain_blake2b),
		cmocka_unit_test(a_known_token_has_the_checksum_and_hash_it_always_had),
		cmocka_unit_test(a_known_token_has_the_trace_it_always_had),
		cmocka_unit_test(each_bit_of_a_hash_changes_its_trace_and_a_trace_is_no_hash),
		cmocka_unit_test(wiping_leaves_nothing),
	};

	return unit_run(tests);
}
