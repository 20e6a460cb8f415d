/* SPDX-License-Identifier: ISC */
#ifndef KILLS_OPERATIONS_H
#define KILLS_OPERATIONS_H

/*
 * The operations that are killed: a table. Each says how it is prepared, who does it, and what each
 * of its tokens is to become. What must not happen is the same for all, and stands in kills.c.
 */

#include <fcntl.h>

#include "../../lib/slot.h"
#include "kills_worker.h"

#define OVERLAP 3600
#define USES 6
#define PAGE 4096
#define ENDS (BIT(PAT_REFUSED_REVOKED) | BIT(PAT_REFUSED_ROTATED))

enum how { BY_CALL, BY_CALL_ANEW, BY_VERIFY, BY_FUNCTION, BY_STAMPS, BY_PROGRAM };

struct operation {
	const char *name;
	enum how how;
	const char *method; /* of io.pampat.Tokens */
	bool (*prepare)(struct worker *worker, struct job *job);
	/* Whether the row is what the operation was to make of it; either may be NULL. */
	bool (*became)(const struct job *job, const struct row *old, const struct row *new);
	unsigned allowed;    /* how verifications of its tokens may end besides, meanwhile */
	const char *command; /* of patstore, which it may not have */
};

static void aim_at(struct job *job, const struct row *row)
{
	memcpy(job->targets[job->count++], row->grant.id, sizeof(row->grant.id));
}

static void ask_about(struct job *job, const struct row *row)
{
	aim_at(job, row);
	job->parameters = json_pack("{s:s, s:s}", "selector", row->grant.id, "user",
				    job->worker->owner->name);
}

/* One of the worker's tokens that is as is wanted, and that verifications are made of; or a new
 * one. */
static const struct row *find(struct worker *worker, bool (*fits)(const struct row *row),
			      unsigned uses)
{
	const struct row *rows = worker->before.rows;
	unsigned count = worker->before.count, from = roll(count);

	for (unsigned i = 0; i < count; i++) {
		const struct row *row = &rows[(from + i) % count];

		if (fits(row) && !is_due(worker, row->grant.id) &&
		    slot_of(worker->owner, row->grant.id) != NULL)
			return row;
	}
	return provide(worker, uses);
}

static bool plain(const struct row *row)
{
	const struct pat_grant *grant = &row->grant;

	return is_live(row) && grant->suspended_at == 0 && grant->successor[0] == '\0' &&
	       grant->max_uses == 0;
}

static bool counted(const struct row *row)
{
	return is_live(row) && row->grant.max_uses != 0;
}

static bool suspended(const struct row *row)
{
	return is_live(row) && row->grant.suspended_at != 0;
}

static bool editable(const struct row *row)
{
	return plain(row) && strchr(row->grant.services, ',') != NULL;
}

static bool prepare_plain(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, plain, 0);

	if (row != NULL)
		ask_about(job, row);
	return row != NULL;
}

/* ---- Create, Rotate -----------------------------------------------------------------------------
 */

static bool prepare_create(struct worker *worker, struct job *job)
{
	job->adds = true;
	job->parameters = terms(worker, job->name, roll(3) == 0 ? USES : 0);
	return true;
}

static bool prepare_rotate(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, plain, 0);

	if (row == NULL)
		return false;
	job->adds = true;
	snprintf(job->name, sizeof(job->name), "%.39s", row->grant.name);
	ask_about(job, row);
	return true;
}

static bool prepare_overlap(struct worker *worker, struct job *job)
{
	if (!prepare_rotate(worker, job))
		return false;
	json_object_set_new(job->parameters, "overlap", json_integer(OVERLAP));
	return true;
}

static bool succeeded_by(const struct job *job, const struct row *new)
{
	const struct row *next = row_of(&job->worker->after, new->grant.successor);

	return new->grant.successor[0] != '\0' &&
	       next != NULL &&strcmp(next->grant.name, job->name) == 0;
}

static bool became_rotated(const struct job *job, const struct row *old, const struct row *new)
{
	struct row with = *old;

	memcpy(with.grant.successor, new->grant.successor, sizeof(with.grant.successor));
	return succeeded_by(job, new) && was_ended(&with, new);
}

