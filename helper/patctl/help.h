/* SPDX-License-Identifier: ISC */
#ifndef HELP_H
#define HELP_H

#include <stdio.h>

#include "patctl.h"

/* How patctl is called, in a few lines. */
void print_usage(FILE *stream);

/* The help of a command, or, with NULL, of all. */
void print_help(const struct command *command);

#endif
