/* SPDX-License-Identifier: ISC */
#include "bound.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

/* What there was before. */
static struct itimerval timer;
static struct sigaction action;

void bound_begin(void (*handle)(int number))
{
	const struct itimerval most = {.it_value = {.tv_sec = BOUND_CPU_SECONDS}};
	const struct sigaction act = {.sa_handler = handle};
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	(void)sigprocmask(SIG_UNBLOCK, &prof, NULL);
	(void)sigaction(SIGPROF, &act, &action);
	(void)setitimer(ITIMER_PROF, &most, &timer);
}

void bound_end(void)
{
	(void)setitimer(ITIMER_PROF, &timer, NULL);
	(void)sigaction(SIGPROF, &action, NULL);
}
