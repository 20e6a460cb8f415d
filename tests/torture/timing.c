/* SPDX-License-Identifier: ISC */

/*
 * How long it takes to refuse a token, by what is wrong with it: Student's t for each kind
 * against the first, as timing_stats.h says.
 *
 *	timing once LEVEL CLASS
 *	timing race LEVEL SECONDS COUNT CLASS CLASS...
 *	timing strangers
 *
 * `once` makes one attempt, after one that is not counted; for strace and callgrind. `race`
 * measures for SECONDS, but no more than COUNT of a class, and up to three times as long for as
 * much as one round with each id, and prints for each class but the first:
 *
 *	NAME t=T difference=NS median=NS count=COUNT ids=IDS sees=NS
 *
 * where `sees` is the smallest of a row of differences that would have made |t| larger than LIMIT
 * if each attempt of the class had taken that much longer. `strangers` succeeds if the record in
 * which refusals of unknown ids are noted is an ordinary one, as below.
 *
 * LEVEL is `store` (pat_verify with the store), `module` (a PAM transaction of the service
 * `probe`) or `patd` (a question to its socket). A CLASS is NAME:KIND:USER:FILE[:NS]. FILE has a
 * token a line. KIND is `unknown` (an id that nobody has, and any secret), `wrong` (the id of one
 * of the tokens, and any secret) or `right` (one of the tokens). NS are wasted in each attempt of a
 * race.
 *
 * A round compares one class with the first, one id of each, the next round another pair of ids:
 * the records of no class are warmer in a cache than those of another. A coin is tossed before each
 * attempt. What is presented was made before the first of them, and lies in the same place.
 *
 * An id may share its hash chain with others, and each record in front of its own takes time; and a
 * record takes longer to read and write where a page of the file begins in it. Neither tells an id
 * that exists from one that does not, as long as it is luck: so only ids are taken that have
 * neither, or a dozen of them would tell whose luck it was.
 */

#include <inttypes.h>

#include "timing_ids.h"
#include "timing_levels.h"
#include "timing_stats.h"

#define CLASSES 12

/* ---- Measuring
 * ------------------------------------------------------------------------------------ */

/* dudect's is 4.5. Here many kinds are compared at many cuts, and one will be the unluckiest. */
static const double limit_of_t = 5;

/* What is added to what was measured, to see whether that would be seen. */
static const double extra[] = {0,   5,    10,   20,   30,   50,    70,    100,   150,
			       200, 300,  500,  700,  1000, 1500,  2000,  3000,  5000,
			       7e3, 10e3, 20e3, 30e3, 50e3, 100e3, 200e3, 500e3, 1e6};
enum { EXTRAS = sizeof(extra) / sizeof(extra[0]) };

struct round {
	struct pat_token tokens[TOSSES];
	bool second[TOSSES];
	double ns[TOSSES], more[TOSSES], sorted[TOSSES];
};

struct pair {
	struct class *classes[2];
	size_t count;
	double median;
	struct comparison with[EXTRAS];
};

static double measure(attempt_function *attempt, const struct class *class,
		      const struct pat_token *token)
{
	/* In the same place, whichever class it is of. */
	static struct pat_token presented_token;
	static char user[64];

	presented_token = *token;
	memset(user, 0, sizeof(user));
	memcpy(user, class->user, strnlen(class->user, sizeof(user) - 1));
	return attempt(&presented_token, user, class->wasted);
}

static void toss(struct round *round, size_t count, const struct pair *pair, size_t number)
{
	unsigned char coins[TOSSES];

	randombytes_buf(coins, sizeof(coins));
	for (size_t i = 0; i < count; i++) {
		bool second = coins[i] & 1;

		round->second[i] = second;
		round->tokens[i] = presented(pair->classes[second], number);
	}
}

