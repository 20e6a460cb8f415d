/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <ctype.h>

#include "pat/text.h"

/* The grammar of RFC 3629, section 4: the bytes of the well-formed character at `s`, or 0. */
static size_t rfc3629(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	if (s[0] == 0xed)
		high = 0x9f;
	if (s[0] == 0xf0)
		low = 0x90;
	if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

/* Default_Ignorable_Code_Point, as DerivedCoreProperties.txt of Unicode 14.0 has it. */
static const struct {
	uint32_t first, last;
} ignorable[] = {
	{0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c},   {0x115f, 0x1160},
	{0x17b4, 0x17b5},   {0x180b, 0x180d},   {0x180e, 0x180e},   {0x180f, 0x180f},
	{0x200b, 0x200f},   {0x202a, 0x202e},   {0x2060, 0x2064},   {0x2065, 0x2065},
	{0x2066, 0x206f},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
	{0xffa0, 0xffa0},   {0xfff0, 0xfff8},   {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0000}, {0xe0001, 0xe0001}, {0xe0002, 0xe001f}, {0xe0020, 0xe007f},
	{0xe0080, 0xe00ff}, {0xe0100, 0xe01ef}, {0xe01f0, 0xe0fff},
};

/* C0, DEL, C1, the separators, the Bidi_Control characters of UAX #9, and what is not seen at all.
 */
static bool is_control(uint32_t c)
{
	if (c == 0x200c || c == 0x200d)
		return false;
	for (size_t i = 0; i < COUNT(ignorable); i++)
		if (c >= ignorable[i].first && c <= ignorable[i].last)
			return true;
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0xfff9 && c <= 0xfffb) || c == 0x2800 || c == 0x1d159;
}

static uint32_t code_point(const unsigned char *s, size_t len)
{
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* The bytes of the allowed character at `s`, or 0. */
static size_t allowed(const char *s)
{
	size_t len = rfc3629((const unsigned char *)s);

	return len && !is_control(code_point((const unsigned char *)s, len)) ? len : 0;
}

static void encode(uint32_t c, char *s)
{
	memset(s, 0, 5);
	if (c < 0x80) {
		s[0] = (char)c;
	} else if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6);
		s[1] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		s[0] = (char)(0xe0 | c >> 12);
		s[1] = (char)(0x80 | (c >> 6 & 0x3f));
		s[2] = (char)(0x80 | (c & 0x3f));
	} else {
		s[0] = (char)(0xf0 | c >> 18);
		s[1] = (char)(0x80 | (c >> 12 & 0x3f));
		s[2] = (char)(0x80 | (c >> 6 & 0x3f));
		s[3] = (char)(0x80 | (c & 0x3f));
	}
}

static bool one(uint32_t c)
{
	char text[5];

	encode(c, text);
	return pat_text_valid(text, 1, 1);
}

static void every_code_point_is_judged_as_documented(void **state)
{
	(void)state;
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		bool surrogate = c >= 0xd800 && c <= 0xdfff;

		if (one(c) != (!surrogate && !is_control(c)))
			fail_msg("U+%04X", c);
	}
}

static void control_characters_are_refused_and_their_neighbours_are_not(void **state)
{
	(void)state;
	assert_false(one(0x01));
	assert_false(one('\n'));
	assert_false(one('\t'));
	assert_false(one(0x1f));
	assert_true(one(' '));
	assert_true(one('~'));
	assert_false(one(0x7f));
	assert_false(one(0x80));
	assert_false(one(0x85));
	assert_false(one(0x9f));
	assert_true(one(0xa0));
	assert_true(one(0x2027));
	assert_false(one(0x2028));
	assert_false(one(0x2029));
	assert_true(one(0x202f));
}

static void characters_that_reorder_text_are_refused(void **state)
{
	static const uint32_t bidi[] = {0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
					0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069};

	(void)state;
	for (size_t i = 0; i < COUNT(bidi); i++) {
		char text[16], c[5];

		encode(bidi[i], c);
		snprintf(text, sizeof(text), "ab%scd", c);
		assert_false(pat_text_valid(text, 0, 100));
	}
	assert_true(one(0x061b));
	assert_true(one(0x200d));
	assert_true(one(0x2010));
	assert_true(one(0x205f));
	assert_true(one(0x2070));
}

