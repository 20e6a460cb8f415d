/* SPDX-License-Identifier: ISC */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"
#include "pat/error.h"
#include "pat/wire.h"
#include "tell.h"

#define INTERFACE CLIENT_INTERFACE
#define CALL_MS 30000

/* patd takes 200 requests on a connection. */
#define CALLS_MAX 150

static const struct {
	const char *name;
	int status;
} errors[] = {
	{INTERFACE "NotFound", STATUS_NOT_FOUND},
	{INTERFACE "Ambiguous", STATUS_NOT_FOUND},
	{INTERFACE "AuthenticationRequired", STATUS_AUTHENTICATION},
	{INTERFACE "AuthenticationFailed", STATUS_AUTHENTICATION},
	{INTERFACE "PolicyViolation", STATUS_POLICY},
	{INTERFACE "PermissionDenied", STATUS_POLICY},
	{INTERFACE "Widening", STATUS_POLICY},
	{INTERFACE "InvalidName", STATUS_USAGE},
	{"org.varlink.service.InvalidParameter", STATUS_USAGE},
};

static int connect_to(struct client *client, const char *path)
{
	int status = connect_to_root(path, &client->fd);

	if (status == STATUS_OK && pat_varlink_begin(&client->link, client->fd) != PAT_OK)
		out_of_memory();
	return status;
}

int client_open(struct client *client, const struct options *options)
{
	const char *path = value(options, OPTION_SOCKET);

	*client = (struct client){.fd = -1, .path = path != NULL ? path : PAT_VARLINK_SOCKET};
	return connect_to(client, client->path);
}

void client_close(struct client *client)
{
	if (client->fd < 0)
		return;
	pat_varlink_end(&client->link);
	close(client->fd);
	client->fd = -1;
}

int client_renew(struct client *client)
{
	if (client->calls < CALLS_MAX)
		return STATUS_OK;
	client_close(client);
	client->calls = 0;
	return connect_to(client, client->path);
}

/* What it means to the caller that a message was not sent or received. */
static int transport_failed(int error)
{
	int saved = errno;

	switch (error) {
	case PAT_E_NOMEM:
		out_of_memory();
	case PAT_E_CLOSED:
		complain("patd has closed the connection");
		return STATUS_UNREACHABLE;
	case PAT_E_BUSY:
		complain("patd does not answer");
		return STATUS_UNREACHABLE;
	case PAT_E_IO:
		complain("the connection to patd failed: %s", strerror(saved));
		return STATUS_UNREACHABLE;
	case PAT_E_TOOBIG:
		complain("a message to or from patd is too long");
		return STATUS_FAILED;
	default:
		complain("patd sent something that is no answer");
		tell_lost();
		return STATUS_FAILED;
	}
}

static int send_call(struct client *client, const char *method, json_t *parameters, bool more)
{
	json_t *message;
	int error;

	client->calls++;
	message = json_pack("{s:s+, s:O}", "method", INTERFACE, method, "parameters", parameters);
	if (message == NULL || (more && json_object_set_new(message, "more", json_true()) != 0))
		out_of_memory();
	error = pat_varlink_write(&client->link, message, pat_deadline_in(CALL_MS));
	json_decref(message);
	return error ? transport_failed(error) : STATUS_OK;
}

/* The name of the error that a reply is, or NULL. */
static const char *error_in(const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");

	if (error == NULL)
		return NULL;
	return json_is_string(error) ? json_string_value(error) : "without a name";
}

/* Which tokens were possible, so that the caller can choose. */
static void tell_candidates(const json_t *ids)
{
	const char *between = "";
	const json_t *id;
	char *list = NULL;
	size_t size, i;
	FILE *stream = open_memstream(&list, &size);

	if (stream == NULL)
		out_of_memory();
	json_array_foreach(ids, i, id)
	{
		if (!json_is_string(id))
			continue;
		(void)fprintf(stream, "%s%s", between, json_string_value(id));
		between = ", ";
	}
	/* It may have had no memory for the last of it, and tell only so. */
	if (fclose(stream) != 0 || list == NULL)
		out_of_memory();
	if (size > 0)
		note("which of: %s?", list);
	free(list);
}

