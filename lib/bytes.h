/* SPDX-License-Identifier: ISC */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A bounded place in a buffer, for writing or reading records. Past the end nothing is written,
 * zeros are read, and `failed` stays set: one question after the last field answers for all.
 */
struct bytes {
	unsigned char *p; /* NULL when reading */
	const unsigned char *q;
	size_t left;
	bool failed;
};

static inline struct bytes bytes_for_writing(unsigned char *buf, size_t size)
{
	return (struct bytes){.p = buf, .left = size};
}

static inline struct bytes bytes_for_reading(const unsigned char *buf, size_t size)
{
	return (struct bytes){.q = buf, .left = size};
}

static inline void bytes_put(struct bytes *b, const void *data, size_t len)
{
	if (b->failed || len > b->left) {
		b->failed = true;
		return;
	}
	memcpy(b->p, data, len);
	b->p += len;
	b->left -= len;
}

static inline void bytes_get(struct bytes *b, void *data, size_t len)
{
	if (b->failed || len > b->left) {
		b->failed = true;
		memset(data, 0, len);
		return;
	}
	memcpy(data, b->q, len);
	b->q += len;
	b->left -= len;
}

/* Integers of `width` bytes, little endian. */
static inline void bytes_put_uint(struct bytes *b, uint64_t value, unsigned width)
{
	unsigned char raw[8];

	for (unsigned i = 0; i < width; i++)
		raw[i] = (unsigned char)(value >> (8 * i));
	bytes_put(b, raw, width);
}

static inline uint64_t bytes_get_uint(struct bytes *b, unsigned width)
{
	unsigned char raw[8];
	uint64_t value = 0;

	bytes_get(b, raw, width);
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)raw[i] << (8 * i);
	return value;
}

/* Text with its length, in 2 bytes, before it. `max` is the size of dst without the NUL. */
static inline void bytes_put_text(struct bytes *b, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT16_MAX)
		b->failed = true;
	bytes_put_uint(b, len, 2);
	bytes_put(b, text, len);
}

static inline void bytes_get_text(struct bytes *b, char *dst, size_t max)
{
	size_t len = bytes_get_uint(b, 2);

	if (len > max)
		b->failed = true;
	if (b->failed)
		len = 0;
	bytes_get(b, dst, len);
	dst[len] = '\0';
	if (memchr(dst, '\0', len) != NULL)
		b->failed = true;
}

/* Text in a field of fixed size, padded with NUL, one at least. */
static inline void bytes_put_field(struct bytes *b, const char *text, size_t size)
{
	static const unsigned char zeros[64];
	size_t len = strnlen(text, size - 1);

	bytes_put(b, text, len);
	while (len < size) {
		size_t pad = size - len < sizeof(zeros) ? size - len : sizeof(zeros);

		bytes_put(b, zeros, pad);
		len += pad;
	}
}

/* Nothing may stand behind the NUL: there is one way to write a text. */
static inline void bytes_get_field(struct bytes *b, char *text, size_t size)
{
	bytes_get(b, text, size);
	for (size_t i = strnlen(text, size - 1); i < size; i++)
		if (text[i] != '\0')
			b->failed = true;
	text[size - 1] = '\0';
}

#endif
