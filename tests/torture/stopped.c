/* SPDX-License-Identifier: ISC */

/*
 * Runs a program, or follows the children of one that runs, up to a system call, and leaves it
 * stopped right after that one, for as long as it is told to.
 *
 *	stopped [-f PART] [-c CALL] [-n NUMBER] -r IN -w OUT COMMAND ARGUMENT...
 *	stopped [-f PART] [-c CALL] [-n NUMBER] -r IN -w OUT -p PID
 *
 * Counts the system calls of the command and its children, or of all children of PID that are born
 * from now on; with -c only those of the number CALL (syscall(2)); with -f only from the first one
 * on that names a path with PART in it. After the one of that NUMBER, or at the end of the last
 * process, it writes a line to the descriptor OUT:
 *
 *	ready                with -p, once the process is followed
 *	stopped PID CALL     with the number of the call (syscall(2))
 *	ended COUNT          there were so many calls only
 *
 * and waits for a letter from the descriptor IN: `g`o on, `k`ill, or `s`top it by SIGSTOP and leave
 * it to itself. Then it ends; what it followed goes on alone.
 */

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FOLLOWED = 4096 };

static struct {
	const char *from;
	long number;
	long call; /* which ones count; -1: all */
	int in, out;
	pid_t parent; /* only its children count */
	long seen;
	int alive;
	bool begun;
	pid_t held;            /* who is stopped now; all others go on */
	bool inside[FOLLOWED]; /* by pid, modulo: between the entry and the exit of a call */
} trace = {.number = -1, .call = -1, .in = -1, .out = -1, .begun = true};

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vdprintf(trace.out, format, arguments);
	va_end(arguments);
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void at_stop(pid_t pid, int status);

/* Waits to be told; meanwhile the others go on. */
static char wait_for_letter(void)
{
	struct pollfd control = {.fd = trace.in, .events = POLLIN};
	char letter = 'g';
	int status;
	pid_t pid;

	while (poll(&control, 1, 1) <= 0)
		while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
			if (WIFSTOPPED(status) && pid != trace.held)
				at_stop(pid, status);
	(void)!read(trace.in, &letter, 1);
	return letter;
}

/* Does what it is told to with the one that is stopped. */
static _Noreturn void obey(pid_t pid)
{
	char letter;

	trace.held = pid;
	letter = wait_for_letter();
	if (letter == 'k' && pid > 0)
		kill(pid, SIGKILL);
	if (letter == 's' && pid > 0) {
		kill(pid, SIGSTOP);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		tell("left\n");
	}
	exit(0);
}

/* Whether the call at whose entry the process is names such a path. */
static bool names(pid_t pid, const struct __ptrace_syscall_info *info)
{
	uint64_t address = info->entry.args[1];
	char path[256] = "";
	struct iovec here = {path, sizeof(path) - 1}, there;

	switch (info->entry.nr) {
#ifdef SYS_open
	case SYS_open:
	case SYS_mkdir:
		address = info->entry.args[0];
		break;
#endif
	case SYS_openat:
	case SYS_mkdirat:
		break;
	default:
		return false;
	}
	there = (struct iovec){(void *)(uintptr_t)address, sizeof(path) - 1};
	/* Where the page after it is missing, less of it. */
	while (there.iov_len > 0 && process_vm_readv(pid, &here, 1, &there, 1, 0) < 0)
		there.iov_len /= 2;
	return strstr(path, trace.from) != NULL;
}

static void at_call(pid_t pid)
{
	struct __ptrace_syscall_info info = {0};
	static uint64_t numbers[FOLLOWED];

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		numbers[pid % FOLLOWED] = info.entry.nr;
		trace.inside[pid % FOLLOWED] = true;
		if (!trace.begun)
			trace.begun = names(pid, &info);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && trace.inside[pid % FOLLOWED]) {
		trace.inside[pid % FOLLOWED] = false;
		if (trace.call >= 0 && numbers[pid % FOLLOWED] != (uint64_t)trace.call)
			return;
		if (!trace.begun || trace.seen++ != trace.number)
			return;
		tell("stopped %d %llu\n", (int)pid, (unsigned long long)numbers[pid % FOLLOWED]);
		obey(pid);
	}
}

static void go_on(pid_t pid, int signal)
{
	ptrace(pid == trace.parent || trace.held != 0 ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0,
	       signal);
}

/* What a stop of a followed process was for. */
static void at_stop(pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80)) {
		if (trace.held == 0)
			at_call(pid);
		go_on(pid, 0);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		   event == PTRACE_EVENT_CLONE) {
		trace.alive++;
		go_on(pid, 0);
	} else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		/* It was stopped by a signal, and stays so. */
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	} else if (event != 0) {
		go_on(pid, 0);
	} else {
		go_on(pid, signal);
	}
}

static void follow(void)
{
	int status;
	pid_t pid;

	while (trace.alive > 0) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status))
			at_stop(pid, status);
		else
			trace.alive--;
		/* The one that is followed from outside may go on for ever. */
		if (trace.parent != 0 && trace.alive == 1 && !WIFSTOPPED(status) && trace.seen > 0)
			break;
	}
	tell("ended %ld\n", trace.seen);
	obey(0);
}

#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

static void run(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		close(trace.in);
		close(trace.out);
		execvp(command[0], command);
		_exit(127);
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid ||
	    ptrace(PTRACE_SEIZE, pid, 0, OPTIONS | PTRACE_O_TRACEEXEC) < 0)
		fail("ptrace");
	kill(pid, SIGCONT);
	trace.alive = 1;
}

static void attach(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0)
		fail("ptrace");
	trace.parent = pid;
	trace.alive = 1;
	tell("ready\n");
}

int main(int argc, char **argv)
{
	int option;
	pid_t pid = 0;

	while ((option = getopt(argc, argv, "+f:c:n:r:w:p:")) != -1) {
		switch (option) {
		case 'f':
			trace.from = optarg;
			trace.begun = false;
			break;
		case 'c':
			trace.call = strtol(optarg, NULL, 10);
			break;
		case 'n':
			trace.number = strtol(optarg, NULL, 10);
			break;
		case 'r':
			trace.in = (int)strtol(optarg, NULL, 10);
			break;
		case 'w':
			trace.out = (int)strtol(optarg, NULL, 10);
			break;
		case 'p':
			pid = (pid_t)strtol(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (trace.in < 0 || trace.out < 0 || (pid != 0) == (optind < argc))
		return 2;
	if (pid != 0)
		attach(pid);
	else
		run(argv + optind);
	follow();
}
