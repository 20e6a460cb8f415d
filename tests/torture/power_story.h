/* SPDX-License-Identifier: ISC */
#ifndef POWER_STORY_H
#define POWER_STORY_H

#include "power_log.h"
#include "power_state.h"

/* What the marks in a log tell: which operations there were, and what must be in the store when. */

#define STORY_TOKENS 256

struct operation {
	char name[80];
	bool each;           /* it changes the tokens of one uid after the other */
	bool keeps;          /* it changes none */
	uint64_t begin, end; /* places in the log; end 0: never acknowledged */
	struct state after;
};

/* Uses of one token of counted uses. */
struct spender {
	char id[PAT_ID_LEN + 1];
	uint64_t tried, spent;
};

struct story {
	size_t count;
	struct operation *operations; /* the first is the time before all */
	const char *fault;
};

/* What must be in the store at one place of the log. */
struct due {
	const struct operation *last, *next; /* acknowledged; under way, or NULL */
	size_t spender_count;
	struct spender spenders[STORY_TOKENS];
};

static inline const char *mark_of(const struct power_event *event, const char *word)
{
	const char *text = power_event_text(event);
	size_t len = strlen(word);

	if (event->kind != POWER_MARK || strncmp(text, word, len) != 0 || text[len] != ' ')
		return NULL;
	return text + len + 1;
}

static inline struct operation *story_add(struct story *story, const char *name, uint64_t at)
{
	struct operation *operation;

	story->operations = reallocarray(story->operations, story->count + 1, sizeof(*operation));
	if (story->operations == NULL)
		abort();
	operation = &story->operations[story->count++];
	*operation = (struct operation){.begin = at};
	snprintf(operation->name, sizeof(operation->name), "%s", name);
	return operation;
}

static inline void story_event(struct story *story, const struct power_event *event, uint64_t at)
{
	struct operation *last = &story->operations[story->count - 1];
	const char *name;

	if ((name = mark_of(event, "begin")) != NULL) {
		(void)story_add(story, name, at);
	} else if ((name = mark_of(event, "begin-each")) != NULL) {
		story_add(story, name, at)->each = true;
	} else if ((name = mark_of(event, "begin-keep")) != NULL) {
		story_add(story, name, at)->keeps = true;
	} else if ((name = mark_of(event, "done")) != NULL) {
		if (strcmp(name, last->name) != 0)
			story->fault = "an end without a beginning";
		last->end = at;
	} else if (event->kind == POWER_STATE) {
		state_read(power_event_bytes(event), event->len, &last->after);
		if (story->count > 1 &&
		    state_same(&last->after, &last[-1].after, 0, true) != last->keeps)
			story->fault = last->keeps ? "an operation that changed what it must keep"
						   : "an operation that changed nothing";
	}
}

static inline void story_read(struct story *story, const struct power_log *log)
{
	const struct power_event *event;
	uint64_t at = 0;

	*story = (struct story){0};
	story_add(story, "nothing", 0)->end = 1;
	story->operations[0].after.absent = true;
	while ((event = power_log_next(log, &at)) != NULL)
		story_event(story, event, at);
	for (size_t i = 1; i < story->count; i++)
		if (story->operations[i].end == 0 || story->operations[i].after.count == 0)
			story->fault = "an operation without an end";
	if (log->overflow)
		story->fault = "the log is full";
}

static inline struct spender *spender_of(struct due *due, const char *id)
{
	for (size_t i = 0; i < due->spender_count; i++)
		if (strncmp(due->spenders[i].id, id, PAT_ID_LEN) == 0)
			return &due->spenders[i];
	if (due->spender_count == STORY_TOKENS)
		abort();
	snprintf(due->spenders[due->spender_count].id, PAT_ID_LEN + 1, "%.8s", id);
	return &due->spenders[due->spender_count++];
}

/* Goes on past an event. */
static inline void due_event(struct due *due, const struct story *story,
			     const struct power_event *event, uint64_t at)
{
	const char *id;

	if ((id = mark_of(event, "try")) != NULL)
		spender_of(due, id)->tried++;
	else if ((id = mark_of(event, "spent")) != NULL)
		spender_of(due, id)->spent++;
	for (size_t i = 1; i < story->count; i++) {
		if (story->operations[i].begin == at)
			due->next = &story->operations[i];
		if (story->operations[i].end == at) {
			due->last = &story->operations[i];
			due->next = NULL;
		}
	}
}

/* --- whether a store has what is due */

static inline bool grants_due(const struct due *due, const struct state *found, char *why,
			      size_t size)
{
	const struct state *old = &due->last->after, *new = due->next ? &due->next->after : old;
	bool per_uid = due->next != NULL && due->next->each;

	if (!per_uid && (state_same(found, old, 0, true) || state_same(found, new, 0, true)))
		return true;
	for (size_t i = 0; per_uid && i < old->count + found->count; i++) {
		uint32_t uid =
			i < old->count ? old->entries[i].uid : found->entries[i - old->count].uid;

		if (state_same(found, old, uid, false) || state_same(found, new, uid, false))
			continue;
		snprintf(why, size, "the grants of uid %u are neither old nor new", (unsigned)uid);
		return false;
	}
	if (!per_uid)
		snprintf(why, size, "the grants are neither the old ones nor the new ones");
	return per_uid;
}

/* Each grant has its use record, and no use is forgotten or made up. */
static inline bool uses_due(struct due *due, const struct state *found, char *why, size_t size)
{
	for (size_t i = 0; i < found->count; i++) {
		struct pat_key key = found->entries[i].key;

		if (key.bytes[0] != 't')
			continue;
		key.bytes[0] = 'u';
		if (state_find(found, &key) == NULL) {
			snprintf(why, size, "token %.8s has no use record", key.bytes + 1);
			return false;
		}
	}
	for (size_t i = 0; i < due->spender_count; i++) {
		const struct spender *spender = &due->spenders[i];
		struct pat_key key = pat_key_use(spender->id);
		const struct entry *use = state_find(found, &key);

		if (use == NULL || (use->uses >= spender->spent && use->uses <= spender->tried))
			continue;
		snprintf(why, size, "token %s has %u uses; %u were made, of %u that were tried",
			 spender->id, (unsigned)use->uses, (unsigned)spender->spent,
			 (unsigned)spender->tried);
		return false;
	}
	return true;
}

static inline bool due_met(struct due *due, const struct state *found, char *why, size_t size)
{
	if (found->fault[0] != '\0') {
		snprintf(why, size, "%s", found->fault);
		return false;
	}
	return grants_due(due, found, why, size) && uses_due(due, found, why, size);
}

/* Whether there may be no store at all. */
static inline bool due_nothing(const struct due *due)
{
	return due->last->after.absent;
}

#endif
