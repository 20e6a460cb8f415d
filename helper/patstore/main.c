/* SPDX-License-Identifier: ISC */

/* patstore: root's tool on the store file. See patstore(8). */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
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
#include "pat/when.h"
#include "survey.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* An administrator waits longer than a login. */
#define WAIT_MS 10000

static const char usage[] = "Usage: patstore COMMAND [-s|--store PATH]\n"
			    "Looks after the store of personal access tokens.\n"
			    "\n"
			    "  check             look at every record, and tell what is wrong\n"
			    "  stats [-j|--json] count what is there\n"
			    "\n"
			    "  -s, --store PATH  the store (" PAT_STORE_PATH ")\n"
			    "  -h, --help        show this\n"
			    "  -V, --version     show the version\n";

struct command_line {
	const char *store;
	bool json;
};

/* What is found is told when the store is closed: a reader of our output who takes their time, a
 * pager, must not hold it. */
static FILE *found;

static void note_fault(const char *record, const char *fault)
{
	fprintf(found, "%s: %s\n", record, fault);
}

static void ignore_fault(const char *record, const char *fault)
{
	(void)record;
	(void)fault;
}

static int fail(const struct command_line *line, int error)
{
	fprintf(stderr, "patstore: %s: %s%s%s\n", line->store, pat_error_text(error),
		errno ? ": " : "", errno ? strerror(errno) : "");
	return EXIT_FAILED;
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
	fprintf(found, "%" PRIu64 " tokens, %" PRIu64 " faults%s\n",
		survey.active + survey.expired + survey.revoked, survey.faults,
		structure ? " in records, and one of the file" : "");
	return survey.faults == 0 && !structure ? EXIT_OK : EXIT_FAILED;
}

/* One figure of `stats`, under the name it has in both forms. */
static void figure(json_t *object, const char *name, uint64_t value)
{
	if (object != NULL)
		json_object_set_new(object, name, json_integer((json_int_t)value));
	else
		fprintf(found, "%-18s %" PRIu64 "\n", name, value);
}

static void moment(json_t *object, const char *name, int64_t when)
{
	char text[PAT_RFC3339_MAX], local[PAT_LOCALTIME_MAX];

	if (object != NULL)
		json_object_set_new(object, name, json_string(pat_rfc3339(text, when)));
	else
		fprintf(found, "%-18s %s\n", name, pat_localtime(local, when));
}

static int stats(const struct command_line *line, struct pat_store *store)
{
	json_t *object = line->json ? json_object() : NULL;
	struct survey survey;
	struct pat_meta meta = {0};
	uint64_t bytes = 0;
	uint32_t buckets = 0;
	int error = survey_run(store, (int64_t)time(NULL), ignore_fault, &survey);

	if (!error)
		error = pat_store_size(store, &bytes, &buckets);
	if (error) {
		json_decref(object);
		return fail(line, error);
	}
	(void)pat_store_get_meta(store, &meta);
	figure(object, "active", survey.active);
	figure(object, "expired", survey.expired);
	figure(object, "revoked", survey.revoked);
	figure(object, "users", survey.users);
	figure(object, "uses", survey.uses);
	figure(object, "refused_proved", survey.refused_proved);
	figure(object, "refused_unproved", survey.refused_unproved);
	figure(object, "refused_unknown", survey.strangers);
	figure(object, "faults", survey.faults);
	figure(object, "bytes", bytes);
	figure(object, "buckets", buckets);
	figure(object, "schema", meta.schema);
	figure(object, "generation", meta.generation);
	moment(object, "created_at", meta.created_at);
	if (object != NULL) {
		json_dumpf(object, found, JSON_INDENT(2));
		fputc('\n', found);
		json_decref(object);
	}
	return EXIT_OK;
}

static const struct {
	const char *name;
	bool json;
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
	static const struct option options[] = {
		{"store", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			line->store = optarg;
			break;
		case 'j':
			line->json = true;
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
		if (line.json && !commands[i].json)
			return bad_usage("--json is not for ", commands[i].name);
		errno = 0;
		result = pat_store_open(&store, line.store, PAT_STORE_READ,
					pat_deadline_in(WAIT_MS));
		if (result)
			return fail(&line, result);
		return run(&line, store, commands[i].run);
	}
	return bad_usage("unknown command: ", argv[optind]);
}
