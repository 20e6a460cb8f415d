/* SPDX-License-Identifier: ISC */

/*
 * kills: operations on a store that are killed, while others verify, stamp and look at it all the
 * time. After each kill the store must be as it was, or as it was to become, and if the operation
 * had been acknowledged, the latter. See kills.sh for what is printed.
 */

#include <getopt.h>
#include <pwd.h>
#include <sched.h>

#include "kills_round.h"

#define BYSTANDERS 2
#define QUIET_TOKENS 24
#define HUNG_SECONDS 60

static bool has_command[OPERATIONS];
static int64_t started_at;

static uint64_t kills_so_far(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < OPERATIONS; i++)
		for (unsigned aim = 0; aim < COUNT(aim_names); aim++)
			sum += atomic_load(&tallies[i].kills[aim]);
	return sum;
}

static bool each_was_killed(void)
{
	for (unsigned i = 0; i < OPERATIONS; i++) {
		uint64_t kills = 0;

		for (unsigned aim = 0; aim < COUNT(aim_names); aim++)
			kills += atomic_load(&tallies[i].kills[aim]);
		if (has_command[i] && kills == 0)
			return false;
	}
	return true;
}

/* Whether this worker has killed the operation at every one of its share of the stops. */
static bool is_through(unsigned number)
{
	/* Stamps are killed in the middle of their writing, and have no stops. */
	return operations[number].how == BY_STAMPS || plans[number].passed;
}

/* When the number is reached, what is left is killed at the stops that are left. */
static bool is_wanted(unsigned number)
{
	return has_command[number] &&
	       (!settings.whole || !is_through(number) || kills_so_far() < settings.kills);
}

static bool enough(void)
{
	double elapsed = (double)(now_ns() - started_at) / 1e9;

	/* On a machine that has much else to do, a little longer. */
	if (elapsed >= settings.most_seconds)
		return elapsed >= 3 * settings.most_seconds || each_was_killed();
	if (elapsed < settings.seconds && settings.whole)
		return false;
	if (kills_so_far() < settings.kills)
		return false;
	for (unsigned i = 0; settings.whole && i < OPERATIONS; i++)
		if (has_command[i] && !is_through(i))
			return false;
	return true;
}

static void pin(unsigned number)
{
	cpu_set_t all, one;
	int count, wanted;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	count = CPU_COUNT(&all);
	wanted = count > 0 ? (int)(number % (unsigned)count) : 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || wanted-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		/* A stop of ptrace is several times dearer from one processor to another. */
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static void worker_begin(struct worker *worker, unsigned number)
{
	*worker = (struct worker){.number = number, .settings = &settings};
	worker->owner = &shared->owner[number];
	snprintf(worker->store, sizeof(worker->store), "%.60s/store/tokens.tdb", settings.dir);
	worker->hunters = (struct hunters){worker->daemons, COUNT(worker->daemons), hunt_timer()};
	for (unsigned i = 0; i < COUNT(worker->daemons); i++) {
		struct daemon *daemon = &worker->daemons[i];

		*daemon = (struct daemon){.program = settings.patd,
					  .config = "/etc/security/pat.conf"};
		snprintf(daemon->dir, sizeof(daemon->dir), "%.60s/run%u-%u", settings.dir, number,
			 i);
		snprintf(daemon->store, sizeof(daemon->store), "%s", worker->store);
		if (i == 1)
			snprintf(daemon->store, sizeof(daemon->store), "%.60s/anew%u/tokens.tdb",
				 settings.dir, number);
		daemon_start(daemon, &worker->hunters);
	}
}

static void worker_run(unsigned number)
{
	static struct worker worker;

	dice_seed(settings.seed, number);
	pin(number);
	worker_begin(&worker, number);
	for (unsigned i = 0; i < OPERATIONS; i++)
		plans[i] = (struct plan){
			.next_stop = 1 + number, .stops = 700, .changes = 24, .typical_us = 2000};
	look_again(&worker);
	for (unsigned i = number; !enough(); i++) {
		alarm(HUNG_SECONDS);
		if (is_wanted(i % OPERATIONS))
			one_round(&worker, i % OPERATIONS, kills_so_far() >= settings.kills);
	}
	for (unsigned i = 0; i < COUNT(worker.daemons); i++)
		kill(worker.daemons[i].pid, SIGKILL);
}

/* Somebody with a token that does not exist, at the stores that come and go. */
static void newcomer_run(void)
{
	struct pat_token token;
	struct pat_verdict verdict;
	struct pat_attempt attempt = {.token = &token,
				      .user = shared->owner[0].name,
				      .service = SERVICE,
				      .rhost = "192.0.2.1"};
	char store[96];

	if (pat_token_generate(&token) != 0)
		die("no token");
	while (!atomic_load(&shared->stop)) {
		snprintf(store, sizeof(store), "%.60s/anew%u/tokens.tdb", settings.dir,
			 roll(settings.workers));
		pthread_rwlock_rdlock(anew);
		pat_verify(store, &attempt, (int64_t)time(NULL), pat_deadline_in(2000), &verdict);
		pthread_rwlock_unlock(anew);
		atomic_fetch_add(&shared->verified, 1);
		if (verdict.outcome == PAT_UNAVAILABLE && verdict.error == PAT_E_BUSY)
			atomic_fetch_add(&shared->unavailable, 1);
		else if (verdict.outcome != PAT_REFUSED_UNKNOWN &&
			 !(verdict.outcome == PAT_UNAVAILABLE && verdict.error == PAT_E_NOSTORE))
			wrong(MISJUDGED, "an unknown token in a new store: %s (%s)",
			      pat_outcome_text(verdict.outcome), pat_error_text(verdict.error));
		sleep_us(roll(3000));
	}
}

static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

static void add_owner(const char *name)
{
	const struct passwd *pw = getpwnam(name);
	struct owner *owner = &shared->owner[shared->owners++];

	if (pw == NULL)
		die(name);
	snprintf(owner->name, sizeof(owner->name), "%s", name);
	owner->uid = pw->pw_uid;
}

static void prepare_shared(void)
{
	pthread_mutexattr_t mutex_attributes;
	pthread_rwlockattr_t attributes;
	char name[16];

	shared = share(sizeof(*shared));
	tallies = share(OPERATIONS * sizeof(*tallies));
	anew = share(sizeof(*anew));
	pthread_mutexattr_init(&mutex_attributes);
	pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->sweeping, &mutex_attributes);
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(anew, &attributes);
	for (unsigned i = 0; i < settings.workers; i++) {
		snprintf(name, sizeof(name), "kill%u", i);
		add_owner(name);
	}
	add_owner("quiet");
}

