/* SPDX-License-Identifier: ISC */
#ifndef TELL_H
#define TELL_H

/* Lines for people. Whatever is in them, a terminal obeys none of it. */

/*
 * `text` as it may be shown: what pat_escape() would write as \xHH becomes that, and so does every
 * byte that is not ASCII where the locale is not UTF-8 (in an 8-bit character set, bytes of UTF-8
 * are control characters). Quotes and backslashes stay. NULL is nothing. The caller frees it.
 */
char *shown(const char *text);

/* One line on standard error, after "patctl: ". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line on standard error. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line on standard output. Whether it got there, finish_output() tells. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is to be said, too, where an answer came and cannot be read, or memory is exhausted: whole
 * lines, or "". */
void if_lost(const char *lines);
void tell_lost(void);

/* Ends the program when memory is exhausted. */
void out_of_memory(void) __attribute__((noreturn));

#endif