static void characters_that_are_not_seen_are_refused(void **state)
{
	static const uint32_t unseen[] = {
		0xad,    0x34f,   0x115f,  0x1160,  0x17b4,  0x17b5,  0x180b,  0x180d,  0x180e,
		0x180f,  0x200b,  0x2060,  0x2064,  0x206f,  0x2800,  0x3164,  0xfe00,  0xfe0f,
		0xfeff,  0xffa0,  0xfff0,  0xfff9,  0xfffb,  0x1bca0, 0x1bca3, 0x1d159, 0x1d173,
		0x1d17a, 0xe0000, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe01ef, 0xe0fff};

	(void)state;
	for (size_t i = 0; i < COUNT(unseen); i++)
		assert_false(one(unseen[i]));
	/* Joiners are needed to spell. */
	assert_true(one(0x200c));
	assert_true(one(0x200d));
}

static void ill_formed_utf8_is_refused(void **state)
{
	static const char *const wrong[] = {
		"\x80",             /* a continuation alone */
		"\xbf",             /* */
		"\xc0\x80",         /* U+0000, overlong */
		"\xc0\xaf",         /* `/`, overlong */
		"\xc1\xbf",         /* overlong */
		"\xe0\x80\xaf",     /* overlong in three */
		"\xe0\x9f\xbf",     /* U+07FF in three */
		"\xf0\x80\x80\xaf", /* overlong in four */
		"\xf0\x8f\xbf\xbf", /* U+FFFF in four */
		"\xed\xa0\x80",     /* U+D800 */
		"\xed\xbf\xbf",     /* U+DFFF */
		"\xf4\x90\x80\x80", /* U+110000 */
		"\xf5\x80\x80\x80", /* beyond */
		"\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xc3",         /* cut short */
		"\xe2\x82",     /* */
		"\xf0\x9f\x98", /* */
		"\xc3(",        /* interrupted */
		"\xe2\x82(",
		"\xe2(\xa1",
		"\xf0\x9f\x98(",
		"\xf0(\x8c\xbc",
		"\xe9t\xe9", /* Latin-1 */
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(pat_text_valid(wrong[i], 0, 100));
		snprintf(text, sizeof(text), "ab%s", wrong[i]);
		assert_false(pat_text_valid(text, 0, 100));
		snprintf(text, sizeof(text), "%scd", wrong[i]);
		assert_false(pat_text_valid(text, 0, 100));
	}
}

static void the_edges_of_each_length_are_well_formed(void **state)
{
	static const char *const right[] = {
		"\xc2\xa0",     "\xdf\xbf",     "\xe0\xa0\x80",     "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"\xc3\xa4",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++)
		assert_true(pat_text_valid(right[i], 1, 1));
}

static void all_short_byte_sequences_agree_with_the_grammar(void **state)
{
	static const unsigned char edges[] = {0x00, 0x28, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
					      0xa0, 0xa8, 0xae, 0xbf, 0xc0, 0xff};
	char text[5] = "";

	(void)state;
	for (unsigned first = 1; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			size_t thirds = first < 0xe0 ? 1 : COUNT(edges);
			size_t fourths = first < 0xf0 ? 1 : COUNT(edges);

			for (size_t i = 0; i < thirds * fourths; i++) {
				bool want = true;

				text[0] = (char)first;
				text[1] = (char)second;
				text[2] = (char)edges[i % thirds];
				text[3] = (char)edges[i / thirds];
				for (const char *s = text; *s && want; s += allowed(s))
					want = allowed(s) != 0;
				if (pat_text_valid(text, 0, 4) != want)
					fail_msg("%02x %02x %02x %02x", first, second,
						 (unsigned char)text[2], (unsigned char)text[3]);
			}
		}
	}
}

static void lengths_count_characters_not_bytes(void **state)
{
	char text[4 * 100 + 8] = "";

	(void)state;
	assert_true(pat_text_valid("", 0, 0));
	assert_true(pat_text_valid("", 0, 10));
	assert_false(pat_text_valid("", 1, 10));
	assert_false(pat_text_valid("a", 0, 0));
	assert_true(pat_text_valid("a", 1, 1));
	assert_false(pat_text_valid("a", 2, 3));
	assert_true(pat_text_valid("ab", 2, 3));
	assert_true(pat_text_valid("abc", 2, 3));
	assert_false(pat_text_valid("abcd", 2, 3));

	for (int i = 0; i < 100; i++)
		strcat(text, "\xf0\x9f\x98\x80");
	assert_true(pat_text_valid(text, 1, 100));
	assert_true(pat_text_valid(text, 100, 100));
	assert_false(pat_text_valid(text, 101, 200));
	strcat(text, "a");
	assert_false(pat_text_valid(text, 1, 100));
	assert_true(pat_text_valid(text, 1, 101));
}

