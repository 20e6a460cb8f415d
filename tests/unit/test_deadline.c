/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <limits.h>

#include "pat/deadline.h"

#define MILLISECOND INT64_C(1000000)

static int64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void a_deadline_is_that_far_ahead_on_the_monotonic_clock(void **state)
{
	static const unsigned spans[] = {0, 1, 999, 1000, 2000, 60000, UINT_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(spans); i++) {
		int64_t before = nanoseconds();
		pat_deadline deadline = pat_deadline_in(spans[i]);
		int64_t after = nanoseconds();

		assert_true(deadline >= before + spans[i] * MILLISECOND);
		assert_true(deadline <= after + spans[i] * MILLISECOND);
	}
}

static void a_deadline_passes_when_its_time_has_come(void **state)
{
	pat_deadline deadline = pat_deadline_in(50);
	int64_t after;

	(void)state;
	assert_true(pat_deadline_passed(pat_deadline_in(0)));
	assert_false(pat_deadline_passed(pat_deadline_in(60000)));
	assert_true(pat_deadline_passed(nanoseconds() - 1));
	do {
		after = nanoseconds();
	} while (!pat_deadline_passed(deadline));
	assert_true(nanoseconds() >= deadline);
	/* Not passed at a time that was read before the last question but one. */
	assert_true(after >= deadline - 10000 * MILLISECOND);
}

static void what_is_left_is_between_0_and_the_span(void **state)
{
	int left = pat_deadline_left(pat_deadline_in(60000));

	(void)state;
	assert_in_range(left, 30000, 60000);
	assert_int_equal(pat_deadline_left(pat_deadline_in(0)), 0);
	assert_int_equal(pat_deadline_left(nanoseconds() - 5 * MILLISECOND), 0);
	assert_int_equal(pat_deadline_left(0), 0);
	assert_int_equal(pat_deadline_left(-1), 0);
}

static void what_is_left_is_rounded_up(void **state)
{
	(void)state;
	/* Rounded down, poll() would return before the deadline, and again, and again. */
	for (int i = 0; i < 1000; i++) {
		pat_deadline deadline = nanoseconds() + MILLISECOND / 2;
		int left = pat_deadline_left(deadline);

		if (!pat_deadline_passed(deadline))
			assert_int_equal(left, 1);
	}
}

static void a_deadline_far_away_is_capped_for_poll(void **state)
{
	(void)state;
	assert_int_equal(pat_deadline_left(INT64_MAX), INT_MAX);
	assert_int_equal(pat_deadline_left(pat_deadline_in(UINT_MAX)), INT_MAX);
	assert_false(pat_deadline_passed(INT64_MAX));
	assert_true(pat_deadline_passed(INT64_MIN));
}

static void a_retry_after_the_deadline_is_refused_at_once(void **state)
{
	unsigned tries = 1000;
	int64_t before = unit_milliseconds();

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(pat_deadline_retry(pat_deadline_in(0), &tries));
	assert_true(unit_milliseconds() - before < 2000);
}

/* The shortest of several sleeps: the scheduler only makes them longer. */
static int64_t shortest_sleep(unsigned tries_before)
{
	int64_t shortest = INT64_MAX;

	for (int i = 0; i < 20; i++) {
		unsigned tries = tries_before;
		int64_t before = nanoseconds();

		assert_true(pat_deadline_retry(pat_deadline_in(60000), &tries));
		if (nanoseconds() - before < shortest)
			shortest = nanoseconds() - before;
	}
	return shortest;
}

static void the_first_retry_is_quick_and_later_ones_are_slower_up_to_5_ms(void **state)
{
	int64_t first = shortest_sleep(0);
	int64_t late = shortest_sleep(100);

	(void)state;
	assert_true(first >= 50 * 1000);
	assert_true(first < 3 * MILLISECOND);
	assert_true(late > first);
	assert_true(late < 6 * MILLISECOND);
	for (unsigned tries = 1; tries < 12; tries++)
		assert_true(shortest_sleep(tries) >= 50 * 1000);
}

static void any_number_of_tries_is_allowed(void **state)
{
	static const unsigned counts[] = {40, 41, 58, 63, 64, 65, UINT_MAX - 1, UINT_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		int64_t sleep = shortest_sleep(counts[i]);

		assert_true(sleep >= 4 * MILLISECOND);
		assert_true(sleep < 6 * MILLISECOND);
	}
}

static void no_retry_sleeps_past_the_deadline(void **state)
{
	int64_t shortest = INT64_MAX;

	(void)state;
	for (int i = 0; i < 20; i++) {
		unsigned tries = 100;
		int64_t before = nanoseconds();

		(void)pat_deadline_retry(before + MILLISECOND, &tries);
		if (nanoseconds() - before < shortest)
			shortest = nanoseconds() - before;
	}
	assert_true(shortest < 3 * MILLISECOND);
}

static void a_retry_counts(void **state)
{
	unsigned tries = 0;

	(void)state;
	assert_true(pat_deadline_retry(pat_deadline_in(60000), &tries));
	assert_int_equal(tries, 1);
	assert_true(pat_deadline_retry(pat_deadline_in(60000), &tries));
	assert_int_equal(tries, 2);
}

static void retries_end_at_the_deadline(void **state)
{
	pat_deadline deadline = pat_deadline_in(100);
	int64_t before = unit_milliseconds(), after;
	unsigned tries = 0;

	(void)state;
	while (pat_deadline_retry(deadline, &tries))
		;
	after = unit_milliseconds();
	assert_true(pat_deadline_passed(deadline));
	assert_true(after - before >= 99);
	assert_true(after - before < 5000);
	assert_in_range(tries, 10, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_is_that_far_ahead_on_the_monotonic_clock),
		cmocka_unit_test(a_deadline_passes_when_its_time_has_come),
		cmocka_unit_test(what_is_left_is_between_0_and_the_span),
		cmocka_unit_test(what_is_left_is_rounded_up),
		cmocka_unit_test(a_deadline_far_away_is_capped_for_poll),
		cmocka_unit_test(a_retry_after_the_deadline_is_refused_at_once),
		cmocka_unit_test(the_first_retry_is_quick_and_later_ones_are_slower_up_to_5_ms),
		cmocka_unit_test(any_number_of_tries_is_allowed),
		cmocka_unit_test(no_retry_sleeps_past_the_deadline),
		cmocka_unit_test(a_retry_counts),
		cmocka_unit_test(retries_end_at_the_deadline),
	};

	return unit_run(tests);
}
