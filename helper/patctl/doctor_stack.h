/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_STACK_H
#define DOCTOR_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "doctor_grammar.h"
#include "doctor_root.h"

/*
 * The stacks of a PAM service, put together from the files that it is in as libpam does it: with
 * what they include, and what comes from `other`.
 */

enum pamd_type { PAMD_AUTH, PAMD_ACCOUNT, PAMD_SESSION, PAMD_PASSWORD, PAMD_TYPES };

/* libpam's limit on substacks in substacks. */
#define PAMD_LEVELS 16

/* Where something stands. `file` is the stack's. */
struct pamd_place {
	const char *file;
	unsigned line;
};

/* One line that libpam calls, or would. */
struct pamd_handler {
	enum {
		PAMD_MODULE,
		PAMD_FAILS,    /* a line that says nothing libpam understands: it always fails */
		PAMD_SUBSTACK, /* marks where one begins, and does nothing */
	} kind;
	bool silent; /* `-` before its type */
	int level;   /* in how many substacks it is */
	int actions[PAMD_CODES];
	char *module; /* as it is written; NULL where there is none */
	char **arguments;
	size_t count;
	struct pamd_place at;
};

struct pamd_chain {
	struct pamd_handler *list;
	size_t count;
};

/* What libpam logs when it reads the files, and nobody reads there. */
struct pamd_fault {
	enum {
		PAMD_BAD_TYPE,
		PAMD_BAD_CONTROL,
		PAMD_NO_MODULE,
		PAMD_NO_FILE,    /* included, and not there */
		PAMD_UNREADABLE, /* there, and not to be read by whom we are */
		PAMD_LOOP,       /* includes itself, or substacks too deep */
		PAMD_UNFINISHED, /* ends with a backslash, or a line is too long */
		PAMD_CUT,        /* a line that old versions cut in two */
	} kind;
	struct pamd_place at;
	char *what; /* the word that it is about, or "" */
};

struct pamd_stack {
	char *service;
	struct pamd_chain chains[PAMD_TYPES];
	/* Of each type: whether it is that of `other`, because the service has none. */
	bool from_other[PAMD_TYPES];
	bool found;   /* whether the service has a file */
	bool refused; /* libpam gives up on reading it: every call fails */
	bool unseen;  /* a file of it could not be read */
	bool unsure;  /* what libpam does with a line depends on what was in memory before */
	struct pamd_fault *faults;
	size_t fault_count;
	char **files; /* all that were read */
	size_t file_count;
};

/* How the libpam of this system reads. */
struct pamd_dialect {
	/* Debian's: knows @include, and looks for what is included in /etc/pam.d alone. */
	bool debian;
};

/* Reads a service; never fails, but for the faults. */
struct pamd_stack *pamd_stack_read(const struct doctor_root *root, struct pamd_dialect dialect,
				   const char *service);
void pamd_stack_free(struct pamd_stack *stack);

/* The name of a module without directory and `.so`: whether it is this. */
bool pamd_is_module(const struct pamd_handler *handler, const char *name);

#endif
