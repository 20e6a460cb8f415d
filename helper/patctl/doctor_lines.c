/* SPDX-License-Identifier: ISC */

/* What is wrong with the lines of a stack, each by itself. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "doctor.h"
#include "doctor_walk.h"
#include "tell.h"

/* What libpam logs, nobody reads, and then fails for. */
static void judge_fault(struct doctor *doctor, const struct pamd_stack *stack,
			const struct pamd_fault *fault, bool fatal)
{
	static const struct {
		const char *id, *what, *remedy;
	} texts[] = {
		[PAMD_BAD_TYPE] = {"stack/broken-line",
				   "'%s' is neither auth, account, session nor password. libpam "
				   "takes the line for one that always fails.",
				   "Write one of them, or remove the line."},
		[PAMD_BAD_CONTROL] = {"stack/broken-line",
				      "'%s' is no control. libpam takes whatever the module "
				      "answers, success included, for a failure.",
				      "Write a control of pam.conf(5), such as required, or one in "
				      "brackets."},
		[PAMD_NO_MODULE] = {"stack/broken-line",
				    "A module, or the name of a file, is missing%s. libpam takes "
				    "the line for one that always fails.",
				    "Complete the line, or remove it."},
		[PAMD_NO_FILE] = {"stack/missing-file",
				  "'%s' is included, and not there. libpam takes the line for one "
				  "that always fails.",
				  "Put the file there, or remove the line."},
		[PAMD_LOOP] = {"stack/loop",
			       "With '%s', files include each other without end, or in more than "
			       "15 steps. libpam gives up, or crashes.",
			       "Remove one of the include lines."},
		[PAMD_UNFINISHED] = {"stack/broken-line",
				     "The file ends with a backslash%s, or has a line of more than "
				     "1023 bytes. libpam gives up on it.",
				     "Finish the last line, or shorten it."},
		[PAMD_CUT] = {"stack/long-line",
			      "The line has more than 1023 bytes%s. libpam before 1.7 takes the "
			      "rest of it for a line of its own.",
			      "Break it up, with a backslash at the end of all but the last."},
	};
	char *about;

	if (fault->kind == PAMD_UNREADABLE)
		return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	about = doctor_text(texts[fault->kind].what, fault->what);
#pragma GCC diagnostic pop
	doctor_find(&doctor->findings, fatal ? "stack/refuses-all" : texts[fault->kind].id,
		    stack->service, fault->at.file, fault->at.line,
		    doctor_text("%s%s", about, fatal ? " So it refuses everybody." : ""),
		    doctor_text("%s", texts[fault->kind].remedy));
	free(about);
}

