/* SPDX-License-Identifier: ISC */
#ifndef SETTINGS_H
#define SETTINGS_H

/* Where things are, from the command line; the same in every child. */
struct settings {
	const char *store;  /* absolute path */
	const char *policy; /* path of pat.conf */
};

#endif
