/* SPDX-License-Identifier: ISC */
#ifndef KILLS_SHARED_H
#define KILLS_SHARED_H

/*
 * What all processes of the torture know: which tokens there are, how a verification of each may
 * end, how often it was accepted; and what went wrong.
 *
 * Who changes a token says so first, by allowing what it was and what it will be; who verifies it
 * reads what is allowed before, and believes that only if it was not changed meanwhile.
 */

#include <stdatomic.h>
#include <sys/mman.h>

#include "kills_shelf.h"
#include "pat/verify.h"

#define WORKERS_MAX 8
#define SLOTS 96
#define OWNERS_MAX (WORKERS_MAX + 1) /* and one whose tokens nobody touches */
#define SERVICE "torture"

enum wrong {
	LOST,       /* acknowledged, and not there */
	INVENTED,   /* there, and not asked for, or answered with an error */
	HALF,       /* some of it there */
	TOUCHED,    /* another token, that it was not about */
	MISJUDGED,  /* a verification that ended as it must not */
	MISCOUNTED, /* uses in the record that were not made, or the other way round */
	OVERSPENT,  /* more uses than were allowed */
	TORN,       /* a use record that is half written */
	UNREADABLE, /* a record, an index or the store; or they contradict each other */
	REFUSED,    /* nobody was killed, and yet it was not done */
	WRONGS,
};
static const char *const wrong_names[] = {"lost",       "invented",   "half",      "touched",
					  "misjudged",  "miscounted", "overspent", "torn",
					  "unreadable", "refused"};

struct slot {
	atomic_uint serial;  /* changes with `allowed` */
	atomic_uint allowed; /* a bit for each enum pat_outcome that there may be; 0: a free slot */
	atomic_uint users;   /* who looks at it now */
	char id[PAT_ID_LEN + 1];
	char token[PAT_TOKEN_LEN + 1];
	uint32_t max_uses;
	uint64_t base; /* uses that it came with */
	/* Verifications: that began; that were accepted and stamped; that were not. The others
	 * are on their way, or were killed there. */
	_Atomic uint64_t begun, accepted, void_;
};

struct owner {
	char name[32];
	uint32_t uid;
	struct slot slots[SLOTS];
};

struct shared {
	atomic_bool stop;
	_Atomic uint64_t wrong[WRONGS];
	_Atomic uint64_t verified, unsure, looks, unavailable, unstamped;
	_Atomic int64_t slowest_verify_ns;
	atomic_uint messages;
	unsigned owners;
	struct owner owner[OWNERS_MAX];
	pthread_mutex_t sweeping; /* held where a sweep would change what is restored */
};

static struct shared *shared;

/* The first few of each kind are shown, and all are counted. */
static UNUSED __attribute__((format(printf, 2, 3))) void wrong(enum wrong kind, const char *format,
							       ...)
{
	va_list arguments;

	if (atomic_fetch_add(&shared->wrong[kind], 1) >= 5)
		return;
	fprintf(stderr, "%s: ", wrong_names[kind]);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

#define BIT(outcome) (1u << (outcome))

/* How a verification of such a token, by its secret, ends. */
static UNUSED unsigned allowed_for(const struct row *row)
{
	const struct pat_grant *grant = &row->grant;

	if (grant->revoked_at != 0)
		return BIT(grant->successor[0] ? PAT_REFUSED_ROTATED : PAT_REFUSED_REVOKED);
	if (grant->suspended_at != 0)
		return BIT(PAT_REFUSED_SUSPENDED) | (grant->max_uses ? BIT(PAT_REFUSED_SPENT) : 0);
	return BIT(PAT_ACCEPTED) | (grant->max_uses ? BIT(PAT_REFUSED_SPENT) : 0);
}

static UNUSED struct slot *slot_of(struct owner *owner, const char *id)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (atomic_load(&owner->slots[i].allowed) != 0 &&
		    memcmp(owner->slots[i].id, id, PAT_ID_LEN) == 0)
			return &owner->slots[i];
	return NULL;
}

static UNUSED void slot_allow(struct slot *slot, unsigned allowed)
{
	if (slot == NULL || atomic_load(&slot->allowed) == allowed)
		return;
	atomic_fetch_add(&slot->serial, 1);
	atomic_store(&slot->allowed, allowed);
	atomic_fetch_add(&slot->serial, 1);
}

/* Nobody verifies it any more after this. */
static UNUSED void slot_free(struct slot *slot)
{
	slot_allow(slot, 0);
	while (slot != NULL && atomic_load(&slot->users) != 0)
		sleep_us(100);
}

static UNUSED struct slot *slot_add(struct owner *owner, const char *token, const struct row *row)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &owner->slots[i];

		if (atomic_load(&slot->allowed) != 0 || atomic_load(&slot->users) != 0)
			continue;
		snprintf(slot->token, sizeof(slot->token), "%s", token);
		snprintf(slot->id, sizeof(slot->id), "%s", row->grant.id);
		slot->max_uses = row->grant.max_uses;
		slot->base = row->use.uses;
		atomic_store(&slot->begun, 0);
		atomic_store(&slot->accepted, 0);
		atomic_store(&slot->void_, 0);
		slot_allow(slot, allowed_for(row));
		return slot;
	}
	return NULL;
}

