/* SPDX-License-Identifier: ISC */

/* patstore: root's tool on the store file. See patstore(8). */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "pat/error.h"
#include "pat/stdio.h"
#include "pat/store.h"
#include "stats.h"
#include "survey.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* An administrator waits longer than a login. */
#define WAIT_MS 10000

static const char usage[] = "Usage: patstore COMMAND [-s|--store PATH]\n"
			    "Looks after the store of personal access tokens.\n"
			    "\n"
			    "  check             look at every record, and tell what is wrong\n"
			    "  stats             count what is there\n"
			    "    -j, --json      as JSON\n"
			    "    --prometheus    for the node exporter's textfile collector\n"
			    "\n"
			    "  -s, --store PATH  the store (" PAT_STORE_PATH ")\n"
			    "  -h, --help        show this\n"
			    "  -V, --version     show the version\n";

struct command_line {
	const char *store;
	enum stats_form form;
};

/* What is found is told when the store is closed: a reader of our output who takes their time, a
 * pager, must not hold it. */
static FILE *found;

static void note_fault(const char *record, const char *fault)
{
	fprintf(found, "%s: %s\n", record, fault);
}

static int fail(const struct command_line *line, int error)
{
	fprintf(stderr, "patstore: %s: %s%s%s\n", line->store, pat_error_text(error),
		errno ? ": " : "", errno ? strerror(errno) : "");
	return EXIT_FAILED;
}

static uint64_t tokens_in(const struct survey *survey)
{
	uint64_t sum = 0;

	for (enum pat_status status = PAT_STATUS_ACTIVE; status <= PAT_STATUS_REVOKED; status++)
		sum += survey->by_status[status];
	return sum;
}

static int check(const struct command_line *line, struct pat_store *store)
{
	struct survey survey;
	int error = survey_run(store, (int64_t)time(NULL), note_fault, &survey);
	int structure = pat_store_check_structure(store);

	if (error)
		return fail(line, error);
	if (structure)
		fputs("the file: its structure is not whole\n", found);
	fprintf(found, "%" PRIu64 " tokens, %" PRIu64 " faults%s\n", tokens_in(&survey),
		survey.faults, structure ? " in records, and one of the file" : "");
	return survey.faults == 0 && !structure ? EXIT_OK : EXIT_FAILED;
}

static int stats(const struct command_line *line, struct pat_store *store)
{
	int error = stats_print(store, line->form, found);

	return error ? fail(line, error) : EXIT_OK;
}

static const struct {
	const char *name;
	bool has_forms;
	int (*run)(const struct command_line *line, struct pat_store *store);
} commands[] = {{"check", false, check}, {"stats", true, stats}};

/* Runs a command on the open store, closes that, and prints what was found. */
static int run(const struct command_line *line, struct pat_store *store,
	       int (*command)(const struct command_line *line, struct pat_store *store))
{
	char *text = NULL;
	size_t len = 0;
	int result = EXIT_FAILED;

	found = open_memstream(&text, &len);
	if (found != NULL)
		result = command(line, store);
	pat_store_close(store);
	if (found == NULL || fclose(found) != 0 || fwrite(text, 1, len, stdout) != len ||
	    fflush(stdout) != 0) {
		perror("patstore");
		result = EXIT_FAILED;
	}
	free(text);
	return result;
}

static int bad_usage(const char *what, const char *argument)
{
	fprintf(stderr, "patstore: %s%s\nTry 'patstore --help'.\n", what, argument);
	return EXIT_USAGE;
}

/* -1 to go on, or what to exit with. */
static int parse(int argc, char **argv, struct command_line *line)
{
	enum { PROMETHEUS = 256 };
	static const struct option options[] = {
		{"store", required_argument, NULL, 's'},       {"json", no_argument, NULL, 'j'},
		{"prometheus", no_argument, NULL, PROMETHEUS}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},           {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
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

int main(int argc, char **argv)
{
	const struct rlimit none = {0, 0};
	struct command_line line = {.store = PAT_STORE_PATH};
	struct pat_store *store;
	int result;

	pat_stdio_fill();
	result = parse(argc, argv, &line);
	if (result >= 0)
		return result;
	if (argc - optind != 1)
		return bad_usage(argc == optind ? "say what to do" : "one command at a time", "");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	unsetenv("TDB_NO_FSYNC");
	if (sodium_init() < 0)
		return bad_usage("libsodium cannot be initialised", "");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[optind], commands[i].name) != 0)
			continue;
		if (line.form != STATS_TEXT && !commands[i].has_forms)
			return bad_usage("--json and --prometheus are not for ", commands[i].name);
		errno = 0;
		result = pat_store_open(&store, line.store, PAT_STORE_READ,
					pat_deadline_in(WAIT_MS));
		if (result)
			return fail(&line, result);
		return run(&line, store, commands[i].run);
	}
	return bad_usage("unknown command: ", argv[optind]);
}
