/* SPDX-License-Identifier: ISC */
#include "pat/deadline.h"

#include <limits.h>
#include <time.h>

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000
#define PAUSE_NS ((int64_t)50000)
#define PAUSE_MAX_NS ((int64_t)5 * NS_PER_MS)

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

pat_deadline pat_deadline_in(unsigned milliseconds)
{
	return now_ns() + (int64_t)milliseconds * NS_PER_MS;
}

bool pat_deadline_passed(pat_deadline deadline)
{
	return now_ns() >= deadline;
}

int pat_deadline_left(pat_deadline deadline)
{
	int64_t left = deadline - now_ns();

	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT_MAX ? INT_MAX : (int)left;
}

bool pat_deadline_retry(pat_deadline deadline, unsigned *tries)
{
	int64_t left = deadline - now_ns();
	int64_t pause = PAUSE_NS;
	struct timespec ts;

	if (left <= 0)
		return false;
	/* Each pause is an eighth longer, so that nobody sleeps much longer than need be past what
	 * is waited for: logins meet the syncs of a change, which take less than a millisecond. */
	for (unsigned i = 0; i < *tries && pause < PAUSE_MAX_NS; i++)
		pause += pause / 8;
	++*tries;
	if (pause > PAUSE_MAX_NS)
		pause = PAUSE_MAX_NS;
	if (pause > left)
		pause = left;
	ts.tv_sec = 0;
	ts.tv_nsec = (long)pause;
	/* A signal only makes the pause shorter. */
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	return true;
}
