/* SPDX-License-Identifier: ISC */

/*
 * For LD_PRELOAD: a TDB that finds no end when a transaction is committed, as it found none of some
 * damaged free lists, while there is a file of the name in $PAT_SPIN. A bound on the time that a
 * process may compute becomes one of a second, so that a test need not wait for it.
 */

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

static int wanted(void)
{
	const char *name = getenv("PAT_SPIN");

	return name != NULL && access(name, F_OK) == 0;
}

__attribute__((visibility("default"))) int tdb_transaction_commit(struct tdb_context *tdb)
{
	int (*commit)(struct tdb_context *) =
		(int (*)(struct tdb_context *))dlsym(RTLD_NEXT, "tdb_transaction_commit");
	volatile int spinning = wanted();

	while (spinning)
		;
	return commit(tdb);
}

__attribute__((visibility("default"))) int
setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	int (*set)(__itimer_which_t, const struct itimerval *, struct itimerval *) =
		(int (*)(__itimer_which_t, const struct itimerval *, struct itimerval *))dlsym(
			RTLD_NEXT, "setitimer");
	struct itimerval quick = *value;

	if (which == ITIMER_PROF && quick.it_value.tv_sec > 1)
		quick.it_value.tv_sec = 1;
	return set(which, &quick, old);
}
