/* SPDX-License-Identifier: ISC */

/* patd: the broker, and the only writer of grants. See patd(8). */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "confine.h"
#include "listeners.h"
#include "log.h"
#include "pat/error.h"
#include "pat/stdio.h"
#include "pat/store.h"
#include "pat/text.h"
#include "pat/varlink.h"
#include "policy_cache.h"
#include "server.h"
#include "sweep.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Names of files are told like other text from outside. */
#define SHOWN 256

static const char usage[] =
	"Usage: patd [--listen DIR] [--store PATH] [--config PATH] [--no-spare] [--debug]\n"
	"       patd --check-config FILE\n"
	"       patd --sweep [--store PATH] [--config PATH]\n"
	"The broker for personal access tokens.\n"
	"\n"
	"  --listen DIR    make the sockets in DIR; without it, take those that systemd passes\n"
	"  --store PATH    the token store (" PAT_STORE_PATH ")\n"
	"  --config PATH   the policy (" PAT_POLICY_PATH ")\n"
	"  --no-spare      keep no processes ready for the next logins and clients\n"
	"  --debug         log to standard error as well\n"
	"  --check-config FILE\n"
	"                  only say whether FILE is a policy that can be used, and what is wrong\n"
	"  --sweep         only put the store in order, as pat.conf says, and tell what was done\n"
	"  -h, --help      show this\n"
	"  -V, --version   show the version\n";

struct command_line {
	struct settings settings;
	const char *listen;
	char *check_config;
	bool sweep;
	bool debug;
};

/* What each of the following returns where there is nothing to exit with yet. */
#define GO_ON (-1)

enum { LISTEN = 256, STORE, CONFIG, NO_SPARE, DEBUG, CHECK_CONFIG, SWEEP };

