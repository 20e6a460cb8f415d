/* SPDX-License-Identifier: ISC */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>

/* Where things are, and what to do without, from the command line; the same in every child. */
struct settings {
	const char *store;  /* absolute path */
	const char *policy; /* path of pat.conf */
	bool no_spare;      /* no process waits for the next question (spare.h) */
};

#endif
