/* SPDX-License-Identifier: ISC */

/*
 * crowd: many processes that verify, stamp, mint, suspend, resume, rotate and revoke at once: some
 * in the store itself, some by the module, as root and as su and as users do, through patd's
 * sockets. What is told to one is true for every verification that begins after it was told, and
 * each use that was accepted is in its record. See crowd.sh for what is printed.
 */

#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "crowd_change.h"

#define STAYING 12

static unsigned processes = 32, seconds = 7;
static uint64_t seed = 1;

/* ---- The log ------------------------------------------------------------------------------------
 */

/* Takes what is logged, and finds the stamps that were not made: only the log tells of them. */
static void keep_log(int fd)
{
	char line[4096];

	for (;;) {
		ssize_t got = recv(fd, line, sizeof(line) - 1, 0);
		const char *id;

		if (got <= 0)
			continue;
		line[got] = '\0';
		atomic_fetch_add(&shared->log_lines, 1);
		id = strstr(line, "accepted token id=");
		if (id == NULL || strstr(line, "could not be stamped") == NULL)
			continue;
		id += strlen("accepted token id=");
		for (unsigned i = 0; i < SLOTS; i++)
			if (strncmp(shared->slots[i].id, id, PAT_ID_LEN) == 0)
				atomic_fetch_add(&shared->slots[i].unstamped, 1);
	}
}

static int open_log(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0)
		die("/dev/log");
	return fd;
}

/* ---- Processes ----------------------------------------------------------------------------------
 */

static void become(enum path path, unsigned number)
{
	unsigned user = number % USERS;

	if (path == AS_SU && setresuid(users[user].uid, 0, 0) < 0)
		die("setresuid");
	if ((path == AS_USER || path == BY_USER) &&
	    (setgroups(0, NULL) < 0 ||
	     setresgid(users[user].gid, users[user].gid, users[user].gid) ||
	     setresuid(users[user].uid, users[user].uid, users[user].uid) < 0))
		die("setresuid");
}

/* How long it pauses between two. patd takes 50 connections a second from a user. */
static unsigned pause_us(enum path path)
{
	switch (path) {
	case IN_STORE:
		/* Every other quarter of a minute they do not pause at all: the store is never
		 * empty. */
		if (now_ns() / 1000000000 % 10 < 3)
			return 0;
		return 1000 + roll(4000);
	case AS_ROOT:
		return 1000 + roll(4000);
	case AS_SU:
		return 5000 + roll(20000);
	case BY_ROOT:
		return 2000 + roll(10000);
	default:
		return 100000 + roll(200000);
	}
}

static void run(enum path path, unsigned number)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dice_seed(seed, number);
	become(path, number);
	while (!atomic_load(&shared->stop)) {
		if (path == BY_ROOT || path == BY_USER)
			change_some(path);
		else
			verify_some(path);
		sleep_us(pause_us(path));
	}
	exit(0);
}

/* Of sixteen: seven in the store, two by the module as root, two as su and two as users; and two
 * who change as root, and one as a user. */
static enum path path_of(unsigned number)
{
	static const enum path paths[] = {BY_ROOT,  IN_STORE, AS_ROOT,  AS_SU,   IN_STORE, BY_USER,
					  IN_STORE, AS_USER,  IN_STORE, BY_ROOT, IN_STORE, AS_ROOT,
					  IN_STORE, AS_SU,    IN_STORE, AS_USER};

	return paths[number % COUNT(paths)];
}

/* One process alone: nobody has to wait for anybody. */
static void quiet_phase(void)
{
	atomic_store(&shared->phase, 0);
	for (unsigned i = 0; i < 300; i++) {
		struct slot *slot = &shared->slots[i % SLOTS];

		verify(i % 2 ? IN_STORE : AS_ROOT, slot);
	}
}

/* One who is in the store for a while, and soon again. */
static _Noreturn void stay_often(unsigned number)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dice_seed(seed, 1000 + number);
	for (;;) {
		struct pat_store *open_store;

		if (pat_store_open(&open_store, store, PAT_STORE_READ, pat_deadline_in(10000)) != 0)
			continue;
		sleep_us(20000 + roll(20000));
		pat_store_close(open_store);
	}
}

