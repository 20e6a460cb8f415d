/* SPDX-License-Identifier: ISC */

/*
 * What a build that counts its lines (COVERAGE=1) has beside the product, by the linker's --wrap.
 * The counts are written by exit(3); a child of patd ends by _exit(2), and one that confined
 * itself could open no file any more.
 */

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* libgcov's. */
void __gcov_dump(void);

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __wrap_filter_load(const void *filter);
int __wrap_confine_reader(int client, int session);

/* Tests forbid themselves to write large files. Before libgcov's own destructor. */
__attribute__((destructor)) static void may_write(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &none);
}

_Noreturn void __wrap__exit(int status)
{
	may_write();
	__gcov_dump();
	__real__exit(status);
}

/* That processes are confined is shown with the ordinary build. */
int __wrap_filter_load(const void *filter)
{
	(void)filter;
	return 0;
}

/* What is left of it: where the reader finds its descriptors. */
int __wrap_confine_reader(int client, int session)
{
	return (client < 0 || dup2(client, 0) == 0) && dup2(session, 1) == 1 ? 0 : -1;
}