static bool became_limited(const struct job *job, const struct row *old, const struct row *new)
{
	struct pat_grant with = old->grant;

	memcpy(with.successor, new->grant.successor, sizeof(with.successor));
	with.expires_at = new->grant.expires_at;
	return succeeded_by(job, new) && same_grant(&with, &new->grant) &&
	       new->grant.expires_at < old->grant.expires_at;
}

/* ---- Changes ------------------------------------------------------------------------------------
 */

static bool prepare_edit(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, editable, 0);

	if (row == NULL)
		return false;
	ask_about(job, row);
	snprintf(job->name, sizeof(job->name), "edited-%u", worker->names++);
	json_object_set_new(job->parameters, "name", json_string(job->name));
	json_object_set_new(job->parameters, "description", json_string(job->name));
	json_object_set_new(job->parameters, "services", json_pack("[s]", SERVICE));
	return true;
}

static bool became_edited(const struct job *job, const struct row *old, const struct row *new)
{
	struct pat_grant with = old->grant;

	snprintf(with.name, sizeof(with.name), "%s", job->name);
	snprintf(with.description, sizeof(with.description), "%s", job->name);
	snprintf(with.services, sizeof(with.services), SERVICE);
	return same_grant(&with, &new->grant);
}

static bool became_suspended(const struct job *job, const struct row *old, const struct row *new)
{
	struct pat_grant with = old->grant;

	(void)job;
	with.suspended_at = new->grant.suspended_at;
	return new->grant.suspended_at != 0 && same_grant(&with, &new->grant);
}

static bool prepare_resume(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, suspended, 0);

	if (row == NULL)
		return false;
	if (row->grant.suspended_at == 0) {
		char id[PAT_ID_LEN + 1];

		memcpy(id, row->grant.id, sizeof(id));
		slot_allow(slot_of(worker->owner, id),
			   BIT(PAT_ACCEPTED) | BIT(PAT_REFUSED_SUSPENDED));
		undisturbed(worker, "Suspend",
			    json_pack("{s:s, s:s}", "selector", id, "user", worker->owner->name),
			    NULL);
		row = row_of(&worker->before, id);
		if (row == NULL)
			return false;
	}
	ask_about(job, row);
	return true;
}

static bool became_resumed(const struct job *job, const struct row *old, const struct row *new)
{
	struct pat_grant with = old->grant;

	(void)job;
	with.suspended_at = 0;
	return same_grant(&with, &new->grant);
}

static bool became_ended(const struct job *job, const struct row *old, const struct row *new)
{
	(void)job;
	return was_ended(old, new);
}

/* A token that has replaced another, which goes on for a while: both end at once. */
static bool prepare_revoke_pair(struct worker *worker, struct job *job)
{
	char token[PAT_TOKEN_LEN + 1], id[PAT_ID_LEN + 1];
	const struct row *old = find(worker, plain, 0), *new;

	if (old == NULL)
		return false;
	memcpy(id, old->grant.id, sizeof(id));
	if (!undisturbed(worker, "Rotate",
			 json_pack("{s:s, s:s, s:i}", "selector", id, "user", worker->owner->name,
				   "overlap", OVERLAP),
			 token))
		return false;
	old = row_of(&worker->before, id);
	new = old ? row_of(&worker->before, old->grant.successor) : NULL;
	if (new == NULL) {
		wrong(LOST, "what replaced token %s is not there", id);
		return false;
	}
	(void)slot_add(worker->owner, token, new);
	ask_about(job, new);
	aim_at(job, old);
	/* And what the old one had replaced before, if that still lives. */
	for (unsigned i = worker->before.count; i-- > 0;) {
		const struct row *row = &worker->before.rows[i];

		if (strcmp(row->grant.successor, id) != 0)
			continue;
		memcpy(id, row->grant.id, sizeof(id));
		if (is_live(row))
			aim_at(job, row);
	}
	return true;
}

static bool no_predecessor(const struct worker *worker, const struct row *of)
{
	for (unsigned i = 0; i < worker->before.count; i++)
		if (strcmp(worker->before.rows[i].grant.successor, of->grant.id) == 0)
			return false;
	return true;
}

static bool prepare_revoke(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, plain, 0);

	if (row != NULL && !no_predecessor(worker, row))
		row = provide(worker, 0);
	if (row != NULL)
		ask_about(job, row);
	return row != NULL;
}

