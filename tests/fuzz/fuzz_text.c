/* SPDX-License-Identifier: ISC */

/*
 * What makes text from outside fit to be shown. The first two bytes are the size of the buffer,
 * the third is the longest text that is allowed, the rest is the text.
 *
 * What must hold: the result fits, ends, and is printable in any buffer; what is valid stays as it
 * is but for quotes and backslashes; what was cut ends with `...`; and the escaped text tells every
 * byte of the original.
 */

#include "support.h"

#include "pat/text.h"

/* How many characters a printable text has. */
static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

/* Undoes the escapes; the result is as long as the text at most. */
static void unescape(char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text != '\\') {
			*to++ = *text;
			continue;
		}
		if (*++text != 'x') {
			HOLDS(*text == '"' || *text == '\\');
			*to++ = *text;
			continue;
		}
		HOLDS(text[1] && strchr(hex, text[1]) && text[2] && strchr(hex, text[2]));
		*to++ = (char)((strchr(hex, text[1]) - hex) << 4 | (strchr(hex, text[2]) - hex));
		text += 2;
	}
	*to = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	size_t room = 4 + input_number(&input, 2) % 4096, max = input_byte(&input), len;
	char *text = input_text(input.at, input.left);
	char *shown = malloc(room), *whole = malloc(PAT_ESCAPED(input.left) + 3);
	bool printable = is_printable(text, strlen(text));

	HOLDS(pat_text_valid(text, 0, SIZE_MAX) == printable);
	HOLDS(pat_text_valid(text, 0, max) == (printable && characters(text) <= max));
	HOLDS(pat_text_valid(text, max, SIZE_MAX) == (printable && characters(text) >= max));

	HOLDS(pat_escape(shown, room, text) == shown);
	len = strnlen(shown, room);
	HOLDS(len < room && is_printable(shown, len));
	pat_escape(whole, PAT_ESCAPED(input.left) + 3, text);
	HOLDS(is_printable(whole, strlen(whole)));
	if (strcmp(shown, whole) != 0) {
		HOLDS(len >= 3 && strcmp(shown + len - 3, "...") == 0);
		HOLDS(strncmp(shown, whole, len - 3) == 0);
	}
	unescape(whole);
	HOLDS(strcmp(whole, text) == 0);
	free(whole);
	free(shown);
	free(text);
	return 0;
}
