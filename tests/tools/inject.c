/* SPDX-License-Identifier: ISC */

/*
 * inject PID CALL: makes a process that waits somewhere do a system call that is not in its
 * program, as if somebody had taken it over. Prints what became of it: `returned 0`, `failed ERRNO`
 * or `killed SIGNAL`. Needs root. After a call that came back, the process goes on as before.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum { EXIT_USAGE = 2, EXIT_FAILED = 1 };

/* TEXT stands for the address of `text` in the process. */
#define TEXT (-1000L)

static const struct {
	const char *name;
	long number;
	const char *text;
	long arguments[6];
} calls[] = {
	{"getpid", SYS_getpid, "", {0}},
	{"open", SYS_open, "/etc/passwd", {TEXT, O_RDONLY}},
	{"openat", SYS_openat, "/var/lib/pat/tokens.tdb", {AT_FDCWD, TEXT, O_RDWR}},
	{"socket", SYS_socket, "", {AF_UNIX, SOCK_STREAM, 0}},
	{"inet", SYS_socket, "", {AF_INET, SOCK_STREAM, 0}},
	{"execve", SYS_execve, "/bin/sh", {TEXT, 0, 0}},
	{"fork", SYS_fork, "", {0}},
	{"kill", SYS_kill, "", {1, 0}},
	{"ptrace", SYS_ptrace, "", {PTRACE_TRACEME}},
	{"setuid", SYS_setuid, "", {0}},
	{"prctl", SYS_prctl, "", {PR_SET_DUMPABLE, 1}},
	{"mount", SYS_mount, "tmpfs", {TEXT, TEXT, TEXT, 0, 0}},
	{"unshare", SYS_unshare, "", {CLONE_NEWUSER}},
	{"sendmsg", SYS_sendmsg, "", {0, TEXT, 0}},
	{"code",
	 SYS_mmap,
	 "",
	 {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"memory", SYS_mmap, "", {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
};

static int usage(void)
{
	fputs("Usage: inject PID CALL, where CALL is one of:", stderr);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		fprintf(stderr, " %s", calls[i].name);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static int failed(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	return EXIT_FAILED;
}

/* Leaves text below the stack, at the address that is returned. */
static unsigned long place(pid_t pid, unsigned long stack, const char *text)
{
	unsigned long address = (stack - 4096) & ~15UL;
	char room[64] = "";

	snprintf(room, sizeof(room), "%s", text);
	for (size_t i = 0; i < sizeof(room); i += sizeof(long)) {
		long word;

		memcpy(&word, room + i, sizeof(word));
		if (ptrace(PTRACE_POKEDATA, pid, address + i, word) < 0)
			return 0;
	}
	return address;
}

/* One instruction further, from `start`. Of a process that was stopped, the first word is that it
 * is so. */
static int step(pid_t pid, unsigned long start, int *status)
{
	struct user_regs_struct regs;

	for (int tries = 0; tries < 10; tries++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
		    waitpid(pid, status, __WALL) != pid)
			return -1;
		if (!WIFSTOPPED(*status))
			return 0;
		if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
			return -1;
		if (regs.rip != start)
			return 0;
	}
	return -1;
}

/* It stopped within a system call, right behind the instruction that made it. */
static int do_call(pid_t pid, size_t which)
{
	struct user_regs_struct before, regs;
	unsigned long text, value[6];
	int status;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
		return failed("registers");
	regs = before;
	text = place(pid, regs.rsp, calls[which].text);
	if (text == 0)
		return failed("memory");
	for (unsigned i = 0; i < 6; i++) {
		long argument = calls[which].arguments[i];

		value[i] = argument == TEXT ? text : (unsigned long)argument;
	}
	regs.rip -= 2;
	regs.orig_rax = (unsigned long)-1;
	regs.rax = (unsigned long)calls[which].number;
	regs.rdi = value[0];
	regs.rsi = value[1];
	regs.rdx = value[2];
	regs.r10 = value[3];
	regs.r8 = value[4];
	regs.r9 = value[5];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) < 0 || step(pid, regs.rip, &status) < 0)
		return failed("step");
	if (WIFSIGNALED(status)) {
		printf("killed %d\n", WTERMSIG(status));
		return 0;
	}
	if (!WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return failed("result");
	if ((long)regs.rax < 0 && (long)regs.rax > -4096)
		printf("failed %ld\n", -(long)regs.rax);
	else
		puts("returned 0");
	/* Back to where it was: the kernel begins its call anew. */
	if (ptrace(PTRACE_SETREGS, pid, NULL, &before) < 0 ||
	    ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		return failed("end");
	return 0;
}

int main(int argc, char **argv)
{
	size_t which = 0, count = sizeof(calls) / sizeof(calls[0]);
	pid_t pid;
	int status;

	if (argc != 3)
		return usage();
	pid = atoi(argv[1]);
	while (which < count && strcmp(calls[which].name, argv[2]) != 0)
		which++;
	if (pid <= 0 || which == count)
		return usage();
	alarm(10);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status))
		return failed("attach");
	return do_call(pid, which);
}

#else

int main(void)
{
	fputs("inject: only for x86_64\n", stderr);
	return 3;
}

#endif