static bool prepare_revoke_secret(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, plain, 0);

	if (row == NULL)
		return false;
	aim_at(job, row);
	job->parameters =
		json_pack("{s:s}", "secret", slot_of(worker->owner, row->grant.id)->token);
	return true;
}

/* Ends all of the user's tokens, undisturbed. Who calls holds shared->sweeping. */
static bool end_all(struct worker *worker)
{
	allow_for_all(worker, ENDS);
	if (!undisturbed(worker, "RevokeAll", json_pack("{s:s}", "user", worker->owner->name),
			 NULL))
		return false;
	forget_due(worker);
	settle_slots(worker);
	return true;
}

/* A counted one could spend its last use meanwhile, and would not be among them then. */
static bool prepare_revoke_all(struct worker *worker, struct job *job)
{
	const char *user = worker->owner->name;
	const struct row *row;

	pthread_mutex_lock(&shared->sweeping);
	look_again(worker);
	for (unsigned i = 0; i < worker->before.count; i++) {
		if (!counted(&worker->before.rows[i]))
			continue;
		if (!end_all(worker))
			return false;
		break;
	}
	forget_due(worker);
	while (job->count < 2) {
		job->count = 0;
		for (unsigned i = 0; i < worker->before.count; i++) {
			row = &worker->before.rows[i];
			if (is_live(row))
				aim_at(job, row);
		}
		if (job->count < 2 && provide(worker, 0) == NULL)
			return false;
	}
	job->parameters = json_pack("{s:s}", "user", user);
	return true;
}

/* ---- Uses ---------------------------------------------------------------------------------------
 */

static bool prepare_use(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, plain, 0);

	if (row != NULL)
		aim_at(job, row);
	return row != NULL;
}

/* A token with a use record that lies in two pages: of a killed write one may have the half. */
static bool straddles(const struct worker *worker, const char *id)
{
	struct pat_key key = pat_key_use(id);
	int fd = open(worker->store, O_RDONLY | O_CLOEXEC);
	off_t at = 0;
	int error = fd < 0 ? PAT_E_IO : slot_find(fd, key.bytes, key.len, PAT_USE_SIZE, &at);

	if (fd >= 0)
		close(fd);
	return !error && at / PAGE != (at + PAT_USE_SIZE - 1) / PAGE;
}

static bool prepare_stamp(struct worker *worker, struct job *job)
{
	const struct row *row = NULL;

	for (unsigned i = 0; row == NULL && i < worker->before.count; i++)
		if (plain(&worker->before.rows[i]) &&
		    slot_of(worker->owner, worker->before.rows[i].grant.id) != NULL &&
		    straddles(worker, worker->before.rows[i].grant.id))
			row = &worker->before.rows[i];
	for (unsigned i = 0; row == NULL && i < 3; i++) {
		row = provide(worker, 0);
		if (row == NULL || slot_of(worker->owner, row->grant.id) == NULL)
			return false;
		if (i < 2 && !straddles(worker, row->grant.id))
			row = NULL;
	}
	aim_at(job, row);
	return true;
}

static bool prepare_spend(struct worker *worker, struct job *job)
{
	const struct row *row = find(worker, counted, USES);

	if (row != NULL)
		aim_at(job, row);
	return row != NULL;
}

/* ---- Programs -----------------------------------------------------------------------------------
 */

static bool prepare_sweep(struct worker *worker, struct job *job)
{
	pthread_mutex_lock(&shared->sweeping);
	if (worker->due_count == 0)
		plant(worker);
	for (unsigned i = 0; i < worker->due_count; i++) {
		const struct row *row = row_of(&worker->before, worker->due[i]);

		if (row != NULL)
			aim_at(job, row);
	}
	job->argv[0] = (char *)(uintptr_t)worker->settings->patd;
	job->argv[1] = (char *)(uintptr_t) "--sweep";
	job->argv[2] = (char *)(uintptr_t) "--store";
	job->argv[3] = worker->store;
	return true;
}

static bool became_swept(const struct job *job, const struct row *old, const struct row *new)
{
	(void)job;
	return old == NULL || old->grant.revoked_at != 0 ? new == NULL
							 : new != NULL &&was_ended(old, new);
}

static void store_command(struct worker *worker, struct job *job, const char *command)
{
	job->argv[0] = (char *)(uintptr_t)worker->settings->patstore;
	job->argv[1] = (char *)(uintptr_t) "--store";
	job->argv[2] = worker->store;
	job->argv[3] = (char *)(uintptr_t)command;
	job->argv[4] = NULL;
}