/* Tokens that nothing happens to but verifications. */
static void mint_quiet_tokens(void)
{
	static struct worker worker;

	snprintf(worker.daemons[0].dir, sizeof(worker.daemons[0].dir), "%.60s/run", settings.dir);
	snprintf(worker.daemons[0].store, sizeof(worker.daemons[0].store), "%.60s/store/tokens.tdb",
		 settings.dir);
	worker.daemons[0].program = settings.patd;
	worker.daemons[0].config = "/etc/security/pat.conf";
	worker.settings = &settings;
	worker.number = settings.workers;
	worker.owner = &shared->owner[settings.workers];
	snprintf(worker.store, sizeof(worker.store), "%s", worker.daemons[0].store);
	worker.hunters = (struct hunters){worker.daemons, 1, hunt_timer()};
	daemon_start(&worker.daemons[0], &worker.hunters);
	for (unsigned i = 0; i < QUIET_TOKENS; i++)
		if (provide(&worker, 0) == NULL)
			exit(2);
	kill(worker.daemons[0].pid, SIGKILL);
	(void)waitpid(worker.daemons[0].pid, NULL, __WALL);
	timer_delete(worker.hunters.timer);
}

static pid_t start(void (*run)(unsigned number), unsigned number)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(number);
		exit(0);
	}
	return pid;
}

static void run_bystander(unsigned number)
{
	char store[96];

	dice_seed(settings.seed, 100 + number);
	snprintf(store, sizeof(store), "%.60s/store/tokens.tdb", settings.dir);
	if (number == BYSTANDERS)
		newcomer_run();
	else
		bystander_run(store);
}

/* The end: everything is quiet, and each count is exact where nobody was killed in the middle. */
static void last_look(void)
{
	static struct shelf_seen seen;
	static struct bounds bounds;
	char store[96], why[WHY_MAX];

	snprintf(store, sizeof(store), "%.60s/store/tokens.tdb", settings.dir);
	for (unsigned i = 0; i < shared->owners; i++) {
		struct owner *owner = &shared->owner[i];
		bool quiet = i == settings.workers;

		if (shelf_look(store, owner->uid, &seen, why) != 0) {
			wrong(UNREADABLE, "at the end: %s", why);
			continue;
		}
		count_before(owner, &bounds);
		count_after(owner, &bounds, &seen, quiet && atomic_load(&shared->unavailable) == 0);
		if (quiet && seen.count != QUIET_TOKENS)
			wrong(LOST, "%u of %u tokens that nobody touched", seen.count,
			      QUIET_TOKENS);
	}
}