/* One verification as the module makes it, of a slot's token. What it means is for the caller. */
static UNUSED void verify_slot(const char *store, const struct owner *owner,
			       const struct slot *slot, struct pat_verdict *verdict)
{
	struct pat_token token;
	struct pat_attempt attempt = {
		.token = &token, .user = owner->name, .service = SERVICE, .rhost = "192.0.2.1"};

	memcpy(token.text, slot->token, sizeof(token.text));
	pat_verify(store, &attempt, (int64_t)time(NULL), pat_deadline_in(2000), verdict);
}

/* Counts what came of a verification that had begun. */
static UNUSED void slot_count(struct slot *slot, bool accepted, bool stamped, bool known)
{
	if (accepted && stamped)
		atomic_fetch_add(&slot->accepted, 1);
	else if (known)
		atomic_fetch_add(&slot->void_, 1);
	if (accepted && !stamped)
		atomic_fetch_add(&shared->unstamped, 1);
	if (slot->max_uses != 0 && atomic_load(&slot->accepted) > slot->max_uses)
		wrong(OVERSPENT, "token %s was good for %u, and accepted %llu times", slot->id,
		      slot->max_uses, (unsigned long long)atomic_load(&slot->accepted));
}

/* ---- Those who verify all the time --------------------------------------------------------------
 */

static void note_slowest(int64_t took)
{
	int64_t slowest = atomic_load(&shared->slowest_verify_ns);

	while (took > slowest &&
	       !atomic_compare_exchange_weak(&shared->slowest_verify_ns, &slowest, took))
		;
}

static void bystander_verify(const char *store, struct owner *owner, struct slot *slot)
{
	struct pat_verdict verdict;
	unsigned before = atomic_load(&slot->serial), allowed = atomic_load(&slot->allowed);
	uint64_t void_before = atomic_load(&slot->void_);
	bool exhausted = slot->max_uses != 0 && atomic_load(&slot->accepted) >= slot->max_uses;
	int64_t began = now_ns();

	atomic_fetch_add(&slot->begun, 1);
	verify_slot(store, owner, slot, &verdict);
	note_slowest(now_ns() - began);
	slot_count(slot, verdict.outcome == PAT_ACCEPTED, verdict.stamp_error == 0,
		   verdict.outcome != PAT_UNAVAILABLE);
	atomic_fetch_add(&shared->verified, 1);
	if (verdict.outcome == PAT_UNAVAILABLE && verdict.error == PAT_E_BUSY) {
		atomic_fetch_add(&shared->unavailable, 1);
		return;
	}
	/* The use record is damaged, or the token: whose it is looks at both, and says it. */
	if (verdict.outcome == PAT_REFUSED_DAMAGED)
		return;
	if (verdict.outcome == PAT_ACCEPTED && exhausted)
		wrong(OVERSPENT, "token %s was accepted after its last use", slot->id);
	if (verdict.outcome == PAT_REFUSED_SPENT &&
	    atomic_load(&slot->begun) - void_before + slot->base < slot->max_uses)
		wrong(MISJUDGED, "token %s is called spent, and is not", slot->id);
	if (atomic_load(&slot->serial) != before || before % 2 != 0)
		atomic_fetch_add(&shared->unsure, 1);
	else if (verdict.outcome == PAT_UNAVAILABLE || (allowed & BIT(verdict.outcome)) == 0)
		wrong(MISJUDGED, "token %s of %s: %s (%s), allowed are 0x%x", slot->id, owner->name,
		      pat_outcome_text(verdict.outcome), pat_error_text(verdict.error), allowed);
}

/* Looks at the tokens of one uid: what others are about must be whole at any moment. */
static void bystander_look(const char *store, const struct owner *owner)
{
	static struct shelf_seen seen;
	char why[WHY_MAX];
	int error = shelf_look(store, owner->uid, &seen, why);

	atomic_fetch_add(&shared->looks, 1);
	if (error == PAT_E_BUSY)
		atomic_fetch_add(&shared->unavailable, 1);
	else if (error)
		wrong(UNREADABLE, "beside it, %s", why);
}

static UNUSED void bystander_run(const char *store)
{
	while (!atomic_load(&shared->stop)) {
		struct owner *owner = &shared->owner[roll(shared->owners)];
		struct slot *slot = &owner->slots[roll(SLOTS)];

		if (roll(64) == 0)
			bystander_look(store, owner);
		atomic_fetch_add(&slot->users, 1);
		if (atomic_load(&slot->allowed) != 0)
			bystander_verify(store, owner, slot);
		atomic_fetch_sub(&slot->users, 1);
		if (atomic_load(&slot->allowed) != 0)
			sleep_us(roll(1500));
	}
}

#endif
