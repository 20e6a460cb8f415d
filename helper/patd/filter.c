/* SPDX-License-Identifier: ISC */
#include "filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "pat/error.h"

/* ---- The tables: names, because not each machine and each libseccomp knows all of them ----------
 */

/* Honest programs like ours never come here. */
static const char *const deadly[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_getfd",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"reboot",
	"iopl",
	"ioperm",
	NULL,
};

/* A library may try these, and goes on without. */
static const char *const refused[] = {
	/* other views of the machine */
	"mount",
	"umount",
	"umount2",
	"mount_setattr",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	/* the machine */
	"swapon",
	"swapoff",
	"settimeofday",
	"stime",
	"clock_settime",
	"clock_settime64",
	"clock_adjtime",
	"clock_adjtime64",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"vhangup",
	"nfsservctl",
	/* other processes */
	"kcmp",
	"process_madvise",
	"move_pages",
	"migrate_pages",
	"perf_event_open",
	"lookup_dcookie",
	/* much of the kernel that is hard to get right */
	"bpf",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"fanotify_init",
	"open_by_handle_at",
	"modify_ldt",
	"vm86",
	"vm86old",
	"uselib",
	"ustat",
	"sysfs",
	"_sysctl",
	NULL,
};

static const char *const programs[] = {"execve", "execveat", "fork", "vfork", NULL};

/*
 * All that the reader does: take bytes from the one socket, hand records to the other, wait for
 * both, have its time counted, have memory, and end. sendmsg, by which descriptors travel, is not
 * among it, and recvmsg is for the one that its client comes by: add_reader().
 */
static const char *const reading[] = {
	"recvfrom",
	"recv",
	"sendto",
	"send",
	"poll",
	"ppoll",
	"ppoll_time64",
#ifdef SYS_alarm
	"alarm",
#else
	"setitimer",
#endif
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"clock_gettime",
	"clock_gettime64",
	"restart_syscall",
	"exit",
	"exit_group",
	"rt_sigreturn",
	"sigreturn",
	NULL,
};

/* ---- Rules --------------------------------------------------------------------------------------
 */

/* A system call that this machine, or this libseccomp, does not have needs no rule. */
static int add_one(scmp_filter_ctx context, uint32_t action, const char *name, unsigned count,
		   const struct scmp_arg_cmp *comparison)
{
	int number = seccomp_syscall_resolve_name(name);
	int error;

	if (number == __NR_SCMP_ERROR)
		return 0;
	error = seccomp_rule_add_array(context, action, number, count, comparison);
	return error == -EDOM ? 0 : error;
}

static int add_all(scmp_filter_ctx context, uint32_t action, const char *const *names)
{
	int error = 0;

	for (; *names != NULL && error == 0; names++)
		error = add_one(context, action, *names, 0, NULL);
	return error;
}

/* New namespaces, and with them new views of the machine. The flags of clone3() are behind a
 * pointer, which no filter follows: the C library uses clone() where there is none. */
