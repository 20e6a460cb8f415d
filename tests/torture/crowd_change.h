/* SPDX-License-Identifier: ISC */
#ifndef CROWD_CHANGE_H
#define CROWD_CHANGE_H

/* Changes through patd, and counting what is over. */

#include "crowd_verify.h"

static bool try_lock(struct slot *slot)
{
	unsigned open = 0;

	return atomic_compare_exchange_strong(&slot->lock, &open, 1);
}

static void unlock(struct slot *slot)
{
	atomic_store(&slot->lock, 0);
}

/* A change that is answered with yes; another answer is wrong. *token is what it brought. */
static bool change(enum path path, const char *method, json_t *parameters, char *token)
{
	int64_t began = now_ns();
	json_t *reply = client_call(RUN_DIR, method, parameters);
	const char *text;
	bool done = reply != NULL && client_error(reply) == NULL;

	note_slowest(path, now_ns() - began);
	atomic_fetch_add(&shared->done[path], 1);
	if (!done)
		wrong(REFUSED, "%s: %s", method, reply ? client_error(reply) : "no answer");
	text = done ? client_token(reply) : NULL;
	if (token != NULL)
		snprintf(token, PAT_TOKEN_LEN + 1, "%s", text ? text : "");
	json_decref(reply);
	return done;
}

static json_t *about(const struct slot *slot)
{
	return json_pack("{s:s, s:s}", "selector", slot->id, "user", users[slot->owner].name);
}

static void begin_change(struct slot *slot)
{
	atomic_fetch_add(&slot->serial, 1);
}

static void end_change(struct slot *slot, enum state state)
{
	atomic_store(&slot->state, state);
	atomic_fetch_add(&slot->serial, 1);
}

/* What is in the slot is over: its record must have every use, and nobody else's. */
static void audit(struct slot *slot)
{
	int64_t until = now_ns() + ENDED_WAIT_MS * INT64_C(1000000);
	uint64_t least, most, refused_least, refused_most;
	struct pat_store *open_store;
	struct pat_grant grant;
	struct pat_use use;
	bool right;
	int error;

	do {
		error = pat_store_open(&open_store, store, PAT_STORE_READ, pat_deadline_in(10000));
		if (!error) {
			error = pat_store_get_use(open_store, slot->id, &use);
			if (!error)
				error = pat_store_get_grant(open_store, slot->id, &grant);
			pat_store_close(open_store);
		}
		if (error) {
			wrong(error == PAT_E_NOTFOUND ? LOST : UNREADABLE, "token %s: %s", slot->id,
			      pat_error_text(error));
			return;
		}
		least = atomic_load(&slot->accepted) - atomic_load(&slot->unstamped);
		most = least + atomic_load(&slot->unknown);
		refused_most = atomic_load(&slot->refused) + atomic_load(&slot->unknown);
		refused_least = atomic_load(&slot->refused) - atomic_load(&slot->refused_unstamped);
		right = use.uses >= least && use.uses <= most &&
			use.refused_proved >= refused_least && use.refused_proved <= refused_most;
		/* That a stamp was not made may still be on its way to the log. */
	} while (!right && now_ns() < until && (sleep_us(50000), true));
	if (!right)
		wrong(MISCOUNTED,
		      "token %s: %llu uses, not %llu to %llu; %llu refusals, not %llu to %llu",
		      slot->id, (unsigned long long)use.uses, (unsigned long long)least,
		      (unsigned long long)most, (unsigned long long)use.refused_proved,
		      (unsigned long long)refused_least, (unsigned long long)refused_most);
	if ((grant.revoked_at != 0) != (atomic_load(&slot->state) == ENDED))
		wrong(LOST, "token %s is %srevoked", slot->id, grant.revoked_at ? "" : "not ");
	atomic_fetch_add(&shared->recycled, 1);
}

