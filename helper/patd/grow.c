/* SPDX-License-Identifier: ISC */
#include "grow.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "pat/deadline.h"
#include "pat/error.h"
#include "pat/rebuild.h"
#include "pat/text.h"
#include "report.h"

/* What a child of a connection ends with. */
enum { NOTHING_TO_DO = 0, TIME_TO_GROW = 77 };

/* How a rebuild ends. */
enum { GROWN = 0, FAILED = 1, GAVE_WAY = 2 };

/*
 * Nobody waits for the look, and no mint for the rebuild but in its turn. One that failed would
 * fail again; one that gave way may come to its end in a moment, or, where there is no such moment,
 * need not be begun each time.
 */
enum {
	LOOK_MS = 1000,
	WAIT_MS = 10000,
	GIVE_UP_SECONDS = 600,
	AGAIN_SECONDS = 600,
	SOON_SECONDS = 5
};

static bool minted; /* in this child */

void grow_note_mint(void)
{
	minted = true;
}

int grow_exit_status(const struct settings *settings)
{
	struct pat_rebuild_need need = {.crowded = false};

	if (minted)
		(void)pat_rebuild_need(settings->store, pat_deadline_in(LOOK_MS), &need);
	return need.crowded || need.scattered ? TIME_TO_GROW : NOTHING_TO_DO;
}

/* `again`: it failed the last time, and the log is told no more than that it does not any more. */
static int rebuild(const struct settings *settings, bool again)
{
	const struct pat_rebuild order = {.task = PAT_REBUILD_STORE,
					  .store = settings->store,
					  .whole_only = true,
					  .deadline = pat_deadline_in(WAIT_MS)};
	struct pat_rebuild_result result;
	struct timespec from, to;
	char shown[200], why[REPORT_ERROR_MAX];
	int error;

	pat_escape(shown, sizeof(shown), settings->store);
	if (!again)
		log_line(LOG_NOTICE, "writing the store %s anew", shown);
	clock_gettime(CLOCK_MONOTONIC, &from);
	errno = 0;
	error = pat_rebuild(&order, &result);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (!error)
		log_line(LOG_NOTICE, "the store %s was written anew in %lld s", shown,
			 (long long)(to.tv_sec - from.tv_sec));
	else if (error == PAT_E_BUSY)
		log_line(
			LOG_NOTICE,
			"writing the store %s anew gave way to others, and is for a quieter moment",
			shown);
	else if (!again)
		log_line(LOG_ERR,
			 "the store %s could not be written anew, and stays as it is: %s%s", shown,
			 report_error_text(why, error),
			 error == PAT_E_DAMAGED ? ": see patstore check" : "");
	return error;
}

static _Noreturn void run_child(const struct settings *settings, bool again)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	alarm(GIVE_UP_SECONDS);
	/* Logins go first. Where that is forbidden it goes without. */
	(void)setpriority(PRIO_PROCESS, 0, 5);
	error = rebuild(settings, again);
	_exit(error == PAT_E_BUSY ? GAVE_WAY : error ? FAILED : GROWN);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void begin(struct grow *grow, const struct settings *settings)
{
	pid_t pid;

	if (grow->pid != 0 || now() < grow->not_before)
		return;
	pid = fork();
	if (pid == 0)
		run_child(settings, grow->failed);
	if (pid > 0)
		grow->pid = pid;
}

bool grow_take_exit(struct grow *grow, pid_t pid, int status, const struct settings *settings)
{
	if (pid != grow->pid) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == TIME_TO_GROW)
			begin(grow, settings);
		return false;
	}
	grow->pid = 0;
	if (WIFSIGNALED(status))
		log_line(LOG_ERR, "the child that wrote the store anew was ended by signal %d",
			 WTERMSIG(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == GAVE_WAY) {
		grow->pause = grow->pause ? 2 * grow->pause : SOON_SECONDS;
		if (grow->pause > AGAIN_SECONDS)
			grow->pause = AGAIN_SECONDS;
		grow->not_before = now() + grow->pause;
		return true;
	}
	grow->failed = !WIFEXITED(status) || WEXITSTATUS(status) != GROWN;
	grow->not_before = grow->failed ? now() + AGAIN_SECONDS : 0;
	grow->pause = 0;
	return true;
}

void grow_now(const struct settings *settings)
{
	struct pat_rebuild_need need;
	unsigned before = alarm(GIVE_UP_SECONDS);

	if (pat_rebuild_need(settings->store, pat_deadline_in(WAIT_MS), &need) == 0 &&
	    (need.crowded || need.scattered || need.hollow))
		(void)rebuild(settings, false);
	alarm(before);
}
