/* SPDX-License-Identifier: ISC */
#ifndef STATS_H
#define STATS_H

#include <stdio.h>

#include "pat/rebuild.h"

enum stats_form {
	STATS_TEXT,
	STATS_JSON,
	STATS_PROMETHEUS, /* the text format that the node exporter's textfile collector reads */
};

/* Prints what was counted. 0 or a negative error. */
int stats_print(const struct pat_rebuild_result *result, enum stats_form form, FILE *out);

#endif
