/* SPDX-License-Identifier: ISC */

/*
 * What patd's processes may still do, tried: each attempt in a child that has confined itself as a
 * process of patd does.
 */

#include "unit.h"

#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "../../helper/patd/confine.h"
#include "../../helper/patd/filter.h"
#include "../../helper/patd/spare.h"
#include "pat/error.h"

/* ---- Being one of patd's processes --------------------------------------------------------------
 */

static int client, session; /* a reader's two sockets */

static int become_reader(void)
{
	return confine_reader(client, session);
}

/* An attempt gives 0 when it came through, or an errno. */
typedef int attempt_function(void);

/* What became of an attempt in a process of that kind. */
enum { DIED = 1000, NOT_CONFINED };

static int try(int (*become)(void), attempt_function *attempt)
{
	int ends[2], other[2], status;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, other), 0);
	client = ends[0];
	session = other[0];
	assert_true(spare_pass(other[1], ends[1]));
	child = fork();
	if (child == 0) {
		/* cmocka has a handler for this. */
		signal(SIGSYS, SIG_DFL);
		dup2(client, 0);
		dup2(session, 1);
		if (confine_service() != 0 || become() != 0)
			_exit(255);
		_exit(attempt());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(other[i]);
	}
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? DIED : -WTERMSIG(status);
	return WEXITSTATUS(status) == 255 ? NOT_CONFINED : WEXITSTATUS(status);
}

static int result(long value)
{
	return value < 0 ? errno : 0;
}

/* ---- Attempts -----------------------------------------------------------------------------------
 */

static int try_nothing(void)
{
	return 0;
}

static int try_open(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_packets(void)
{
	return result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

/* The kernel takes the lower half: it would say that this takes a capability. */
static int try_family_with_more_bits(void)
{
	return result(syscall(SYS_socket, (UINT64_C(1) << 32) | AF_PACKET, SOCK_RAW, 0));
}

static int try_bind(void)
{
	const struct sockaddr_un any = {.sun_family = AF_UNIX};

	return result(bind(0, (const struct sockaddr *)&any, sizeof(any.sun_family)));
}

static int try_connect(void)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nowhere"};

	return result(connect(0, (const struct sockaddr *)&address, sizeof(address)));
}

static int try_exec(void)
{
	return result(execl("/bin/true", "true", NULL));
}

static int try_fork(void)
{
	return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_library_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return result(child);
}

static void *do_nothing(void *argument)
{
	return argument;
}

static int try_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, do_nothing, NULL);

	return error ? error : pthread_join(thread, NULL);
}

