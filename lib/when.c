/* SPDX-License-Identifier: ISC */
#include "pat/when.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"

/* The first and the last second that RFC 3339 can write: years 0000 to 9999. */
#define FIRST INT64_C(-62167219200)
#define LAST INT64_C(253402300799)

#define SPAN_DIGITS 6

_Static_assert(sizeof(time_t) == 8, "times past 2038: build with -D_TIME_BITS=64");

/* Not isdigit(): that asks the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The last check of every time that was computed. The epoch itself would read as PAT_NEVER. */
static int finish(int64_t when, int64_t *out)
{
	if (when > LAST)
		return PAT_E_TOOBIG;
	if (when < FIRST || when == PAT_NEVER)
		return PAT_E_INVALID;
	*out = when;
	return PAT_OK;
}

static bool same_time(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
	       a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/*
 * The instant of a local time. One that occurs twice, when summer time ends, is the second; one
 * that does not occur, when it begins, is as much later as the clock jumps. mktime(3) left to
 * itself may answer either way, by what it was asked before.
 */
static int from_local(const struct tm *wanted, int64_t *out)
{
	static const int summer_time[] = {-1, 0, 1};
	bool exact = false, found = false;
	int64_t latest = 0;

	for (size_t i = 0; i < sizeof(summer_time) / sizeof(summer_time[0]); i++) {
		struct tm tm = *wanted;
		bool same;
		time_t when;

		tm.tm_isdst = summer_time[i];
		tm.tm_wday = -1; /* mktime() sets it when it succeeds: -1 is a time, too */
		when = mktime(&tm);
		if (tm.tm_wday == -1)
			continue;
		same = same_time(&tm, wanted);
		if (exact && !same)
			continue;
		if (!found || (same && !exact) || when > latest)
			latest = when;
		exact = same;
		found = true;
	}
	if (!found)
		return PAT_E_TOOBIG;
	return finish(latest, out);
}

static bool is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* `month` from 0. */
static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month] + (month == 1 && is_leap_year(year));
}

/* `now` and `months` more, at the same local time of day. */
static int add_months(int64_t now, int64_t months, int64_t *out)
{
	time_t start = (time_t)now;
	struct tm tm;
	int64_t year;
	int last;

	tzset();
	if (localtime_r(&start, &tm) == NULL)
		return PAT_E_TOOBIG;
	months += tm.tm_mon;
	year = tm.tm_year + INT64_C(1900) + months / 12;
	if (year > 9999)
		return PAT_E_TOOBIG;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)(months % 12);
	last = days_in_month((int)year, tm.tm_mon);
	if (tm.tm_mday > last)
		tm.tm_mday = last;
	return from_local(&tm, out);
}

int pat_span_add(const char *text, int64_t now, int64_t *out)
{
	int64_t count = 0, unit;
	size_t digits = 0;

	for (; is_digit(text[digits]); digits++) {
		if (digits == SPAN_DIGITS)
			return PAT_E_INVALID;
		count = count * 10 + (text[digits] - '0');
	}
	if (count == 0 || text[digits] == '\0' || text[digits + 1] != '\0')
		return PAT_E_INVALID;
	if (now > LAST)
		return PAT_E_TOOBIG;
	if (now < FIRST)
		return PAT_E_INVALID;
	switch (text[digits]) {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = 60;
		break;
	case 'h':
		unit = 60 * 60;
		break;
	case 'd':
		unit = 24 * 60 * 60;
		break;
	case 'w':
		unit = 7 * 24 * 60 * 60;
		break;
	case 'M':
		return add_months(now, count, out);
	case 'y':
		return add_months(now, count * 12, out);
	default:
		return PAT_E_INVALID;
	}
	return finish(now + count * unit, out);
}

