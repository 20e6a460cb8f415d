/* SPDX-License-Identifier: ISC */
#include "tell.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat/text.h"
#include "patctl.h"

static const char *lost = "";

void if_lost(const char *lines)
{
	lost = lines;
}

void tell_lost(void)
{
	(void)!write(STDERR_FILENO, lost, strlen(lost));
}

void out_of_memory(void)
{
	static const char message[] = "patctl: out of memory\n";

	(void)!write(STDERR_FILENO, message, sizeof(message) - 1);
	tell_lost();
	_exit(STATUS_FAILED);
}

/*
 * Widths and character set only: messages and numbers are the same everywhere. A program begins in
 * the locale "C"; what the environment has is not looked up before there is text that it makes a
 * difference to, which most commands have none of.
 */
static bool is_utf8_locale(void)
{
	const char *locale = setlocale(LC_CTYPE, NULL);

	if (locale == NULL || strcmp(locale, "C") == 0)
		(void)setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Whether it is shown as it is, wherever that is. */
static bool is_plain(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

/* Writes `text` with every byte that is not ASCII as \xHH; there is room for four times its length.
 */
static char *put_ascii(char *dst, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x80) {
			*dst++ = *text;
			continue;
		}
		*dst++ = '\\';
		*dst++ = 'x';
		*dst++ = hex[byte >> 4];
		*dst++ = hex[byte & 15];
	}
	*dst = '\0';
	return dst;
}

/* Writes `len` bytes of `text`, among which there is neither quote nor backslash. */
static char *put_plain(char *dst, const char *text, size_t len, bool utf8)
{
	char *piece = strndup(text, len);
	char *escaped = malloc(PAT_ESCAPED(len) + 3); /* 4 at least */

	if (piece == NULL || escaped == NULL)
		out_of_memory();
	pat_escape(escaped, PAT_ESCAPED(len) + 3, piece);
	dst = utf8 ? stpcpy(dst, escaped) : put_ascii(dst, escaped);
	free(piece);
	free(escaped);
	return dst;
}

char *shown(const char *text)
{
	char *result, *end;
	bool plain, utf8;

	if (text == NULL)
		text = "";
	plain = is_plain(text);
	result = end = plain ? strdup(text) : malloc(PAT_ESCAPED(strlen(text)));
	if (result == NULL)
		out_of_memory();
	if (plain)
		return result;
	utf8 = is_utf8_locale();
	*end = '\0';
	while (*text != '\0') {
		size_t len = strcspn(text, "\"\\");

		end = put_plain(end, text, len, utf8);
		text += len;
		if (*text != '\0')
			*end++ = *text++;
		*end = '\0';
	}
	return result;
}

static void print_line(FILE *stream, const char *before, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void print_line(FILE *stream, const char *before, const char *format, va_list arguments)
{
	char *text, *line;

	if (vasprintf(&text, format, arguments) < 0)
		out_of_memory();
	line = shown(text);
	(void)fprintf(stream, "%s%s\n", before, line);
	free(line);
	free(text);
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stderr, "patctl: ", format, arguments);
	va_end(arguments);
}

void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stderr, "", format, arguments);
	va_end(arguments);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stdout, "", format, arguments);
	va_end(arguments);
}
