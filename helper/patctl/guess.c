/* SPDX-License-Identifier: ISC */
#include "guess.h"

#include <string.h>

#define LETTERS_MAX 32
#define FAR (LETTERS_MAX + 1)

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters are wrong, missing, too many, or change places with the next: the optimal string
 * alignment distance. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][LETTERS_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	const size_t len = strlen(b);

	if (strlen(a) > LETTERS_MAX || len > LETTERS_MAX)
		return FAR;
	for (unsigned j = 0; j <= len; j++)
		last[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned *free_row = before;

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			row[j] = least(last[j] + 1, row[j - 1] + 1);
			row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = free_row;
	}
	return last[len];
}

void guess_try(struct guess *guess, const char *word)
{
	const size_t len = strlen(guess->written);
	/* Of a short word little is left when two letters of it are wrong. */
	const unsigned most = len < 3 ? 0 : len < 6 ? 1 : 2;
	unsigned here = distance(guess->written, word);

	if (here > most && len >= 3 && strncmp(word, guess->written, len) == 0)
		here = most;
	if (here > most || (guess->best != NULL && here >= guess->distance))
		return;
	guess->best = word;
	guess->distance = here;
}
