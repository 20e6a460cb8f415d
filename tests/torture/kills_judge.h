/* SPDX-License-Identifier: ISC */
#ifndef KILLS_JUDGE_H
#define KILLS_JUDGE_H

/* What must hold after any operation, killed or not: the promises, in one place. */

#include "kills_operations.h"

/* What became of each operation. */
struct tally {
	_Atomic uint64_t rounds, kills[COUNT(aim_names)], old, new, passes, stops;
};
static struct tally *tallies;

static bool is_target(const struct job *job, const char *id)
{
	for (unsigned i = 0; i < job->count; i++)
		if (strcmp(job->targets[i], id) == 0)
			return true;
	return false;
}

static void describe(const struct job *job, char *text, size_t size)
{
	const struct hunt *hunt = &job->hunt;

	snprintf(text, size, "%s of %s, killed=%d at %s %u%s (%u us), answer %s %s",
		 job->operation->name, job->worker->owner->name, hunt->killed, aim_names[hunt->aim],
		 hunt->nth, hunt->after ? " after" : "", hunt->micros,
		 job->acknowledged ? "yes"
		 : job->refused    ? "no"
				   : "none",
		 job->answer);
}

/* Whose of the others were changed. What a sweep is due to take, any sweep may take. */
static void judge_others(const struct job *job, const char *what)
{
	struct worker *worker = job->worker;
	unsigned taken = 0, left = 0;

	for (unsigned i = 0; i < worker->before.count; i++) {
		const struct row *old = &worker->before.rows[i];
		const struct row *new = row_of(&worker->after, old->grant.id);

		if (is_target(job, old->grant.id))
			continue;
		if (is_due(worker, old->grant.id)) {
			bool swept = became_swept(job, old, new);

			taken += swept;
			left += !swept;
			if (!swept && (new == NULL || !same_row(old, new)))
				wrong(TOUCHED, "%s: token %s, that a sweep was due to take", what,
				      old->grant.id);
		} else if (new == NULL || !same_row(old, new)) {
			wrong(TOUCHED, "%s: token %s of another matter is %s", what, old->grant.id,
			      new ? "changed" : "gone");
		}
	}
	if (taken > 0 && left > 0)
		wrong(HALF, "%s: a sweep took %u of %u", what, taken, taken + left);
}

/* How many tokens are there that were not; with the right name if one was to be made. */
static unsigned count_added(const struct job *job, const char *what)
{
	const struct worker *worker = job->worker;
	unsigned added = 0;

	for (unsigned i = 0; i < worker->after.count; i++) {
		const struct row *new = &worker->after.rows[i];

		if (row_of(&worker->before, new->grant.id) != NULL || is_target(job, new->grant.id))
			continue;
		added++;
		if (!job->adds || added > 1 || strcmp(new->grant.name, job->name) != 0 ||
		    !is_live(new) || new->grant.algorithm != PAT_ALGORITHM_BLAKE2B)
			wrong(INVENTED, "%s: token %s \"%s\"", what, new->grant.id,
			      new->grant.name);
		if (job->acknowledged &&
		    strncmp(job->token + PAT_TOKEN_PREFIX_LEN, new->grant.id, PAT_ID_LEN) != 0)
			wrong(INVENTED, "%s: another token than was told", what);
	}
	return added;
}

/* The heart of it: all of it or nothing, and what was acknowledged is there. */
static UNUSED void judge(const struct job *job)
{
	struct worker *worker = job->worker;
	struct tally *tally = &tallies[job->operation - operations];
	unsigned old_ones = 0, new_ones = 0, added;
	char what[300];

	describe(job, what, sizeof(what));
	for (unsigned i = 0; i < job->count; i++) {
		const struct row *old = row_of(&worker->before, job->targets[i]);
		const struct row *new = row_of(&worker->after, job->targets[i]);
		bool same = old && new ? same_row(old, new) : !old && !new;

		if (job->operation->became == NULL ? !same : false)
			wrong(TOUCHED, "%s: token %s", what, job->targets[i]);
		else if (job->operation->became == NULL || same)
			old_ones += job->operation->became != NULL;
		else if (job->operation->became(job, old, new))
			new_ones++;
		else
			wrong(HALF,
			      "%s: token %s (algorithm %d, max_uses %u) is neither as before nor "
			      "as it should be",
			      what, job->targets[i], new ? new->grant.algorithm : -1,
			      new ? (unsigned)new->grant.max_uses : 0);
	}
	for (unsigned i = 0; worker->after.torn > 0 && i < worker->after.count; i++)
		if (worker->after.rows[i].torn)
			wrong(TORN, "%s: the use record of %s", what,
			      worker->after.rows[i].grant.id);
	added = count_added(job, what);
	old_ones += job->adds && added == 0;
	new_ones += job->adds && added > 0;
	if (old_ones > 0 && new_ones > 0)
		wrong(HALF, "%s: %u parts as before, %u new", what, old_ones, new_ones);
	if (job->acknowledged && old_ones > 0)
		wrong(LOST, "%s", what);
	if (job->refused && new_ones > 0)
		wrong(INVENTED, "%s", what);
	if (!job->acknowledged && !job->hunt.killed && !job->gave_up)
		wrong(REFUSED, "%s", what);
	atomic_fetch_add(&tally->old, old_ones > 0);
	atomic_fetch_add(&tally->new, new_ones > 0);
	judge_others(job, what);
}

struct bounds {
	uint64_t least[SLOTS], void_[SLOTS];
};

static UNUSED void count_before(const struct owner *owner, struct bounds *bounds)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		bounds->least[i] = atomic_load(&owner->slots[i].accepted);
		bounds->void_[i] = atomic_load(&owner->slots[i].void_);
	}
}

/* The record has every use that was acknowledged before it was read, and none that was not begun.
 */
static UNUSED void count_after(const struct owner *owner, const struct bounds *bounds,
			       const struct shelf_seen *seen, bool exactly)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &owner->slots[i];
		uint64_t least = slot->base + bounds->least[i];
		uint64_t most = slot->base + atomic_load(&slot->begun) - bounds->void_[i];
		const struct row *row;

		if (atomic_load(&slot->allowed) == 0)
			continue;
		row = row_of(seen, slot->id);
		if (row == NULL || row->torn)
			continue;
		if (row->use.uses < least || row->use.uses > (exactly ? least : most))
			wrong(MISCOUNTED, "token %s of %s: %llu uses, at least %llu, at most %llu",
			      slot->id, owner->name, (unsigned long long)row->use.uses,
			      (unsigned long long)least,
			      (unsigned long long)(exactly ? least : most));
		if (row->grant.max_uses != 0 && row->use.uses > row->grant.max_uses)
			wrong(OVERSPENT, "token %s: %llu uses of %u", slot->id,
			      (unsigned long long)row->use.uses, row->grant.max_uses);
	}
}

#endif
