/* SPDX-License-Identifier: ISC */
#ifndef KILLS_HUNT_H
#define KILLS_HUNT_H

/*
 * Killing processes where it is wanted: at the Nth stop of a system call, before or after it; at
 * the Nth call that changes or tells something; or after some microseconds, wherever they are then.
 * The prey is a program, or a function, that was started for it, or a connection of a patd that is
 * traced; what it forks belongs to it.
 */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kills_client.h"

#define PREY_MAX 16
#define MONOTONOUS 200

enum aim {
	AIM_NOWHERE,
	AIM_STOP,   /* at the nth stop: each call has one before and one after it */
	AIM_CHANGE, /* at the nth of the calls below, before it or `after` */
	AIM_TIME,   /* after so many microseconds */
	AIM_DAEMON, /* the same, and patd itself */
};
static const char *const aim_names[] = {"none", "stop", "change", "time", "patd"};

struct hunt {
	enum aim aim;
	unsigned nth;
	bool after;
	unsigned micros;
	/* What came of it. */
	bool killed;
	unsigned stops, changes;
	int status; /* how the first of the prey ended */
	int64_t took_ns;
};

/* A patd of the test's own. */
struct daemon {
	pid_t pid; /* 0: it is dead */
	char dir[80];
	char store[96];
	const char *program, *config;
};

struct prey {
	pid_t pid;
	bool fresh; /* its first stop is that of its birth */
};

struct pack {
	struct hunt *hunt;
	struct daemon *daemons;
	unsigned daemon_count;
	pid_t first;
	bool seen; /* there was one at all */
	/* Of the system calls that were seen; only one of the prey runs at a time, as a rule. */
	uint64_t last_call;
	unsigned row;
	bool in_changing, skipped;
	unsigned count;
	struct prey prey[PREY_MAX];
};

static const long changing[] = {
	SYS_write,   SYS_pwrite64,  SYS_writev,   SYS_ftruncate, SYS_fallocate,
	SYS_fsync,   SYS_fdatasync, SYS_renameat, SYS_renameat2, SYS_unlinkat,
	SYS_mkdirat, SYS_sendto,    SYS_sendmsg,  SYS_utimensat,
#ifdef SYS_rename
	SYS_rename,  SYS_unlink,    SYS_mkdir,
#endif
};

#define TRACED                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static volatile sig_atomic_t time_is_up;

static void note_time(int signal)
{
	(void)signal;
	time_is_up = 1;
}

/* A timer that interrupts waitpid(2). */
static timer_t hunt_timer(void)
{
	struct sigaction action = {.sa_handler = note_time};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer = NULL;

	if (sigaction(SIGUSR1, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		die("timer_create");
	return timer;
}

static void set_timer(timer_t timer, unsigned micros)
{
	const struct itimerspec when = {.it_value = {.tv_sec = micros / 1000000,
						     .tv_nsec = (long)(micros % 1000000) * 1000}};

	if (timer_settime(timer, 0, &when, NULL) < 0)
		die("timer_settime");
}

/* ---- One hunt -----------------------------------------------------------------------------------
 */

static void resume(const struct pack *pack, pid_t pid, int signal)
{
	bool stepping = pack->hunt->aim == AIM_STOP || pack->hunt->aim == AIM_CHANGE;

	/* ESRCH: it was killed meanwhile. */
	if (ptrace(stepping ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)signal) < 0 &&
	    errno != ESRCH)
		die("ptrace");
}

static struct prey *prey_of(struct pack *pack, pid_t pid)
{
	for (unsigned i = 0; i < pack->count; i++)
		if (pack->prey[i].pid == pid)
			return &pack->prey[i];
	return NULL;
}

static struct prey *prey_add(struct pack *pack, pid_t pid, timer_t timer)
{
	struct prey *prey = &pack->prey[pack->count++];

	if (pack->count == PREY_MAX)
		die("too many processes");
	*prey = (struct prey){.pid = pid, .fresh = true};
	if (!pack->seen && (pack->hunt->aim == AIM_TIME || pack->hunt->aim == AIM_DAEMON))
		set_timer(timer, pack->hunt->micros + 1);
	if (!pack->seen)
		pack->first = pid;
	pack->seen = true;
	return prey;
}

static void strike(struct pack *pack, pid_t pid)
{
	if (pid != 0 && !pack->hunt->killed && kill(pid, SIGKILL) == 0)
		pack->hunt->killed = true;
}

static bool is_changing(uint64_t number)
{
	for (size_t i = 0; i < COUNT(changing); i++)
		if ((uint64_t)changing[i] == number)
			return true;
	return false;
}

/*
 * A walk over the whole store is ten thousand equal reads of empty chains, with nothing between
 * them that could be interrupted: of such a row only the first few calls are aimed at.
 */
static bool is_monotonous(struct pack *pack, uint64_t number)
{
	pack->row = number == SYS_pread64 && pack->last_call == number ? pack->row + 1 : 0;
	pack->last_call = number;
	return pack->row > MONOTONOUS;
}

/* At a stop of a system call: whether it is the one that is aimed at. */
static bool is_aimed_at(struct pack *pack, pid_t pid)
{
	struct hunt *hunt = pack->hunt;
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		pack->skipped = is_monotonous(pack, info.entry.nr);
		pack->in_changing = is_changing(info.entry.nr);
		hunt->changes += pack->in_changing;
	}
	if (pack->skipped)
		return false;
	hunt->stops++;
	if (hunt->aim == AIM_STOP)
		return hunt->stops == hunt->nth;
	return pack->in_changing && hunt->changes == hunt->nth &&
	       hunt->after == (info.op != PTRACE_SYSCALL_INFO_ENTRY);
}