/* Says what patd refused with the error of that name, in its words if it has some. */
static int refused(const json_t *reply, const char *name)
{
	const json_t *parameters = json_object_get(reply, "parameters");
	const char *message = json_string_value(json_object_get(parameters, "message"));
	const char *parameter = json_string_value(json_object_get(parameters, "parameter"));

	if (message != NULL)
		complain("%s", message);
	else if (parameter != NULL)
		complain("patd does not accept this '%s'", parameter);
	else
		complain("patd answers with the error %s", name);
	tell_candidates(json_object_get(parameters, "ids"));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].status;
	return STATUS_FAILED;
}

/* Reads a reply, in which there is an object `parameters` afterwards, be it empty. */
static int receive(struct client *client, unsigned milliseconds, json_t **reply)
{
	int error = pat_varlink_read(&client->link, pat_deadline_in(milliseconds), reply);
	json_t *parameters;

	if (error)
		return transport_failed(error);
	parameters = json_object_get(*reply, "parameters");
	if (parameters == NULL &&
	    json_object_set_new(*reply, "parameters", parameters = json_object()) != 0)
		out_of_memory();
	if (json_is_object(parameters))
		return STATUS_OK;
	json_decref(*reply);
	return transport_failed(PAT_E_INVALID);
}

/* The place of a name among those that are expected, or -1. */
static int place_of(const char *name, const char *const expected[])
{
	for (int i = 0; expected != NULL && expected[i] != NULL; i++)
		if (strcmp(expected[i], name) == 0)
			return i;
	return -1;
}

static int call(struct client *client, const char *method, json_t *parameters,
		unsigned milliseconds, const char *const expected[], int *met, json_t **answer)
{
	const char *error;
	json_t *reply;
	int status = send_call(client, method, parameters, false);

	*met = -1;
	if (status == STATUS_OK)
		status = receive(client, milliseconds, &reply);
	if (status != STATUS_OK)
		return status;
	error = error_in(reply);
	if (error != NULL)
		*met = place_of(error, expected);
	if (error == NULL)
		*answer = json_incref(json_object_get(reply, "parameters"));
	else if (*met < 0)
		status = refused(reply, error);
	json_decref(reply);
	return status;
}

int client_call(struct client *client, const char *method, json_t *parameters, json_t **answer)
{
	int met;

	return call(client, method, parameters, CALL_MS, NULL, &met, answer);
}

int client_call_for(struct client *client, const char *method, json_t *parameters,
		    unsigned milliseconds, json_t **answer)
{
	int met;

	return call(client, method, parameters, milliseconds, NULL, &met, answer);
}

int client_call_but(struct client *client, const char *method, json_t *parameters,
		    const char *const expected[], int *met, json_t **answer)
{
	return call(client, method, parameters, CALL_MS, expected, met, answer);
}

int client_ask(const struct options *options, const char *method, json_t *parameters,
	       json_t **answer)
{
	struct client client;
	int status = client_open(&client, options);

	if (status != STATUS_OK)
		return status;
	status = client_call(&client, method, parameters, answer);
	client_close(&client);
	return status;
}

int client_call_for_each(struct client *client, const char *method, json_t *parameters)
{
	return send_call(client, method, parameters, true);
}

int client_each(struct client *client, void (*each)(json_t *answer, void *data), void *data)
{
	bool continues = true;
	int status = STATUS_OK;

	while (status == STATUS_OK && continues) {
		const char *error;
		json_t *reply;

		status = receive(client, CALL_MS, &reply);
		if (status != STATUS_OK)
			break;
		continues = json_is_true(json_object_get(reply, "continues"));
		error = error_in(reply);
		if (error != NULL)
			status = refused(reply, error);
		else
			each(json_object_get(reply, "parameters"), data);
		json_decref(reply);
	}
	return status;
}

static void keep(json_t *answer, void *answers)
{
	if (json_array_append(answers, answer) != 0)
		out_of_memory();
}

int client_call_more(struct client *client, const char *method, json_t *parameters, json_t *answers)
{
	int status = client_call_for_each(client, method, parameters);

	return status == STATUS_OK ? client_each(client, keep, answers) : status;
}
