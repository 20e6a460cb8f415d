/* SPDX-License-Identifier: ISC */

/*
 * Prints by how many KiB of private memory a process grows that has libpam, and has logged in by
 * service FLOOR, when it logs in by SERVICE: as the process of sshd that calls PAM.
 *
 *	grown [-c CONFDIR] FLOOR SERVICE USER
 *
 * The secret is the first line of standard input. Another process has done the same and is there
 * meanwhile, as on a machine with more than one login: what both have of files is not private.
 */

#include <err.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char secret[PAM_MAX_RESP_SIZE];

static int answer(int count, const struct pam_message **messages, struct pam_response **responses,
		  void *data)
{
	(void)messages;
	(void)data;
	*responses = calloc((size_t)count, sizeof(**responses));
	for (int i = 0; i < count && *responses != NULL; i++)
		(*responses)[i].resp = strdup(secret);
	return *responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* Nothing is closed: what PAM keeps for the session counts. */
static void log_in(const char *confdir, const char *service, const char *user)
{
	const struct pam_conv conversation = {.conv = answer};
	pam_handle_t *pamh;

	if (pam_start_confdir(service, user, &conversation, confdir, &pamh) != PAM_SUCCESS ||
	    pam_authenticate(pamh, 0) != PAM_SUCCESS)
		errx(1, "%s: no login", service);
}

static long private_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long sum = 0, kib;

	if (file == NULL)
		err(1, "smaps_rollup");
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Private_Clean: %ld", &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum += kib;
	(void)fclose(file);
	return sum;
}

static void log_in_both(const char *confdir, char **argv)
{
	log_in(confdir, argv[1], argv[3]);
	log_in(confdir, argv[2], argv[3]);
}

/* It ends with us: that closes the pipe that it reads. */
static void have_another(const char *confdir, char **argv)
{
	int there[2], go_on[2];
	char byte = 0;

	if (pipe(there) < 0 || pipe(go_on) < 0)
		err(1, "pipe");
	if (fork() == 0) {
		close(go_on[1]);
		log_in_both(confdir, argv);
		if (write(there[1], &byte, 1) == 1)
			(void)!read(go_on[0], &byte, 1);
		_exit(0);
	}
	close(there[1]);
	if (read(there[0], &byte, 1) != 1)
		errx(1, "no other login");
	close(there[0]);
	close(go_on[0]);
}

int main(int argc, char **argv)
{
	const char *confdir = NULL;
	long before;

	if (argc > 2 && strcmp(argv[1], "-c") == 0) {
		confdir = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc != 4 || fgets(secret, sizeof(secret), stdin) == NULL)
		return 2;
	secret[strcspn(secret, "\n")] = '\0';
	have_another(confdir, argv);
	log_in(confdir, argv[1], argv[3]);
	/* What measuring takes for itself is there before. */
	(void)private_kib();
	before = private_kib();
	log_in(confdir, argv[2], argv[3]);
	printf("%ld\n", private_kib() - before);
	return 0;
}
