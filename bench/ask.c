/* SPDX-License-Identifier: ISC */

/*
 * Asks servers on SOCK_SEQPACKET sockets about a token, with the module's own client, and prints
 * what each answer took: for each socket, in its order, one line of microseconds.
 *
 *	ask [-c CLIENTS] [-n COUNT] [-p PAUSE] [-s SERVICE] [-u USER] SOCKET...
 *
 * The tokens are lines of standard input: one for all, or one for each socket. The sockets are
 * asked in turn, COUNT times each, so that what else the machine does is the same to all of them,
 * with a pause of PAUSE microseconds before each question. -c has so many clients, processes that
 * begin at one moment, ask once for each socket, one socket after the other. An answer that is not
 *`accepted` counts for nothing: how many there were is said on standard error, and makes the exit
 * status 1.
 */

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../pam/ask.h"
#include "pat/deadline.h"
#include "pat/token.h"
#include "pat/wire.h"

/* What the module gives patd. */
#define WAIT_MS 2000
enum { SOCKETS_MAX = 8 };
#define LOST (-1.0)

struct order {
	struct pat_attempt attempt;
	unsigned sockets, count;
	long pause; /* us */
	bool at_once;
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double ask(const char *path, const struct pat_attempt *attempt)
{
	struct pat_wire_reply reply = {.result = 0};
	double from = now_us();
	int error = ask_patd(path, attempt, pat_deadline_in(WAIT_MS), &reply);

	return error == 0 && reply.result == PAT_WIRE_ACCEPTED ? now_us() - from : LOST;
}

static unsigned print(const double *times, unsigned count)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < count; i++) {
		if (times[i] < 0)
			lost++;
		else
			printf("%.1f ", times[i]);
	}
	putchar('\n');
	return lost;
}

/* All wait to read from a pipe, which is closed when all are there. */
static void ask_at_once(const struct order *order, const char *path, const struct pat_token *token,
			double *times)
{
	struct pat_attempt attempt = order->attempt;
	int start[2];
	char byte;

	attempt.token = token;
	if (pipe(start) < 0)
		err(1, "pipe");
	fflush(stdout);
	for (unsigned i = 0; i < order->count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		close(start[1]);
		(void)!read(start[0], &byte, 1);
		times[i] = ask(path, &attempt);
		_exit(0);
	}
	close(start[0]);
	close(start[1]);
	while (wait(NULL) > 0)
		;
}

static void ask_in_turn(const struct order *order, char *const *sockets,
			const struct pat_token *tokens, double *times)
{
	const struct timespec pause = {.tv_sec = order->pause / 1000000,
				       .tv_nsec = order->pause % 1000000 * 1000};
	struct pat_attempt attempt = order->attempt;

	for (unsigned i = 0; i < order->count; i++) {
		for (unsigned s = 0; s < order->sockets; s++) {
			attempt.token = &tokens[s];
			(void)nanosleep(&pause, NULL);
			times[s * order->count + i] = ask(sockets[s], &attempt);
		}
	}
}

/* The last one is for all sockets that are left. */
static void read_tokens(struct pat_token *tokens, unsigned count)
{
	char line[PAT_TOKEN_LEN + 2] = "";

	for (unsigned i = 0; i < count; i++) {
		(void)!fgets(line, sizeof(line), stdin);
		line[strcspn(line, "\n")] = '\0';
		if (pat_token_parse(line, &tokens[i]) != PAT_FORM_TOKEN)
			errx(2, "standard input has no token");
	}
}

static void parse(int argc, char **argv, struct order *order)
{
	int option;

	while ((option = getopt(argc, argv, "c:n:p:s:u:")) != -1) {
		order->at_once |= option == 'c';
		if (option == 'c' || option == 'n')
			order->count = (unsigned)atoi(optarg);
		else if (option == 'p')
			order->pause = atoi(optarg);
		else if (option == 's')
			order->attempt.service = optarg;
		else if (option == 'u')
			order->attempt.user = optarg;
		else
			exit(2);
	}
	order->sockets = (unsigned)(argc - optind);
	if (order->sockets == 0 || order->sockets > SOCKETS_MAX || order->count == 0)
		errx(2, "which sockets, and how often?");
}

int main(int argc, char **argv)
{
	struct order order = {.attempt = {.user = "root", .service = "probe"}, .count = 1};
	struct pat_token tokens[SOCKETS_MAX];
	unsigned lost = 0;
	double *times;

	parse(argc, argv, &order);
	argv += optind;
	read_tokens(tokens, order.sockets);
	times = mmap(NULL, order.sockets * order.count * sizeof(*times), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED)
		err(1, "mmap");
	for (unsigned i = 0; i < order.sockets * order.count; i++)
		times[i] = LOST;
	if (!order.at_once)
		ask_in_turn(&order, argv, tokens, times);
	for (unsigned s = 0; s < order.sockets; s++) {
		if (order.at_once)
			ask_at_once(&order, argv[s], &tokens[s], times + s * order.count);
		lost += print(times + s * order.count, order.count);
	}
	if (lost > 0)
		warnx("%u answers were lost or wrong", lost);
	return lost > 0;
}