static bool prepare_rebuild(struct worker *worker, struct job *job)
{
	store_command(worker, job, "rebuild");
	return true;
}

/* Tokens that a backup has, and the store has lost. */
static bool prepare_restore(struct worker *worker, struct job *job)
{
	static struct job backup;
	const struct row *row;

	pthread_mutex_lock(&shared->sweeping);
	look_again(worker);
	forget_due(worker);
	snprintf(job->file, sizeof(job->file), "%s/backup-%u", worker->settings->dir,
		 worker->number);
	(void)unlink(job->file);
	row = find(worker, plain, 0);
	if (row == NULL)
		return false;
	aim_at(job, row);
	for (unsigned i = 0; i < worker->before.count && job->count < 2; i++)
		if (!is_live(&worker->before.rows[i]) &&
		    !is_due(worker, worker->before.rows[i].grant.id))
			aim_at(job, &worker->before.rows[i]);
	for (unsigned i = 0; i < job->count; i++)
		job->saved[i] = *row_of(&worker->before, job->targets[i]);
	backup = (struct job){.worker = worker};
	store_command(worker, &backup, "backup");
	backup.argv[4] = job->file;
	job_program(&backup);
	if (!backup.acknowledged) {
		wrong(REFUSED, "backup, undisturbed: %s", backup.answer);
		return false;
	}
	lose(worker, job);
	store_command(worker, job, "restore");
	job->argv[4] = job->file;
	return true;
}

static bool became_restored(const struct job *job, const struct row *old, const struct row *new)
{
	(void)old;
	for (unsigned i = 0; new != NULL &&i < job->count; i++)
		if (same_row(&job->saved[i], new))
			return true;
	return false;
}

/* ---- A new store --------------------------------------------------------------------------------
 */

static bool prepare_first(struct worker *worker, struct job *job)
{
	job->adds = true;
	job->parameters = terms(worker, job->name, 0);
	return true;
}

static const struct operation operations[] = {
	{"create", BY_CALL, "Create", prepare_create, NULL, 0, NULL},
	{"rotate", BY_CALL, "Rotate", prepare_rotate, became_rotated, ENDS, NULL},
	{"overlap", BY_CALL, "Rotate", prepare_overlap, became_limited, 0, NULL},
	{"edit", BY_CALL, "Edit", prepare_edit, became_edited, 0, NULL},
	{"suspend", BY_CALL, "Suspend", prepare_plain, became_suspended, BIT(PAT_REFUSED_SUSPENDED),
	 NULL},
	{"resume", BY_CALL, "Resume", prepare_resume, became_resumed, BIT(PAT_ACCEPTED), NULL},
	{"revoke", BY_CALL, "Revoke", prepare_revoke, became_ended, ENDS, NULL},
	{"revoke-pair", BY_CALL, "Revoke", prepare_revoke_pair, became_ended, ENDS, NULL},
	{"revoke-all", BY_CALL, "RevokeAll", prepare_revoke_all, became_ended, ENDS, NULL},
	{"revoke-secret", BY_CALL, "RevokeSecret", prepare_revoke_secret, became_ended, ENDS, NULL},
	{"use", BY_FUNCTION, NULL, prepare_use, NULL, 0, NULL},
	{"use-patd", BY_VERIFY, NULL, prepare_use, NULL, 0, NULL},
	{"spend", BY_FUNCTION, NULL, prepare_spend, NULL, 0, NULL},
	{"spend-patd", BY_VERIFY, NULL, prepare_spend, NULL, 0, NULL},
	{"stamp", BY_STAMPS, NULL, prepare_stamp, NULL, 0, NULL},
	{"sweep", BY_PROGRAM, NULL, prepare_sweep, became_swept, BIT(PAT_REFUSED_UNKNOWN), NULL},
	{"rebuild", BY_PROGRAM, NULL, prepare_rebuild, NULL, 0, "rebuild"},
	{"restore", BY_PROGRAM, NULL, prepare_restore, became_restored, 0, "restore"},
	{"first", BY_CALL_ANEW, "Create", prepare_first, NULL, 0, NULL},
};
#define OPERATIONS COUNT(operations)

#endif
