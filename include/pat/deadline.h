/* SPDX-License-Identifier: ISC */
#ifndef PAT_DEADLINE_H
#define PAT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* A point of CLOCK_MONOTONIC, in nanoseconds. Every wait in this project takes one. */
typedef int64_t pat_deadline;

pat_deadline pat_deadline_in(unsigned milliseconds);
bool pat_deadline_passed(pat_deadline deadline);

/* What is left, rounded up, in milliseconds as poll(2) wants it; 0 when it has passed. */
int pat_deadline_left(pat_deadline deadline);

/*
 * Sleeps a little before another try: 50 us the first time (*tries is 0), longer each time, 5 ms at
 * most, and never past the deadline. Returns false, at once, when the deadline has passed.
 */
bool pat_deadline_retry(pat_deadline deadline, unsigned *tries);

#endif
