/* SPDX-License-Identifier: ISC */
#ifndef KILLS_CLIENT_H
#define KILLS_CLIENT_H

/*
 * What the tortures `kills` and `crowd` share: a clock, random numbers that a seed repeats, and a
 * client of patd's two sockets.
 */

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pat/wire.h"

#define UNUSED __attribute__((unused))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static UNUSED void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static UNUSED int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static UNUSED void sleep_us(unsigned us)
{
	const struct timespec pause = {.tv_sec = us / 1000000,
				       .tv_nsec = (long)(us % 1000000) * 1000};

	(void)nanosleep(&pause, NULL);
}

/* xorshift64*: each process has its own state, made from the seed and its number. */
static uint64_t dice = 1;

static UNUSED void dice_seed(uint64_t seed, unsigned who)
{
	dice = (seed + 1) * 0x9e3779b97f4a7c15 ^ (who + 1) * UINT64_C(0xbf58476d1ce4e5b9);
	if (dice == 0)
		dice = 1;
}

/* 0 to below - 1. */
static UNUSED unsigned roll(unsigned below)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return below ? (unsigned)((dice * 0x2545f4914f6cdd1d) >> 33) % below : 0;
}

/* A connection to NAME in DIR, or -1. */
static UNUSED int client_connect(const char *dir, const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s", dir, name);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends a Varlink call, and that there will be no other; takes over the parameters. */
static UNUSED bool client_ask(int fd, const char *method, json_t *parameters)
{
	json_t *call = json_pack("{s:s+, s:o}", "method", "io.pampat.Tokens.", method, "parameters",
				 parameters);
	char *text = json_dumps(call, JSON_COMPACT);
	size_t len = text ? strlen(text) + 1 : 0;
	bool sent = text && send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;

	free(text);
	json_decref(call);
	(void)shutdown(fd, SHUT_WR);
	return sent;
}

/*
 * Reads the one reply to that, until the other end closes, and closes the connection. NULL when the
 * other end died before all of it was written.
 */
static UNUSED json_t *client_answer(int fd)
{
	char buf[PAT_WIRE_RHOST_MAX + 16384];
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(buf) && ((got = read(fd, buf + used, sizeof(buf) - used)) > 0 ||
				      (got < 0 && errno == EINTR)))
		used += got > 0 ? (size_t)got : 0;
	close(fd);
	if (used == 0 || buf[used - 1] != '\0')
		return NULL;
	return json_loads(buf, 0, NULL);
}

static UNUSED json_t *client_call(const char *dir, const char *method, json_t *parameters)
{
	int fd = client_connect(dir, "io.pampat.Tokens", SOCK_STREAM);

	if (fd < 0) {
		json_decref(parameters);
		return NULL;
	}
	(void)client_ask(fd, method, parameters);
	return client_answer(fd);
}

/* The name of the error in a reply, without its interface; NULL if it is none. */
static UNUSED const char *client_error(json_t *reply)
{
	const char *name = json_string_value(json_object_get(reply, "error"));
	const char *dot = name ? strrchr(name, '.') : NULL;

	return dot ? dot + 1 : name;
}

/* The token in the reply to Create or Rotate, or NULL. */
static UNUSED const char *client_token(json_t *reply)
{
	return json_string_value(json_object_get(json_object_get(reply, "parameters"), "token"));
}

static UNUSED bool client_ask_verify(int fd, const char *token, const char *user,
				     const char *service)
{
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC};

	snprintf(request.token, sizeof(request.token), "%s", token);
	snprintf(request.user, sizeof(request.user), "%s", user);
	snprintf(request.service, sizeof(request.service), "%s", service);
	snprintf(request.rhost, sizeof(request.rhost), "192.0.2.1");
	return send(fd, &request, sizeof(request), MSG_NOSIGNAL) == sizeof(request);
}

/* An enum pat_wire_result, or 0 when the other end died first. Closes the connection. */
static UNUSED uint32_t client_verdict(int fd)
{
	struct pat_wire_reply reply = {0};
	ssize_t got;

	do
		got = recv(fd, &reply, sizeof(reply), 0);
	while (got < 0 && errno == EINTR);
	close(fd);
	return got == sizeof(reply) && reply.magic == PAT_WIRE_MAGIC ? reply.result : 0;
}

#endif
