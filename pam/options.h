/* SPDX-License-Identifier: ISC */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <security/pam_modules.h>
#include <stdbool.h>

/* The words behind pam_pat.so in a stack. Strings are libpam's, or constants. */
struct options {
	const char *store;  /* store=PATH */
	const char *socket; /* socket=PATH */
	const char *prompt; /* prompt=TEXT; NULL: libpam's own */
	bool debug;
};

/*
 * Parses the words of a line. `try_first_pass` and `use_first_pass` are taken here and honoured by
 * pam_get_authtok(3), which reads them itself. Returns false, after logging which word is wrong,
 * for one that is unknown, has no value or a wrong one, or gives a second value: nobody is let in
 * by a line that does not say what its writer meant.
 */
bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *options);

#endif
