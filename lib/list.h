/* SPDX-License-Identifier: ISC */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pat/error.h"

/* Lists of names as text, with commas between and without doubles: "sshd,sudo". */

/* The length of the first name. */
static inline size_t list_len(const char *list)
{
	return strcspn(list, ",");
}

/* What follows that name. */
static inline const char *list_next(const char *list)
{
	list += list_len(list);
	return *list == ',' ? list + 1 : list;
}

static inline bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; *list != '\0'; list = list_next(list))
		if (list_len(list) == len && strncmp(list, name, len) == 0)
			return true;
	return false;
}

/* Adds a name, unless it is there, to a list that may have `max` bytes. PAT_E_TOOBIG, without a
 * change, when it would have more. */
static inline int list_add(char *list, size_t max, const char *name)
{
	size_t used = strlen(list), add = strlen(name), comma = used > 0;

	if (list_has(list, name))
		return PAT_OK;
	if (used + comma + add > max)
		return PAT_E_TOOBIG;
	if (comma)
		list[used] = ',';
	memcpy(list + used + comma, name, add + 1);
	return PAT_OK;
}

#endif
