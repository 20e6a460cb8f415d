/* SPDX-License-Identifier: ISC */
#ifndef GUESS_H
#define GUESS_H

/* What somebody may have meant who wrote a word that there is not: the nearest of those that there
 * are, be it by what is typed wrong or by how it begins. */
struct guess {
	const char *written;
	const char *best; /* NULL: none is near */
	unsigned distance;
};

/* A word that there is, which must last as long as the guess. The first of several that are equally
 * near is kept. */
void guess_try(struct guess *guess, const char *word);

#endif