/* For logins by other means: each token, its user, and how it must end. */
static void print_tokens(void)
{
	for (unsigned i = 0; i < shared->owners; i++)
		for (unsigned j = 0; j < SLOTS; j++) {
			const struct slot *slot = &shared->owner[i].slots[j];
			unsigned allowed = atomic_load(&slot->allowed);

			if (allowed == BIT(PAT_ACCEPTED) || (allowed & BIT(PAT_ACCEPTED)) == 0)
				if (allowed != 0)
					printf("token %s %s %s\n", slot->token,
					       shared->owner[i].name,
					       allowed == BIT(PAT_ACCEPTED) ? "accepted"
									    : "refused");
		}
}

static void print_tallies(void)
{
	for (unsigned i = 0; i < OPERATIONS; i++) {
		const struct tally *tally = &tallies[i];
		uint64_t kills = 0;

		for (unsigned aim = 0; aim < COUNT(aim_names); aim++)
			kills += tally->kills[aim];
		if (!has_command[i])
			continue;
		printf("operation %s rounds=%llu kills=%llu", operations[i].name,
		       (unsigned long long)tally->rounds, (unsigned long long)kills);
		for (unsigned aim = 1; aim < COUNT(aim_names); aim++)
			printf(" %s=%llu", aim_names[aim], (unsigned long long)tally->kills[aim]);
		printf(" old=%llu new=%llu passes=%llu stops=%llu\n",
		       (unsigned long long)tally->old, (unsigned long long)tally->new,
		       (unsigned long long)tally->passes, (unsigned long long)tally->stops);
	}
}

static void print_all(double seconds)
{
	print_tallies();
	printf("kills %llu\nverified %llu\nunsure %llu\nlooks %llu\nunavailable %llu\n"
	       "unstamped %llu\nslowest_ms %lld\nseconds %.1f\n",
	       (unsigned long long)kills_so_far(), (unsigned long long)shared->verified,
	       (unsigned long long)shared->unsure, (unsigned long long)shared->looks,
	       (unsigned long long)shared->unavailable, (unsigned long long)shared->unstamped,
	       (long long)(shared->slowest_verify_ns / 1000000), seconds);
	for (unsigned i = 0; i < WRONGS; i++)
		printf("wrong %s %llu\n", wrong_names[i], (unsigned long long)shared->wrong[i]);
	print_tokens();
}

static void parse(int argc, char **argv)
{
	int option;

	for (unsigned i = 0; i < OPERATIONS; i++)
		has_command[i] = operations[i].command == NULL;
	while ((option = getopt(argc, argv, "p:s:d:w:k:t:m:r:c:l")) != -1) {
		switch (option) {
		case 'p':
			settings.patd = optarg;
			break;
		case 's':
			settings.patstore = optarg;
			break;
		case 'd':
			settings.dir = optarg;
			break;
		case 'w':
			settings.workers = (unsigned)atoi(optarg);
			break;
		case 'k':
			settings.kills = (unsigned)atoi(optarg);
			break;
		case 't':
			settings.seconds = (unsigned)atoi(optarg);
			break;
		case 'm':
			settings.most_seconds = (unsigned)atoi(optarg);
			break;
		case 'r':
			settings.seed = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			settings.whole = true;
			break;
		case 'c':
			for (unsigned i = 0; i < OPERATIONS; i++)
				if (operations[i].command && !strcmp(operations[i].command, optarg))
					has_command[i] = true;
			break;
		default:
			exit(2);
		}
	}
	if (!settings.patd || !settings.patstore || !settings.dir || settings.workers == 0 ||
	    settings.workers > WORKERS_MAX)
		exit(2);
}

int main(int argc, char **argv)
{
	pid_t workers[WORKERS_MAX], others[BYSTANDERS + 1];
	bool whole = true;
	int status;

	parse(argc, argv);
	if (sodium_init() < 0)
		die("libsodium");
	alarm(HUNG_SECONDS);
	prepare_shared();
	told = share((WORKERS_MAX + 1) * sizeof(*told));
	mint_quiet_tokens();
	alarm(0);
	started_at = now_ns();
	for (unsigned i = 0; i <= BYSTANDERS; i++)
		others[i] = start(run_bystander, i);
	for (unsigned i = 0; i < settings.workers; i++) {
		told++;
		workers[i] = start(worker_run, i);
	}
	for (unsigned i = 0; i < settings.workers; i++)
		if (waitpid(workers[i], &status, 0) != workers[i] || status != 0) {
			printf("worker %u ended with 0x%x\n", i, status);
			whole = false;
		}
	atomic_store(&shared->stop, true);
	for (unsigned i = 0; i <= BYSTANDERS; i++)
		if (waitpid(others[i], &status, 0) != others[i] || status != 0) {
			printf("bystander %u ended with 0x%x\n", i, status);
			whole = false;
		}
	last_look();
	print_all((double)(now_ns() - started_at) / 1e9);
	return whole ? 0 : 1;
}