/* Something happened to a patd, which goes on at once. True if it was one. */
static bool daemon_event(struct pack *pack, pid_t pid, int status)
{
	for (unsigned i = 0; i < pack->daemon_count; i++) {
		struct daemon *daemon = &pack->daemons[i];
		int signal = 0;

		if (daemon->pid != pid)
			continue;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			daemon->pid = 0;
			return true;
		}
		if (status >> 16 == 0)
			signal = WSTOPSIG(status);
		if (ptrace(PTRACE_CONT, pid, NULL, (long)signal) < 0 && errno != ESRCH)
			die("ptrace");
		return true;
	}
	return false;
}

static void prey_event(struct pack *pack, struct prey *prey, int status)
{
	pid_t pid = prey->pid;
	int signal = 0;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (pid == pack->first)
			pack->hunt->status = status;
		*prey = pack->prey[--pack->count];
		return;
	}
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (is_aimed_at(pack, pid))
			strike(pack, pid);
	} else if (status >> 16 == 0 && !prey->fresh) {
		signal = WSTOPSIG(status);
	}
	prey->fresh = false;
	resume(pack, pid, signal);
}

/* Whether whoever had the other end has closed it. */
static bool hung_up(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Takes what happened next. False when nothing did, and nothing was waited for. */
static bool take_event(struct pack *pack, timer_t timer, bool wait)
{
	int status;
	pid_t pid = waitpid(-1, &status, __WALL | (wait ? 0 : WNOHANG));
	struct prey *prey;

	if (pid <= 0)
		return pid < 0;
	if (daemon_event(pack, pid, status))
		return true;
	prey = prey_of(pack, pid);
	if (prey == NULL && WIFSTOPPED(status))
		prey = prey_add(pack, pid, timer);
	if (prey != NULL)
		prey_event(pack, prey, status);
	return true;
}

/* Those who hunt together: what belongs to a worker. */
struct hunters {
	struct daemon *daemons;
	unsigned count;
	timer_t timer;
};

/*
 * Waits until all of the prey is gone, and kills it on the way. It is `program`, a child of ours
 * that has stopped for us; or, if that is 0, whoever serves the connection `fd` to `target`. After
 * AIM_DAEMON that patd is gone, too.
 */
static UNUSED void hunt_run(struct hunt *hunt, const struct hunters *hunters,
			    const struct daemon *target, int fd, pid_t program)
{
	struct pack pack = {
		.hunt = hunt, .daemons = hunters->daemons, .daemon_count = hunters->count};
	int64_t began = now_ns();

	time_is_up = 0;
	if (program != 0) {
		prey_add(&pack, program, hunters->timer)->fresh = false;
		resume(&pack, program, 0);
	}
	for (;;) {
		bool served = program == 0 && target->pid != 0;

		if (time_is_up) {
			time_is_up = 0;
			strike(&pack, hunt->aim == AIM_DAEMON && served ? target->pid : pack.first);
		}
		if (pack.count == 0 && (!served || hung_up(fd)) &&
		    !(served && hunt->aim == AIM_DAEMON && hunt->killed))
			break;
		if (!take_event(&pack, hunters->timer, pack.count > 0))
			sleep_us(20);
	}
	set_timer(hunters->timer, 0);
	hunt->took_ns = now_ns() - began;
}

/* Starts a patd, and waits until it answers. Each process of it then serves what is hunted for. */
static UNUSED void daemon_start(struct daemon *daemon, const struct hunters *hunters)
{
	int64_t until = now_ns() + 20 * INT64_C(1000000000);
	struct hunt none = {.aim = AIM_NOWHERE};
	int fd;

	daemon->pid = fork();
	if (daemon->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(daemon->program, "patd", "--listen", daemon->dir, "--store", daemon->store,
		      "--config", daemon->config, "--no-spare", (char *)NULL);
		_exit(127);
	}
	while ((fd = client_connect(daemon->dir, "verify", SOCK_SEQPACKET)) < 0) {
		if (waitpid(daemon->pid, NULL, WNOHANG) == daemon->pid || now_ns() > until)
			die("patd does not start");
		sleep_us(1000);
	}
	if (ptrace(PTRACE_SEIZE, daemon->pid, NULL, TRACED) < 0)
		die("patd cannot be traced");
	(void)shutdown(fd, SHUT_WR);
	hunt_run(&none, hunters, daemon, fd, 0);
	close(fd);
}

/* Starts a child that runs the function as soon as it is hunted. */
static UNUSED pid_t prey_start(void (*function)(void *data), void *data)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		raise(SIGSTOP);
		function(data);
		_exit(0);
	}
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, TRACED) < 0)
		die("a child cannot be traced");
	return pid;
}

#endif