static int try_trace(void)
{
	return result(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int try_foreign_memory(void)
{
	static char mine[8];
	const struct iovec local = {mine, sizeof(mine)}, remote = {mine, sizeof(mine)};

	return result(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int try_kill(void)
{
	return result(syscall(SYS_kill, getppid(), 0));
}

/* Back to root, or, from there, to somebody else. */
static int try_setuid(void)
{
	return geteuid() == 0 ? result(setresuid(1, 1, 1)) : result(setresuid(0, 0, 0));
}

static int try_all_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct data[2] = {{~0U, ~0U, 0}, {0x1ff, 0x1ff, 0}};

	return result(syscall(SYS_capset, &header, data));
}

static int try_mount(void)
{
	return result(syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL));
}

static int try_new_user_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int try_new_namespace_by_clone(void)
{
	return result(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_clone3(void)
{
	return result(syscall(SYS_clone3, NULL, 0));
}

static int try_chroot(void)
{
	return result(chroot("/"));
}

static int try_prctl(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int try_code_in_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED
		       ? errno
		       : 0;
}

static int try_code_out_of_data(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? errno : result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int try_memory(void)
{
	/* volatile: a compiler does without memory that is only freed again. */
	char *volatile block = malloc(4 << 20);

	if (block == NULL)
		return ENOMEM;
	memset(block, 1, 4 << 20);
	block = realloc(block, 8 << 20);
	free(block);
	return block == NULL ? ENOMEM : 0;
}

static int try_much_memory(void)
{
	char *volatile block = malloc((size_t)1 << 30);

	return block == NULL ? ENOMEM : 0;
}

static int try_send_and_receive(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return result(send(1, "x", 1, MSG_DONTWAIT));
}

/* By which descriptors travel. */
static int try_sendmsg(void)
{
	struct msghdr message = {0};

	return result(sendmsg(1, &message, MSG_DONTWAIT));
}

static int try_recvmsg(void)
{
	struct msghdr message = {0};

	return recvmsg(0, &message, MSG_DONTWAIT) < 0 && errno != EAGAIN ? errno : 0;
}

/* One is on its way. */
static int try_descriptor(void)
{
	return spare_take(1) >= 0 ? 0 : EMFILE;
}

static int try_alarm(void)
{
	return alarm(60) == 0 ? 0 : EBUSY;
}

static int try_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_io_uring(void)
{
	return result(syscall(425 /* io_uring_setup, everywhere */, 1, NULL));
}

static int try_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int try_perf(void)
{
	return result(syscall(SYS_perf_event_open, NULL, 0, 0, -1, 0));
}

static int try_module(void)
{
	return result(syscall(SYS_init_module, NULL, 0, ""));
}

/* With numbers that the kernel takes for a mistake. */
static int try_reboot(void)
{
	return result(syscall(SYS_reboot, 1, 2, 3, NULL));
}

static int try_clock(void)
{
	return result(syscall(SYS_settimeofday, NULL, (void *)1));
}

static int try_audit(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 9 /* NETLINK_AUDIT */));
}

#ifdef __x86_64__
/* getpid as programs of 32 bits call it. */
static int try_numbers_of_32_bits(void)
{
	long value;

	__asm__ volatile("int $0x80" : "=a"(value) : "a"(20) : "memory");
	return value < 0 ? (int)-value : 0;
}

static int try_numbers_of_x32(void)
{
	return result(syscall(0x40000000 | SYS_getpid));
}
#endif

/* ---- What each may ------------------------------------------------------------------------------
 */

enum { THROUGH = 0 };

/* Where sockets are made by socketcall(2), no filter sees their family, and the kernel refuses. */
#ifdef SYS_socketcall
enum { NO_FAMILY = EPERM };
/* Nor the descriptor: what the reader may do with one socket, it may with the other. One that its
 * client hands over does not get in: it has as many descriptors as it may have. */
enum { FROM_CLIENT = THROUGH };
#else
enum { NO_FAMILY = EAFNOSUPPORT, FROM_CLIENT = DIED };
#endif

static const struct {
	const char *what;
	attempt_function *attempt;
	/* What is wanted of each kind: THROUGH, DIED or an errno. */
	int reader, alone, session;
} attempts[] = {
	{"nothing", try_nothing, THROUGH, THROUGH, THROUGH},
	{"memory", try_memory, THROUGH, THROUGH, THROUGH},
	{"much memory", try_much_memory, ENOMEM, THROUGH, THROUGH},
	{"send", try_send_and_receive, THROUGH, THROUGH, THROUGH},
	{"open", try_open, DIED, THROUGH, THROUGH},
	{"socket", try_socket, DIED, THROUGH, THROUGH},
	{"audit socket", try_audit, DIED, THROUGH, THROUGH},
	{"packet socket", try_packets, DIED, NO_FAMILY, NO_FAMILY},
	{"family with more bits", try_family_with_more_bits, DIED, NO_FAMILY, NO_FAMILY},
	{"bind", try_bind, DIED, THROUGH, THROUGH},
	{"connect", try_connect, DIED, ENOENT, ENOENT},
	{"sendmsg", try_sendmsg, DIED, THROUGH, THROUGH},
	{"recvmsg from the client", try_recvmsg, FROM_CLIENT, THROUGH, THROUGH},
	{"a third descriptor", try_descriptor, EMFILE, THROUGH, THROUGH},
	{"alarm", try_alarm, THROUGH, THROUGH, THROUGH},
	{"execve", try_exec, DIED, EPERM, THROUGH},
	{"clone", try_fork, DIED, EPERM, THROUGH},
	{"fork(3)", try_library_fork, DIED, EPERM, THROUGH},
	{"clone3", try_clone3, DIED, ENOSYS, ENOSYS},
	{"thread", try_thread, DIED, THROUGH, THROUGH},
	{"kill of the parent", try_kill, DIED, THROUGH, THROUGH},
	{"prctl", try_prctl, DIED, THROUGH, THROUGH},
	{"memory for code", try_code_in_memory, DIED, THROUGH, THROUGH},
	{"code out of data", try_code_out_of_data, DIED, THROUGH, THROUGH},
	{"ptrace", try_trace, DIED, DIED, DIED},
	{"process_vm_readv", try_foreign_memory, DIED, DIED, DIED},
	{"init_module", try_module, DIED, DIED, DIED},
	{"reboot", try_reboot, DIED, DIED, DIED},
	{"mount", try_mount, DIED, EPERM, EPERM},
	{"unshare", try_new_user_namespace, DIED, EPERM, EPERM},
	{"clone of a namespace", try_new_namespace_by_clone, DIED, EPERM, EPERM},
	{"chroot", try_chroot, DIED, EPERM, EPERM},
	{"bpf", try_bpf, DIED, EPERM, EPERM},
	{"io_uring_setup", try_io_uring, DIED, EPERM, EPERM},
	{"userfaultfd", try_userfaultfd, DIED, EPERM, EPERM},
	{"perf_event_open", try_perf, DIED, EPERM, EPERM},
	{"settimeofday", try_clock, DIED, EPERM, EPERM},
	{"setresuid", try_setuid, DIED, EPERM, EPERM},
	{"capset", try_all_capabilities, DIED, EPERM, EPERM},
#ifdef __x86_64__
	{"numbers of 32 bits", try_numbers_of_32_bits, DIED, DIED, DIED},
	{"numbers of x32", try_numbers_of_x32, DIED, DIED, DIED},
#endif
};

static void expect(const char *kind, const char *what, int got, int wanted)
{
	if (got != wanted)
		fail_msg("%s, %s: %d instead of %d (%d is death, 0 is through)", kind, what, got,
			 wanted, DIED);
}

static void needs_filters(void)
{
	if (!FILTERS)
		unit_skip("there are no filters under a sanitizer");
}

static void a_reader_dies_of_what_is_forbidden(void **state)
{
	(void)state;
	needs_filters();
	for (size_t i = 0; i < COUNT(attempts); i++)
		expect("reader", attempts[i].what, try(become_reader, attempts[i].attempt),
		       attempts[i].reader);
}

static void who_answers_the_module_starts_nothing_and_changes_nothing(void **state)
{
	(void)state;
	needs_filters();
	for (size_t i = 0; i < COUNT(attempts); i++)
		expect("alone", attempts[i].what, try(confine_alone, attempts[i].attempt),
		       attempts[i].alone);
}

static void a_session_can_do_what_pam_modules_do_and_change_no_machine(void **state)
{
	(void)state;
	needs_filters();
	for (size_t i = 0; i < COUNT(attempts); i++)
		expect("session", attempts[i].what, try(confine_session, attempts[i].attempt),
		       attempts[i].session);
}

/* Each number that there is, and some that there are not yet. */
static long number;

static int try_number(void)
{
	/* What wants a pointer gets none; what wants a descriptor gets one that is closed. */
	return syscall(number, -1, NULL, 0, NULL, NULL, NULL) < 0 ? 1 : 0;
}

/* What a reader needs; and what ends it by itself, or returns to where nobody was. */
static bool reader_may(long nr)
{
	static const long may[] = {
		SYS_recvfrom,
		SYS_sendto,
		SYS_ppoll,
#ifdef SYS_alarm
		SYS_alarm,
#else
		SYS_setitimer,
#endif
		SYS_brk,
#ifdef SYS_mmap2
		SYS_mmap2,
#else
		SYS_mmap,
#endif
		SYS_munmap,
		SYS_mprotect,
		SYS_mremap,
		SYS_madvise,
		SYS_clock_gettime,
		SYS_restart_syscall,
		SYS_exit,
		SYS_exit_group,
		SYS_rt_sigreturn,
#ifdef SYS_sigreturn
		SYS_sigreturn,
#endif
#ifdef SYS_poll
		SYS_poll,
#endif
#ifdef SYS_clock_gettime64
		SYS_clock_gettime64,
		SYS_ppoll_time64,
#endif
#ifdef __x86_64__
		/* uretprobe and uprobe: the kernel lets them through before it asks a filter. They
		 * come from its own probes, and from elsewhere are an error. */
		335,
		336,
#endif
	};

	for (size_t i = 0; i < COUNT(may); i++)
		if (may[i] == nr)
			return true;
	return false;
}

static void a_reader_dies_of_every_other_system_call(void **state)
{
	enum { NUMBERS = 512 };

	(void)state;
	needs_filters();
	for (number = 0; number < NUMBERS; number++) {
		int got = reader_may(number) ? DIED : try(become_reader, try_number);

		if (got != DIED)
			fail_msg("system call %ld: %d", number, got);
	}
}

/* ---- Rights ------------------------------------------------------------------------------------
 */

static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) != 0)
		return ~UINT64_C(0);
	return data[0].effective | data[0].permitted | data[0].inheritable |
	       (uint64_t)(data[1].effective | data[1].permitted | data[1].inheritable) << 32;
}

