/* SPDX-License-Identifier: ISC */
#ifndef KILLS_ROUND_H
#define KILLS_ROUND_H

/* One operation: prepared, hunted, judged. */

#include <ftw.h>

#include "kills_judge.h"

static pthread_rwlock_t *anew; /* held to remove the store that is made anew */

static struct settings_of_test settings = {
	.workers = 2, .kills = 300, .seconds = 7, .most_seconds = 11, .seed = 1};

/* What one worker knows of an operation. */
struct plan {
	unsigned next_stop;      /* where the next hunt for a stop aims */
	unsigned stops, changes; /* how many there are */
	unsigned typical_us;
	bool passed; /* it was killed at each of them that is this worker's */
};

static struct plan plans[OPERATIONS];

#define STAMPS 300
#define KEPT 12

/* A verification in a child that is killed, as sshd would make it. What it tells is here. */
struct told {
	const char *store;
	struct owner *owner;
	struct slot *slot;
	atomic_bool done;
	atomic_uint stamps;
	struct pat_verdict verdict;
};
static struct told *told;

/* One stamp after the other, to be killed in the middle of the writing of one. */
static void stamp_often(void *data)
{
	const struct pat_event event = {.time = (int64_t)time(NULL), .service = SERVICE};
	struct told *one = data;
	struct pat_store *store;

	if (pat_store_open(&store, one->store, PAT_STORE_READ, pat_deadline_in(2000)) != 0)
		return;
	for (unsigned i = 0; i < STAMPS; i++) {
		if (pat_store_note(store, one->slot->id, &event, true, true,
				   pat_deadline_in(2000)) == 0)
			atomic_fetch_add(&one->stamps, 1);
		else
			break;
	}
	pat_store_close(store);
	atomic_store(&one->done, true);
}

static void run_stamps(struct job *job, struct slot *slot)
{
	struct worker *worker = job->worker;
	unsigned made;

	*told = (struct told){.store = worker->store, .owner = worker->owner, .slot = slot};
	job->hunt = (struct hunt){.aim = AIM_TIME, .micros = 100 + roll(3000)};
	atomic_fetch_add(&slot->begun, STAMPS);
	hunt_run(&job->hunt, &worker->hunters, NULL, -1, prey_start(stamp_often, told));
	made = atomic_load(&told->stamps);
	atomic_fetch_add(&slot->accepted, made);
	/* All but the one in which it was killed. */
	atomic_fetch_add(&slot->void_, STAMPS - made - (made < STAMPS));
	job->acknowledged = atomic_load(&told->done);
}

static void verify_as_module(void *data)
{
	struct told *one = data;

	verify_slot(one->store, one->owner, one->slot, &one->verdict);
	atomic_store(&one->done, true);
}

static void run_use(struct job *job, struct slot *slot)
{
	struct worker *worker = job->worker;
	uint32_t result;
	int fd;

	atomic_fetch_add(&slot->begun, 1);
	if (job->operation->how == BY_FUNCTION) {
		pid_t pid;

		*told = (struct told){.store = worker->store, .owner = worker->owner, .slot = slot};
		pid = prey_start(verify_as_module, told);
		hunt_run(&job->hunt, &worker->hunters, NULL, -1, pid);
		result = 0;
		if (atomic_load(&told->done))
			result = told->verdict.outcome == PAT_ACCEPTED      ? PAT_WIRE_ACCEPTED
				 : told->verdict.outcome == PAT_UNAVAILABLE ? PAT_WIRE_UNAVAILABLE
									    : PAT_WIRE_REFUSED;
	} else {
		fd = client_connect(worker->daemons[0].dir, "verify", SOCK_SEQPACKET);
		if (fd < 0 || !client_ask_verify(fd, slot->token, worker->owner->name, SERVICE))
			die("patd cannot be asked");
		hunt_run(&job->hunt, &worker->hunters, &worker->daemons[0], fd, 0);
		if (worker->daemons[0].pid == 0)
			daemon_start(&worker->daemons[0], &worker->hunters);
		result = client_verdict(fd);
	}
	job->acknowledged =
		result == PAT_WIRE_ACCEPTED || (result == PAT_WIRE_REFUSED && slot->max_uses != 0);
	job->refused = !job->acknowledged && result != 0;
	/* Who is hunted step by step holds the store for longer than a login waits. */
	job->gave_up = result == PAT_WIRE_UNAVAILABLE &&
		       (job->operation->how != BY_FUNCTION || told->verdict.error == PAT_E_BUSY);
	if (job->gave_up)
		atomic_fetch_add(&shared->unavailable, 1);
	snprintf(job->answer, sizeof(job->answer), "result %u", (unsigned)result);
	slot_count(slot, result == PAT_WIRE_ACCEPTED, true,
		   result == PAT_WIRE_ACCEPTED || result == PAT_WIRE_REFUSED);
}

