/* SPDX-License-Identifier: ISC */

/*
 * Damages good stores in every way that it knows (damage_harm.h), and has every reader look at them
 * (damage_look.h): none crashes, hangs or lets anybody in who must stay out; what is undamaged and
 * can be reached still works; damage is told of; and a rebuild loses nothing that can be read.
 *
 *	damage DIRECTORY PATSTORE POLICY SEED COUNT SECONDS
 *
 * Goes on until COUNT stores were looked at and SECONDS have passed, but not longer than three
 * times that. The store of seed SEED + i is the i-th: SEED + i with a COUNT of 1 repeats it.
 */

#include <errno.h>
#include <sys/resource.h>

#include "damage_look.h"
#include "damage_mend.h"

#define WORKERS 2
#define MEMORY (UINT64_C(512) << 20)
#define WALL_SECONDS 120 /* a machine may be busy; READER_CPU_SECONDS is what finds a hang */

struct tally {
	uint64_t stores, faults, slow, accepted, named, rebuilt;
	uint64_t by_kind[HARM_KINDS + 1], cpu_ms[HARM_KINDS + 1], unopened;
};

static struct {
	const char *dir, *patstore, *policy;
	uint64_t seed, count;
	time_t enough, latest;
	int64_t now;
	bool can_rebuild;
	struct good goods[SHAPES];
} all;

static void *shared(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort();
	return map;
}

static unsigned any_shape(uint64_t *seed)
{
	unsigned sum = 0, i;
	uint64_t at;

	for (i = 0; i < SHAPES; i++)
		sum += shapes[i].weight;
	at = below(seed, sum);
	for (i = 0; at >= shapes[i].weight; i++)
		at -= shapes[i].weight;
	return i;
}

/* --- in the child */

static void look(struct patient *patient)
{
	uint64_t seed = patient->seed;
	struct pat_store *store;
	int error;

#ifndef __SANITIZE_ADDRESS__
	const struct rlimit memory = {MEMORY, MEMORY};

	setrlimit(RLIMIT_AS, &memory);
#endif
	alarm(WALL_SECONDS);
	turn_to(patient, READER_OPEN);
	error = pat_store_open(&store, patient->path, PAT_STORE_READ, pat_deadline_in(LOGIN_MS));
	pat_store_close(store);
	map_patient(patient);
	if (error && head_is_whole(patient) && is_worth_opening(patient))
		wrong(patient, "there are whole records, and nobody can open the store: %s",
		      pat_error_text(error));
	patient->look->opened = error == 0;
	if (error)
		forget_patient(patient);
	turn_to(patient, READER_VERIFY);
	try_tokens(patient, seed, 3);
	turn_to(patient, READER_CHECK);
	if (patient->ask_patstore)
		ask_patstore(patient);
	turn_to(patient, READER_LIST);
	list(patient, &seed);
	turn_to(patient, READER_GET);
	get(patient, &seed);
	turn_to(patient, READER_MINT);
	mint(patient, &seed);
	turn_to(patient, READER_REVOKE);
	end_some(patient, &seed);
	turn_to(patient, READER_SWEEP);
	if (below(&seed, 4) == 0)
		sweep(patient);
	turn_to(patient, READER_AGAIN);
	try_outsiders(patient, seed);
	turn_to(patient, READER_REBUILD);
	if (patient->can_rebuild && patient->ask_patstore)
		mend(patient);
	_exit(0);
}

/* --- in a worker */

static void tell_fault(const struct patient *patient, const char *kind, int status)
{
	const struct look *look = patient->look;
	char how[80] = "";

	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "%s by signal %d ",
			 WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM ? "hung, ended"
										    : "ended",
			 WTERMSIG(status));
	else if (look->why[0] == '\0')
		snprintf(how, sizeof(how), "ended with %d", WEXITSTATUS(status));
	printf("PAT_SEED=%llu: %s, %s, %s: %s%s\n", (unsigned long long)patient->seed, kind,
	       patient->good->shape->name, reader_names[look->reader], how, look->why);
	fflush(stdout);
}

static uint64_t milliseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static void treat(uint64_t seed, struct harm *harm, struct patient *patient, struct tally *tally)
{
	uint64_t own = seed * 31;
	const struct good *good = &all.goods[any_shape(&own)];
	unsigned kind = (unsigned)below(&own, HARM_KINDS + 1);
	if (kind == HARM_SPARSE && below(&own, 16) != 0)
		kind = 0;
	const char *name = kind < HARM_KINDS ? harm_kinds[kind].name : "several of these";
	struct rusage used;
	int status;
	pid_t pid;

	harm->good = patient->good = good;
	harm->sparse = 0;
	harm->replayed = false;
	harm->seed = patient->seed = seed;
	memcpy(harm->data, good->data, good->size);
	harm->size = good->size;
	do_harm(harm, kind);
	patient->ask_patstore = below(&own, 8) == 0;
	*patient->look = (struct look){0};
	write_patient(patient);
	pid = fork();
	if (pid == 0)
		look(patient);
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		abort();
	tally->stores++;
	tally->cpu_ms[kind] += milliseconds(&used.ru_utime) + milliseconds(&used.ru_stime);
	tally->by_kind[kind]++;
	tally->slow += patient->look->slow;
	tally->accepted += patient->look->accepted;
	tally->named += patient->look->named;
	tally->unopened += !patient->look->opened;
	tally->rebuilt += patient->look->mended;
	if (status != 0 && ++tally->faults <= 20)
		tell_fault(patient, name, status);
}