/* What pam_pat.so (pam/options.c) says of one of its words; NULL if it is right. */
static const char *option_fault(const char *word, const char *seen[3])
{
	static const char *const names[] = {"store=", "socket=", "prompt="};
	enum { STORE, SOCKET, PROMPT };

	if (strcmp(word, "debug") == 0 || strcmp(word, "try_first_pass") == 0 ||
	    strcmp(word, "use_first_pass") == 0)
		return NULL;
	for (int i = STORE; i <= PROMPT; i++) {
		const char *text = word + strlen(names[i]);

		if (strncmp(word, names[i], strlen(names[i])) != 0)
			continue;
		if (i == SOCKET && strlen(text) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return "is too long for a socket";
		if (i != PROMPT && text[0] != '/')
			return "needs an absolute path";
		if (seen[i] != NULL)
			return "is given twice";
		seen[i] = text;
		return text[0] == '\0' ? "has no value" : NULL;
	}
	return "is none of its options";
}

static void judge_options(struct doctor *doctor, const struct pamd_stack *stack,
			  const struct pamd_handler *handler)
{
	const char *seen[3] = {NULL};

	for (size_t i = 0; i < handler->count; i++) {
		const char *fault = option_fault(handler->arguments[i], seen);

		if (fault == NULL)
			continue;
		doctor_find(
			&doctor->findings, "stack/wrong-option", stack->service, handler->at.file,
			handler->at.line,
			doctor_text("'%s' behind pam_pat.so %s. It refuses everybody here, with "
				    "a token or a password.",
				    handler->arguments[i], fault),
			doctor_text("Write what OPTIONS of pam_pat(8) has, or remove the word."));
		return;
	}
}

/* A module that is not there, or cannot be loaded. */
static void judge_module(struct doctor *doctor, const struct pamd_stack *stack,
			 const struct pamd_handler *handler)
{
	const int action = handler->actions[PAMD_MODULE_UNKNOWN];
	bool pat = pamd_is_module(handler, "pam_pat");
	bool fatal = action == PAMD_DO_BAD || action == PAMD_DO_DIE;
	char *file;

	if (doctor->modules.count == 0 || (!pat && !fatal))
		return;
	file = doctor_module_file(&doctor->root, &doctor->modules, handler->module);
	if (file == NULL)
		doctor_find(&doctor->findings, pat ? "module/missing" : "stack/missing-module",
			    stack->service, handler->at.file, handler->at.line,
			    doctor_text("%s is not there%s.", handler->module,
					fatal ? ", and the line fails without it" : ""),
			    doctor_text(pat ? "Install it, or remove the line first of all."
					    : "Install it, or remove the line."));
	else if (pat && !doctor_module_loads(&doctor->root, file))
		doctor_find(
			&doctor->findings, "module/unloadable", stack->service, file, 0,
			doctor_text("The module is damaged, or made for another kind of machine. "
				    "libpam cannot load it, and refuses everybody where a stack "
				    "needs it."),
			doctor_text("Install it anew, or remove the lines that name it first of "
				    "all."));
	free(file);
}

/* One code for each thing that the line may do: what matters is which there are. */
static pamd_codes one_of_each(const struct pamd_handler *handler)
{
	pamd_codes codes = 0;

	for (int code = 0; code < PAMD_CODES; code++) {
		bool seen = false;

		for (int before = 0; before < code; before++)
			seen = seen || handler->actions[before] == handler->actions[code];
		if (!seen)
			codes |= PAMD_CODE(code);
	}
	return codes;
}

static void judge_jumps(struct doctor *doctor, const struct pamd_stack *stack,
			const struct pamd_chain *chain)
{
	struct pamd_outcome outcome = {0};
	pamd_codes *answers = calloc(chain->count + 1, sizeof(*answers));

	if (answers == NULL)
		out_of_memory();
	for (size_t i = 0; i < chain->count; i++)
		answers[i] = one_of_each(&chain->list[i]);
	pamd_walk(chain, answers, NULL, &outcome);
	if (outcome.bad_jump >= 0) {
		const struct pamd_handler *handler = &chain->list[outcome.bad_jump];

		doctor_find(
			&doctor->findings, "stack/bad-jump", stack->service, handler->at.file,
			handler->at.line,
			doctor_text("A number in brackets passes over more lines than there are "
				    "below it. libpam refuses whoever comes that way."),
			doctor_text("Count the lines of this type that it is to pass over; a "
				    "substack counts as one."));
	}
	free(outcome.called);
	free(answers);
}

/* pam_pat.so is asked about the account after a login by token, and answers success. */
static void judge_account(struct doctor *doctor, const struct pamd_stack *stack,
			  const struct pamd_handler *handler)
{
	const int action = handler->actions[PAMD_SUCCESS];

	if (!pamd_is_module(handler, "pam_pat") || (action != PAMD_DO_DONE && action <= 0))
		return;
	doctor_find(
		&doctor->findings, "stack/account-passed-over", stack->service, handler->at.file,
		handler->at.line,
		doctor_text("After a login by token, the account lines below are passed over: "
			    "accounts that have expired, and whom pam_access or pam_nologin keep "
			    "out, are let in."),
		doctor_text("Remove the line: pam_pat.so needs none for account."));
}

static void judge_writable(struct doctor *doctor, const struct pamd_stack *stack)
{
	for (size_t i = 0; i < stack->file_count; i++) {
		char *why = doctor_why_writable(doctor, stack->files[i]);

		if (why != NULL)
			doctor_find(&doctor->findings, "stack/writable", stack->service,
				    stack->files[i], 0,
				    doctor_text("%s: who can write it decides who logs in.", why),
				    doctor_text("chown root:root %s; chmod 644 %s, and see to its "
						"directory",
						stack->files[i], stack->files[i]));
		free(why);
	}
}

void doctor_judge_lines(struct doctor *doctor, const struct pamd_stack *stack)
{
	for (size_t i = 0; i < stack->fault_count; i++)
		/* libpam gives up at the last of them. */
		judge_fault(doctor, stack, &stack->faults[i],
			    stack->refused && i == stack->fault_count - 1);
	for (int type = PAMD_AUTH; type <= PAMD_SESSION; type++) {
		const struct pamd_chain *chain = &stack->chains[type];

		for (size_t i = 0; i < chain->count; i++) {
			if (chain->list[i].kind != PAMD_MODULE)
				continue;
			judge_module(doctor, stack, &chain->list[i]);
			if (pamd_is_module(&chain->list[i], "pam_pat"))
				judge_options(doctor, stack, &chain->list[i]);
			if (type == PAMD_ACCOUNT)
				judge_account(doctor, stack, &chain->list[i]);
		}
		judge_jumps(doctor, stack, chain);
	}
	judge_writable(doctor, stack);
}