static void run_job(struct job *job)
{
	struct worker *worker = job->worker;

	for (unsigned i = 0; i < job->count; i++) {
		struct slot *slot = slot_of(worker->owner, job->targets[i]);

		if (slot != NULL)
			slot_allow(slot, atomic_load(&slot->allowed) | job->operation->allowed);
	}
	switch (job->operation->how) {
	case BY_CALL:
		job_call(job, &worker->daemons[0], job->operation->method);
		break;
	case BY_PROGRAM:
		job_program(job);
		break;
	case BY_STAMPS:
		run_stamps(job, slot_of(worker->owner, job->targets[0]));
		break;
	default:
		run_use(job, slot_of(worker->owner, job->targets[0]));
	}
}

/* Looks at what came of it, and takes that for what is. */
static void settle(struct job *job)
{
	struct worker *worker = job->worker;
	static struct bounds bounds;
	char why[WHY_MAX];
	int error;

	count_before(worker->owner, &bounds);
	error = shelf_look(worker->store, worker->owner->uid, &worker->after, why);
	if (error) {
		wrong(UNREADABLE, "after %s: %s", job->operation->name, why);
		return;
	}
	count_after(worker->owner, &bounds, &worker->after, false);
	judge(job);
	worker->before = worker->after;
	if (worker->before.torn > 0)
		take_torn(worker);
	forget_due(worker);
	settle_slots(worker);
	if (job->token[0] != '\0') {
		char id[PAT_ID_LEN + 1];
		const struct row *row;

		snprintf(id, sizeof(id), "%.8s", job->token + PAT_TOKEN_PREFIX_LEN);
		row = row_of(&worker->before, id);
		if (row != NULL)
			(void)slot_add(worker->owner, job->token, row);
	}
}

