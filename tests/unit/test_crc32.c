/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "pat/crc32.h"

/* Published check values: the first is from Williams, "A painless guide to CRC", the rest are the
 * test suite of RFC 1321, whose CRC-32 is given with many implementations (zlib among them). */
static const struct {
	const char *text;
	uint32_t crc;
} vectors[] = {
	{"123456789", 0xcbf43926},
	{"", 0x00000000},
	{"a", 0xe8b7be43},
	{"abc", 0x352441c2},
	{"message digest", 0x20159d7f},
	{"abcdefghijklmnopqrstuvwxyz", 0x4c2750bd},
	{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 0x1fc2e6d2},
	{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	 0x7ca94a72},
};

/* The polynomial division, a bit at a time. */
static uint32_t reference(const unsigned char *data, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void the_published_vectors_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++)
		assert_int_equal(pat_crc32(vectors[i].text, strlen(vectors[i].text)),
				 vectors[i].crc);
}

static void each_byte_value_agrees_with_polynomial_division(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		unsigned char byte = (unsigned char)i;

		assert_int_equal(pat_crc32(&byte, 1), reference(&byte, 1));
	}
}

static void random_data_agrees_with_polynomial_division(void **state)
{
	unsigned char data[1100];

	(void)state;
	for (int round = 0; round < 500; round++) {
		size_t at = unit_below(16);
		size_t len = unit_below(sizeof(data) - 16);

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (unsigned char)unit_random();
		assert_int_equal(pat_crc32(data + at, len), reference(data + at, len));
	}
}

static void nothing_is_read_past_the_end(void **state)
{
	static const unsigned char data[64] = {1};

	(void)state;
	for (size_t len = 0; len <= sizeof(data); len++)
		assert_int_equal(pat_crc32(unit_at_edge(data, len), len), reference(data, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_hold),
		cmocka_unit_test(each_byte_value_agrees_with_polynomial_division),
		cmocka_unit_test(random_data_agrees_with_polynomial_division),
		cmocka_unit_test(nothing_is_read_past_the_end),
	};

	return unit_run(tests);
}
