/* SPDX-License-Identifier: ISC */

/* patstore: root's tool on the store file. See patstore(8). */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/stdio.h"
#include "pat/store.h"
#include "pat/text.h"
#include "patstore.h"

static const char usage[] =
	"Usage: patstore COMMAND [-s|--store PATH]\n"
	"Looks after the store of personal access tokens.\n"
	"\n"
	"  check             look at every record, and tell what is wrong\n"
	"  stats             count what is there\n"
	"    -j, --json      as JSON\n"
	"    --prometheus    for the node exporter's textfile collector\n"
	"  backup FILE       copy the store while it is in use; - is the standard output\n"
	"    -f, --force     replace FILE\n"
	"  restore FILE      bring back from a backup what the store has lost\n"
	"    --replace       make the store what the backup is, whatever that loses\n"
	"  rebuild           write the store anew: repair, compact, and grow it\n"
	"\n"
	"  -s, --store PATH  the store (" PAT_STORE_PATH ")\n"
	"  -h, --help        show this\n"
	"  -V, --version     show the version\n";

static const struct command {
	const char *name;
	bool has_forms, has_file;
	int (*run)(const struct command_line *line, FILE *out);
} commands[] = {
	{"check", false, false, do_check},     {"stats", true, false, do_stats},
	{"backup", false, true, do_backup},    {"restore", false, true, do_restore},
	{"rebuild", false, false, do_rebuild},
};

/* Runs a command, and prints what it found. */
static int run(const struct command_line *line, const struct command *command)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int result = EXIT_FAILED;

	if (out != NULL)
		result = command->run(line, out);
	if (out == NULL || fclose(out) != 0 || text == NULL ||
	    fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0) {
		perror("patstore");
		result = EXIT_FAILED;
	}
	free(text);
	return result;
}

static int bad_usage(const char *what, const char *argument)
{
	char shown[512];

	fprintf(stderr, "patstore: %s%s\nTry 'patstore --help'.\n", what,
		pat_escape(shown, sizeof(shown), argument));
	return EXIT_USAGE;
}

/* -1 to go on, or what to exit with. */
static int parse(int argc, char **argv, struct command_line *line)
{
	enum { PROMETHEUS = 256, REPLACE };
	static const struct option options[] = {
		{"store", required_argument, NULL, 's'},       {"json", no_argument, NULL, 'j'},
		{"prometheus", no_argument, NULL, PROMETHEUS}, {"force", no_argument, NULL, 'f'},
		{"replace", no_argument, NULL, REPLACE},       {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},           {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:jfhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			line->store = optarg;
			break;
		case 'j':
			line->form = STATS_JSON;
			break;
		case PROMETHEUS:
			line->form = STATS_PROMETHEUS;
			break;
		case 'f':
			line->force = true;
			break;
		case REPLACE:
			line->replace = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'V':
			puts("patstore " PAT_VERSION);
			return EXIT_OK;
		default:
			fputs("Try 'patstore --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (line->store[0] != '/')
		return bad_usage("the path of the store must be absolute: ", line->store);
	return -1;
}

/* Whether the command takes what was typed with it. -1 to go on, or what to exit with. */
static int fit(const struct command *command, int operands, char **operand,
	       struct command_line *line)
{
	if (line->form != STATS_TEXT && !command->has_forms)
		return bad_usage("--json and --prometheus are not for ", command->name);
	if (line->force && command->run != do_backup)
		return bad_usage("--force is not for ", command->name);
	if (line->replace && command->run != do_restore)
		return bad_usage("--replace is not for ", command->name);
	if (operands > command->has_file)
		return bad_usage(command->has_file ? "one file at a time" : "one command at a time",
				 "");
	if (operands < command->has_file)
		return bad_usage("say which file is meant, after ", command->name);
	line->file = command->has_file ? operand[0] : NULL;
	return -1;
}

/* What is written has hashes of secrets in it, and is whole or not there. */
static void harden(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	unsetenv("TDB_NO_FSYNC");
	umask(077);
	/* A limit, or a reader who goes away, is an error and no death. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct command_line line = {.store = PAT_STORE_PATH};
	int result;

	pat_stdio_fill();
	result = parse(argc, argv, &line);
	if (result >= 0)
		return result;
	if (argc == optind)
		return bad_usage("say what to do", "");
	harden();
	if (sodium_init() < 0)
		return bad_usage("libsodium cannot be initialised", "");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		result = fit(&commands[i], argc - optind - 1, argv + optind + 1, &line);
		return result >= 0 ? result : run(&line, &commands[i]);
	}
	return bad_usage("unknown command: ", argv[optind]);
}
