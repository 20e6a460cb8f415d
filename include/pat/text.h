/* SPDX-License-Identifier: ISC */
#ifndef PAT_TEXT_H
#define PAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if `text` is well-formed UTF-8 (RFC 3629) of `min` to `max` characters, none of them a
 * control character: C0, DEL, C1, the line and paragraph separators, or one of those that
 * reorder what is around them (UAX #9) or are not seen at all, with which one name can be made to
 * look like another. Not seen are those that Unicode calls Default_Ignorable_Code_Point
 * (DerivedCoreProperties.txt, 14.0: spaces of no width, soft hyphens, fillers, variation selectors,
 * tags), the anchors of annotations (U+FFF9 to U+FFFB), and two whose shape is none (U+2800,
 * U+1D159). The joiners, U+200C and U+200D, may be there: names in Persian or Hindi are spelt with
 * them.
 */
bool pat_text_valid(const char *text, size_t min, size_t max);

/*
 * Writes `text` so that it can stand between double quotes in a log line or on a terminal: `"` and
 * `\` get a backslash, and each byte that is not part of a character that pat_text_valid() allows
 * becomes \xHH. What does not fit into `size` bytes, the NUL included, is left out whole and `...`
 * stands for it. NULL is written as nothing. Returns dst. `size` is at least 4.
 */
char *pat_escape(char *dst, size_t size, const char *text);

/* The same for the first `len` bytes of `text`, which end with a character: `...` stands for what
 * is behind them, too. */
char *pat_escape_part(char *dst, size_t size, const char *text, size_t len);

/* Enough for pat_escape() of any text of n bytes. */
#define PAT_ESCAPED(n) (4 * (n) + 1)

#endif
