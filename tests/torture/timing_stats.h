/* SPDX-License-Identifier: ISC */
#ifndef TIMING_STATS_H
#define TIMING_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Welch's t of two sets of measurements, each cut off at several places, as dudect does (Reparaz,
 * Balasch, Verbauwhede, "Dude, is my code constant time?", DATE 2017): what is slow because the
 * machine was busy hides what is slow because of the data. Cut at the same time for both, or the
 * cut would hide it.
 */

struct samples {
	double *ns;
	size_t count;
};

/* From the fastest, this share of the measurements of both is kept. */
static const double timing_cuts[] = {0.10, 0.25, 0.50, 0.75, 0.90, 0.99};

#define TIMING_CUTS (sizeof(timing_cuts) / sizeof(timing_cuts[0]))

static int timing_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The time below which the share of all measurements lies. */
static double timing_percentile(const struct samples *a, const struct samples *b, double share)
{
	size_t count = a->count + b->count;
	double *all = malloc((count + 1) * sizeof(*all)), value;

	if (all == NULL)
		abort();
	for (size_t i = 0; i < a->count; i++)
		all[i] = a->ns[i];
	for (size_t i = 0; i < b->count; i++)
		all[a->count + i] = b->ns[i];
	qsort(all, count, sizeof(*all), timing_compare);
	value = count > 0 ? all[(size_t)((double)(count - 1) * share)] : 0;
	free(all);
	return value;
}

struct moments {
	double n, mean, m2;
};

/* Welford's way, in which nothing cancels out. */
static struct moments timing_moments(const struct samples *samples, double limit)
{
	struct moments m = {0, 0, 0};

	for (size_t i = 0; i < samples->count; i++) {
		double x = samples->ns[i], delta = x - m.mean;

		if (x > limit)
			continue;
		m.n++;
		m.mean += delta / m.n;
		m.m2 += delta * (x - m.mean);
	}
	return m;
}

/* Newton's: no other program here needs libm. */
static double timing_root(double x)
{
	double root = x > 1 ? x : 1;

	for (int i = 0; i < 200; i++)
		root = (root + x / root) / 2;
	return root;
}

static double timing_size(double x)
{
	return x < 0 ? -x : x;
}

static double timing_t(const struct samples *a, const struct samples *b, double limit)
{
	struct moments x = timing_moments(a, limit), y = timing_moments(b, limit);
	double error;

	if (x.n < 2 || y.n < 2)
		return 0;
	error = timing_root(x.m2 / (x.n - 1) / x.n + y.m2 / (y.n - 1) / y.n);
	return error > 0 ? (x.mean - y.mean) / error : 0;
}

/* The t that tells the two apart best, and the difference of the means there. */
static double timing_worst_t(const struct samples *a, const struct samples *b, double *difference)
{
	double worst = 0;

	*difference = 0;
	for (size_t i = 0; i < TIMING_CUTS; i++) {
		double limit = timing_percentile(a, b, timing_cuts[i]);
		double t = timing_t(a, b, limit);

		if (timing_size(t) <= timing_size(worst))
			continue;
		worst = t;
		*difference = timing_moments(a, limit).mean - timing_moments(b, limit).mean;
	}
	return worst;
}

#endif
