/* SPDX-License-Identifier: ISC */

/*
 * Runs one PAM transaction and prints what each phase answered, as one line of NAME=VALUE.
 * Responses to prompts are lines of standard input; what the modules say goes to standard error.
 *
 *	pamdrive [-c CONFDIR] [-r RHOST] [-t TTY] [-n COUNT] [-a2mw] [-i ITEM] SERVICE USER
 *
 * -a leaves authentication out, as sshd does for a public key.
 * -2 authenticates twice in one handle, as sudo does after a wrong answer.
 * -n repeats the whole COUNT times in this process, with the same responses, and prints how
 *    descriptors and memory grew after the first 100.
 * -i has libpam answer PAM_IGNORE where a module asks for `user` or `authtok`.
 * -m tells in how many places of this memory a part of the first response is: `asked`, when it was
 *    just given, and `left`, after authentication.
 * -w waits a moment when a module asks who is at the other end of a socket, as on a busy machine.
 */

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES 16

/* Inverted, so that they are not found in memory. */
static char *lines[LINES];
static unsigned line_count, next_line;

static const char *ignored = ""; /* what libpam answers PAM_IGNORE about */
static bool search, slow;
static int asked;

static void invert(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)~*text;
}

/* Before libpam's own, for modules too. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int pam_get_authtok(pam_handle_t *pamh, int item, const char **authtok, const char *prompt)
{
	static __typeof__(&pam_get_authtok) next;

	if (strcmp(ignored, "authtok") == 0)
		return PAM_IGNORE;
	if (next == NULL)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "pam_get_authtok");
	return next(pamh, item, authtok, prompt);
}

EXPORTED int pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt)
{
	static __typeof__(&pam_get_user) next;

	if (strcmp(ignored, "user") == 0)
		return PAM_IGNORE;
	if (next == NULL)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "pam_get_user");
	return next(pamh, user, prompt);
}

EXPORTED int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	static __typeof__(&getsockopt) next;

	if (slow)
		usleep(50000);
	if (next == NULL)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "getsockopt");
	return next(fd, level, name, value, len);
}

/* What the stack held is to be there still when it is searched: no function in between that needs
 * much of it. */
static char maps[1 << 16];

static bool read_maps(void)
{
	size_t used = 0;
	ssize_t got = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (used < sizeof(maps) - 1 &&
	       (got = read(fd, maps + used, sizeof(maps) - 1 - used)) > 0)
		used += (size_t)got;
	maps[used] = '\0';
	close(fd);
	return got == 0;
}

/* In how many places of writable memory characters 20 to 31 of the first line are. */
static int places(void)
{
	enum { FROM = 20, PART = 12 };
	int count = 0;

	if (line_count == 0 || strlen(lines[0]) < FROM + PART || !read_maps())
		exit(2);
	for (char *line = maps; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		char *rest;
		const volatile char *at, *end;

		line += *line == '\n';
		if (*line == '\0')
			break;
		at = (const volatile char *)strtoul(line, &rest, 16);
		end = (const volatile char *)strtoul(rest + 1, &rest, 16);
		if (strncmp(rest, " rw", 3) != 0)
			continue;
		for (; at + PART <= end; at++) {
			int i = 0;

			while (i < PART && at[i] == (char)~lines[0][FROM + i])
				i++;
			count += i == PART;
		}
	}
	return count;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	(void)data;
	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		fprintf(stderr, "[%d] %s\n", messages[i]->msg_style, messages[i]->msg);
		if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF &&
		    messages[i]->msg_style != PAM_PROMPT_ECHO_ON)
			continue;
		if (next_line == line_count) {
			free(replies);
			return PAM_CONV_ERR;
		}
		replies[i].resp = strdup(lines[next_line++]);
		if (replies[i].resp != NULL)
			invert(replies[i].resp);
	}
	if (search)
		asked = places();
	*out = replies;
	return PAM_SUCCESS;
}

static const char *name_of(int answer)
{
	static const struct {
		int answer;
		const char *name;
	} names[] = {
		{PAM_SUCCESS, "success"},
		{PAM_AUTH_ERR, "auth_err"},
		{PAM_AUTHINFO_UNAVAIL, "authinfo_unavail"},
		{PAM_SYSTEM_ERR, "system_err"},
		{PAM_SERVICE_ERR, "service_err"},
		{PAM_IGNORE, "ignore"},
		{PAM_PERM_DENIED, "perm_denied"},
		{PAM_USER_UNKNOWN, "user_unknown"},
		{PAM_ACCT_EXPIRED, "acct_expired"},
		{PAM_CONV_ERR, "conv_err"},
		{PAM_AUTHTOK_ERR, "authtok_err"},
		{PAM_CRED_ERR, "cred_err"},
		{PAM_CRED_UNAVAIL, "cred_unavail"},
		{PAM_MODULE_UNKNOWN, "module_unknown"},
		{PAM_ABORT, "abort"},
	};
	static char number[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].answer == answer)
			return names[i].name;
	snprintf(number, sizeof(number), "%d", answer);
	return number;
}