/* What is to come back must, when it is tried once more and nobody is killed. */
static void try_again(struct job *job)
{
	if (row_of(&job->worker->before, job->targets[0]) != NULL)
		return;
	job->hunt = (struct hunt){.aim = AIM_NOWHERE};
	job_program(job);
	settle(job);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The first token of all, in a store that is not there yet; and then another, undisturbed. */
static void run_anew(struct job *job)
{
	struct worker *worker = job->worker;
	struct daemon *daemon = &worker->daemons[1];
	static struct worker there; /* the same user, in that store */
	static struct job second;
	char dir[96], why[WHY_MAX], *slash;

	snprintf(dir, sizeof(dir), "%s", daemon->store);
	slash = strrchr(dir, '/');
	*slash = '\0';
	pthread_rwlock_wrlock(anew);
	(void)nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	pthread_rwlock_unlock(anew);
	there.owner = worker->owner;
	there.before.count = 0;
	there.due_count = 0;
	job_call(job, daemon, "Create");
	if (shelf_look(daemon->store, worker->owner->uid, &there.after, why) != 0) {
		wrong(UNREADABLE, "a new store: %s", why);
		return;
	}
	job->worker = &there;
	judge(job);
	there.before = there.after;
	second = (struct job){.worker = worker, .operation = job->operation, .adds = true};
	second.parameters = terms(worker, second.name, 0);
	job_call(&second, daemon, "Create");
	if (shelf_look(daemon->store, worker->owner->uid, &there.after, why) != 0)
		wrong(UNREADABLE, "a new store, at the next try: %s", why);
	second.worker = &there;
	judge(&second);
}

/* Where a hunt aims: in the long form at one stop after the other, so that none is left out. */
static struct hunt choose_hunt(const struct plan *plan, bool stops_only)
{
	struct hunt hunt = {.aim = AIM_NOWHERE};
	unsigned chance = settings.whole && stops_only ? 0 : roll(100);

	if (chance < (settings.whole ? 60 : 20)) {
		hunt.aim = AIM_STOP;
		hunt.nth = settings.whole ? plan->next_stop : 1 + roll(plan->stops);
	} else if (chance < 70) {
		hunt.aim = AIM_CHANGE;
		hunt.nth = 1 + roll(plan->changes);
		hunt.after = roll(2) != 0;
	} else if (chance < 97) {
		hunt.aim = chance == 96 ? AIM_DAEMON : AIM_TIME;
		hunt.micros = roll(plan->typical_us + plan->typical_us / 4 + 100);
	}
	return hunt;
}

static void learn(struct plan *plan, struct tally *tally, const struct hunt *hunt)
{
	unsigned took = (unsigned)(hunt->took_ns / 1000);

	if (hunt->killed)
		atomic_fetch_add(&tally->kills[hunt->aim], 1);
	else if (hunt->aim == AIM_TIME || hunt->aim == AIM_NOWHERE)
		plan->typical_us = plan->typical_us ? (3 * plan->typical_us + took) / 4 : took;
	if (!hunt->killed && hunt->stops > 0) {
		plan->stops = hunt->stops;
		atomic_store(&tally->stops, hunt->stops);
	}
	if (!hunt->killed && hunt->changes > 0)
		plan->changes = hunt->changes + 1;
	if (hunt->aim == AIM_STOP && settings.whole) {
		plan->next_stop += settings.workers;
		if (!hunt->killed) {
			plan->passed = true;
			atomic_fetch_add(&tally->passes, 1);
			plan->next_stop = 1 + roll(settings.workers);
		}
	}
}

/* The fewer tokens a user has, the fewer reads there are between what matters. */
static void clear_up(struct worker *worker)
{
	tidy(worker);
	if (worker->before.count <= 2 * KEPT)
		return;
	pthread_mutex_lock(&shared->sweeping);
	(void)end_all(worker);
	pthread_mutex_unlock(&shared->sweeping);
	tidy(worker);
}

static UNUSED void one_round(struct worker *worker, unsigned number, bool stops_only)
{
	static struct job job;
	const struct operation *operation = &operations[number];

	if (worker->before.count > KEPT)
		clear_up(worker);
	job = (struct job){.worker = worker,
			   .operation = operation,
			   .hunt = choose_hunt(&plans[number], stops_only)};
	atomic_fetch_add(&tallies[number].rounds, 1);
	if (!operation->prepare(worker, &job)) {
		atomic_fetch_sub(&tallies[number].rounds, 1);
	} else if (operation->how == BY_CALL_ANEW) {
		run_anew(&job);
		learn(&plans[number], &tallies[number], &job.hunt);
	} else {
		run_job(&job);
		learn(&plans[number], &tallies[number], &job.hunt);
		settle(&job);
		if (operation->became == became_restored)
			try_again(&job);
	}
	if (operation->prepare == prepare_sweep || operation->prepare == prepare_restore ||
	    operation->prepare == prepare_revoke_all)
		pthread_mutex_unlock(&shared->sweeping);
}

#endif
