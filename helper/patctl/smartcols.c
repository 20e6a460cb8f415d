/* SPDX-License-Identifier: ISC */
#include "smartcols.h"

#include <dlfcn.h>
#include <stddef.h>

#include "tell.h"

/* The ABI that its header belongs to. */
#define LIBRARY "libsmartcols.so.1"

static struct smartcols functions;
static bool loaded;

bool smartcols_load(void)
{
	static const struct {
		const char *name;
		size_t place;
	} names[] = {
#define SMARTCOLS_NAME(name) {"scols_" #name, offsetof(struct smartcols, name)},
		SMARTCOLS_FUNCTIONS(SMARTCOLS_NAME)
#undef SMARTCOLS_NAME
	};
	void *library;

	if (loaded)
		return true;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		void *function = dlsym(library, names[i].name);

		if (function == NULL)
			return false;
		/* How POSIX makes a pointer to a function of one to an object (dlsym(3p)). */
		*(void **)((char *)&functions + names[i].place) = function;
	}
	loaded = library != NULL;
	return loaded;
}

const struct smartcols *smartcols(void)
{
	if (smartcols_load())
		return &functions;
	complain("tables are printed by " LIBRARY ", which cannot be loaded: %s", dlerror());
	return NULL;
}