static void work(unsigned worker, struct tally *tally)
{
	char dir[256], path[300];
	struct patient patient = {.path = path,
				  .policy = all.policy,
				  .patstore = all.patstore,
				  .now = all.now,
				  .can_rebuild = all.can_rebuild,
				  .look = shared(sizeof(struct look))};
	struct harm harm = {0};

	for (unsigned i = 0; i < SHAPES; i++)
		if (all.goods[i].size + HARM_ROOM > harm.room)
			harm.room = all.goods[i].size + HARM_ROOM;
	harm.data = shared(harm.room);
	patient.fates = calloc(4096, sizeof(*patient.fates));
	snprintf(dir, sizeof(dir), "%s/%u", all.dir, worker);
	snprintf(path, sizeof(path), "%s/tokens.tdb", dir);
	patient.harm = &harm;
	if (patient.fates == NULL || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		abort();
	for (uint64_t i = worker; i < all.count || time(NULL) < all.enough; i += WORKERS) {
		if (time(NULL) >= all.latest)
			break;
		treat(all.seed + i, &harm, &patient, tally);
	}
	free(patient.fates);
	_exit(0);
}

/* --- */

static void print_tally(const struct tally *tallies)
{
	struct tally sum = {0};

	for (unsigned i = 0; i < WORKERS; i++) {
		sum.stores += tallies[i].stores;
		sum.faults += tallies[i].faults;
		sum.slow += tallies[i].slow;
		sum.accepted += tallies[i].accepted;
		sum.named += tallies[i].named;
		sum.unopened += tallies[i].unopened;
		sum.rebuilt += tallies[i].rebuilt;
		for (unsigned k = 0; k <= HARM_KINDS; k++) {
			sum.by_kind[k] += tallies[i].by_kind[k];
			sum.cpu_ms[k] += tallies[i].cpu_ms[k];
		}
	}
	for (unsigned k = 0; k <= HARM_KINDS; k++)
		printf("kind %llu %s, %llu ms\n", (unsigned long long)sum.by_kind[k],
		       k < HARM_KINDS ? harm_kinds[k].name : "several of these",
		       (unsigned long long)sum.cpu_ms[k]);
	printf("stores %llu faults %llu slow %llu accepted %llu named %llu unopened %llu rebuilt "
	       "%llu\n",
	       (unsigned long long)sum.stores, (unsigned long long)sum.faults,
	       (unsigned long long)sum.slow, (unsigned long long)sum.accepted,
	       (unsigned long long)sum.named, (unsigned long long)sum.unopened,
	       (unsigned long long)sum.rebuilt);
}

static void make_goods(void)
{
	char dir[256], path[300];

	snprintf(dir, sizeof(dir), "%s/good", all.dir);
	snprintf(path, sizeof(path), "%s/tokens.tdb", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		must(PAT_E_IO, dir);
	for (unsigned i = 0; i < SHAPES; i++)
		make_good(&shapes[i], path, i + 1, all.now, &all.goods[i]);
}

int main(int argc, char **argv)
{
	struct tally *tallies = shared(WORKERS * sizeof(*tallies));
	int status, bad = 0;

	if (argc != 7 || sodium_init() < 0) {
		fputs("usage: damage DIRECTORY PATSTORE POLICY SEED COUNT SECONDS\n", stderr);
		return 2;
	}
	all.dir = argv[1];
	all.patstore = argv[2];
	all.policy = argv[3];
	all.seed = strtoull(argv[4], NULL, 10);
	all.count = strtoull(argv[5], NULL, 10);
	all.now = time(NULL);
	all.enough = all.now + strtol(argv[6], NULL, 10);
	all.latest = all.enough > all.now ? all.now + 3 * (all.enough - all.now) : all.now + 600;
	all.can_rebuild = patstore_can(all.patstore, "rebuild");
	make_goods();
	fflush(stdout);
	for (unsigned i = 0; i < WORKERS; i++)
		if (fork() == 0)
			work(i, &tallies[i]);
	while (wait(&status) > 0)
		bad |= status;
	print_tally(tallies);
	return bad != 0 ? 3 : 0;
}
