/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/when.h"

/* As POSIX writes zones, so that no zone database is needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define LOS_ANGELES "PST8PDT,M3.2.0,M11.1.0"
#define HAVANA "CST5CDT,M3.2.0/0,M11.1.0/1"
#define TOKYO "JST-9"

#define LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define HOUR 3600
#define DAY (24 * HOUR)

/* Untouched by a failure. */
#define SENTINEL INT64_C(-424242)

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static int64_t utc(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month - 1,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = minute,
			.tm_sec = second};

	return timegm(&tm);
}

static int64_t parsed(const char *text, int64_t now)
{
	int64_t when = SENTINEL;
	int error = pat_when_parse(text, now, &when);

	if (error)
		fail_msg("\"%s\" is refused: %s", text, pat_error_text(error));
	return when;
}

static void refused(const char *text, int64_t now, int error)
{
	int64_t when = SENTINEL;
	int got = pat_when_parse(text, now, &when);

	if (got != error)
		fail_msg("\"%s\" gives %d, not %d", text, got, error);
	assert_int_equal(when, SENTINEL);
}

static void seconds_to_weeks_are_fixed_spans(void **state)
{
	const int64_t now = utc(2026, 3, 28, 12, 0, 0);

	(void)state;
	zone(BERLIN); /* the clock jumps in the night that follows */
	assert_int_equal(parsed("1s", now), now + 1);
	assert_int_equal(parsed("30s", now), now + 30);
	assert_int_equal(parsed("15m", now), now + 15 * 60);
	assert_int_equal(parsed("12h", now), now + 12 * HOUR);
	assert_int_equal(parsed("90d", now), now + INT64_C(90) * DAY);
	assert_int_equal(parsed("8w", now), now + INT64_C(56) * DAY);
	assert_int_equal(parsed("007d", now), now + 7 * DAY);
	assert_int_equal(parsed("999999s", now), now + 999999);
}

static void a_span_goes_to_the_year_9999_and_no_further(void **state)
{
	int64_t when = SENTINEL;

	(void)state;
	zone("UTC");
	assert_int_equal(parsed("1s", LAST - 1), LAST);
	refused("2s", LAST - 1, PAT_E_TOOBIG);
	refused("1s", LAST, PAT_E_TOOBIG);
	refused("1s", LAST + 1, PAT_E_TOOBIG);
	refused("1s", INT64_MAX, PAT_E_TOOBIG);
	refused("1M", INT64_MAX, PAT_E_TOOBIG);
	refused("1s", INT64_MIN, PAT_E_INVALID);
	refused("1y", INT64_MIN, PAT_E_INVALID);
	refused("999999w", utc(2026, 1, 1, 0, 0, 0), PAT_E_TOOBIG);
	refused("999999M", utc(2026, 1, 1, 0, 0, 0), PAT_E_TOOBIG);
	refused("999999y", utc(2026, 1, 1, 0, 0, 0), PAT_E_TOOBIG);
	assert_int_equal(parsed("7973y", utc(2026, 1, 1, 0, 0, 0)), utc(9999, 1, 1, 0, 0, 0));
	refused("7974y", utc(2026, 1, 1, 0, 0, 0), PAT_E_TOOBIG);
	assert_int_equal(pat_span_add("1s", LAST - 1, &when), PAT_OK);
	assert_int_equal(when, LAST);
}

static void a_span_has_one_to_six_digits_and_one_unit(void **state)
{
	static const char *const bad[] = {
		"",         "s",     "1",     "0s",   "000000d", "1000000s",
		"1234567d", "-1d",   "+1d",   " 1d",  "1d ",     "1 d",
		"1dd",      "1d1h",  "1.5h",  "1S",   "1D",      "1Y",
		"1min",     "1hour", "0x10s", "1e3s", "d1",      "1\n",
		"1d\n",     "M",     "1m1",   "१d",   "1\xff",   "99999999999999999999d",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t when = SENTINEL;

		refused(bad[i], 1000000000, PAT_E_INVALID);
		assert_int_equal(pat_span_add(bad[i], 1000000000, &when), PAT_E_INVALID);
		assert_int_equal(when, SENTINEL);
	}
}