static uint64_t bounding(void)
{
	uint64_t set = 0;

	for (int capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			set |= UINT64_C(1) << capability;
	return set;
}

#define CAP(name) (UINT64_C(1) << (name))

/* The rights of a process that has just confined itself: 0, or the number of what is wrong. */
static int session_rights(void)
{
	const uint64_t wanted =
		CAP(CAP_AUDIT_WRITE) | CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_KILL);

	if (capabilities() & ~wanted)
		return 1;
	if (bounding() & ~wanted)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	return capabilities() == wanted ? 0 : 4;
}

static int alone_rights(void)
{
	if (capabilities() != CAP(CAP_DAC_READ_SEARCH))
		return 1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static void needs_capabilities(void)
{
	const uint64_t needed = CAP(CAP_AUDIT_WRITE) | CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
				CAP(CAP_DAC_READ_SEARCH) | CAP(CAP_KILL) | CAP(CAP_SETGID) |
				CAP(CAP_SETUID) | CAP(CAP_SETPCAP);

	if (needed & ~capabilities())
		unit_skip("needs root's capabilities");
}

static void rights_are_cut_to_what_is_needed(void **state)
{
	(void)state;
	needs_capabilities();
	assert_int_equal(try(confine_session, session_rights), 0);
	assert_int_equal(try(confine_alone, alone_rights), 0);
}

/* With fewer rights to begin with: those that are there, and no attempt to be somebody else. */
static int begin_as_in_a_unit(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t few = CAP(CAP_AUDIT_WRITE) | CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE);
	const struct __user_cap_data_struct data[2] = {{few, few, 0}, {0, 0, 0}};

	if (syscall(SYS_capset, &header, data) != 0 || confine_prepare() != 0 ||
	    confine_service() != 0 || capabilities() != few)
		return 1;
	return 0;
}

