/* SPDX-License-Identifier: ISC */

/*
 * Logs in by PAM from many threads of one process at once, as a web server does.
 *
 *	threads [-t THREADS] [-n LOGINS] SERVICE
 *
 * Each line of standard input is WANTED USER SECRET; WANTED is `success`, `auth_err` or
 * `authinfo_unavail`. Each of the threads (16) goes through pam_start() to pam_end() so many times
 * (100), with one line after the other, each beginning with another one. What is not as wanted is
 * printed to standard error: the answer, or the PAM environment of another's token. Prints
 * `logins=N wrong=N descriptors=N`, the last being how many more were open at the end. Exits with 0
 * if nothing was wrong.
 *
 * Only pthread and libpam are used in the threads, so that a detector of races watches the module.
 */

#include <dirent.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 64, LINE_MAX_LEN = 512, THREADS_MAX = 256, SHOWN = 20, ID_AT = 7, ID_LEN = 8 };

struct line {
	char text[LINE_MAX_LEN];
	const char *user, *secret;
	int wanted;
};

static struct line lines[LINES];
static unsigned line_count;

static const char *service;
static unsigned logins = 100;

struct worker {
	pthread_t thread;
	unsigned number;
	unsigned wrong;
};

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	const struct line *line = data;
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			replies[i].resp = strdup(line->secret);
	*out = replies;
	return PAM_SUCCESS;
}

/* After a success: of this token and no other. After anything else: of none. */
static bool marked_right(pam_handle_t *pamh, const struct line *line, int answer)
{
	const char *id = pam_getenv(pamh, "PAM_PAT_ID");

	if (answer != PAM_SUCCESS)
		return id == NULL;
	return id != NULL && strlen(id) == ID_LEN && strncmp(id, line->secret + ID_AT, ID_LEN) == 0;
}

static bool login_goes_right(const struct worker *worker, struct line *line)
{
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = line};
	pam_handle_t *pamh = NULL;
	int answer = pam_start(service, line->user, &conversation, &pamh), after = PAM_SUCCESS;
	bool right;

	if (answer != PAM_SUCCESS) {
		fprintf(stderr, "thread %u: pam_start: %d\n", worker->number, answer);
		return false;
	}
	answer = pam_authenticate(pamh, 0);
	if (answer == PAM_SUCCESS) {
		after = pam_acct_mgmt(pamh, 0);
		if (after == PAM_SUCCESS)
			after = pam_setcred(pamh, PAM_ESTABLISH_CRED);
	}
	right = answer == line->wanted && after == PAM_SUCCESS && marked_right(pamh, line, answer);
	if (!right && worker->wrong < SHOWN)
		fprintf(stderr, "thread %u: user %s: answer %d, wanted %d; then %d; id %s\n",
			worker->number, line->user, answer, line->wanted, after,
			pam_getenv(pamh, "PAM_PAT_ID"));
	pam_end(pamh, answer);
	return right;
}

static void *work(void *data)
{
	struct worker *worker = data;

	for (unsigned i = 0; i < logins; i++)
		worker->wrong +=
			!login_goes_right(worker, &lines[(worker->number + i) % line_count]);
	return NULL;
}

static int answer_named(const char *name)
{
	if (strcmp(name, "success") == 0)
		return PAM_SUCCESS;
	if (strcmp(name, "auth_err") == 0)
		return PAM_AUTH_ERR;
	if (strcmp(name, "authinfo_unavail") == 0)
		return PAM_AUTHINFO_UNAVAIL;
	fprintf(stderr, "threads: what is %s?\n", name);
	exit(2);
}

static void read_lines(void)
{
	while (line_count < LINES && fgets(lines[line_count].text, LINE_MAX_LEN, stdin) != NULL) {
		struct line *line = &lines[line_count++];
		char *rest = line->text;

		rest[strcspn(rest, "\n")] = '\0';
		line->wanted = answer_named(strsep(&rest, " "));
		line->user = strsep(&rest, " ");
		line->secret = rest;
		if (rest == NULL)
			exit(2);
	}
	if (line_count == 0)
		exit(2);
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	struct worker warm = {.number = 0};
	unsigned threads = 16, wrong;
	int option, before;

	while ((option = getopt(argc, argv, "t:n:")) != -1) {
		if (option != 't' && option != 'n')
			return 2;
		*(option == 't' ? &threads : &logins) = (unsigned)strtoul(optarg, NULL, 10);
	}
	if (argc - optind != 1 || threads < 1 || threads > THREADS_MAX)
		return 2;
	service = argv[optind];
	read_lines();
	/* What a process opens once, such as its connection to syslog, is open after this. */
	warm.wrong = !login_goes_right(&warm, &lines[0]);
	before = descriptors();
	for (unsigned i = 0; i < threads; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 2;
	}
	wrong = warm.wrong;
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		wrong += workers[i].wrong;
	}
	printf("logins=%u wrong=%u descriptors=%d\n", threads * logins + 1, wrong,
	       descriptors() - before);
	return wrong != 0;
}
