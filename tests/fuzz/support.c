/* SPDX-License-Identifier: ISC */
#include "support.h"

#include <stdio.h>

void broken(const char *promise, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
	abort();
}

uint8_t input_byte(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

uint64_t input_number(struct input *input, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)input_byte(input) << (8 * i);
	return value;
}

bool input_line(struct input *input, char *line, size_t size)
{
	const uint8_t *end;
	size_t len, kept;

	if (input->left == 0)
		return false;
	end = memchr(input->at, '\n', input->left);
	len = end ? (size_t)(end - input->at) : input->left;
	kept = strnlen((const char *)input->at, len);
	kept = kept < size ? kept : size - 1;
	memcpy(line, input->at, kept);
	line[kept] = '\0';
	len += end != NULL;
	input->at += len;
	input->left -= len;
	return true;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* What an escape stands for; *taken is how long it is, 0 if it is none. */
static char escaped(const char *text, size_t *taken)
{
	int high = text[1] == 'x' ? hex_digit(text[2]) : -1;
	int low = high >= 0 ? hex_digit(text[3]) : -1;

	*taken = text[1] == 'n' || text[1] == 'e' || text[1] == '\\' ? 2 : 0;
	if (low >= 0 && high + low > 0)
		*taken = 4;
	return *taken == 4      ? (char)(high << 4 | low)
	       : text[1] == 'n' ? '\n'
	       : text[1] == 'e' ? '\033'
				: '\\';
}

char *expand(char *dst, size_t size, const char *text)
{
	size_t used = 0, taken;

	while (*text != '\0' && used + 1 < size) {
		const char *name =
			text[0] == '$' && text[1] ? strchr(token_letters, text[1]) : NULL;
		char c = text[0] == '\\' ? escaped(text, &taken) : (taken = 0, '\0');

		if (name != NULL && used + PAT_TOKEN_LEN < size) {
			memcpy(dst + used, tokens[name - token_letters].text, PAT_TOKEN_LEN);
			used += PAT_TOKEN_LEN;
			text += 2;
		} else {
			dst[used++] = taken ? c : *text;
			text += taken ? taken : 1;
		}
	}
	dst[used] = '\0';
	return dst;
}

char *input_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* The length of the character at `p`, of which `left` bytes are there; 0 for none. */
static size_t character_at(const unsigned char *p, size_t left, uint32_t *c)
{
	size_t len = *p < 0x80   ? 1
		     : *p < 0xc2 ? 0
		     : *p < 0xe0 ? 2
		     : *p < 0xf0 ? 3
		     : *p < 0xf5 ? 4
				 : 0;

	if (len == 0 || len > left)
		return 0;
	*c = len == 1 ? *p : (uint32_t)(*p & (0x7f >> len));
	for (size_t i = 1; i < len; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && *c < 0x800) || (len == 4 && (*c < 0x10000 || *c > 0x10ffff)))
		return 0;
	return *c >= 0xd800 && *c < 0xe000 ? 0 : len;
}

/* What Unicode gives no shape of its own, or lets move what is around it: but for the joiners, with
 * which words are spelt. */
static bool is_hidden(uint32_t c)
{
	static const uint32_t alone[] = {
		0xad,            /* soft hyphen */
		0x34f,           /* grapheme joiner, which joins nothing */
		0x115f,  0x1160, /* fillers of Korean, here and in the next line */
		0x3164,  0xffa0, /**/
		0x17b4,  0x17b5, /* vowels of Khmer that are not written */
		0x200b,  0xfeff, /* spaces of no width */
		0x2800,          /* a sign of Braille without a dot */
		0x1d159,         /* a note without a head */
	};

	for (size_t i = 0; i < COUNT(alone); i++)
		if (c == alone[i])
			return true;
	return c == 0x61c || c == 0x200e || c == 0x200f || /* marks of direction */
	       (c >= 0x180b && c <= 0x180f) ||             /* selectors of Mongolian */
	       (c >= 0x202a && c <= 0x202e) ||             /* embeddings */
	       (c >= 0x2060 && c <= 0x206f) ||             /* isolates, and formats */
	       (c >= 0xfe00 && c <= 0xfe0f) ||             /* selectors of variants */
	       (c >= 0xfff0 && c <= 0xfffb) ||             /* annotations, and what may become */
	       (c >= 0x1bca0 && c <= 0x1bca3) ||           /* formats of shorthand */
	       (c >= 0x1d173 && c <= 0x1d17a) ||           /* formats of music */
	       (c >= 0xe0000 && c <= 0xe0fff);             /* tags, more selectors */
}

bool is_printable(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t c;
	size_t taken;

	for (; len > 0; p += taken, len -= taken) {
		taken = character_at(p, len, &c);
		if (taken == 0 || c < ' ' || (c >= 0x7f && c < 0xa0))
			return false;
		if (c == 0x2028 || c == 0x2029 || is_hidden(c))
			return false;
	}
	return true;
}
