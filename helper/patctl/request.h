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
 * An object with `secret`, the token on standard input, for the methods that take one; it is asked
 * for, without echo, if that is a terminal. Nothing
 * that is not of a token's form is sent anywhere.
 */
int request_read_token(json_t **parameters);

#endif