/* With so many of those that the store is never empty: who changes it gets in all the same. */
static void press_phase(void)
{
	pid_t pids[STAYING];
	struct slot *slot = &shared->slots[0];

	for (unsigned i = 0; i < STAYING; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0)
			stay_often(i);
	}
	sleep_us(100000);
	for (unsigned i = 0; i < 4; i++) {
		int64_t began = now_ns(), took;

		change(BY_ROOT, i % 2 ? "Resume" : "Suspend", about(slot), NULL);
		took = now_ns() - began;
		if (took > atomic_load(&shared->slowest_press_ns))
			atomic_store(&shared->slowest_press_ns, took);
	}
	for (unsigned i = 0; i < STAYING; i++) {
		kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
}

static bool crowd(void)
{
	pid_t pids[PROCESSES_MAX];
	bool whole = true;

	atomic_store(&shared->phase, 1);
	for (unsigned i = 0; i < processes; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0)
			run(path_of(i), i);
	}
	for (unsigned i = 0; i < seconds * 10; i++)
		sleep_us(100000);
	atomic_store(&shared->stop, true);
	for (unsigned i = 0; i < processes; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
			printf("process %u, %s, ended with 0x%x\n", i, path_names[path_of(i)],
			       status);
			whole = false;
		}
	}
	return whole;
}

static void find_users(void)
{
	for (unsigned i = 0; i < USERS; i++) {
		const struct passwd *pw;

		snprintf(users[i].name, sizeof(users[i].name), "crowd%u", i);
		pw = getpwnam(users[i].name);
		if (pw == NULL)
			die(users[i].name);
		users[i].uid = pw->pw_uid;
		users[i].gid = pw->pw_gid;
	}
}

/* It is started when the log is here, because what it says of stamps is counted. */
static void wait_for_patd(void)
{
	int64_t until = now_ns() + 20 * INT64_C(1000000000);
	int fd;

	while ((fd = client_connect(RUN_DIR, "verify", SOCK_SEQPACKET)) < 0) {
		if (now_ns() > until)
			die("patd");
		sleep_us(10000);
	}
	close(fd);
}

static void print_all(void)
{
	static const char *const changes[] = {"mints", "ends", "suspensions", "resumptions"};

	for (unsigned i = 0; i < PATHS; i++)
		printf("path %llu gave_up=%llu slowest=%lldms %s\n",
		       (unsigned long long)shared->done[i], (unsigned long long)shared->gave_up[i],
		       (long long)(shared->slowest_ns[i] / 1000000), path_names[i]);
	for (unsigned i = 0; i < COUNT(changes); i++)
		printf("%s %llu\n", changes[i], (unsigned long long)shared->changes[i]);
	printf("press_ms %lld\n", (long long)(shared->slowest_press_ns / 1000000));
	printf("audited %llu\nunsure %llu\nquiet_gave_up %llu\nlog_lines %llu\n",
	       (unsigned long long)shared->recycled, (unsigned long long)shared->unsure,
	       (unsigned long long)shared->quiet_gave_up, (unsigned long long)shared->log_lines);
	for (unsigned i = 0; i < WRONGS; i++)
		printf("wrong %s %llu\n", wrong_names[i], (unsigned long long)shared->wrong[i]);
}

int main(int argc, char **argv)
{
	int option, log_fd;
	bool whole;
	pid_t log_pid;

	while ((option = getopt(argc, argv, "n:t:r:")) != -1) {
		if (option == 'n')
			processes = (unsigned)atoi(optarg);
		else if (option == 't')
			seconds = (unsigned)atoi(optarg);
		else if (option == 'r')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (processes == 0 || processes > PROCESSES_MAX)
		return 2;
	find_users();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap");
	log_fd = open_log();
	log_pid = fork();
	if (log_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		keep_log(log_fd);
	}
	wait_for_patd();
	dice_seed(seed, PROCESSES_MAX);
	for (unsigned i = 0; i < SLOTS; i++) {
		shared->slots[i].owner = i % USERS;
		mint(&shared->slots[i]);
	}
	quiet_phase();
	press_phase();
	whole = crowd();
	quiet_phase();
	for (unsigned i = 0; i < SLOTS; i++)
		if (atomic_load(&shared->slots[i].state) != FREE)
			audit(&shared->slots[i]);
	kill(log_pid, SIGKILL);
	print_all();
	return whole ? 0 : 1;
}
