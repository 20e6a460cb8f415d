/* SPDX-License-Identifier: ISC */
#ifndef TIMING_LEVELS_H
#define TIMING_LEVELS_H

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pat/deadline.h"
#include "pat/token.h"
#include "pat/verify.h"
#include "pat/wire.h"

/* One attempt to log in with a token, at each level. */

#define SERVICE "probe"

static _Noreturn void give_up(const char *why)
{
	perror(why);
	exit(2);
}

/* Makes one, and returns how many ns it took, at least so many of them wasted. */
typedef double attempt_function(const struct pat_token *token, const char *user, double wasted);

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double since(double begin, double wasted)
{
	double until = now_ns() + wasted;

	if (wasted > 0)
		while (now_ns() < until)
			;
	return now_ns() - begin;
}

static __attribute__((noinline)) double attempt_store(const struct pat_token *token,
						      const char *user, double wasted)
{
	struct pat_attempt attempt = {.token = token,
				      .user = user,
				      .service = SERVICE,
				      .rhost = "192.0.2.1",
				      .tty = "ssh"};
	struct pat_verdict verdict;
	double took, begin = now_ns();

	pat_verify(PAT_STORE_PATH, &attempt, (int64_t)time(NULL), pat_deadline_in(2000), &verdict);
	took = since(begin, wasted);
	if (verdict.outcome == PAT_UNAVAILABLE)
		give_up("the store cannot be used");
	return took;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	(void)messages;
	if (replies == NULL)
		return PAM_BUF_ERR;
	replies[0].resp = strdup(data);
	*out = replies;
	return PAM_SUCCESS;
}

/* What libpam does before and after is the same for all, and a hundred times as much. */
static __attribute__((noinline)) double attempt_module(const struct pat_token *token,
						       const char *user, double wasted)
{
	struct pat_token copy = *token;
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = copy.text};
	pam_handle_t *pamh = NULL;
	int answer = pam_start(SERVICE, user, &conversation, &pamh);
	double took, begin = now_ns();

	if (answer == PAM_SUCCESS)
		answer = pam_authenticate(pamh, 0);
	took = since(begin, wasted);
	if (answer != PAM_AUTH_ERR && answer != PAM_SUCCESS)
		give_up("the module did not decide");
	pam_end(pamh, answer);
	return took;
}

static __attribute__((noinline)) double attempt_patd(const struct pat_token *token,
						     const char *user, double wasted)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PAT_VERIFY_SOCKET};
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC, .service = SERVICE};
	struct pat_wire_reply reply;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	double took, begin = now_ns();

	memcpy(request.token, token->text, sizeof(token->text));
	(void)snprintf(request.user, sizeof(request.user), "%s", user);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request) ||
	    recv(fd, &reply, sizeof(reply), 0) != sizeof(reply))
		give_up("patd does not answer");
	took = since(begin, wasted);
	close(fd);
	return took;
}

/* So many attempts in a round that all ids have their turn where an attempt takes long. */
enum { TOSSES = 128, FEW = 8 };

struct level {
	const char *name;
	attempt_function *attempt;
	size_t tosses;
};

static const struct level *level_named(const char *name)
{
	static const struct level levels[] = {{"store", attempt_store, TOSSES},
					      {"module", attempt_module, TOSSES},
					      {"patd", attempt_patd, TOSSES / 2}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, name) == 0)
			return &levels[i];
	give_up("no such level");
}

#endif
