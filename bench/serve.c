/* SPDX-License-Identifier: ISC */

/*
 * What a child of patd does about one request to verify, again and again and without patd: for
 * counting instructions, which the filter of system calls does not let a child of patd do.
 *
 *	serve [-n COUNT] STORE SERVICE USER
 *
 * The token is the first line of standard input. Anything but acceptance ends it.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../helper/patd/verify_service.h"
#include "pat/wire.h"

/* Instead of patd's: see the Makefile. */
int __wrap_confine_alone(void);
int __wrap_confine_alone(void)
{
	return 0;
}

static void put(char *field, size_t size, const char *text)
{
	if (snprintf(field, size, "%s", text) >= (int)size)
		errx(2, "too long: %s", text);
}

int main(int argc, char **argv)
{
	const struct peer peer = {.uid = 0, .pid = getpid()};
	struct settings settings = {.policy = "/nonexistent"};
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC};
	char token[sizeof(request.token) + 1];
	long count = 1;
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			return 2;
		count = strtol(optarg, NULL, 10);
	}
	if (argc - optind != 3 || fgets(token, sizeof(token), stdin) == NULL)
		return 2;
	token[strcspn(token, "\n")] = '\0';
	settings.store = argv[optind];
	put(request.token, sizeof(request.token), token);
	put(request.service, sizeof(request.service), argv[optind + 1]);
	put(request.user, sizeof(request.user), argv[optind + 2]);
	while (count-- > 0) {
		struct pat_wire_reply reply = {0};
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		    send(pair[0], &request, sizeof(request), 0) != sizeof(request))
			err(1, "socketpair");
		(void)verify_serve(pair[1], &peer, &settings);
		if (recv(pair[0], &reply, sizeof(reply), 0) != sizeof(reply) ||
		    reply.result != PAT_WIRE_ACCEPTED)
			errx(1, "refused");
		close(pair[0]);
		close(pair[1]);
	}
	return 0;
}
