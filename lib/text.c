/* SPDX-License-Identifier: ISC */
#include "pat/text.h"

#include <stdint.h>
#include <string.h>

/*
 * The length of the well-formed UTF-8 character at `s` (RFC 3629, section 4), its value in *value;
 * 0 if there is none. Never reads past a NUL.
 */
static size_t character(const char *s, uint32_t *value)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;

	if (p[0] < 0x80) {
		*value = p[0];
		return p[0] != '\0';
	}
	if ((p[0] & 0xe0) == 0xc0) {
		len = 2;
		*value = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3;
		*value = p[0] & 0x0f;
	} else if ((p[0] & 0xf8) == 0xf0) {
		len = 4;
		*value = p[0] & 0x07;
	} else {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*value = *value << 6 | (p[i] & 0x3f);
	}
	if (*value < smallest[len] || *value > 0x10ffff || (*value >= 0xd800 && *value <= 0xdfff))
		return 0;
	return len;
}

/* Whether a character may be shown: see the header for which may not. */
static bool showable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
		{0x61c, 0x61c},     {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
		{0x200b, 0x200b},   {0x200e, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
		{0x2800, 0x2800},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
		{0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0x1bca0, 0x1bca3}, {0x1d159, 0x1d159},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};

	/* Most are, and the log has the name of a token only if there is one: that must not be told
	 * by the time. */
	if (c >= ' ' && c <= '~')
		return true;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}

bool pat_text_valid(const char *text, size_t min, size_t max)
{
	size_t count = 0, len;
	uint32_t c;

	for (; *text != '\0'; text += len) {
		len = character(text, &c);
		if (len == 0 || !showable(c) || ++count > max)
			return false;
	}
	return count >= min;
}

/* Writes one character, or one byte of none, as it may be shown; returns how many bytes of `s` it
 * took and puts how many it made, at most 4, into *made. */
static size_t escape_one(char out[4], size_t *made, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char byte = (unsigned char)*s;
	uint32_t c;
	size_t len = character(s, &c);

	if (len == 1 && (c == '"' || c == '\\')) {
		out[0] = '\\';
		out[1] = *s;
		*made = 2;
		return 1;
	}
	if (len > 0 && showable(c)) {
		memcpy(out, s, len);
		*made = len;
		return len;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[byte >> 4];
	out[3] = hex[byte & 15];
	*made = 4;
	return 1;
}

char *pat_escape_part(char *dst, size_t size, const char *text, size_t len)
{
	static const char mark[] = "...";
	size_t used = 0, marked = 0, made;
	char piece[4];

	/* `marked` follows as far as the mark would still fit behind. */
	for (const char *s = text; s < text + len;) {
		s += escape_one(piece, &made, s);
		if (used + made >= size) {
			memcpy(dst + marked, mark, sizeof(mark));
			return dst;
		}
		memcpy(dst + used, piece, made);
		used += made;
		if (used + sizeof(mark) <= size)
			marked = used;
	}
	dst[used] = '\0';
	if (text[len] != '\0')
		memcpy(dst + marked, mark, sizeof(mark));
	return dst;
}

char *pat_escape(char *dst, size_t size, const char *text)
{
	return text ? pat_escape_part(dst, size, text, strlen(text))
		    : pat_escape_part(dst, size, "", 0);
}
