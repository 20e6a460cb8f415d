/* SPDX-License-Identifier: ISC */

/*
 * Transactions of TDB, each in a store that was opened for it, with the records that a token is,
 * and nothing else: no lock file, no checks, no policy. Prints what each took, in microseconds.
 *
 *	commit [-f] -n COUNT STORE
 *
 * With -f each is made in a child of its own, and timed there from opening to closing: a change is
 * always the first of a process. Else all are made in one, which has TDB's memory at hand.
 *
 * The records are written in one transaction and taken out in the next, so the store stays as it
 * is.
 */

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

#include "pat/record.h"

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* A record of that size, or none. */
static int change(struct tdb_context *tdb, const char *name, size_t size, bool put)
{
	static unsigned char bytes[1024];
	TDB_DATA key = {.dptr = (unsigned char *)(uintptr_t)name, .dsize = strlen(name)};
	TDB_DATA value = {.dptr = bytes, .dsize = size};

	return put ? tdb_store(tdb, key, value, TDB_INSERT) : tdb_delete(tdb, key);
}

static double commit(const char *path, bool put)
{
	double from = now_us();
	struct tdb_context *tdb = tdb_open(path, 0, TDB_NOLOCK | TDB_NOMMAP, O_RDWR, 0);

	if (tdb == NULL || tdb_transaction_start(tdb) != 0 ||
	    change(tdb, "tbenchbench", 180, put) != 0 ||
	    change(tdb, "ubenchbench", PAT_USE_SIZE, put) != 0 ||
	    change(tdb, "ibench", 64, put) != 0 || tdb_transaction_commit(tdb) != 0)
		errx(1, "%s: no transaction", path);
	tdb_close(tdb);
	return now_us() - from;
}

static double commit_in_child(const char *path, bool put)
{
	static double *took;
	int status;
	pid_t pid;

	if (took == NULL)
		took = mmap(NULL, sizeof(*took), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (took == MAP_FAILED)
		err(1, "mmap");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		*took = commit(path, put);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "a child failed");
	return *took;
}

int main(int argc, char **argv)
{
	bool forks = argc == 5 && strcmp(argv[1], "-f") == 0;
	int count;

	if (argc != 4 + forks || strcmp(argv[1 + forks], "-n") != 0)
		return 2;
	count = atoi(argv[2 + forks]);
	for (int i = 0; i < 2 * (count / 2 + 1); i++) {
		double took = (forks ? commit_in_child : commit)(argv[3 + forks], i % 2 == 0);

		printf("%.1f ", took);
	}
	putchar('\n');
	return 0;
}