static void a_span_is_no_date(void **state)
{
	static const char *const no_span[] = {"never", "2027-01-31", "2027-01-31T18:00:00Z"};

	(void)state;
	for (size_t i = 0; i < sizeof(no_span) / sizeof(no_span[0]); i++) {
		int64_t when = SENTINEL;

		assert_int_equal(pat_span_add(no_span[i], 1000000000, &when), PAT_E_INVALID);
		assert_int_equal(when, SENTINEL);
	}
}

static void months_and_years_are_of_the_calendar(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("6M", utc(2026, 11, 21, 17, 45, 15)), utc(2027, 5, 21, 17, 45, 15));
	assert_int_equal(parsed("1M", utc(2026, 12, 31, 1, 2, 3)), utc(2027, 1, 31, 1, 2, 3));
	assert_int_equal(parsed("13M", utc(2026, 12, 1, 0, 0, 0)), utc(2028, 1, 1, 0, 0, 0));
	assert_int_equal(parsed("1y", utc(2026, 6, 15, 8, 0, 0)), utc(2027, 6, 15, 8, 0, 0));
}

static void a_month_too_short_gives_its_last_day(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("1M", utc(2027, 1, 31, 9, 0, 0)), utc(2027, 2, 28, 9, 0, 0));
	assert_int_equal(parsed("1M", utc(2027, 1, 28, 9, 0, 0)), utc(2027, 2, 28, 9, 0, 0));
	assert_int_equal(parsed("1M", utc(2028, 1, 31, 9, 0, 0)), utc(2028, 2, 29, 9, 0, 0));
	assert_int_equal(parsed("3M", utc(2027, 1, 31, 9, 0, 0)), utc(2027, 4, 30, 9, 0, 0));
	assert_int_equal(parsed("1y", utc(2028, 2, 29, 9, 0, 0)), utc(2029, 2, 28, 9, 0, 0));
	assert_int_equal(parsed("4y", utc(2028, 2, 29, 9, 0, 0)), utc(2032, 2, 29, 9, 0, 0));
	assert_int_equal(parsed("8y", utc(2096, 2, 29, 9, 0, 0)), utc(2104, 2, 29, 9, 0, 0));
	assert_int_equal(parsed("4y", utc(2096, 2, 29, 9, 0, 0)), utc(2100, 2, 28, 9, 0, 0));
}

static void the_day_of_a_month_is_the_local_one(void **state)
{
	(void)state;
	/* 31 January, 23:30 UTC, is 1 February in Tokyo. */
	zone(TOKYO);
	assert_int_equal(parsed("1M", utc(2027, 1, 31, 23, 30, 0)), utc(2027, 2, 28, 23, 30, 0));
	zone(NEW_YORK);
	assert_int_equal(parsed("1M", utc(2027, 2, 1, 4, 30, 0)), utc(2027, 3, 1, 4, 30, 0));
}

static void months_keep_the_time_of_day_across_summer_time(void **state)
{
	(void)state;
	zone(BERLIN);
	/* 12:00 CET, and 12:00 CEST: an hour of UTC less. */
	assert_int_equal(parsed("6M", utc(2026, 1, 15, 11, 0, 0)), utc(2026, 7, 15, 10, 0, 0));
	assert_int_equal(parsed("6M", utc(2026, 7, 15, 10, 0, 0)), utc(2027, 1, 15, 11, 0, 0));
	/* 02:30 does not occur on 28 March 2027: an hour later it is. */
	assert_int_equal(parsed("1M", utc(2027, 2, 28, 1, 30, 0)), utc(2027, 3, 28, 1, 30, 0));
	/* 02:30 occurs twice on 25 October 2026: the second time. */
	assert_int_equal(parsed("1M", utc(2026, 9, 25, 0, 30, 0)), utc(2026, 10, 25, 1, 30, 0));
	/* Whatever was asked before. */
	assert_int_equal(parsed("1M", utc(2026, 7, 1, 0, 0, 0)), utc(2026, 8, 1, 0, 0, 0));
	assert_int_equal(parsed("1M", utc(2026, 9, 25, 0, 30, 0)), utc(2026, 10, 25, 1, 30, 0));
	assert_int_equal(parsed("1M", utc(2027, 2, 28, 1, 30, 0)), utc(2027, 3, 28, 1, 30, 0));
}

