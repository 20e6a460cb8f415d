/* SPDX-License-Identifier: ISC */
#ifndef TAKEN_H
#define TAKEN_H

#include <jansson.h>

/*
 * Whether PAM services, in an array of names, take tokens on this system, as far as their stacks
 * can be read. Where none does it is a slip, or a stack lacks a line; who finds that out by a login
 * is told nothing. Names of groups, which begin with @, are passed over: nobody has all of a group.
 */

/* Tells, on standard error, of each that does not. */
void tell_of_untaken(const json_t *services);

/* The same if none does, of all together. */
void tell_if_none_takes(const json_t *services);

#endif