static const struct option options[] = {
	{"listen", required_argument, NULL, LISTEN},
	{"store", required_argument, NULL, STORE},
	{"config", required_argument, NULL, CONFIG},
	{"no-spare", no_argument, NULL, NO_SPARE},
	{"debug", no_argument, NULL, DEBUG},
	{"check-config", required_argument, NULL, CHECK_CONFIG},
	{"sweep", no_argument, NULL, SWEEP},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int take_option(int option, char *argument, struct command_line *line)
{
	switch (option) {
	case LISTEN:
		line->listen = argument;
		return GO_ON;
	case STORE:
		line->settings.store = argument;
		return GO_ON;
	case CONFIG:
		line->settings.policy = argument;
		return GO_ON;
	case NO_SPARE:
		line->settings.no_spare = true;
		return GO_ON;
	case DEBUG:
		line->debug = true;
		return GO_ON;
	case CHECK_CONFIG:
		line->check_config = argument;
		return GO_ON;
	case SWEEP:
		line->sweep = true;
		return GO_ON;
	case 'h':
		fputs(usage, stdout);
		return EXIT_OK;
	case 'V':
		puts("patd " PAT_VERSION);
		return EXIT_OK;
	default:
		fputs("Try 'patd --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

/* `operand` is NULL or what stands behind the options. */
static int check_line(const struct command_line *line, const char *operand)
{
	char shown[SHOWN];

	if (operand != NULL) {
		fprintf(stderr, "patd: there are no arguments but options: %s\n",
			pat_escape(shown, sizeof(shown), operand));
		return EXIT_USAGE;
	}
	if (line->settings.store[0] != '/' || line->settings.policy[0] != '/' ||
	    (line->listen != NULL && line->listen[0] != '/')) {
		fputs("patd: paths must be absolute\n", stderr);
		return EXIT_USAGE;
	}
	return GO_ON;
}

static int parse(int argc, char **argv, struct command_line *line)
{
	int result = GO_ON, option;

	while (result == GO_ON && (option = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		result = take_option(option, optarg, line);
	return result == GO_ON ? check_line(line, argv[optind]) : result;
}

static void tell_unknown_group(const char *group, unsigned line, void *path)
{
	char shown[4 * POLICY_GROUP_MAX], file[SHOWN];

	fprintf(stderr, "patd: %s line %u: there is no group \"%s\" on this machine\n",
		pat_escape(file, sizeof(file), path), line,
		pat_escape(shown, sizeof(shown), group));
}

/* For whoever is about to install a policy; needs no root. */
static int check_config(char *path)
{
	struct policy policy;
	char fault[POLICY_FAULT_MAX], shown[SHOWN];

	if (policy_load(path, &policy, fault) != 0) {
		fprintf(stderr, "patd: %s\n", fault);
		return EXIT_FAILED;
	}
	policy_unknown_groups(&policy, tell_unknown_group, path);
	printf("%s: ok\n", pat_escape(shown, sizeof(shown), path));
	return EXIT_OK;
}

/* Passwords and tokens pass through this process: no core files, and nobody attaches. */
static void harden(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	pat_varlink_wipe_json();
	/* Asks the processor what it can do, which takes long on a virtual machine: not in each
	 * child. That it failed is for them to find again, and to say. */
	if (sodium_init() < 0)
		fputs("patd: libsodium cannot be used\n", stderr);
	/* From a file of random bytes, which a reader may not open. */
	json_object_seed(0);
	/* With this, TDB would promise what is not on disk. */
	unsetenv("TDB_NO_FSYNC");
	if (chdir("/") < 0)
		perror("patd: /");
}

/* Serves nobody who could not be kept in. `alone`: this process starts no other program. */
static int confine(bool alone)
{
	int error = confine_prepare();

	if (!error)
		error = confine_service();
	if (!error && alone)
		error = confine_alone();
	if (error)
		fprintf(stderr, "patd: cannot give up rights: %s\n",
			error == PAT_E_IO ? strerror(errno) : pat_error_text(error));
	return error;
}

static int open_listeners(const struct command_line *line, struct listeners *listeners)
{
	char shown[SHOWN];
	int error;

	if (line->listen == NULL) {
		error = listeners_inherit(listeners);
		if (error == PAT_E_INVALID)
			fputs("patd: the sockets that were passed (LISTEN_FDS) are not one "
			      "listening "
			      "SOCK_STREAM and one SOCK_SEQPACKET\n",
			      stderr);
		else if (error)
			fputs("patd: no sockets were passed (LISTEN_FDS); without systemd, say "
			      "where to make them: patd --listen /run/pat\n",
			      stderr);
		return error;
	}
	error = listeners_make(listeners, line->listen);
	pat_escape(shown, sizeof(shown), line->listen);
	if (error == PAT_E_EXISTS)
		fprintf(stderr, "patd: another patd is listening in %s\n", shown);
	else if (error)
		fprintf(stderr, "patd: cannot listen in %s: %s%s%s\n", shown, pat_error_text(error),
			error == PAT_E_IO ? ": " : "", error == PAT_E_IO ? strerror(errno) : "");
	return error;
}

int main(int argc, char **argv)
{
	struct command_line line = {
		.settings = {.store = PAT_STORE_PATH, .policy = PAT_POLICY_PATH}};
	struct listeners listeners;
	char fault[POLICY_FAULT_MAX];
	int result;

	pat_stdio_fill();
	result = parse(argc, argv, &line);
	if (result != GO_ON)
		return result;
	if (line.check_config != NULL)
		return confine(true) == 0 ? check_config(line.check_config) : EXIT_FAILED;
	if (geteuid() != 0) {
		fputs("patd: must be started by root\n", stderr);
		return EXIT_FAILED;
	}
	harden();
	if (line.sweep) {
		log_open(line.debug);
		return confine(true) == 0 && sweep_run(&line.settings) == 0 ? EXIT_OK : EXIT_FAILED;
	}
	if (open_listeners(&line, &listeners) != 0)
		return EXIT_FAILED;
	log_open(line.debug);
	if (confine(false) != 0)
		return EXIT_FAILED;
	/* For all children, as long as it stays as it is; and the sysadmin should hear of it now.
	 */
	if (policy_current(line.settings.policy, fault) == NULL)
		log_line(LOG_ERR, "no token will be minted: %s", fault);
	result = server_run(&listeners, &line.settings, line.listen == NULL);
	if (result != 0)
		log_line(LOG_ERR, "cannot go on: %s", pat_error_text(result));
	if (line.listen != NULL)
		listeners_remove(line.listen);
	return result == 0 ? EXIT_OK : EXIT_FAILED;
}