static void a_date_is_its_last_second_in_local_time(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("2027-01-31", 0), utc(2027, 1, 31, 23, 59, 59));
	zone(BERLIN);
	assert_int_equal(parsed("2027-01-31", 0), utc(2027, 1, 31, 22, 59, 59));
	assert_int_equal(parsed("2027-07-31", 0), utc(2027, 7, 31, 21, 59, 59));
	zone(LOS_ANGELES);
	assert_int_equal(parsed("2027-01-31", 0), utc(2027, 2, 1, 7, 59, 59));
	/* 28 March 2027 has 23 hours in Berlin, 31 October 25. */
	zone(BERLIN);
	assert_int_equal(parsed("2027-03-28", 0) - parsed("2027-03-27", 0), 23 * HOUR);
	assert_int_equal(parsed("2027-10-31", 0) - parsed("2027-10-30", 0), 25 * HOUR);
	/* Where the clock is set back at midnight, the last hour of a day occurs twice. */
	zone(HAVANA);
	assert_int_equal(parsed("2026-11-01", 0), utc(2026, 11, 2, 4, 59, 59));
	zone("<-03>3<-02>,M10.3.0/0,M2.3.0/0");
	assert_int_equal(parsed("2027-02-20", 0), utc(2027, 2, 21, 2, 59, 59));
}

static void leap_days_exist_in_leap_years_only(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("2028-02-29", 0), utc(2028, 2, 29, 23, 59, 59));
	assert_int_equal(parsed("2000-02-29T00:00:00Z", 0), utc(2000, 2, 29, 0, 0, 0));
	assert_int_equal(parsed("2400-02-29", 0), utc(2400, 2, 29, 23, 59, 59));
	refused("2027-02-29", 0, PAT_E_INVALID);
	refused("2100-02-29", 0, PAT_E_INVALID);
	refused("2100-02-29T00:00:00Z", 0, PAT_E_INVALID);
	refused("2028-02-30", 0, PAT_E_INVALID);
}

static void rfc3339_is_read_with_any_offset(void **state)
{
	const int64_t when = utc(2027, 1, 31, 18, 0, 0);

	(void)state;
	zone(TOKYO); /* which must not matter */
	assert_int_equal(parsed("2027-01-31T18:00:00Z", 0), when);
	assert_int_equal(parsed("2027-01-31t18:00:00z", 0), when);
	assert_int_equal(parsed("2027-01-31 18:00:00Z", 0), when);
	assert_int_equal(parsed("2027-01-31T19:00:00+01:00", 0), when);
	assert_int_equal(parsed("2027-01-31T12:30:00-05:30", 0), when);
	assert_int_equal(parsed("2027-02-01T17:59:00+23:59", 0), when);
	assert_int_equal(parsed("2027-01-30T18:01:00-23:59", 0), when);
	assert_int_equal(parsed("2027-01-31T18:00:00-00:00", 0), when);
	assert_int_equal(parsed("2027-01-31T18:00:00+00:00", 0), when);
	assert_int_equal(parsed("2027-12-31T23:59:59Z", 0), utc(2027, 12, 31, 23, 59, 59));
	assert_int_equal(parsed("1969-12-31T23:59:59Z", 0), -1);
	assert_int_equal(parsed("0000-01-01T00:00:00Z", 0), INT64_C(-62167219200));
}

static void fractions_of_a_second_are_cut_off(void **state)
{
	const int64_t when = utc(2027, 1, 31, 18, 0, 0);

	(void)state;
	assert_int_equal(parsed("2027-01-31T18:00:00.0Z", 0), when);
	assert_int_equal(parsed("2027-01-31T18:00:00.999999999999999999999Z", 0), when);
	assert_int_equal(parsed("2027-01-31T19:00:00.5+01:00", 0), when);
	refused("2027-01-31T18:00:00.Z", 0, PAT_E_INVALID);
	refused("2027-01-31T18:00:00,5Z", 0, PAT_E_INVALID);
	refused("2027-01-31T18:00:00.5", 0, PAT_E_INVALID);
}

static void leap_seconds_are_at_the_end_of_a_month(void **state)
{
	(void)state;
	assert_int_equal(parsed("2016-12-31T23:59:60Z", 0), utc(2017, 1, 1, 0, 0, 0));
	assert_int_equal(parsed("2017-01-01T00:59:60+01:00", 0), utc(2017, 1, 1, 0, 0, 0));
	refused("2016-12-30T23:59:60Z", 0, PAT_E_INVALID);
	refused("2016-12-31T22:59:60Z", 0, PAT_E_INVALID);
	refused("2016-12-31T23:58:60Z", 0, PAT_E_INVALID);
	refused("2016-12-31T23:59:60+01:00", 0, PAT_E_INVALID);
}