struct run {
	const char *confdir, *rhost, *tty, *service, *user;
	bool no_authentication, twice;
};

static void set_item(pam_handle_t *pamh, int item, const char *value)
{
	if (value != NULL && pam_set_item(pamh, item, value) != PAM_SUCCESS)
		exit(2);
}

static void say(const char *phase, int answer, bool print)
{
	if (print)
		printf("%s=%s ", phase, name_of(answer));
}

/* The phases go on only as far as a login would. */
static void transact(const struct run *run, bool print)
{
	struct pam_conv conversation = {.conv = converse};
	pam_handle_t *pamh = NULL;
	int answer = run->confdir ? pam_start_confdir(run->service, run->user, &conversation,
						      run->confdir, &pamh)
				  : pam_start(run->service, run->user, &conversation, &pamh);
	const char *id;

	next_line = 0;
	if (answer != PAM_SUCCESS) {
		say("start", answer, print);
		return;
	}
	set_item(pamh, PAM_RHOST, run->rhost);
	set_item(pamh, PAM_TTY, run->tty);
	if (!run->no_authentication) {
		answer = pam_authenticate(pamh, 0);
		if (search)
			printf("asked=%d left=%d ", asked, places());
		say("auth", answer, print);
	}
	if (run->twice) {
		answer = pam_authenticate(pamh, 0);
		say("again", answer, print);
	}
	if (answer == PAM_SUCCESS) {
		say("acct", pam_acct_mgmt(pamh, 0), print);
		say("cred", pam_setcred(pamh, PAM_ESTABLISH_CRED), print);
		say("open", pam_open_session(pamh, 0), print);
		say("close", pam_close_session(pamh, 0), print);
	}
	id = pam_getenv(pamh, "PAM_PAT_ID");
	if (print)
		printf("id=%s\n", id ? id : "none");
	pam_end(pamh, answer);
}

static long descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Private memory, in KiB. */
static long memory(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0, value;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Private_Dirty: %ld kB", &value) == 1)
			kib += value;
	if (file != NULL)
		fclose(file);
	return kib;
}

static void repeat(const struct run *run, long times)
{
	enum { WARM = 100 };
	long fds = 0, kib = 0;

	for (long i = 0; i < times + WARM; i++) {
		if (i == WARM) {
			fds = descriptors();
			kib = memory();
		}
		transact(run, i == times + WARM - 1);
	}
	printf("descriptors=%ld memory=%ld\n", descriptors() - fds, memory() - kib);
}

static void read_responses(void)
{
	size_t size = 0;
	ssize_t len;

	setvbuf(stdin, NULL, _IONBF, 0);
	while (line_count < LINES && (len = getline(&lines[line_count], &size, stdin)) >= 0) {
		if (len > 0 && lines[line_count][len - 1] == '\n')
			lines[line_count][len - 1] = '\0';
		invert(lines[line_count]);
		line_count++;
		size = 0;
	}
}

int main(int argc, char **argv)
{
	struct run run = {0};
	long times = 0;
	int option;

	while ((option = getopt(argc, argv, "c:r:t:n:a2i:mw")) != -1) {
		switch (option) {
		case 'c':
			run.confdir = optarg;
			break;
		case 'r':
			run.rhost = optarg;
			break;
		case 't':
			run.tty = optarg;
			break;
		case 'n':
			times = strtol(optarg, NULL, 10);
			break;
		case 'a':
			run.no_authentication = true;
			break;
		case '2':
			run.twice = true;
			break;
		case 'i':
			ignored = optarg;
			break;
		case 'm':
			search = true;
			break;
		case 'w':
			slow = true;
			signal(SIGPIPE, SIG_DFL);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		return 2;
	run.service = argv[optind];
	run.user = argv[optind + 1];
	read_responses();
	if (times > 0)
		repeat(&run, times);
	else
		transact(&run, true);
	for (unsigned i = 0; i < LINES; i++)
		free(lines[i]);
	return 0;
}
