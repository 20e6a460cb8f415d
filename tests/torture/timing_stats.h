/* SPDX-License-Identifier: ISC */
#ifndef TIMING_STATS_H
#define TIMING_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * Student's t of the difference between two kinds of attempts, measured as dudect does (Reparaz,
 * Balasch, Verbauwhede, "Dude, is my code constant time?", DATE 2017): each attempt is of a kind
 * that a coin has chosen, and the measurements are cropped at several percentiles, because what is
 * slow because the machine was busy hides what is slow because of the data.
 *
 * The percentiles are fixed beforehand, and taken of both kinds together, in each round anew: a
 * crop that knew the kinds would make a difference, or hide one, and a machine that becomes slower
 * halfway would leave nothing of the rest.
 *
 * dudect would compare the attempts. But two records have places of their own in the memory of the
 * machine, and so any two ids differ, if one only measures often enough, by some tens of
 * nanoseconds. What is compared is therefore one difference for each pair of ids: it tells the
 * kinds apart only if it is not the luck of a few.
 */

/* From the fastest, this share of a round's measurements is kept. */
static const double timing_cuts[] = {0.10, 0.25, 0.50, 0.75, 0.90};

enum { TIMING_CUTS = sizeof(timing_cuts) / sizeof(timing_cuts[0]), TIMING_PAIRS = 128 };

/* Two kinds, at each cut: the sum of the differences of the means, of how many rounds of a pair. */
struct comparison {
	double sum[TIMING_CUTS][TIMING_PAIRS];
	unsigned rounds[TIMING_CUTS][TIMING_PAIRS];
};

static int timing_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A round of `count` measurements with one pair of ids, each of one of two kinds. `sorted` has room
 * for as many. */
static void timing_round(struct comparison *comparison, size_t pair, const double *ns,
			 const bool *kind, size_t count, double *sorted)
{
	memcpy(sorted, ns, count * sizeof(*ns));
	qsort(sorted, count, sizeof(*sorted), timing_compare);
	for (size_t cut = 0; cut < TIMING_CUTS; cut++) {
		double limit = sorted[(size_t)((double)(count - 1) * timing_cuts[cut])];
		double sum[2] = {0, 0}, n[2] = {0, 0};

		for (size_t i = 0; i < count; i++) {
			if (ns[i] > limit)
				continue;
			sum[kind[i]] += ns[i] - limit;
			n[kind[i]]++;
		}
		/* Two kinds so different are seen at the other cuts. */
		if (n[0] == 0 || n[1] == 0)
			continue;
		comparison->sum[cut][pair] += sum[1] / n[1] - sum[0] / n[0];
		comparison->rounds[cut][pair]++;
	}
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

/* At one cut; the mean of the differences in *mean. Welford's way, in which nothing cancels out. */
static double timing_t(const struct comparison *comparison, size_t cut, double *mean)
{
	double n = 0, m2 = 0;

	*mean = 0;
	for (size_t i = 0; i < TIMING_PAIRS; i++) {
		double x, delta;

		if (comparison->rounds[cut][i] == 0)
			continue;
		x = comparison->sum[cut][i] / comparison->rounds[cut][i];
		delta = x - *mean;
		n++;
		*mean += delta / n;
		m2 += delta * (x - *mean);
	}
	/* Of a few, chance makes any t. */
	if (n < 8 || m2 <= 0)
		return 0;
	return *mean / timing_root(m2 / (n - 1) / n);
}

/* The t that tells the two apart best, and the mean of the differences there. */
static double timing_worst_t(const struct comparison *comparison, double *difference)
{
	double worst = 0;

	*difference = 0;
	for (size_t cut = 0; cut < TIMING_CUTS; cut++) {
		double mean, t = timing_t(comparison, cut, &mean);

		if (timing_size(t) <= timing_size(worst))
			continue;
		worst = t;
		*difference = mean;
	}
	return worst;
}

#endif