static void malformed_times_are_refused(void **state)
{
	static const char *const bad[] = {
		"2027",
		"2027-",
		"2027-01",
		"2027-1-31",
		"2027-01-3",
		"2027-01-311",
		"2027-00-10",
		"2027-13-10",
		"2027-01-00",
		"2027-01-32",
		"2027-04-31",
		"2027/01/31",
		"20270131",
		"27-01-31",
		"+2027-01-31",
		"-2027-01-31",
		"12027-01-31",
		" 2027-01-31",
		"2027-01-31 ",
		"2027-01-31T",
		"2027-01-31T18",
		"2027-01-31T18:00",
		"2027-01-31T18:00Z",
		"2027-01-31T18:00:00",
		"2027-01-31T18:00:00 Z",
		"2027-01-31T18:00:00ZZ",
		"2027-01-31T18:00:00Z\n",
		"2027-01-31T18:00:00Z+01:00",
		"2027-01-31  18:00:00Z",
		"2027-01-31_18:00:00Z",
		"2027-01-31T24:00:00Z",
		"2027-01-31T18:60:00Z",
		"2027-01-31T18:00:61Z",
		"2027-01-31T1:00:00Z",
		"2027-01-31T-1:00:00Z",
		"2027-01-31T18:00:00+1:00",
		"2027-01-31T18:00:00+01",
		"2027-01-31T18:00:00+0100",
		"2027-01-31T18:00:00+24:00",
		"2027-01-31T18:00:00+01:60",
		"2027-01-31T18:00:00+01:00:00",
		"2027-01-31T18:00:00*01:00",
		"Never",
		"NEVER",
		"never ",
		" never",
		"nevernever",
		"neve",
		"tomorrow",
		"now",
		"-",
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], 1000000000, PAT_E_INVALID);
}

/* Every text that one character makes of a good one is refused, or means another well-formed time.
 */
static void nothing_is_read_past_the_end(void **state)
{
	static const char good[] = "2027-01-31T18:00:00.5+01:00";

	(void)state;
	for (size_t at = 0; at < sizeof(good); at++) {
		for (int c = 0; c < 256; c++) {
			/* Exactly as long as the text, so that a sanitizer sees a step too far. */
			char *text = malloc(at + 2);
			int64_t when = SENTINEL;

			assert_non_null(text);
			memcpy(text, good, at);
			text[at] = (char)c;
			text[at + 1] = '\0';
			if (pat_when_parse(text, 1000000000, &when) != PAT_OK)
				assert_int_equal(when, SENTINEL);
			free(text);
		}
	}
}

static void times_past_the_year_9999_are_too_big(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("9999-12-31", 0), LAST);
	assert_int_equal(parsed("9999-12-31T23:59:59Z", 0), LAST);
	refused("9999-12-31T23:59:60Z", 0, PAT_E_TOOBIG);
	refused("9999-12-31T23:59:59-00:01", 0, PAT_E_TOOBIG);
	refused("0000-01-01T00:00:00+00:01", 0, PAT_E_INVALID);
	refused("10000-01-01", 0, PAT_E_INVALID);
	zone(NEW_YORK);
	refused("9999-12-31", 0, PAT_E_TOOBIG);
}

static void no_time_is_taken_for_never(void **state)
{
	(void)state;
	zone("UTC");
	assert_int_equal(parsed("never", 1000000000), PAT_NEVER);
	refused("1970-01-01T00:00:00Z", 1000000000, PAT_E_INVALID);
	refused("1970-01-01T01:00:00+01:00", 1000000000, PAT_E_INVALID);
	refused("1s", -1, PAT_E_INVALID);
	assert_int_equal(parsed("1970-01-01T00:00:01Z", 0), 1);
}

