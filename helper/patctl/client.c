/* SPDX-License-Identifier: ISC */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/wire.h"
#include "tell.h"

#define INTERFACE "io.pampat.Tokens."
#define CONNECT_MS 5000
#define CALL_MS 30000

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
	{INTERFACE "InvalidName", STATUS_USAGE},
	{"org.varlink.service.InvalidParameter", STATUS_USAGE},
};

/* connect(2) on a non-blocking AF_UNIX socket fails with EAGAIN while the backlog is full. */
static int connect_in_time(int fd, const struct sockaddr_un *address)
{
	pat_deadline deadline = pat_deadline_in(CONNECT_MS);
	unsigned tries = 0;

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return PAT_E_IO;
		if (!pat_deadline_retry(deadline, &tries)) {
			errno = ETIMEDOUT;
			return PAT_E_IO;
		}
	}
	return PAT_OK;
}

/* Whoever may listen there gets what is typed here. So it must be root. */
static int check_peer(int fd, const char *path)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer)) {
		complain("cannot tell who listens on %s", path);
		return STATUS_UNREACHABLE;
	}
	if (peer.uid != 0) {
		complain("it is not root who listens on %s, but uid %lu", path,
			 (unsigned long)peer.uid);
		return STATUS_UNREACHABLE;
	}
	return STATUS_OK;
}

/* Nobody at the usual place: whoever can start patd should hear how. */
static void explain_absence(const char *path, int error)
{
	complain("patd cannot be reached at %s: %s", path, strerror(error));
	if ((error == ENOENT || error == ECONNREFUSED) && strcmp(path, PAT_VARLINK_SOCKET) == 0)
		note("Is patd.socket started? Root: systemctl start patd.socket");
}

int client_open(struct client *client, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t len = strlen(path);
	int status = STATUS_UNREACHABLE;

	if (len == 0 || len >= sizeof(address.sun_path)) {
		complain("a path of 1 to %zu bytes can be a socket's, not '%s'",
			 sizeof(address.sun_path) - 1, path);
		return STATUS_USAGE;
	}
	memcpy(address.sun_path, path, len + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0) {
		complain("cannot make a socket: %s", strerror(errno));
		return STATUS_FAILED;
	}
	if (connect_in_time(client->fd, &address) != PAT_OK)
		explain_absence(path, errno);
	else
		status = check_peer(client->fd, path);
	if (status == STATUS_OK && pat_varlink_begin(&client->link, client->fd) != PAT_OK)
		out_of_memory();
	if (status != STATUS_OK)
		close(client->fd);
	return status;
}

void client_close(struct client *client)
{
	pat_varlink_end(&client->link);
	close(client->fd);
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
		return STATUS_FAILED;
	}
}

static int send_call(struct client *client, const char *method, json_t *parameters, bool more)
{
	json_t *message;
	int error;

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
	if (fclose(stream) != 0)
		out_of_memory();
	if (size > 0)
		note("which of: %s?", list);
	free(list);
}

/* Says what patd refused, in its words if it has some. */
static int refused(const json_t *reply)
{
	const json_t *parameters = json_object_get(reply, "parameters");
	const char *message = json_string_value(json_object_get(parameters, "message"));
	const char *parameter = json_string_value(json_object_get(parameters, "parameter"));
	const char *name = error_in(reply);

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

static bool is_own_error(const json_t *reply, const char *expected)
{
	const size_t prefix = sizeof(INTERFACE) - 1;
	const char *name = error_in(reply);

	return name != NULL && expected != NULL && strncmp(name, INTERFACE, prefix) == 0 &&
	       strcmp(name + prefix, expected) == 0;
}

static int call(struct client *client, const char *method, json_t *parameters,
		unsigned milliseconds, const char *expected, bool *met, json_t **answer)
{
	json_t *reply;
	int status = send_call(client, method, parameters, false);

	if (status == STATUS_OK)
		status = receive(client, milliseconds, &reply);
	if (status != STATUS_OK)
		return status;
	if (is_own_error(reply, expected))
		*met = true;
	else if (error_in(reply) != NULL)
		status = refused(reply);
	else
		*answer = json_incref(json_object_get(reply, "parameters"));
	json_decref(reply);
	return status;
}

int client_call(struct client *client, const char *method, json_t *parameters, json_t **answer)
{
	return call(client, method, parameters, CALL_MS, NULL, NULL, answer);
}

int client_call_for(struct client *client, const char *method, json_t *parameters,
		    unsigned milliseconds, json_t **answer)
{
	return call(client, method, parameters, milliseconds, NULL, NULL, answer);
}

int client_call_unless(struct client *client, const char *method, json_t *parameters,
		       const char *expected, bool *met, json_t **answer)
{
	*met = false;
	return call(client, method, parameters, CALL_MS, expected, met, answer);
}

int client_call_more(struct client *client, const char *method, json_t *parameters, json_t *answers)
{
	bool continues = true;
	int status = send_call(client, method, parameters, true);

	while (status == STATUS_OK && continues) {
		json_t *reply;

		status = receive(client, CALL_MS, &reply);
		if (status != STATUS_OK)
			break;
		continues = json_is_true(json_object_get(reply, "continues"));
		if (error_in(reply) != NULL)
			status = refused(reply);
		else if (json_array_append(answers, json_object_get(reply, "parameters")) != 0)
			out_of_memory();
		json_decref(reply);
	}
	return status;
}
