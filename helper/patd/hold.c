/* SPDX-License-Identifier: ISC */
#include "hold.h"

#include <signal.h>
#include <stddef.h>

static void set(int how)
{
	sigset_t leave;

	sigemptyset(&leave);
	sigaddset(&leave, SIGTERM);
	(void)sigprocmask(how, &leave, NULL);
}

void hold_begin(void)
{
	set(SIG_BLOCK);
}

void hold_end(void)
{
	set(SIG_UNBLOCK);
}
