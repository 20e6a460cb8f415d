/* SPDX-License-Identifier: ISC */

/*
 * What becomes of tokens and passwords in a stack: not what its lines look like, but what libpam
 * makes of whatever they may answer.
 */

#include <stdlib.h>
#include <string.h>

#include "doctor_logins.h"
#include "tell.h"

static bool is_there(struct doctor *doctor, const struct pamd_handler *handler)
{
	char *file;
	bool found;

	if (handler->kind != PAMD_MODULE || doctor->modules.count == 0)
		return true;
	/* What is wrong with that line is found elsewhere. */
	if (pamd_is_module(handler, "pam_pat"))
		return true;
	file = doctor_module_file(&doctor->root, &doctor->modules, handler->module);
	found = file != NULL;
	free(file);
	return found;
}

static void walk(const struct logins *l, enum pamd_typed typed, bool factors,
		 struct pamd_outcome *outcome)
{
	const struct pamd_chain *chain = l->chain;
	pamd_codes *answers = calloc(chain->count + 1, sizeof(*answers));
	bool *there = calloc(chain->count + 1, sizeof(*there));
	bool *counts = calloc(chain->count + 1, sizeof(*counts));

	if (answers == NULL || there == NULL || counts == NULL)
		out_of_memory();
	for (size_t i = 0; i < chain->count; i++) {
		there[i] = is_there(l->doctor, &chain->list[i]);
		counts[i] = pamd_counts_failure(&chain->list[i]);
	}
	pamd_answers(chain, typed, there, factors, answers);
	pamd_walk(chain, answers, counts, outcome);
	free(answers);
	free(there);
	free(counts);
}

void logins_begin(struct logins *l, struct doctor *doctor, const struct pamd_stack *stack)
{
	*l = (struct logins){.doctor = doctor, .stack = stack, .chain = &stack->chains[PAMD_AUTH]};
	l->pat = doctor_find_pat(l->chain);
	for (int typed = 0; typed < PAMD_TYPED; typed++) {
		bool own = typed == PAMD_RIGHT_PASSWORD || typed == PAMD_GOOD_TOKEN;

		walk(l, (enum pamd_typed)typed, own, &l->of[typed]);
		l->unknown = l->unknown || l->of[typed].unknown;
	}
}

void logins_end(struct logins *l)
{
	for (int typed = 0; typed < PAMD_TYPED; typed++)
		free(l->of[typed].called);
}

bool logins_let_in(const struct pamd_outcome *outcome)
{
	return (outcome->codes & PAMD_CODE(PAMD_SUCCESS)) != 0;
}

void logins_find(const struct logins *l, const char *id, const struct pamd_handler *at, char *what,
		 char *remedy)
{
	doctor_find(&l->doctor->findings, id, l->stack->service, at->at.file, at->at.line, what,
		    remedy);
}

/* A way that somebody gets in who has neither password nor token; or NULL. */
static const struct pamd_outcome *open_door(const struct logins *l)
{
	static const enum pamd_typed wrong[] = {PAMD_WRONG_PASSWORD, PAMD_BAD_TOKEN,
						PAMD_UNCHECKED_TOKEN};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (logins_let_in(&l->of[wrong[i]]))
			return &l->of[wrong[i]];
	return NULL;
}

void logins_judge_open_door(const struct logins *l, const char *id)
{
	const struct pamd_outcome *open = open_door(l);
	const struct pamd_handler *culprit;

	if (open == NULL)
		return;
	culprit = &l->chain->list[open->grantor >= 0 ? open->grantor : 0];
	logins_find(
		l, id, culprit,
		doctor_text(
			"%s lets anybody in, with %s: no line below refuses them, and %s answers "
			"success whoever it is.",
			culprit->module != NULL ? culprit->module : "This line",
			open == &l->of[PAMD_WRONG_PASSWORD] ? "any password"
							    : "a token that is refused",
			culprit->module != NULL ? culprit->module : "it"),
		doctor_text("Put 'auth requisite pam_deny.so' where those come by who have proved "
			    "nothing, or remove this line%s%s.",
			    l->pat != NULL ? "; and write that of pam_pat.so as documented: " : "",
			    l->pat != NULL ? DOCTOR_LINE : ""));
}

static bool checks_passwords(const struct pamd_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->list[i].kind == PAMD_MODULE && pamd_takes_password(&chain->list[i]))
			return true;
	return false;
}

static void judge_passwords(const struct logins *l)
{
	if (logins_let_in(&l->of[PAMD_RIGHT_PASSWORD]))
		return;
	if (!checks_passwords(l->chain))
		logins_find(
			l, "stack/tokens-only", l->pat,
			doctor_text(
				"Nothing here checks a password: who has no token stays outside."),
			doctor_text(
				"If that is not what you want, see that the password modules "
				"(@include common-auth, or auth substack system-auth) follow this "
				"line."));
	else
		logins_find(
			l, "stack/refuses-passwords", l->pat,
			doctor_text("A right password lets nobody in: what is no token, pam_pat.so "
				    "answers with authinfo_unavail, and this line, or one near it, "
				    "makes that a refusal."),
			doctor_text("Write: " DOCTOR_LINE));
}

static void judge_tokens(const struct logins *l)
{
	if (logins_let_in(&l->of[PAMD_GOOD_TOKEN]))
		return;
	logins_find(
		l, "stack/refuses-tokens", l->pat,
		doctor_text(
			"A good token lets nobody in: a line above or below refuses it, or success "
			"of this line counts for nothing."),
		doctor_text("Put this line above whatever asks for the password, and write it as "
			    "documented: " DOCTOR_LINE));
}

