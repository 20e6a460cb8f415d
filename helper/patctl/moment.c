/* SPDX-License-Identifier: ISC */
#include "moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/when.h"
#include "patctl.h"
#include "tell.h"

int span_of(const char *text, int64_t *seconds)
{
	int64_t now = time(NULL), then;

	if (pat_span_add(text, now, &then) != PAT_OK) {
		complain("'%s' is no span of time: that is 30s 15m 12h 90d 8w 6M 1y", text);
		return STATUS_USAGE;
	}
	*seconds = then - now;
	return STATUS_OK;
}

/* From the last second of a day, local time, to its first. */
static int64_t beginning_of_day(int64_t end)
{
	time_t when = (time_t)end;
	struct tm tm;

	if (localtime_r(&when, &tm) == NULL)
		return end;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

int past_of(const char *text, int64_t *when)
{
	int64_t now = time(NULL), then;
	char local[PAT_LOCALTIME_MAX];

	if (pat_span_add(text, now, &then) == PAT_OK) {
		*when = now - (then - now);
		return STATUS_OK;
	}
	if (pat_when_parse(text, now, when) != PAT_OK || *when == PAT_NEVER) {
		complain("'%s' is no time: that is 15m 12h 90d (ago), 2027-01-31 or "
			 "2027-01-31T18:00:00Z",
			 text);
		return STATUS_USAGE;
	}
	if (strpbrk(text, "Tt :") == NULL)
		*when = beginning_of_day(*when);
	if (*when > now) {
		complain("'%s' is in the future: %s", text, pat_localtime(local, *when));
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

bool moment_of(const char *text, int64_t *when)
{
	return text != NULL && strchr(text, 'T') != NULL && pat_when_parse(text, 0, when) == PAT_OK;
}

char *relative(char dst[RELATIVE_MAX], int64_t when, int64_t now)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {
		{365 * 86400, "years"}, {30 * 86400, "months"}, {86400, "days"},
		{3600, "hours"},        {60, "minutes"},        {1, "seconds"},
	};
	int64_t distance = when > now ? when - now : now - when;
	size_t i = 0;

	if (distance < 2) {
		(void)snprintf(dst, RELATIVE_MAX, "now");
		return dst;
	}
	while (distance < 2 * units[i].seconds)
		i++;
	(void)snprintf(dst, RELATIVE_MAX, "%s%" PRId64 " %s%s", when > now ? "in " : "",
		       distance / units[i].seconds, units[i].name, when > now ? "" : " ago");
	return dst;
}