/* Takes exactly `width` digits, of a number from `min` to `max`, and moves *text past them. */
static bool take_number(const char **text, int width, int min, int max, int *number)
{
	*number = 0;
	for (int i = 0; i < width; i++, ++*text) {
		if (!is_digit(**text))
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return *number >= min && *number <= max;
}

static bool take_character(const char **text, const char *allowed)
{
	if (**text == '\0' || strchr(allowed, **text) == NULL)
		return false;
	++*text;
	return true;
}

/* YYYY-MM-DD */
static bool take_date(const char **text, struct tm *tm)
{
	int year;

	if (!take_number(text, 4, 0, 9999, &year) || !take_character(text, "-") ||
	    !take_number(text, 2, 1, 12, &tm->tm_mon) || !take_character(text, "-") ||
	    !take_number(text, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon--;
	return tm->tm_mday <= days_in_month(year, tm->tm_mon);
}

/* hh:mm:ss and a fraction, which is passed over. */
static bool take_time(const char **text, struct tm *tm)
{
	if (!take_number(text, 2, 0, 23, &tm->tm_hour) || !take_character(text, ":") ||
	    !take_number(text, 2, 0, 59, &tm->tm_min) || !take_character(text, ":") ||
	    !take_number(text, 2, 0, 60, &tm->tm_sec))
		return false;
	if (take_character(text, ".")) {
		if (!is_digit(**text))
			return false;
		while (is_digit(**text))
			++*text;
	}
	return true;
}

/* Z, or +hh:mm or -hh:mm, in seconds east of UTC. */
static bool take_offset(const char **text, int *offset)
{
	bool west = **text == '-';
	int hours, minutes;

	*offset = 0;
	if (take_character(text, "Zz"))
		return true;
	if (!take_character(text, "+-") || !take_number(text, 2, 0, 23, &hours) ||
	    !take_character(text, ":") || !take_number(text, 2, 0, 59, &minutes))
		return false;
	*offset = (west ? -1 : 1) * (hours * 60 + minutes) * 60;
	return true;
}

/* True for the first second of a month, UTC: the one that POSIX gives to a leap second before it.
 */
static bool begins_month(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	return gmtime_r(&t, &tm) != NULL && tm.tm_mday == 1 && tm.tm_hour == 0 && tm.tm_min == 0 &&
	       tm.tm_sec == 0;
}

/* The rest of an RFC 3339 time, behind its date. */
static int finish_rfc3339(const char *text, struct tm *tm, int64_t *out)
{
	bool leap_second;
	int offset;
	int64_t when;

	if (!take_character(&text, "Tt ") || !take_time(&text, tm) ||
	    !take_offset(&text, &offset) || *text != '\0')
		return PAT_E_INVALID;
	leap_second = tm->tm_sec == 60;
	when = (int64_t)timegm(tm) - offset;
	if (leap_second && !begins_month(when))
		return PAT_E_INVALID;
	return finish(when, out);
}

int pat_when_parse(const char *text, int64_t now, int64_t *out)
{
	struct tm tm = {0};
	int error;

	if (strcmp(text, "never") == 0) {
		*out = PAT_NEVER;
		return PAT_OK;
	}
	error = pat_span_add(text, now, out);
	if (error != PAT_E_INVALID)
		return error;
	if (!take_date(&text, &tm))
		return PAT_E_INVALID;
	if (*text != '\0')
		return finish_rfc3339(text, &tm, out);
	tm.tm_hour = 23;
	tm.tm_min = 59;
	tm.tm_sec = 59;
	tzset();
	return from_local(&tm, out);
}

static int64_t within_calendar(int64_t when)
{
	return when < FIRST ? FIRST : when > LAST ? LAST : when;
}

static char *put_number(char *dst, int number, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		dst[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return dst + width;
}

/* YYYY-MM-DD, `between`, hh:mm:ss; returns the end. Not strftime(3): its years are not padded. */
static char *put_time(char *dst, const struct tm *tm, char between)
{
	dst = put_number(dst, tm->tm_year + 1900, 4);
	*dst++ = '-';
	dst = put_number(dst, tm->tm_mon + 1, 2);
	*dst++ = '-';
	dst = put_number(dst, tm->tm_mday, 2);
	*dst++ = between;
	dst = put_number(dst, tm->tm_hour, 2);
	*dst++ = ':';
	dst = put_number(dst, tm->tm_min, 2);
	*dst++ = ':';
	return put_number(dst, tm->tm_sec, 2);
}

char *pat_rfc3339(char dst[PAT_RFC3339_MAX], int64_t when)
{
	time_t t = (time_t)within_calendar(when);
	struct tm tm = {.tm_mday = 1};

	(void)gmtime_r(&t, &tm);
	memcpy(put_time(dst, &tm, 'T'), "Z", 2);
	return dst;
}

/* True for what POSIX lets a zone be called. The name comes from TZ, which anybody may set. */
#define ZONE_MAX 16
static bool is_zone_name(const char *zone)
{
	size_t len = strspn(zone, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+-");

	return len > 0 && zone[len] == '\0';
}

char *pat_localtime(char dst[PAT_LOCALTIME_MAX], int64_t when)
{
	time_t t = (time_t)within_calendar(when);
	struct tm tm;
	char *end;

	/* A zone east of Greenwich has its year 10000 before UTC does. */
	if (localtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return pat_rfc3339(dst, when);
	end = put_time(dst, &tm, ' ');
	*end++ = ' ';
	if (strftime(end, ZONE_MAX + 1, "%Z", &tm) == 0 || !is_zone_name(end))
		(void)strftime(end, ZONE_MAX + 1, "%z", &tm);
	return dst;
}
