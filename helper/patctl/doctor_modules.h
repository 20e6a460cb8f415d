/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_MODULES_H
#define DOCTOR_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "doctor_root.h"
#include "doctor_stack.h"

/* Where libpam looks for its modules. */
struct doctor_modules {
	char **dirs; /* those that hold a module of Linux-PAM's own */
	size_t count;
};

void doctor_modules_find(const struct doctor_root *root, struct doctor_modules *modules);
void doctor_modules_free(struct doctor_modules *modules);

/* The file of a module as a stack names it, to free(), or NULL if it is in none of these places. */
char *doctor_module_file(const struct doctor_root *root, const struct doctor_modules *modules,
			 const char *name);

/* Whether a file looks like something that a program which loads `modules` can load: of the same
 * kind of machine, and all there. True, too, if it cannot be read. */
bool doctor_module_loads(const struct doctor_root *root, const char *file);

/* What the libpam of the system understands. */
struct pamd_dialect doctor_dialect(const struct doctor_root *root,
				   const struct doctor_modules *modules);

#endif
