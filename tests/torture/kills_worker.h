/* SPDX-License-Identifier: ISC */
#ifndef KILLS_WORKER_H
#define KILLS_WORKER_H

/* Who has operations done and killed: on tokens of a user of its own, with patds of its own. */

#include <pthread.h>
#include <sys/stat.h>

#include "kills_hunt.h"
#include "kills_shared.h"

#define DUE_MAX 8
#define DAY INT64_C(86400)

struct settings_of_test {
	const char *patd, *patstore, *dir;
	unsigned workers, kills, seconds, most_seconds;
	uint64_t seed;
	bool whole; /* every stop of every operation at least once */
};

struct worker {
	unsigned number;
	const struct settings_of_test *settings;
	struct owner *owner;
	char store[96];
	struct daemon daemons[2]; /* of the common store; of the one that is made anew each time */
	struct hunters hunters;
	unsigned names;
	struct shelf_seen before, after;
	unsigned due_count; /* what the next sweep has to take */
	char due[DUE_MAX][PAT_ID_LEN + 1];
};

/* What is done in one round, and to which tokens. */
struct job {
	struct worker *worker;
	const struct operation *operation;
	struct hunt hunt;
	json_t *parameters;
	char *argv[8];
	char file[128];
	char name[40];
	bool adds; /* a token called `name` comes into being */
	unsigned count;
	char targets[ROWS_MAX][PAT_ID_LEN + 1];
	struct row saved[2]; /* targets that are to come back */
	/* The answer: none, yes or no. */
	bool acknowledged, refused;
	bool gave_up; /* it was said that the store could not be had in time */
	char answer[80];
	char token[PAT_TOKEN_LEN + 1]; /* that it brought */
};

/* Has a job done by whoever does it, hunted as job->hunt says. */
static UNUSED void job_call(struct job *job, struct daemon *daemon, const char *method)
{
	struct worker *worker = job->worker;
	int fd = client_connect(daemon->dir, "io.pampat.Tokens", SOCK_STREAM);
	const char *token;
	json_t *reply;

	if (fd < 0)
		die("patd cannot be reached");
	if (!client_ask(fd, method, job->parameters))
		die("patd cannot be asked");
	job->parameters = NULL;
	hunt_run(&job->hunt, &worker->hunters, daemon, fd, 0);
	if (daemon->pid == 0)
		daemon_start(daemon, &worker->hunters);
	reply = client_answer(fd);
	job->refused = reply != NULL && client_error(reply) != NULL;
	job->acknowledged = reply != NULL && !job->refused;
	token = job->acknowledged ? client_token(reply) : NULL;
	snprintf(job->token, sizeof(job->token), "%s", token ? token : "");
	snprintf(job->answer, sizeof(job->answer), "%s", job->refused ? client_error(reply) : "");
	json_decref(reply);
}

/* Its output goes nowhere. */
static void exec_program(void *argv)
{
	char *const *program = argv;

	if (freopen("/dev/null", "w", stdout) != NULL)
		execv(program[0], program);
	_exit(127);
}

static UNUSED void job_program(struct job *job)
{
	struct worker *worker = job->worker;
	pid_t pid = prey_start(exec_program, job->argv);

	hunt_run(&job->hunt, &worker->hunters, NULL, -1, pid);
	job->acknowledged = WIFEXITED(job->hunt.status) && WEXITSTATUS(job->hunt.status) == 0;
	job->refused = WIFEXITED(job->hunt.status) && !job->acknowledged;
	if (job->refused)
		snprintf(job->answer, sizeof(job->answer), "status %d",
			 WEXITSTATUS(job->hunt.status));
}

/* Looks at the worker's tokens once more, where nothing is under way. */
static UNUSED void look_again(struct worker *worker)
{
	char why[WHY_MAX];

	if (shelf_look(worker->store, worker->owner->uid, &worker->before, why) != 0)
		wrong(UNREADABLE, "%s", why);
}

/* Has something done that nobody kills. False, and wrong, if it is not done. */
static UNUSED bool undisturbed(struct worker *worker, const char *method, json_t *parameters,
			       char *token)
{
	static struct job job;

	job = (struct job){.worker = worker, .parameters = parameters};
	job_call(&job, &worker->daemons[0], method);
	if (!job.acknowledged)
		wrong(REFUSED, "%s, undisturbed: %s", method,
		      job.refused ? job.answer : "no answer");
	if (token != NULL)
		memcpy(token, job.token, sizeof(job.token));
	look_again(worker);
	return job.acknowledged;
}

