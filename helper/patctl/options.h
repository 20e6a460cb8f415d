/* SPDX-License-Identifier: ISC */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "patctl.h"

/*
 * Reads a command line into *options, which options_free() releases. Options may stand before and
 * after the command, and mean the same. With --help or --version nothing else is checked.
 */
int options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

/* All commands; the last has no name. */
extern const struct command commands[];

#endif
