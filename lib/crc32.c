/* SPDX-License-Identifier: ISC */
#include "pat/crc32.h"

/*
 * Eight bytes at a time (Kounavis and Berry 2005, "slicing by 8"): a store of a million tokens has
 * half a gigabyte to be summed, and each login a kilobyte.
 *
 * table[k][byte] is what a byte does to the checksum with k bytes behind it. That is linear in its
 * bits, so eight numbers tell a row; and they are one sequence: each is the one before it, from the
 * highest bit of row 0 on, divided by x once more.
 */
#define BITS(n, b7, b6, b5, b4, b3, b2, b1, b0)                                                   \
	(((n)&128 ? (b7) : 0U) ^ ((n)&64 ? (b6) : 0U) ^ ((n)&32 ? (b5) : 0U) ^                    \
	 ((n)&16 ? (b4) : 0U) ^ ((n)&8 ? (b3) : 0U) ^ ((n)&4 ? (b2) : 0U) ^ ((n)&2 ? (b1) : 0U) ^ \
	 ((n)&1 ? (b0) : 0U))
#define FOUR(n, ...)                                                                  \
	BITS(n, __VA_ARGS__), BITS((n) + 1, __VA_ARGS__), BITS((n) + 2, __VA_ARGS__), \
		BITS((n) + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                               \
	FOUR(n, __VA_ARGS__), FOUR((n) + 4, __VA_ARGS__), FOUR((n) + 8, __VA_ARGS__), \
		FOUR((n) + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                       \
	SIXTEEN(n, __VA_ARGS__), SIXTEEN((n) + 16, __VA_ARGS__), SIXTEEN((n) + 32, __VA_ARGS__), \
		SIXTEEN((n) + 48, __VA_ARGS__)
#define ROW(...)                                                                   \
	{                                                                          \
		SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__),           \
			SIXTY_FOUR(128, __VA_ARGS__), SIXTY_FOUR(192, __VA_ARGS__) \
	}

static const uint32_t table[8][256] = {
	ROW(0xedb88320, 0x76dc4190, 0x3b6e20c8, 0x1db71064, 0x0edb8832, 0x076dc419, 0xee0e612c,
	    0x77073096),
	ROW(0x3b83984b, 0xf0794f05, 0x958424a2, 0x4ac21251, 0xc8d98a08, 0x646cc504, 0x32366282,
	    0x191b3141),
	ROW(0xe1351b80, 0x709a8dc0, 0x384d46e0, 0x1c26a370, 0x0e1351b8, 0x0709a8dc, 0x0384d46e,
	    0x01c26a37),
	ROW(0xed59b63b, 0x9b14583d, 0xa032af3e, 0x5019579f, 0xc5b428ef, 0x8f629757, 0xaa09c88b,
	    0xb8bc6765),
	ROW(0xb1e6b092, 0x58f35849, 0xc1c12f04, 0x60e09782, 0x30704bc1, 0xf580a6c0, 0x7ac05360,
	    0x3d6029b0),
	ROW(0x1eb014d8, 0x0f580a6c, 0x07ac0536, 0x03d6029b, 0xec53826d, 0x9b914216, 0x4dc8a10b,
	    0xcb5cd3a5),
	ROW(0x8816eaf2, 0x440b7579, 0xcfbd399c, 0x67de9cce, 0x33ef4e67, 0xf44f2413, 0x979f1129,
	    0xa6770bb4),
	ROW(0x533b85da, 0x299dc2ed, 0xf9766256, 0x7cbb312b, 0xd3e51bb5, 0x844a0efa, 0x4225077d,
	    0xccaa009e),
};

static uint32_t four_bytes(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t pat_crc32(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t crc = 0xffffffff;

	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low = crc ^ four_bytes(p), high = four_bytes(p + 4);

		crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
		      table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
		      table[1][high >> 16 & 255] ^ table[0][high >> 24];
	}
	while (len-- > 0)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
	return ~crc;
}
