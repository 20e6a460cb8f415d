/* SPDX-License-Identifier: ISC */
#include "crowd.h"

#include <stddef.h>

#define NS_PER_S 1000000000.0
#define REPORT_NS (10 * (int64_t)1000000000)

/* The entry of a uid; that which was seen longest ago makes place for a new one. */
static struct crowd_caller *caller(struct crowd *crowd, uid_t uid, int64_t now)
{
	struct crowd_caller *oldest = &crowd->known[0];

	for (unsigned i = 0; i < CROWD_KNOWN; i++) {
		struct crowd_caller *known = &crowd->known[i];

		if (known->used && known->uid == uid)
			return known;
		if (!known->used || (oldest->used && known->seen < oldest->seen))
			oldest = known;
		if (!oldest->used)
			break;
	}
	*oldest = (struct crowd_caller){
		.uid = uid, .used = true, .tokens = CROWD_BURST, .seen = now, .logged = -REPORT_NS};
	return oldest;
}

static bool take_token(struct crowd_caller *caller, int64_t now)
{
	caller->tokens += CROWD_RATE * (double)(now - caller->seen) / NS_PER_S;
	caller->seen = now;
	if (caller->tokens > CROWD_BURST)
		caller->tokens = CROWD_BURST;
	if (caller->tokens < 1)
		return false;
	caller->tokens -= 1;
	return true;
}

static unsigned count_of(const struct crowd *crowd, uid_t uid, const enum crowd_room *room)
{
	unsigned count = 0, left = crowd->count;

	for (unsigned i = 0; i < CROWD_PLACES && left > 0; i++) {
		const struct crowd_member *m = &crowd->members[i];

		left -= m->pid != 0;
		count += m->pid != 0 && !m->leaving && m->uid == uid &&
			 (room == NULL || m->room == *room);
	}
	return count;
}

/* Whether that uid's connection is in this room: root has its own. */
static bool shares(const struct crowd_member *m, uid_t uid, enum crowd_room room)
{
	return m->pid != 0 && !m->leaving && m->room == room && (m->uid == 0) == (uid == 0);
}

static bool full(const struct crowd *crowd, uid_t uid, enum crowd_room room)
{
	unsigned count = 0, left = crowd->count;

	for (unsigned i = 0; i < CROWD_PLACES && left > 0; i++) {
		left -= crowd->members[i].pid != 0;
		count += shares(&crowd->members[i], uid, room);
	}
	return count >= (uid == 0 ? CROWD_OF_ROOT : CROWD_ORDINARY);
}

/* The oldest connection of whoever has most of them in the room. */
static struct crowd_member *most_dispensable(struct crowd *crowd, uid_t uid, enum crowd_room room)
{
	struct crowd_member *chosen = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < CROWD_PLACES; i++) {
		struct crowd_member *m = &crowd->members[i];
		unsigned count;

		if (!shares(m, uid, room))
			continue;
		count = count_of(crowd, m->uid, &room);
		if (chosen == NULL || count > most || (count == most && m->since < chosen->since)) {
			chosen = m;
			most = count;
		}
	}
	return chosen;
}

void crowd_note_server(struct crowd *crowd, uid_t uid, bool server)
{
	for (unsigned i = 0; i < CROWD_KNOWN; i++)
		if (crowd->known[i].used && crowd->known[i].uid == uid)
			crowd->known[i].server = server;
}

/* Whether that uid makes too many, all rooms together. */
static bool excessive(const struct crowd *crowd, struct crowd_caller *who, int64_t now)
{
	unsigned count = count_of(crowd, who->uid, NULL);

	if (who->server)
		return count >= CROWD_PER_SERVER;
	return !take_token(who, now) || count >= CROWD_PER_USER;
}

static enum crowd_answer refuse(struct crowd_caller *caller, int64_t now, unsigned long *report)
{
	caller->refused++;
	if (now - caller->logged >= REPORT_NS) {
		*report = caller->refused;
		caller->refused = 0;
		caller->logged = now;
	}
	return CROWD_TOO_MANY;
}

enum crowd_answer crowd_ask(struct crowd *crowd, uid_t uid, enum crowd_room room, int64_t now_ns,
			    pid_t *evict, unsigned long *report)
{
	struct crowd_caller *who;

	*evict = 0;
	*report = 0;
	if (uid != 0) {
		who = caller(crowd, uid, now_ns);
		if (excessive(crowd, who, now_ns))
			return refuse(who, now_ns, report);
	}
	if (full(crowd, uid, room)) {
		struct crowd_member *member = most_dispensable(crowd, uid, room);

		if (member == NULL)
			return CROWD_TOO_MANY;
		member->leaving = true;
		*evict = member->pid;
	}
	return CROWD_WELCOME;
}

bool crowd_enter(struct crowd *crowd, pid_t pid, uid_t uid, enum crowd_room room)
{
	for (unsigned i = 0; i < CROWD_PLACES; i++) {
		struct crowd_member *m = &crowd->members[i];

		if (m->pid != 0)
			continue;
		*m = (struct crowd_member){
			.pid = pid, .uid = uid, .room = room, .since = crowd->serial++};
		crowd->count++;
		return true;
	}
	return false;
}

struct crowd_member crowd_leave(struct crowd *crowd, pid_t pid)
{
	struct crowd_member gone = {.pid = 0};

	for (unsigned i = 0; i < CROWD_PLACES; i++) {
		if (crowd->members[i].pid != pid)
			continue;
		gone = crowd->members[i];
		crowd->members[i].pid = 0;
		crowd->count--;
		break;
	}
	return gone;
}