static int add_namespaces(scmp_filter_ctx context)
{
	static const uint64_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
					 CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
	int error = add_one(context, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && error == 0; i++)
		error = add_one(context, SCMP_ACT_ERRNO(EPERM), "clone", 1,
				&SCMP_A0_64(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return error;
}

#ifdef SYS_socketcall
/* The family is behind a pointer there, which no filter follows; without capabilities, those that
 * we would refuse are the kernel's to refuse. */
static int add_families(scmp_filter_ctx context)
{
	(void)context;
	return 0;
}
#else
/*
 * Sockets: AF_UNIX for patd's own, the log and local daemons; AF_NETLINK for audit; the internet
 * for modules that ask LDAP, Kerberos or NIS themselves (patd.service has none unless told
 * otherwise). The kernel takes an int where the filter sees 64 bits: whatever has more is above the
 * last.
 */
static int add_families(scmp_filter_ctx context)
{
	const uint32_t action = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	const uint64_t last = AF_NETLINK;
	int error = add_one(context, action, "socket", 1, &SCMP_A0_64(SCMP_CMP_GT, last, 0));

	for (uint64_t family = 0; family <= last && error == 0; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6 &&
		    family != AF_NETLINK)
			error = add_one(context, action, "socket", 1,
					&SCMP_A0_64(SCMP_CMP_EQ, family, 0));
	return error;
}
#endif

static int add_common(scmp_filter_ctx context)
{
	int error = add_all(context, SCMP_ACT_KILL_PROCESS, deadly);

	if (error == 0)
		error = add_all(context, SCMP_ACT_ERRNO(EPERM), refused);
	if (error == 0)
		error = add_namespaces(context);
	return error ? error : add_families(context);
}

/* Threads are left: a name service may need one. */
static int add_alone(scmp_filter_ctx context)
{
	int error = add_all(context, SCMP_ACT_ERRNO(EPERM), programs);

	return error ? error
		     : add_one(context, SCMP_ACT_ERRNO(EPERM), "clone", 1,
			       &SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

/* Memory may be had, but none that could hold code. Where there is mmap2, mmap has what it is asked
 * for behind a pointer, and nobody uses it. */
static int add_reader(scmp_filter_ctx context)
{
#ifdef SYS_mmap2
	static const char *const memory[] = {"mmap2", "mprotect", NULL};
#else
	static const char *const memory[] = {"mmap", "mprotect", NULL};
#endif
	int error = add_all(context, SCMP_ACT_ALLOW, reading);

	/* From the session alone, where the filter sees the descriptor (socketcall(2) hides it);
	 * and with two descriptors it has as many as it may have. */
	if (error == 0)
		error = add_one(context, SCMP_ACT_ALLOW, "recvmsg", 1,
				&SCMP_A0_64(SCMP_CMP_EQ, READER_SESSION, 0));

	for (const char *const *name = memory; *name != NULL && error == 0; name++)
		error = add_one(context, SCMP_ACT_ALLOW, *name, 1,
				&SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return error;
}

/* ---- Programs -----------------------------------------------------------------------------------
 */

/* Reads the program that was written to `fd`. */
static int read_program(int fd, struct sock_fprog *program)
{
	struct sock_filter *code;
	ssize_t got = -1;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	code = malloc((size_t)st.st_size);
	if (code != NULL)
		got = pread(fd, code, (size_t)st.st_size, 0);
	if (got != st.st_size) {
		/* Of a part errno says nothing. */
		errno = got < 0 ? errno : EIO;
		free(code);
		return PAT_E_IO;
	}
	program->len = (unsigned short)((size_t)st.st_size / sizeof(*code));
	program->filter = code;
	return PAT_OK;
}

/* libseccomp writes the program to a descriptor; we want it in memory, to have it at hand. */
static int export(scmp_filter_ctx context, struct sock_fprog *program)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error, written;

	if (fd < 0)
		return PAT_E_IO;
	written = seccomp_export_bpf(context, fd);
	if (written < 0)
		errno = -written;
	error = written < 0 ? PAT_E_IO : read_program(fd, program);
	close(fd);
	return error;
}

/*
 * The level of libseccomp from which on it knows SCMP_ACT_KILL_PROCESS. It would ask the kernel, by
 * seccomp(2), which a sandbox around us need not allow; the program is loaded by prctl(2). To a
 * kernel before 4.14 that action is the death of the thread, and ours are processes of one thread.
 */
#define LEVEL 3

/* Calls by another way into the kernel (of 32 bits, say) have other numbers: they are never ours.
 */
static int make(uint32_t otherwise, int (*add)(scmp_filter_ctx context), struct filter *filter)
{
	scmp_filter_ctx context = seccomp_api_set(LEVEL) == 0 ? seccomp_init(otherwise) : NULL;
	int error;

	if (context == NULL)
		return PAT_E_NOMEM;
	error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error == 0)
		error = add(context);
	if (error == 0) {
		error = export(context, &filter->program);
	} else {
		errno = -error;
		error = PAT_E_IO;
	}
	seccomp_release(context);
	return error;
}

int filter_make_common(struct filter *filter)
{
	return make(SCMP_ACT_ALLOW, add_common, filter);
}

int filter_make_alone(struct filter *filter)
{
	return make(SCMP_ACT_ALLOW, add_alone, filter);
}

int filter_make_reader(struct filter *filter)
{
	return make(SCMP_ACT_KILL_PROCESS, add_reader, filter);
}

int filter_load(const struct filter *filter)
{
	if (!FILTERS)
		return PAT_OK;
	return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &filter->program, 0, 0) == 0
		       ? PAT_OK
		       : PAT_E_IO;
}
