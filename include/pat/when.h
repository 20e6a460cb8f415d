/* SPDX-License-Identifier: ISC */
#ifndef PAT_WHEN_H
#define PAT_WHEN_H

#include <stddef.h>
#include <stdint.h>

/* Points in time and spans of it, as people write them. Seconds since the epoch, UTC. */

#define PAT_NEVER 0

/*
 * Parses a span: a whole number without sign and one of the units of systemd.time(7): s, m
 * (minutes), h, d (24 h), w, M (calendar months), y (calendar years); at most six digits. *out is
 * `now` moved on by it; a month that is too short for the day gives its last day, local time.
 * PAT_E_INVALID when it is no span or a span of nothing; PAT_E_TOOBIG past the year 9999.
 */
int pat_span_add(const char *text, int64_t now, int64_t *out);

/*
 * Parses when a token is to end: a span from `now`; YYYY-MM-DD (the last second of that day, local
 * time); RFC 3339 (`2027-01-31T18:00:00Z`, an offset instead of Z, a space or `t` for T; fractions
 * are cut off); or `never` (PAT_NEVER). PAT_E_INVALID when it is none of these, PAT_E_TOOBIG past
 * the year 9999. The epoch itself, which would read as PAT_NEVER, is PAT_E_INVALID, too. Whether it
 * is in the future is for the caller to ask.
 */
int pat_when_parse(const char *text, int64_t now, int64_t *out);

/* RFC 3339 in UTC, "2027-01-31T18:00:00Z". Returns dst. */
#define PAT_RFC3339_MAX 32
char *pat_rfc3339(char dst[PAT_RFC3339_MAX], int64_t when);

/* Local time with its zone, "2027-01-31 19:00:00 CET". Returns dst. The zone is that of the first
 * such call, or of the last tzset(3), which asks the disk: a list has many times. */
#define PAT_LOCALTIME_MAX 64
char *pat_localtime(char dst[PAT_LOCALTIME_MAX], int64_t when);

#endif
