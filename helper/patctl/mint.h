/* SPDX-License-Identifier: ISC */
#ifndef MINT_H
#define MINT_H

#include <jansson.h>

#include "patctl.h"

/*
 * Has patd mint a token by `method`, after proof of who calls if patd wants it, and hands it over:
 * on standard output, or with --output in a file; the rest on standard error. `old` is a sentence
 * on the token whose place it takes, or NULL.
 */
int mint(const struct options *options, const char *method, json_t *parameters, const char *old);

#endif