/* Nobody verifies what was in the slot any more, and nobody lost count. */
static void empty(struct slot *slot)
{
	unsigned state = atomic_load(&slot->state);

	begin_change(slot);
	atomic_store(&slot->state, FREE);
	while (atomic_load(&slot->users) != 0)
		sleep_us(200);
	atomic_store(&slot->state, state);
	audit(slot);
	end_change(slot, FREE);
}

static void fill(struct slot *slot, const char *token, uint32_t max_uses)
{
	begin_change(slot);
	/* Whoever looked at it while it was free has gone. */
	while (atomic_load(&slot->users) != 0)
		sleep_us(200);
	memcpy(slot->token, token, sizeof(slot->token));
	snprintf(slot->id, sizeof(slot->id), "%.8s", token + PAT_TOKEN_PREFIX_LEN);
	slot->max_uses = max_uses;
	atomic_store(&slot->begun, 0);
	atomic_store(&slot->accepted, 0);
	atomic_store(&slot->refused, 0);
	atomic_store(&slot->unstamped, 0);
	atomic_store(&slot->unknown, 0);
	atomic_store(&slot->refused_unstamped, 0);
	end_change(slot, LIVE);
}

static void mint(struct slot *slot)
{
	static unsigned serial;
	char token[PAT_TOKEN_LEN + 1], name[40];
	uint32_t max_uses = roll(3) == 0 ? USES : 0;
	json_t *parameters;

	snprintf(name, sizeof(name), "c%d-%u", (int)getpid(), serial++);
	parameters = json_pack("{s:s, s:s, s:[s]}", "user", users[slot->owner].name, "name", name,
			       "services", SERVICE);
	if (max_uses != 0)
		json_object_set_new(parameters, "max_uses", json_integer(max_uses));
	if (change(BY_ROOT, "Create", parameters, token)) {
		fill(slot, token, max_uses);
		atomic_fetch_add(&shared->changes[0], 1);
	}
}

/* One of what can be done to a token that is not over, and what it is then. */
static void alter(enum path path, struct slot *slot)
{
	enum state state = (enum state)atomic_load(&slot->state), next = ENDED;
	const char *method = "Revoke";

	if (state == SUSPENDED && path == BY_ROOT && roll(4) != 0) {
		method = "Resume";
		next = LIVE;
	} else if (state == LIVE && roll(3) == 0) {
		method = "Suspend";
		next = SUSPENDED;
		/* One whose uses were all made is not suspended any more. */
		if (slot->max_uses != 0)
			return;
	}
	begin_change(slot);
	if (!change(path, method, about(slot), NULL)) {
		atomic_fetch_add(&slot->serial, 1);
		return;
	}
	end_change(slot, next);
	atomic_fetch_add(&shared->changes[next == ENDED ? 1 : next == LIVE ? 3 : 2], 1);
}

/* A token by rotation: the old one ends when the new one comes. */
static void rotate(struct slot *slot)
{
	struct slot *other = &shared->slots[(unsigned)(slot - shared->slots + USERS) % SLOTS];
	char token[PAT_TOKEN_LEN + 1];

	if (slot->max_uses != 0 || !try_lock(other))
		return;
	if (atomic_load(&other->state) == FREE) {
		begin_change(slot);
		if (change(BY_ROOT, "Rotate", about(slot), token)) {
			end_change(slot, ENDED);
			fill(other, token, 0);
			atomic_fetch_add(&shared->changes[1], 1);
		} else {
			atomic_fetch_add(&slot->serial, 1);
		}
	}
	unlock(other);
}

static void change_some(enum path path)
{
	struct slot *slot = path == BY_USER ? own_slot() : &shared->slots[roll(SLOTS)];
	enum state state;

	if (!try_lock(slot))
		return;
	state = (enum state)atomic_load(&slot->state);
	if (state == FREE && path == BY_ROOT)
		mint(slot);
	else if (state == ENDED && path == BY_ROOT && roll(2) == 0)
		empty(slot);
	else if (state == LIVE && path == BY_ROOT && roll(5) == 0)
		rotate(slot);
	else if (state == LIVE || state == SUSPENDED)
		alter(path, slot);
	unlock(slot);
}

#endif