static void run_round(const struct level *level, struct round *round, struct pair *pair,
		      size_t number)
{
	/* The first few find the caches as the last round has left them. */
	const size_t count = level->tosses - FEW;

	toss(round, level->tosses, pair, number);
	for (size_t i = 0; i < level->tosses; i++)
		round->ns[i] =
			measure(level->attempt, pair->classes[round->second[i]], &round->tokens[i]);
	for (size_t e = 0; e < EXTRAS; e++) {
		for (size_t i = 0; i < count; i++)
			round->more[i] =
				round->ns[FEW + i] + (round->second[FEW + i] ? extra[e] : 0);
		timing_round(&pair->with[e], number % pair->classes[0]->count, round->more,
			     round->second + FEW, count, round->sorted);
		if (e == 0)
			pair->median = round->sorted[count / 2];
	}
	for (size_t i = FEW; i < level->tosses; i++)
		pair->count += round->second[i];
}

/* The smallest extra from which on all are seen. */
static double sees(const struct pair *pair)
{
	double smallest = 0, difference;

	for (size_t e = EXTRAS; e-- > 1; smallest = extra[e])
		if (timing_worst_t(&pair->with[e], &difference) <= limit_of_t)
			break;
	return smallest;
}

static void report(const struct pair *pair)
{
	double difference, t = timing_worst_t(&pair->with[0], &difference);

	printf("%s t=%.1f difference=%.0f median=%.0f count=%zu ids=%zu sees=%.0f\n",
	       pair->classes[1]->name, t, difference, pair->median, pair->count,
	       pair->classes[1]->count, sees(pair));
}

static void keep_ordinary(struct class *class)
{
	size_t kept = 0;

	for (size_t i = 0; i < class->count; i++)
		if (is_ordinary(&class->tokens[i], !is(class, "unknown")))
			class->tokens[kept++] = class->tokens[i];
	class->count = kept;
}

static int race(const struct level *level, double seconds, size_t wanted, char **texts,
		unsigned count)
{
	static struct pair pairs[CLASSES];
	static struct round round;
	struct class classes[CLASSES];
	double begin = now_ns(), end = begin + seconds * 1e9, limit = begin + 3 * seconds * 1e9;
	size_t least = TIMING_PAIRS, fewest = 0;

	if (count < 2 || count > CLASSES)
		give_up("how many classes?");
	for (unsigned i = 0; i < count; i++) {
		classes[i] = read_class(texts[i]);
		keep_ordinary(&classes[i]);
		if (classes[i].count < least)
			least = classes[i].count;
	}
	if (least < 8)
		give_up("too few ids are ordinary ones");
	for (unsigned i = 0; i < count; i++) {
		classes[i].count = least;
		pairs[i].classes[0] = &classes[0];
		pairs[i].classes[1] = &classes[i];
	}
	for (size_t n = 0; (now_ns() < end && fewest < wanted) || (now_ns() < limit && n < least);
	     n++) {
		fewest = SIZE_MAX;
		for (unsigned i = 1; i < count; i++) {
			run_round(level, &round, &pairs[i], n);
			if (pairs[i].count < fewest)
				fewest = pairs[i].count;
		}
	}
	for (unsigned i = 1; i < count; i++)
		report(&pairs[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 2;
	if (argc == 2 && strcmp(argv[1], "strangers") == 0) {
		struct pat_key strangers = pat_key_use(PAT_STRANGERS_ID);

		return is_near(&strangers, true) ? 0 : 1;
	}
	if (argc == 4 && strcmp(argv[1], "once") == 0) {
		struct class class = read_class(argv[3]);
		struct pat_token first = presented(&class, 0), second = presented(&class, 0);
		attempt_function *attempt = level_named(argv[2])->attempt;

		(void)attempt(&first, class.user, 0);
		/* What stands between the two is found in what strace shows. */
		(void)getpgid(1);
		(void)attempt(&second, class.user, 0);
		(void)getpgid(1);
		return 0;
	}
	if (argc > 5 && strcmp(argv[1], "race") == 0)
		return race(level_named(argv[2]), strtod(argv[3], NULL), strtoul(argv[4], NULL, 10),
			    argv + 5, (unsigned)argc - 5);
	(void)fprintf(stderr, "usage: timing once LEVEL CLASS | timing race LEVEL SECONDS COUNT "
			      "CLASS... | timing strangers\n");
	return 2;
}
