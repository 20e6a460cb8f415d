/* SPDX-License-Identifier: ISC */
#ifndef BOUND_H
#define BOUND_H

/*
 * How long a change of the store may compute. What TDB would not come to an end with is looked for
 * before a change (lib/chain.h), and refused. Should something be overlooked, nobody else could
 * change the store, to revoke a token say, as long as TDB went round.
 *
 * To go through a million tokens, which only a damaged index makes anybody do, takes less.
 */
enum { BOUND_CPU_SECONDS = 20 };

/* From here on so much computing ends the process, by the signal SIGPROF, or by what handles it. */
void bound_begin(void (*handle)(int number));

/* And not any more. */
void bound_end(void);

#endif
