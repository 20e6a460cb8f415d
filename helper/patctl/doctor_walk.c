/* SPDX-License-Identifier: ISC */
#include "doctor_walk.h"

#include <stdlib.h>
#include <string.h>

#include "tell.h"

/* Lines of a chain, and different states before one of them. Real stacks have some dozens of both.
 */
#define LINES_MAX 512
#define STATES_MAX 512

/* What libpam returns for a line that makes no sense, and for nothing at all. */
#define MUST_FAIL PAMD_PERM_DENIED

enum impression { UNDECIDED, POSITIVE, NEGATIVE };

struct verdict {
	int16_t grantor; /* of a positive one */
	int8_t impression;
	uint8_t status;
};

/* Between two lines. */
struct state {
	struct verdict now;
	struct verdict saved[PAMD_LEVELS]; /* when the substack of that level was entered */
	int8_t level;                      /* of the line before */
	int8_t counted;
};

struct states {
	struct state *list;
	size_t count, room;
};

struct walk {
	const struct pamd_chain *chain;
	const bool *counts;
	struct pamd_outcome *outcome;
	struct states *before; /* of each line, and behind the last */
};

static void add_state(struct walk *w, size_t at, const struct state *state)
{
	struct states *states = &w->before[at];

	for (size_t i = 0; i < states->count; i++)
		if (memcmp(&states->list[i], state, sizeof(*state)) == 0)
			return;
	if (states->count == STATES_MAX) {
		w->outcome->unknown = true;
		return;
	}
	if (states->count == states->room) {
		states->room = states->room * 2 + 4;
		states->list = reallocarray(states->list, states->room, sizeof(*state));
		if (states->list == NULL)
			out_of_memory();
	}
	states->list[states->count++] = *state;
}

/* The last line that is passed over, by a jump over `lines` of them, or (-1) to the end of the
 * substack. *left is what could not be passed over. */
static size_t pass_over(const struct pamd_chain *chain, size_t at, int lines, int *left)
{
	const int level = chain->list[at].level;
	const size_t last = chain->count - 1;

	if (lines < 0) {
		while (at < last && chain->list[at + 1].level >= level)
			at++;
		return at;
	}
	while (at < last && chain->list[at + 1].level >= level && lines > 0) {
		do
			at++;
		while (at < last && chain->list[at + 1].level > level);
		lines--;
	}
	*left = lines;
	return at;
}

static struct verdict deny(int code)
{
	return (struct verdict){-1, NEGATIVE, (uint8_t)(code == PAMD_IGNORE ? MUST_FAIL : code)};
}

/* One answer of one line, from one state. */
static void answer(struct walk *w, size_t at, struct state state, int code)
{
	const struct pamd_handler *handler = &w->chain->list[at];
	const int action = handler->actions[code];
	struct verdict *now = &state.now;
	size_t last = at;
	int left = 0;

	switch (action) {
	case PAMD_DO_RESET:
		*now = state.saved[handler->level];
		break;
	case PAMD_DO_OK:
	case PAMD_DO_DONE:
		if (now->impression == UNDECIDED)
			*now = (struct verdict){(int16_t)at, POSITIVE, (uint8_t)code};
		else if (now->impression == POSITIVE && now->status == PAMD_SUCCESS)
			now->status = (uint8_t)code;
		if (now->impression == POSITIVE && action == PAMD_DO_DONE)
			last = pass_over(w->chain, at, -1, &left);
		break;
	case PAMD_DO_BAD:
	case PAMD_DO_DIE:
		if (now->impression != NEGATIVE)
			*now = deny(code);
		if (action == PAMD_DO_DIE)
			last = pass_over(w->chain, at, -1, &left);
		break;
	case PAMD_DO_IGNORE:
		break;
	default:
		last = pass_over(w->chain, at, action, &left);
		if (left > 0) {
			w->outcome->bad_jump = (int)at;
			*now = deny(MUST_FAIL);
		}
	}
	add_state(w, last + 1, &state);
}

/* One line from one state. */
static void step(struct walk *w, size_t at, struct state state, pamd_codes answers)
{
	const struct pamd_handler *handler = &w->chain->list[at];

	if (state.level < handler->level)
		state.saved[handler->level] = state.now;
	/* What was saved deeper is of no use to anybody: states that differ in it are the same. */
	for (int level = handler->level + 1; level < PAMD_LEVELS; level++)
		state.saved[level] = (struct verdict){0};
	state.level = (int8_t)handler->level;
	if (handler->kind == PAMD_SUBSTACK) {
		add_state(w, at + 1, &state);
		return;
	}
	w->outcome->called[at] = true;
	if (w->counts != NULL && w->counts[at] && state.counted < 2)
		state.counted++;
	if (handler->kind == PAMD_FAILS)
		answers = PAMD_CODE(MUST_FAIL);
	for (int code = 0; code < PAMD_CODES; code++)
		if (answers & PAMD_CODE(code))
			answer(w, at, state, code);
}

static void finish(struct walk *w, const struct state *state)
{
	int status = state->now.status;

	if (status == PAMD_SUCCESS && state->now.impression != POSITIVE)
		status = MUST_FAIL;
	w->outcome->codes |= PAMD_CODE(status);
	if (status == PAMD_SUCCESS && w->outcome->grantor < 0)
		w->outcome->grantor = state->now.grantor;
	if ((unsigned)state->counted > w->outcome->counted)
		w->outcome->counted = (unsigned)state->counted;
}

void pamd_walk(const struct pamd_chain *chain, const pamd_codes *answers, const bool *counts,
	       struct pamd_outcome *outcome)
{
	struct walk w = {chain, counts, outcome, NULL};
	const struct verdict nothing = {-1, UNDECIDED, MUST_FAIL};
	struct state start;

	*outcome = (struct pamd_outcome){.grantor = -1, .bad_jump = -1};
	memset(&start, 0, sizeof(start));
	start.now = nothing;
	start.saved[0] = nothing;
	w.before = calloc(chain->count + 1, sizeof(*w.before));
	outcome->called = calloc(chain->count + 1, sizeof(*outcome->called));
	if (w.before == NULL || outcome->called == NULL)
		out_of_memory();
	outcome->unknown = chain->count > LINES_MAX;
	add_state(&w, 0, &start);
	for (size_t at = 0; at < chain->count; at++) {
		for (size_t i = 0; i < w.before[at].count && !outcome->unknown; i++)
			step(&w, at, w.before[at].list[i], answers[at]);
		free(w.before[at].list);
	}
	for (size_t i = 0; i < w.before[chain->count].count; i++)
		finish(&w, &w.before[chain->count].list[i]);
	free(w.before[chain->count].list);
	free(w.before);
}