static void nothing_is_read_past_the_nul(void **state)
{
	static const char *const texts[] = {"",         "a",        "\xc3",         "\xe2",
					    "\xe2\x82", "\xf0\x9f", "\xf0\x9f\x98", "\xf4"};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = (char *)unit_at_edge(texts[i], strlen(texts[i]) + 1);

		assert_int_equal(pat_text_valid(text, 0, 9), (unsigned char)texts[i][0] < 0x80);
		pat_escape(out, sizeof(out), text);
	}
}

/* How the piece of text at `s` is escaped, in `out`; returns the bytes of text that it stands for.
 */
static size_t escaped_piece(const char *s, char out[8])
{
	size_t len = allowed(s);

	if (*s == '"' || *s == '\\')
		snprintf(out, 8, "\\%c", *s);
	else if (len)
		snprintf(out, 8, "%.*s", (int)len, s);
	else
		snprintf(out, 8, "\\x%02x", (unsigned char)*s);
	return len ? len : 1;
}

/* Compares, with hexadecimal digits of either case. */
static bool same_escape(const char *got, const char *want)
{
	for (; *got && *want; got++, want++) {
		if (*want == '\\' && want[1] == 'x') {
			if (strncasecmp(got, want, 4) != 0 || got[1] != 'x')
				return false;
			got += 3;
			want += 3;
		} else if (*want == '\\') {
			if (got[0] != '\\' || got[1] != want[1])
				return false;
			got++;
			want++;
		} else if (*got != *want) {
			return false;
		}
	}
	return *got == *want;
}

/*
 * Checks pat_escape() of `text` into `size` bytes against the description: whole if it fits, else
 * as many whole pieces as leave room for `...`.
 */
static void check_escape(const char *text, size_t size)
{
	char got[4096], want[4096] = "", cut[4096] = "", piece[8];
	size_t len = 0;

	assert_true(size < sizeof(got));
	memset(got, 0x5a, sizeof(got));
	assert_ptr_equal(pat_escape(got, size, text), got);
	for (const char *s = text; *s;) {
		s += escaped_piece(s, piece);
		strcpy(want + len, piece);
		len += strlen(piece);
		if (len + 3 + 1 <= size)
			strcpy(cut, want);
	}
	strcat(cut, "...");

	assert_true(memchr(got, '\0', size) != NULL);
	for (size_t i = size; i < sizeof(got); i++)
		assert_int_equal(got[i], 0x5a);
	assert_true(pat_text_valid(got, 0, size));
	if (!same_escape(got, len + 1 <= size ? want : cut))
		fail_msg("size %zu: got <%s> want <%s>", size, got, len + 1 <= size ? want : cut);
}

static void a_part_is_marked_as_one(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(pat_escape_part(out, sizeof(out), "abc\ndef", 4), "abc\\x0a...");
	assert_string_equal(pat_escape_part(out, sizeof(out), "abcdef", 6), "abcdef");
	assert_string_equal(pat_escape_part(out, sizeof(out), "abcdef", 0), "...");
	assert_string_equal(pat_escape_part(out, sizeof(out), "", 0), "");
	/* Whole or not at all, with the mark behind. */
	assert_string_equal(pat_escape_part(out, 8, "abcdef", 5), "abcd...");
	assert_string_equal(pat_escape_part(out, 7, "ab\n\ndef", 4), "ab...");
	assert_string_equal(pat_escape_part(out, 4, "abcdef", 5), "...");
}

static void each_byte_value_is_escaped_as_documented(void **state)
{
	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		char text[4] = {'a', (char)byte, 'z', '\0'};

		check_escape(text, 64);
	}
}

static void quotes_and_backslashes_get_a_backslash(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(pat_escape(out, sizeof(out), "plain text"), "plain text");
	assert_string_equal(pat_escape(out, sizeof(out), "a\"b"), "a\\\"b");
	assert_string_equal(pat_escape(out, sizeof(out), "a\\b"), "a\\\\b");
	assert_string_equal(pat_escape(out, sizeof(out), "\\x0a"), "\\\\x0a");
}

