/* SPDX-License-Identifier: ISC */

/*
 * Where the time of a login in a fresh process goes: its parts, one after another in a child, many
 * times.
 *
 *	parts [-n COUNT] MODULE CONFDIR SERVICE USER
 *
 * The secret is the first line of standard input. Prints one JSON object: of each part the median
 * of microseconds and of page faults. What a part is the first to need is counted there: so all
 * that the module needs is done once before it is called, and pam_authenticate is what is left; a
 * second one shows what it costs when all is warm.
 */

#include <dlfcn.h>
#include <err.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { TIMES_MAX = 10000 };

static const char *module, *confdir, *service, *user;
static char secret[512];
static pam_handle_t *pamh;

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	(void)messages;
	(void)data;
	*out = calloc((size_t)count, sizeof(**out));
	if (*out != NULL)
		(*out)[0].resp = strdup(secret);
	return *out ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void *load(const char *name)
{
	void *library = dlopen(name, RTLD_NOW);

	if (library == NULL)
		errx(1, "%s", dlerror());
	return library;
}

static void nothing(void)
{
}

static void load_tdb(void)
{
	(void)load("libtdb.so.1");
}

static void load_sodium(void)
{
	(void)load("libsodium.so.23");
}

static void load_module(void)
{
	(void)load(module);
}

static void init_sodium(void)
{
	void *library = load("libsodium.so.23");
	int (*init)(void) = (__typeof__(init))dlsym(library, "sodium_init");

	if (init == NULL || init() < 0)
		errx(1, "sodium_init");
}

static void ask_names(void)
{
	if (getpwnam(user) == NULL || getspnam(user) == NULL)
		errx(1, "%s: no such user", user);
}

static void write_log(void)
{
	syslog(LOG_AUTHPRIV | LOG_INFO, "a line");
}

static void begin(void)
{
	static const struct pam_conv conversation = {.conv = converse};

	if (pam_start_confdir(service, user, &conversation, confdir, &pamh) != PAM_SUCCESS)
		errx(1, "pam_start");
}

static void authenticate(void)
{
	int answer = pam_authenticate(pamh, PAM_SILENT);

	if (answer != PAM_SUCCESS)
		errx(1, "%s was answered %d", service, answer);
	(void)pam_set_item(pamh, PAM_AUTHTOK, NULL);
}

static void end(void)
{
	pam_end(pamh, PAM_SUCCESS);
}

static const struct part {
	const char *name;
	void (*run)(void);
} parts[] = {
	{"nothing", nothing},
	{"dlopen libtdb", load_tdb},
	{"dlopen libsodium", load_sodium},
	{"dlopen pam_pat.so", load_module},
	{"sodium_init", init_sodium},
	{"getpwnam, getspnam", ask_names},
	{"syslog", write_log},
	{"pam_start", begin},
	{"pam_authenticate", authenticate},
	{"pam_authenticate again", authenticate},
	{"pam_end", end},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

struct sample {
	double us, faults;
};

struct round {
	struct sample of[PARTS];
	struct sample whole; /* of a child that does nothing: fork, exit, wait */
};

static struct sample look(void)
{
	struct rusage usage;
	struct timespec ts;

	getrusage(RUSAGE_SELF, &usage);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct sample){(double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3,
			       (double)usage.ru_minflt};
}

static void run_parts(struct round *round)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct sample before = look(), after;

		parts[i].run();
		after = look();
		round->of[i] = (struct sample){after.us - before.us, after.faults - before.faults};
	}
}

static void in_child(struct round *round, void (*work)(struct round *))
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		if (work != NULL)
			work(round);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "a child failed");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *first, size_t stride, long count)
{
	static double values[TIMES_MAX];

	for (long i = 0; i < count; i++)
		values[i] = *(const double *)((const char *)first + (size_t)i * stride);
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void print(const char *name, const struct sample *first, long count, const char *after)
{
	printf("\"%s\": {\"us\": %.2f, \"faults\": %.0f}%s", name,
	       median(&first->us, sizeof(struct round), count),
	       median(&first->faults, sizeof(struct round), count), after);
}

int main(int argc, char **argv)
{
	struct round *rounds;
	long count = 200;
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			return 2;
		count = strtol(optarg, NULL, 10);
	}
	if (argc - optind != 4 || count < 1 || count > TIMES_MAX ||
	    fgets(secret, sizeof(secret), stdin) == NULL)
		return 2;
	secret[strcspn(secret, "\n")] = '\0';
	module = argv[optind];
	confdir = argv[optind + 1];
	service = argv[optind + 2];
	user = argv[optind + 3];
	rounds = mmap(NULL, (size_t)count * sizeof(*rounds), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (rounds == MAP_FAILED)
		err(1, "mmap");
	for (long i = 0; i < count; i++) {
		double began = look().us;

		in_child(NULL, NULL);
		rounds[i].whole.us = look().us - began;
		in_child(&rounds[i], run_parts);
	}
	printf("{");
	print("fork, exit, wait", &rounds->whole, count, ", ");
	for (size_t i = 0; i < PARTS; i++)
		print(parts[i].name, &rounds->of[i], count, i + 1 < PARTS ? ", " : "}\n");
	return 0;
}