static UNUSED bool is_due(const struct worker *worker, const char *id)
{
	for (unsigned i = 0; i < worker->due_count; i++)
		if (strcmp(worker->due[i], id) == 0)
			return true;
	return false;
}

/* Forgets what no sweep has to take any more: what is gone, and what was revoked meanwhile. What
 * ended long ago did so, for the test, when it was made. */
static UNUSED void forget_due(struct worker *worker)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < worker->due_count; i++) {
		const struct row *row = row_of(&worker->before, worker->due[i]);

		if (row != NULL && row->grant.revoked_at <= row->grant.created_at)
			memmove(worker->due[kept++], worker->due[i], sizeof(worker->due[0]));
	}
	worker->due_count = kept;
}

/* Before something that is about all tokens, and after it. */
static UNUSED void allow_for_all(struct worker *worker, unsigned besides)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &worker->owner->slots[i];
		unsigned allowed = atomic_load(&slot->allowed);

		if (allowed != 0)
			slot_allow(slot, allowed | besides);
	}
}

/* Each token is now what it is: nothing is under way. */
static UNUSED void settle_slots(struct worker *worker)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &worker->owner->slots[i];
		const struct row *row;

		if (atomic_load(&slot->allowed) == 0)
			continue;
		row = row_of(&worker->before, slot->id);
		if (row == NULL)
			slot_free(slot);
		else
			slot_allow(slot, allowed_for(row) | (is_due(worker, slot->id)
								     ? BIT(PAT_REFUSED_UNKNOWN)
								     : 0));
	}
}

static UNUSED json_t *terms(struct worker *worker, char name[40], unsigned uses)
{
	json_t *parameters;

	snprintf(name, 40, "w%u-%u", worker->number, worker->names++);
	parameters = json_pack("{s:s, s:s, s:s, s:[s, s]}", "user", worker->owner->name, "name",
			       name, "description", "as it was made", "services", SERVICE, "sshd");
	if (uses > 0)
		json_object_set_new(parameters, "max_uses", json_integer(uses));
	return parameters;
}

/* Makes a token for the next job to be about. */
static UNUSED const struct row *provide(struct worker *worker, unsigned uses)
{
	char token[PAT_TOKEN_LEN + 1], name[40], id[PAT_ID_LEN + 1];
	const struct row *row;

	if (!undisturbed(worker, "Create", terms(worker, name, uses), token))
		return NULL;
	snprintf(id, sizeof(id), "%.8s", token + PAT_TOKEN_PREFIX_LEN);
	row = row_of(&worker->before, id);
	if (row == NULL)
		wrong(LOST, "token %s, minted undisturbed, is not there", id);
	else
		(void)slot_add(worker->owner, token, row);
	return row;
}

/* ---- What the test itself does to the store, through the library --------------------------------
 */

/* Opens a transaction, and reads the index. */
static struct pat_store *tamper(struct worker *worker, struct pat_index *index)
{
	struct pat_store *store;

	if (pat_store_open(&store, worker->store, PAT_STORE_CHANGE, pat_deadline_in(LOOK_MS)) ||
	    pat_store_get_index(store, worker->owner->uid, index))
		die("the test itself cannot open the store");
	return store;
}

static void tampered(struct worker *worker, struct pat_store *store, struct pat_index *index)
{
	if (pat_store_put_index(store, worker->owner->uid, index) || pat_store_commit(store))
		die("the test itself cannot change the store");
	pat_store_close(store);
	look_again(worker);
}

static void index_drop(struct pat_index *index, const char *id)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < index->count; i++)
		if (memcmp(index->ids[i], id, PAT_ID_LEN) != 0)
			memmove(index->ids[kept++], index->ids[i], PAT_ID_LEN);
	index->count = kept;
}

static bool is_over(const struct worker *worker, const struct row *row)
{
	return !is_live(row) && !is_due(worker, row->grant.id);
}

