/* SPDX-License-Identifier: ISC */
#ifndef PATSTORE_H
#define PATSTORE_H

#include <stdbool.h>
#include <stdio.h>

#include "pat/rebuild.h"
#include "stats.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What was typed. */
struct command_line {
	const char *store;
	const char *file;
	bool force, replace;
	enum stats_form form;
};

/* The commands. What they find they print to `out`, which is shown when the store is closed: a
 * reader of our output who takes their time, a pager, must not hold it. Each returns what to exit
 * with. */
int do_check(const struct command_line *line, FILE *out);
int do_stats(const struct command_line *line, FILE *out);
int do_backup(const struct command_line *line, FILE *out);
int do_restore(const struct command_line *line, FILE *out);
int do_rebuild(const struct command_line *line, FILE *out);

/* Says why a command failed, on standard error. Returns EXIT_FAILED. */
int fail(const char *path, int error);

#endif