/* The first handler of the kind that a token comes to, or NULL. */
static const struct pamd_handler *
token_reaches(const struct logins *l, bool (*is)(const struct pamd_handler *handler), bool *refused)
{
	static const enum pamd_typed tokens[] = {PAMD_BAD_TOKEN, PAMD_UNCHECKED_TOKEN,
						 PAMD_GOOD_TOKEN};

	for (size_t t = 0; t < sizeof(tokens) / sizeof(tokens[0]); t++)
		for (size_t i = 0; i < l->chain->count; i++) {
			const struct pamd_handler *handler = &l->chain->list[i];

			*refused = tokens[t] != PAMD_GOOD_TOKEN;
			if (handler->kind == PAMD_MODULE && l->of[tokens[t]].called[i] &&
			    is(handler))
				return handler;
		}
	return NULL;
}

static bool is_remote(const struct pamd_handler *handler)
{
	return pamd_kind_of(handler) == PAMD_KIND_REMOTE;
}

/* What to do where a token goes on. */
static char *keep_token(bool refused)
{
	if (refused)
		return doctor_text(
			"Put this line above whatever asks for the password, and write it "
			"as documented: " DOCTOR_LINE);
	return doctor_text(
		"Put this line above those that may refuse, such as pam_faillock preauth, "
		"or make them requisite.");
}

/* A token in the hands of other modules. */
static void judge_handing_on(const struct logins *l)
{
	bool refused;
	const struct pamd_handler *to = token_reaches(l, is_remote, &refused);

	if (to != NULL) {
		logins_find(
			l, "stack/token-leaves-host", l->pat,
			doctor_text(
				"A token%s is handed on to %s (%s:%u), and so to another machine "
				"and its logs.",
				refused ? " that is refused"
					: ", where a line above refuses the login,",
				to->module, to->at.file, to->at.line),
			keep_token(refused));
		return;
	}
	to = token_reaches(l, pamd_takes_password, &refused);
	/* A good one that a line above keeps out harms nobody on this machine. */
	if (to != NULL && refused)
		logins_find(l, "stack/token-tried-as-password", l->pat,
			    doctor_text("A token that is refused is tried as a password by %s "
					"(%s:%u), with "
					"its delay and its log.",
					to->module, to->at.file, to->at.line),
			    keep_token(refused));
}

static void judge_faillock(const struct logins *l)
{
	bool refused;
	const struct pamd_handler *counter = token_reaches(l, pamd_counts_failure, &refused);

	if (counter != NULL)
		logins_find(
			l, "stack/faillock-counts-tokens", l->pat,
			doctor_text(
				"A token%s is counted as a wrong password by %s (%s:%u): a script "
				"with an old token locks its user out, password and all.",
				refused ? " that is refused" : ", while its user is locked out,",
				counter->module, counter->at.file, counter->at.line),
			keep_token(refused));
	if (l->of[PAMD_WRONG_PASSWORD].counted < 2)
		return;
	for (size_t i = l->chain->count; i-- > 0;)
		if (pamd_counts_failure(&l->chain->list[i])) {
			logins_find(
				l, "stack/faillock-counts-twice", &l->chain->list[i],
				doctor_text(
					"One wrong password is counted twice: users are locked out "
					"after half as many as you allow."),
				doctor_text("Leave one 'pam_faillock.so authfail' on the way of a "
					    "wrong "
					    "password."));
			return;
		}
}

static bool has_factor(const struct pamd_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->list[i].kind == PAMD_MODULE &&
		    pamd_kind_of(&chain->list[i]) == PAMD_KIND_FACTOR)
			return true;
	return false;
}

/* Whether a password needs something else beside it, and a token does not. */
static void judge_second_factor(const struct logins *l)
{
	struct pamd_outcome password = {0}, token = {0};

	if (!has_factor(l->chain) || !logins_let_in(&l->of[PAMD_RIGHT_PASSWORD]))
		return;
	walk(l, PAMD_RIGHT_PASSWORD, false, &password);
	walk(l, PAMD_GOOD_TOKEN, false, &token);
	if (!logins_let_in(&password) && logins_let_in(&token) && !password.unknown &&
	    !token.unknown)
		logins_find(
			l, "stack/second-factor", l->pat,
			doctor_text(
				"With a password a second factor is asked for here; a token alone "
				"lets in."),
			doctor_text(
				"If it is to be asked of tokens as well, put its line above this "
				"one."));
	free(password.called);
	free(token.called);
}

/* Nobody hears that a token is about to end. */
static void judge_notice(const struct logins *l)
{
	const char *service = l->stack->service;

	if (strcmp(service, "sshd") != 0 && strcmp(service, "login") != 0)
		return;
	if (doctor_find_pat(&l->stack->chains[PAMD_SESSION]) != NULL)
		return;
	logins_find(
		l, "stack/no-notice", l->pat,
		doctor_text(
			"Who logs in on a terminal with a token hears nothing when it is about to "
			"expire."),
		doctor_text("If they are to, end the file with: session optional pam_pat.so"));
}

void doctor_judge_logins(struct doctor *doctor, const struct pamd_stack *stack)
{
	struct logins l;

	if (stack->refused || doctor_find_pat(&stack->chains[PAMD_AUTH]) == NULL)
		return;
	logins_begin(&l, doctor, stack);
	if (l.unknown) {
		char *what = doctor_text("PAM service %s", stack->service);

		doctor_unseen(&doctor->findings, what,
			      "more ways through its lines than can be gone");
		free(what);
	} else {
		logins_judge_open_door(&l, "stack/always-succeeds");
		judge_passwords(&l);
		judge_tokens(&l);
		judge_handing_on(&l);
		judge_faillock(&l);
		judge_second_factor(&l);
		logins_judge_delay(&l);
		judge_notice(&l);
	}
	logins_end(&l);
}
