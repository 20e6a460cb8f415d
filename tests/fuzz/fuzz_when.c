/* SPDX-License-Identifier: ISC */

/*
 * Times. The first byte chooses a zone, 8 bytes are what the time is now, the rest is a text.
 *
 * What must hold: what is understood is never, or a second of the years 0 to 9999 that is not the
 * epoch; printed, it is what the calendar says, and read again it is the same; a span moves
 * forward, by just as many seconds where its unit has a length; what is not understood leaves the
 * result alone.
 */

#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "pat/error.h"
#include "pat/when.h"

#define FIRST INT64_C(-62167219200)
#define LAST INT64_C(253402300799)
#define UNTOUCHED INT64_C(-9000000000000)

static const char *const zones[] = {
	"UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "<+14>-14", "<-1130>11:30", "EST5EDT,M3.2.0,M11.1.0",
};

/* Days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned yoe = (unsigned)(year - era * 400);
	unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void check_printed(int64_t when)
{
	char text[PAT_RFC3339_MAX], local[PAT_LOCALTIME_MAX];
	unsigned year, month, day, hour, minute, second;
	int64_t again = UNTOUCHED;

	pat_rfc3339(text, when);
	HOLDS(strlen(text) == 20 && text[19] == 'Z');
	HOLDS(sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute,
		     &second) == 6);
	HOLDS(days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second == when);
	HOLDS(pat_when_parse(text, 0, &again) == (when == 0 ? PAT_E_INVALID : PAT_OK));
	HOLDS(again == (when == 0 ? UNTOUCHED : when));
	pat_localtime(local, when);
	HOLDS(strlen(local) < sizeof(local) && is_printable(local, strlen(local)));
}

/* What is written in UTC is printed as it was written, leap seconds and fractions apart. */
static void check_written(const char *text, int64_t when)
{
	char printed[PAT_RFC3339_MAX];
	size_t len = strlen(text);

	if (len < 20 || strchr("Zz", text[len - 1]) == NULL || strncmp(text + 17, "60", 2) == 0)
		return;
	pat_rfc3339(printed, when);
	HOLDS(strncmp(text, printed, 10) == 0 && strncmp(text + 11, printed + 11, 8) == 0);
}

static void check_span(const char *text, int64_t now, int64_t when)
{
	static const char units[] = "smhdw";
	static const int64_t lengths[] = {1, 60, 3600, 86400, 604800};
	const char *end = text + strspn(text, "0123456789");
	const char *unit = strchr(units, *end);

	HOLDS(end > text && end <= text + 6 && end[0] != '\0' && end[1] == '\0');
	if (unit != NULL)
		HOLDS(when == now + atoll(text) * lengths[unit - units]);
	else
		HOLDS((*end == 'M' || *end == 'y') && when > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	unsigned zone = input_byte(&input) % COUNT(zones);
	int64_t now = (int64_t)input_number(&input, 8), when = UNTOUCHED, span = UNTOUCHED;
	static unsigned zone_now = COUNT(zones);
	char *text = input_text(input.at, input.left);
	int error, span_error;

	if (zone != zone_now)
		setenv("TZ", zones[zone_now = zone], 1);
	error = pat_when_parse(text, now, &when);
	HOLDS(error == PAT_OK || error == PAT_E_INVALID || error == PAT_E_TOOBIG);
	HOLDS((error == PAT_OK) == (when != UNTOUCHED));
	if (error == PAT_OK && strcmp(text, "never") == 0)
		HOLDS(when == PAT_NEVER);
	else if (error == PAT_OK)
		HOLDS(when != 0 && when >= FIRST && when <= LAST);
	if (error == PAT_OK) {
		check_printed(when);
		check_written(text, when);
	}
	span_error = pat_span_add(text, now, &span);
	if (span_error == PAT_OK) {
		HOLDS(error == PAT_OK && span == when);
		check_span(text, now, span);
	}
	if (now >= FIRST && now <= LAST)
		check_printed(now);
	free(text);
	return 0;
}
