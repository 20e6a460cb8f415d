/* SPDX-License-Identifier: ISC */
#ifndef AUTH_H
#define AUTH_H

#include "client.h"
#include "patctl.h"

/*
 * Calls a method that widens what there is, and proves first who calls, if patd wants to know: with
 * the questions that PAM asks, on the terminal or, with --password-stdin, by lines from standard
 * input. *answer as client_call() leaves it.
 */
int call_fresh(struct client *client, const struct options *options, const char *method,
	       json_t *parameters, json_t **answer);

#endif
