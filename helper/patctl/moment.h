/* SPDX-License-Identifier: ISC */
#ifndef MOMENT_H
#define MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Spans and points in time as people type them, and read them. Seconds. */

/* The length of a span, as in 30d; a month or year is as long as the one that begins now. */
int span_of(const char *text, int64_t *seconds);

/* A point in the past: a span before now, the beginning of a day, or RFC 3339. */
int past_of(const char *text, int64_t *when);

/* The time in a member of patd's answers. False if it is none. */
bool moment_of(const char *text, int64_t *when);

/* "in 3 days", "2 hours ago", "now": whole units of the largest kind of which there are two. */
#define RELATIVE_MAX 48
char *relative(char dst[RELATIVE_MAX], int64_t when, int64_t now);

#endif
