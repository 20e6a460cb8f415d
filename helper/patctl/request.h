/* SPDX-License-Identifier: ISC */
#ifndef REQUEST_H
#define REQUEST_H

#include <jansson.h>

#include "patctl.h"

/* The parameters of a call, checked as far as that can be done without patd. */

/*
 * An object with `user`, if one was given, the caller's to json_decref(). Refuses root who came
 * through sudo and does not say for whom, unless --all-users does.
 */
int request_begin(const struct options *options, json_t **parameters);

/* Adds a member; takes over `value`, and ends the program if that is NULL. */
void request_set(json_t *parameters, const char *member, json_t *value);

/* Adds, or replaces, `selector`, an id, a name or the beginning of an id. */
int request_set_selector(json_t *parameters, const char *selector);

/*
 * Adds what --expires, --service, --from, --uses and --description say, those that were given, for
 * the methods that take a token's terms.
 */
int request_set_terms(json_t *parameters, const struct options *options);

/* Adds `name`. */
int request_set_name(json_t *parameters, const char *name);

#endif