static void in_child(int (*child_does)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(child_does());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int unit_session(void)
{
	const uint64_t few = CAP(CAP_AUDIT_WRITE) | CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE);

	return begin_as_in_a_unit() || confine_session() != 0 || capabilities() != few;
}

static int unit_alone(void)
{
	return begin_as_in_a_unit() || confine_alone() != 0 ||
	       capabilities() != CAP(CAP_DAC_OVERRIDE);
}

static void in_a_smaller_set_less_is_left(void **state)
{
	(void)state;
	needs_capabilities();
	in_child(unit_session);
	in_child(unit_alone);
}

/* A sandbox around patd that refuses seccomp(2), as systemd's does: filters go another way. */
static int refuse_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x00050000 | EPERM),
		BPF_STMT(BPF_RET | BPF_K, 0x7fff0000),
	};
	const struct sock_fprog program = {COUNT(code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &program, 0, 0) ||
	       syscall(SYS_seccomp, 0, 1, NULL) == 0 || errno != EPERM;
}

static int confine_in_sandbox(void)
{
	if (refuse_seccomp() != 0)
		return 1;
	return confine_prepare() != 0 || confine_service() != 0 || confine_alone() != 0;
}

static int no_program_in_sandbox(void)
{
	return confine_in_sandbox() || try_exec() != EPERM;
}

/* libseccomp looks once at what there is: this came before it did in our own process. */
static int status_in_sandbox;

static void go_into_sandbox(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(no_program_in_sandbox());
	waitpid(child, &status_in_sandbox, 0);
}

static void a_sandbox_that_refuses_seccomp_is_no_hindrance(void **state)
{
	(void)state;
	needs_filters();
	assert_int_equal(status_in_sandbox, 0);
}

/* What patd is given as inheritable, for a module that needs it, is kept for sessions. */
static int session_with_more(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return 1;
	data[0].inheritable = CAP(CAP_SETUID);
	if (syscall(SYS_capset, &header, data) != 0 || confine_prepare() != 0 ||
	    confine_service() != 0 || confine_session() != 0)
		return 2;
	return (capabilities() & CAP(CAP_SETUID)) == 0 || (capabilities() & CAP(CAP_SETGID)) != 0;
}

static void what_is_inheritable_is_kept_for_modules(void **state)
{
	(void)state;
	needs_capabilities();
	in_child(session_with_more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_dies_of_what_is_forbidden),
		cmocka_unit_test(a_reader_dies_of_every_other_system_call),
		cmocka_unit_test(who_answers_the_module_starts_nothing_and_changes_nothing),
		cmocka_unit_test(a_session_can_do_what_pam_modules_do_and_change_no_machine),
		cmocka_unit_test(rights_are_cut_to_what_is_needed),
		cmocka_unit_test(in_a_smaller_set_less_is_left),
		cmocka_unit_test(a_sandbox_that_refuses_seccomp_is_no_hindrance),
		cmocka_unit_test(what_is_inheritable_is_kept_for_modules),
	};

	go_into_sandbox();
	if (confine_prepare() != 0)
		return 99;
	return unit_run(tests);
}
