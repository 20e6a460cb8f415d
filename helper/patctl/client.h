/* SPDX-License-Identifier: ISC */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "pat/varlink.h"
#include "patctl.h"

#define CLIENT_INTERFACE "io.pampat.Tokens."

/* patd, as seen from here: a connection, and calls of the interface io.pampat.Tokens on it. */
struct client {
	const char *path;
	int fd; /* -1: not connected */
	unsigned calls;
	struct pat_varlink link;
};

/* Connects, and makes sure that root listens there. Close it only after success. */
int client_open(struct client *client, const struct options *options);
void client_close(struct client *client);

/*
 * To be called before each of many calls: patd ends a connection after some hundred, so this makes
 * a new one in good time. What was proved with Authenticate on the old one is then gone.
 */
int client_renew(struct client *client);

/*
 * Calls a method, with parameters that remain the caller's; on STATUS_OK *answer are those of the
 * reply, the caller's to json_decref().
 */
int client_call(struct client *client, const char *method, json_t *parameters, json_t **answer);

/* The same, but waits this long for the reply. */
int client_call_for(struct client *client, const char *method, json_t *parameters,
		    unsigned milliseconds, json_t **answer);

/*
 * The same, but when patd answers with one of the errors `expected`, whose names end with NULL,
 * says nothing, sets *met to its place there, and returns STATUS_OK without an answer. Else *met is
 * -1.
 */
int client_call_but(struct client *client, const char *method, json_t *parameters,
		    const char *const expected[], int *met, json_t **answer);

/* Connects, makes one call and disconnects. */
int client_ask(const struct options *options, const char *method, json_t *parameters,
	       json_t **answer);

/* Calls a method for several replies; and tells of the parameters of each, which may be NULL, as it
 * comes. In between there is time for something else. */
int client_call_for_each(struct client *client, const char *method, json_t *parameters);
int client_each(struct client *client, void (*each)(json_t *answer, void *data), void *data);

/* Both, and appends them to `answers`. */
int client_call_more(struct client *client, const char *method, json_t *parameters,
		     json_t *answers);

#endif
