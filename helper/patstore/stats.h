/* SPDX-License-Identifier: ISC */
#ifndef STATS_H
#define STATS_H

#include <stdio.h>

#include "pat/store.h"

enum stats_form {
	STATS_TEXT,
	STATS_JSON,
	STATS_PROMETHEUS, /* the text format that the node exporter's textfile collector reads */
};

/* Counts what is in an open store, and prints it to `out`. 0 or a negative error. */
int stats_print(struct pat_store *store, enum stats_form form, FILE *out);

#endif