/* Takes what has ended out of the way. Not while another has a backup: it would come back. */
static UNUSED void tidy(struct worker *worker)
{
	static struct pat_index index;
	struct pat_store *store;

	pthread_mutex_lock(&shared->sweeping);
	/* Before the store is taken: who verifies it now waits for that. */
	for (unsigned i = 0; i < worker->before.count; i++)
		if (is_over(worker, &worker->before.rows[i]))
			slot_free(slot_of(worker->owner, worker->before.rows[i].grant.id));
	store = tamper(worker, &index);
	for (unsigned i = 0; i < worker->before.count; i++) {
		const struct row *row = &worker->before.rows[i];

		if (!is_over(worker, row))
			continue;
		if (pat_store_drop_grant(store, row->grant.id) != 0)
			continue; /* a sweep was faster */
		index_drop(&index, row->grant.id);
	}
	tampered(worker, store, &index);
	pthread_mutex_unlock(&shared->sweeping);
}

/* A token that nobody used for longer than expire_unused, and whose secret nobody has. */
static void plant_unused(struct worker *worker, struct pat_store *store, struct pat_index *index)
{
	const struct pat_use unused = {0};
	struct pat_token token;
	struct pat_grant grant = {.algorithm = PAT_ALGORITHM_BLAKE2B,
				  .uid = worker->owner->uid,
				  .created_at = (int64_t)time(NULL) - 400 * DAY,
				  .services = "sshd"};

	if (pat_token_generate(&token) != 0)
		die("no token");
	pat_token_id(&token, grant.id);
	pat_token_hash(&token, grant.hash);
	snprintf(grant.user, sizeof(grant.user), "%s", worker->owner->name);
	snprintf(grant.name, sizeof(grant.name), "unused-%u-%u", worker->number, worker->names++);
	if (pat_store_put_grant(store, &grant) || pat_store_put_use(store, grant.id, &unused))
		die("the test itself cannot write");
	memcpy(index->ids[index->count++], grant.id, PAT_ID_LEN);
	memcpy(worker->due[worker->due_count++], grant.id, sizeof(grant.id));
}

/* Makes what a sweep has to take: tokens that ended long ago, and one that was never used. */
static UNUSED void plant(struct worker *worker)
{
	static struct pat_index index;
	struct pat_store *store = tamper(worker, &index);

	plant_unused(worker, store, &index);
	for (unsigned i = 0; i < worker->before.count && worker->due_count < 3; i++) {
		struct pat_grant grant = worker->before.rows[i].grant;
		struct slot *slot = slot_of(worker->owner, grant.id);

		if (grant.revoked_at == 0)
			continue;
		if (slot != NULL)
			slot_allow(slot, atomic_load(&slot->allowed) | BIT(PAT_REFUSED_UNKNOWN));
		grant.revoked_at = grant.created_at = (int64_t)time(NULL) - 200 * DAY;
		if (pat_store_put_grant(store, &grant) != 0)
			die("the test itself cannot write");
		memcpy(worker->due[worker->due_count++], grant.id, sizeof(grant.id));
	}
	tampered(worker, store, &index);
}

/* Takes tokens with a torn use record out of the way, so that what comes after can be judged. */
static UNUSED void take_torn(struct worker *worker)
{
	static struct pat_index index;
	struct pat_store *store;

	for (unsigned i = 0; i < worker->before.count; i++)
		if (worker->before.rows[i].torn)
			slot_free(slot_of(worker->owner, worker->before.rows[i].grant.id));
	store = tamper(worker, &index);
	for (unsigned i = 0; i < worker->before.count; i++) {
		const char *id = worker->before.rows[i].grant.id;

		if (!worker->before.rows[i].torn)
			continue;
		if (pat_store_drop_grant(store, id) != 0)
			die("the test itself cannot drop a token");
		index_drop(&index, id);
	}
	tampered(worker, store, &index);
}

/* Takes tokens away, as damage would. */
static UNUSED void lose(struct worker *worker, const struct job *job)
{
	static struct pat_index index;
	struct pat_store *store;

	for (unsigned i = 0; i < job->count; i++)
		slot_free(slot_of(worker->owner, job->targets[i]));
	store = tamper(worker, &index);
	for (unsigned i = 0; i < job->count; i++) {
		if (pat_store_drop_grant(store, job->targets[i]) != 0)
			die("the test itself cannot drop a token");
		index_drop(&index, job->targets[i]);
	}
	tampered(worker, store, &index);
}

#endif
