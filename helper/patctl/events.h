/* SPDX-License-Identifier: ISC */
#ifndef EVENTS_H
#define EVENTS_H

#include <jansson.h>

#include "patctl.h"

/*
 * Prints objects `Event` of io.pampat.Tokens as a table: the uses and refusals of the token with
 * the id `of`, or, with NULL, refusals of several tokens, which are then named.
 */
int events_print(const struct options *options, const json_t *events, const char *of);

#endif
