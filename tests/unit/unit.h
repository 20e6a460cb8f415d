/* SPDX-License-Identifier: ISC */
#ifndef UNIT_H
#define UNIT_H

/*
 * What all unit tests share: TAP on standard output, skips with a reason, numbers that look random
 * and are the same in every run, memory that ends at a page nobody may read, and child processes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNUSED __attribute__((unused))
#define UNIT_SKIP_MARK "# skip: "

/* Ends a test that cannot be run here. */
#define unit_skip(why)                                     \
	do {                                               \
		print_message(UNIT_SKIP_MARK "%s\n", why); \
		skip();                                    \
	} while (0)

/*
 * cmocka 1.1.5 writes a skipped test as `not ok N # SKIP name`, which TAP readers take for a
 * failure. This process, between the tests and standard output, makes it `ok N - name # SKIP why`.
 */
static UNUSED void unit_filter(FILE *in)
{
	static const char skipped[] = " # SKIP ";
	char line[4096];
	char why[256] = "";

	while (fgets(line, sizeof(line), in)) {
		const char *name = strstr(line, skipped);
		unsigned number;

		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, UNIT_SKIP_MARK, strlen(UNIT_SKIP_MARK))) {
			snprintf(why, sizeof(why), "%.250s", line + strlen(UNIT_SKIP_MARK));
		} else if (name && (sscanf(line, "not ok %u", &number) == 1 ||
				    sscanf(line, "ok %u", &number) == 1)) {
			printf("ok %u - %s # SKIP %s\n", number, name + strlen(skipped), why);
		} else {
			puts(line);
		}
		fflush(stdout);
	}
	_exit(0);
}

static UNUSED int unit_run_tests(const struct CMUnitTest *tests, size_t count, const char *file)
{
	int ends[2];
	pid_t filter;
	int failed;

	if (pipe2(ends, O_CLOEXEC) != 0 || (filter = fork()) < 0) {
		perror("cannot start the TAP filter");
		return 99;
	}
	if (filter == 0) {
		close(ends[1]);
		unit_filter(fdopen(ends[0], "r"));
	}
	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = _cmocka_run_group_tests(file, tests, count, NULL, NULL);

	fflush(stdout);
	close(STDOUT_FILENO);
	while (waitpid(filter, NULL, 0) < 0 && errno == EINTR)
		;
	return failed > 99 ? 99 : failed;
}

#define unit_run(tests) unit_run_tests(tests, COUNT(tests), __FILE__)

/* splitmix64 (Steele, Lea and Flood 2014), always from the same seed: a failure can be had again.
 */
static UNUSED uint64_t unit_random(void)
{
	static uint64_t state = 0x70616d5f706174;
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static UNUSED unsigned unit_below(unsigned limit)
{
	return (unsigned)(unit_random() % limit);
}

/* A string of exactly `len` lower-case letters and digits. Returns dst. */
static UNUSED char *unit_word(char *dst, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < len; i++)
		dst[i] = letters[unit_below(sizeof(letters) - 1)];
	dst[len] = '\0';
	return dst;
}

/*
 * A copy of the bytes that ends at a page without any access, so that reading past its end is
 * fatal without a sanitizer as well. It stands until the next call.
 */
static UNUSED unsigned char *unit_at_edge(const void *bytes, size_t len)
{
	static unsigned char *arena;
	const size_t page = 4096, size = 64 * page;

	if (!arena) {
		arena = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		if (arena == MAP_FAILED || mprotect(arena + size, page, PROT_NONE) != 0)
			abort();
	}
	if (len > size)
		abort();
	if (len)
		memcpy(arena + size - len, bytes, len);
	return arena + size - len;
}

static UNUSED int64_t unit_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * A child process, which dies with this one and has nothing to say on standard output. It must
 * leave by _exit(), never by an assertion: those jump into the parent's test.
 */
static UNUSED pid_t unit_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* cmocka's handlers would go on with the parent's tests. */
		static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

		for (size_t i = 0; i < COUNT(signals); i++)
			signal(signals[i], SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
	}
	return pid;
}

/* How a child ended: its exit status, or 1000 and the signal. */
static UNUSED int unit_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Waits until a child has stopped itself. False when it ended instead. */
static UNUSED bool unit_wait_stopped(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, WUNTRACED) < 0)
		if (errno != EINTR)
			return false;
	return WIFSTOPPED(status);
}

static UNUSED void unit_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	unit_wait(pid);
}

#endif
