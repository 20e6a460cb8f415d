/* SPDX-License-Identifier: ISC */
#ifndef AUTH_H
#define AUTH_H

#include "client.h"
#include "patctl.h"

/*
 * Proves to patd who calls, with the questions that PAM asks: on the terminal or, with
 * --password-stdin, by lines from standard input.
 */
int authenticate(struct client *client, const struct options *options);

#endif