static void null_and_empty_text_are_written_as_nothing(void **state)
{
	char out[8];

	(void)state;
	strcpy(out, "junk");
	assert_ptr_equal(pat_escape(out, sizeof(out), NULL), out);
	assert_string_equal(out, "");
	strcpy(out, "junk");
	assert_string_equal(pat_escape(out, sizeof(out), ""), "");
	strcpy(out, "junk");
	assert_string_equal(pat_escape(out, 4, NULL), "");
}

static const char *const hostile[] = {
	"user\nNov 21 12:00:00 host sshd[1]: Accepted password for root",
	"\x1b[2J\x1b]0;title\x07",
	"\" reason=none user=\"root",
	"\\\"\\\"\\",
	"\xe2\x80\xaegnp.exe",
	"\xe2\x80\xa8 separated \xe2\x80\xa9",
	"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	"\xc3\x28 \xe2\x82 \xf0\x9f\x98 \xff\xfe \xed\xa0\x80 \xc0\xaf",
	"\xc2\x80\xc2\x9f\x7f",
	"tab\tcr\rff\fnul",
	"abcd",
	"abcdefgh",
};

static void hostile_text_is_escaped_at_every_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++)
		for (size_t size = 4; size <= PAT_ESCAPED(strlen(hostile[i])) + 2; size++)
			check_escape(hostile[i], size);
}

static void random_bytes_are_escaped_at_every_size(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		char text[33] = "";
		size_t len = 1 + unit_below(sizeof(text) - 1);

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(1 + unit_below(255));
		for (size_t size = 4; size <= PAT_ESCAPED(len); size++)
			check_escape(text, size);
	}
}

static void the_documented_room_is_enough_for_any_text(void **state)
{
	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		char text[17], out[PAT_ESCAPED(16)];

		memset(text, (int)byte, 16);
		text[16] = '\0';
		check_escape(text, PAT_ESCAPED(16));
		pat_escape(out, sizeof(out), text);
		assert_true(strlen(out) < 3 || byte == '.' ||
			    strcmp(out + strlen(out) - 3, "...") != 0);
	}
}

static void what_fits_exactly_is_not_cut(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(pat_escape(out, 4, "abc"), "abc");
	assert_string_equal(pat_escape(out, 4, "abcd"), "...");
	assert_string_equal(pat_escape(out, 5, "abcd"), "abcd");
	assert_string_equal(pat_escape(out, 5, "abcde"), "a...");
	assert_string_equal(pat_escape(out, 7,
				       "\xf0\x9f\x98\x80"
				       "abc"),
			    "...");
	assert_string_equal(pat_escape(out, 8,
				       "\xf0\x9f\x98\x80"
				       "abc"),
			    "\xf0\x9f\x98\x80"
			    "abc");
	assert_string_equal(pat_escape(out, 8,
				       "\xf0\x9f\x98\x80"
				       "abcd"),
			    "\xf0\x9f\x98\x80...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_is_judged_as_documented),
		cmocka_unit_test(control_characters_are_refused_and_their_neighbours_are_not),
		cmocka_unit_test(characters_that_reorder_text_are_refused),
		cmocka_unit_test(characters_that_are_not_seen_are_refused),
		cmocka_unit_test(ill_formed_utf8_is_refused),
		cmocka_unit_test(the_edges_of_each_length_are_well_formed),
		cmocka_unit_test(all_short_byte_sequences_agree_with_the_grammar),
		cmocka_unit_test(lengths_count_characters_not_bytes),
		cmocka_unit_test(nothing_is_read_past_the_nul),
		cmocka_unit_test(a_part_is_marked_as_one),
		cmocka_unit_test(each_byte_value_is_escaped_as_documented),
		cmocka_unit_test(quotes_and_backslashes_get_a_backslash),
		cmocka_unit_test(null_and_empty_text_are_written_as_nothing),
		cmocka_unit_test(hostile_text_is_escaped_at_every_size),
		cmocka_unit_test(random_bytes_are_escaped_at_every_size),
		cmocka_unit_test(the_documented_room_is_enough_for_any_text),
		cmocka_unit_test(what_fits_exactly_is_not_cut),
	};

	return unit_run(tests);
}
