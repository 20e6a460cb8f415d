/* SPDX-License-Identifier: ISC */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* What standard output is. On a terminal people read, elsewhere programs and logs. */
struct screen {
	bool terminal;
	bool colour;  /* a terminal that has them, and NO_COLOR (no-color.org) is not set */
	size_t width; /* columns; only of a terminal */
};

struct screen screen_of_output(void);

#endif