static void rfc3339_is_written_in_utc(void **state)
{
	static const struct {
		int64_t when;
		const char *text;
	} times[] = {
		{0, "1970-01-01T00:00:00Z"},
		{-1, "1969-12-31T23:59:59Z"},
		{1801418400, "2027-01-31T18:00:00Z"},
		{951782400, "2000-02-29T00:00:00Z"},
		{LAST, "9999-12-31T23:59:59Z"},
		{LAST + 1, "9999-12-31T23:59:59Z"},
		{INT64_MAX, "9999-12-31T23:59:59Z"},
		{INT64_C(-62167219200), "0000-01-01T00:00:00Z"},
		{INT64_C(-62167219201), "0000-01-01T00:00:00Z"},
		{INT64_MIN, "0000-01-01T00:00:00Z"},
		{INT64_C(-30610224000), "1000-01-01T00:00:00Z"},
		{INT64_C(-30610224001), "0999-12-31T23:59:59Z"},
	};
	char text[PAT_RFC3339_MAX];

	(void)state;
	zone(BERLIN);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(pat_rfc3339(text, times[i].when), times[i].text);
}

static void what_is_written_can_be_read_again(void **state)
{
	char text[PAT_RFC3339_MAX];

	(void)state;
	for (int64_t when = -INT64_C(62167219200); when <= LAST; when += INT64_C(12345678901))
		assert_int_equal(parsed(pat_rfc3339(text, when), 0), when);
	assert_int_equal(parsed(pat_rfc3339(text, LAST), 0), LAST);
}

static void local_time_names_its_zone(void **state)
{
	const int64_t when = utc(2027, 1, 31, 18, 0, 0);
	char text[PAT_LOCALTIME_MAX];

	(void)state;
	zone("UTC");
	assert_string_equal(pat_localtime(text, when), "2027-01-31 18:00:00 UTC");
	zone(BERLIN);
	assert_string_equal(pat_localtime(text, when), "2027-01-31 19:00:00 CET");
	assert_string_equal(pat_localtime(text, utc(2027, 7, 1, 0, 0, 0)),
			    "2027-07-01 02:00:00 CEST");
	zone("<-03>3");
	assert_string_equal(pat_localtime(text, when), "2027-01-31 15:00:00 -03");
	zone("<+0545>-5:45");
	assert_string_equal(pat_localtime(text, when), "2027-01-31 23:45:00 +0545");
	assert_string_equal(pat_localtime(text, LAST), "9999-12-31T23:59:59Z");
	assert_string_equal(pat_localtime(text, INT64_MAX), "9999-12-31T23:59:59Z");
	zone("EST5");
	assert_string_equal(pat_localtime(text, INT64_MIN), "0000-01-01T00:00:00Z");
}

static void a_zone_too_long_to_be_one_is_shown_as_an_offset(void **state)
{
	char text[PAT_LOCALTIME_MAX];

	(void)state;
	zone("ABCDEFGHIJKLMNOP-2");
	assert_string_equal(pat_localtime(text, 0), "1970-01-01 02:00:00 ABCDEFGHIJKLMNOP");
	zone("ABCDEFGHIJKLMNOPQ-2");
	assert_string_equal(pat_localtime(text, 0), "1970-01-01 02:00:00 +0200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_to_weeks_are_fixed_spans),
		cmocka_unit_test(a_span_goes_to_the_year_9999_and_no_further),
		cmocka_unit_test(a_span_has_one_to_six_digits_and_one_unit),
		cmocka_unit_test(a_span_is_no_date),
		cmocka_unit_test(months_and_years_are_of_the_calendar),
		cmocka_unit_test(a_month_too_short_gives_its_last_day),
		cmocka_unit_test(the_day_of_a_month_is_the_local_one),
		cmocka_unit_test(months_keep_the_time_of_day_across_summer_time),
		cmocka_unit_test(a_date_is_its_last_second_in_local_time),
		cmocka_unit_test(leap_days_exist_in_leap_years_only),
		cmocka_unit_test(rfc3339_is_read_with_any_offset),
		cmocka_unit_test(fractions_of_a_second_are_cut_off),
		cmocka_unit_test(leap_seconds_are_at_the_end_of_a_month),
		cmocka_unit_test(malformed_times_are_refused),
		cmocka_unit_test(nothing_is_read_past_the_end),
		cmocka_unit_test(times_past_the_year_9999_are_too_big),
		cmocka_unit_test(no_time_is_taken_for_never),
		cmocka_unit_test(rfc3339_is_written_in_utc),
		cmocka_unit_test(what_is_written_can_be_read_again),
		cmocka_unit_test(local_time_names_its_zone),
		cmocka_unit_test(a_zone_too_long_to_be_one_is_shown_as_an_offset),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
