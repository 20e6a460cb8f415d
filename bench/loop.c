/* SPDX-License-Identifier: ISC */

/*
 * Times PAM logins: pam_start, pam_authenticate, pam_end, again and again in one process; or each
 * in a child of its own that has libpam, and no module loaded yet, as sshd and sudo have it.
 *
 *	loop [-f] [-c CONFDIR] [-r RHOST] [-n COUNT | -s SECONDS] [-w WARM-UP] [-p PAUSE]
 *	     [-x ANSWER] SERVICE USER
 *
 * Secrets are lines of standard input, one for each login, and from the first again when they end.
 * An answer other than ANSWER (a number of libpam's, 0: success) ends it: what was refused was not
 * measured. Before each there is a pause of PAUSE microseconds, which does not count.
 *
 * Prints quantiles in microseconds, as one JSON object. With -f it is from fork() until the child
 * has been reaped, and `inside_…` what the child spent in libpam.
 */

#include <err.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 2000000

struct loop {
	const char *confdir, *rhost, *service, *user;
	long count, warm_up, pause;
	double seconds;
	int answer;
	bool forks;
};

static char **secrets;
static size_t secret_count, next_secret;

/* What the child tells its parent. */
struct told {
	double inside;
	int answer;
};
static struct told *told;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	(void)data;
	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			replies[i].resp = strdup(secrets[next_secret % secret_count]);
	*out = replies;
	return PAM_SUCCESS;
}

static int login(const struct loop *loop)
{
	struct pam_conv conversation = {.conv = converse};
	pam_handle_t *pamh = NULL;
	int answer = loop->confdir ? pam_start_confdir(loop->service, loop->user, &conversation,
						       loop->confdir, &pamh)
				   : pam_start(loop->service, loop->user, &conversation, &pamh);

	if (answer != PAM_SUCCESS)
		return answer;
	if (loop->rhost != NULL)
		answer = pam_set_item(pamh, PAM_RHOST, loop->rhost);
	if (answer == PAM_SUCCESS)
		answer = pam_authenticate(pamh, PAM_SILENT);
	pam_end(pamh, answer);
	return answer;
}

static void login_in_child(const struct loop *loop)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		double began = now();

		told->answer = login(loop);
		told->inside = now() - began;
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
}

/* One login: how long it took, in microseconds. */
static double timed(const struct loop *loop)
{
	const struct timespec pause = {.tv_sec = loop->pause / 1000000,
				       .tv_nsec = loop->pause % 1000000 * 1000};
	double began, took;

	told->answer = -1;
	if (loop->pause > 0)
		(void)nanosleep(&pause, NULL);
	began = now();
	if (loop->forks)
		login_in_child(loop);
	else
		told->answer = login(loop);
	took = now() - began;
	next_secret++;
	if (told->answer != loop->answer)
		errx(1, "%s: login %zu was answered %d, not %d", loop->service, next_secret,
		     told->answer, loop->answer);
	return took;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_quantiles(const char *prefix, double *samples, size_t count)
{
	double sum = 0;

	qsort(samples, count, sizeof(*samples), compare);
	for (size_t i = 0; i < count; i++)
		sum += samples[i];
	printf("\"%sp50\": %.3f, \"%sp90\": %.3f, \"%sp99\": %.3f, \"%smean\": %.3f, ", prefix,
	       samples[count / 2], prefix, samples[count * 9 / 10], prefix,
	       samples[count * 99 / 100], prefix, sum / (double)count);
}

static void measure(const struct loop *loop)
{
	double *whole = malloc(SAMPLES_MAX * sizeof(*whole));
	double *inside = malloc(SAMPLES_MAX * sizeof(*inside));
	double began, took;
	size_t count = 0;

	if (whole == NULL || inside == NULL)
		err(1, NULL);
	for (long i = 0; i < loop->warm_up; i++)
		(void)timed(loop);
	began = now();
	do {
		whole[count] = timed(loop);
		inside[count++] = told->inside;
		took = (now() - began) / 1e6;
	} while (count < SAMPLES_MAX &&
		 (loop->seconds > 0 ? took < loop->seconds : count < (size_t)loop->count));
	printf("{");
	print_quantiles("", whole, count);
	if (loop->forks)
		print_quantiles("inside_", inside, count);
	printf("\"count\": %zu, \"seconds\": %.6f}\n", count, took);
}

static void read_secrets(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		secrets = realloc(secrets, (secret_count + 1) * sizeof(*secrets));
		if (secrets == NULL || (secrets[secret_count++] = strdup(line)) == NULL)
			err(1, NULL);
	}
	free(line);
	if (secret_count == 0)
		errx(1, "no secret");
}

int main(int argc, char **argv)
{
	struct loop loop = {.count = 100, .warm_up = 3};
	int option;

	while ((option = getopt(argc, argv, "fc:p:r:n:s:w:x:")) != -1) {
		if (option == 'f')
			loop.forks = true;
		else if (option == 'c')
			loop.confdir = optarg;
		else if (option == 'p')
			loop.pause = strtol(optarg, NULL, 10);
		else if (option == 'r')
			loop.rhost = optarg;
		else if (option == 'n')
			loop.count = strtol(optarg, NULL, 10);
		else if (option == 's')
			loop.seconds = strtod(optarg, NULL);
		else if (option == 'w')
			loop.warm_up = strtol(optarg, NULL, 10);
		else if (option == 'x')
			loop.answer = (int)strtol(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	loop.service = argv[optind];
	loop.user = argv[optind + 1];
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		err(1, "mmap");
	read_secrets();
	measure(&loop);
	return 0;
}
