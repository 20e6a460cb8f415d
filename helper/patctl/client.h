/* SPDX-License-Identifier: ISC */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "pat/varlink.h"
#include "patctl.h"

/* patd, as seen from here: a connection, and calls of the interface io.pampat.Tokens on it. */
struct client {
	int fd;
	struct pat_varlink link;
};

/* Connects, and makes sure that root listens there. Close it only after success. */
int client_open(struct client *client, const char *path);
void client_close(struct client *client);

/*
 * Calls a method, with parameters that remain the caller's; on STATUS_OK *answer are those of the
 * reply, the caller's to json_decref().
 */
int client_call(struct client *client, const char *method, json_t *parameters, json_t **answer);

/* The same, but waits this long for the reply. */
int client_call_for(struct client *client, const char *method, json_t *parameters,
		    unsigned milliseconds, json_t **answer);

/*
 * The same, but when patd answers with the error `expected` of the interface, says nothing, sets
 * *met and returns STATUS_OK without an answer.
 */
int client_call_unless(struct client *client, const char *method, json_t *parameters,
		       const char *expected, bool *met, json_t **answer);

/* Calls a method for several replies, and appends the parameters of each to `answers`. */
int client_call_more(struct client *client, const char *method, json_t *parameters,
		     json_t *answers);

#endif
