/* SPDX-License-Identifier: ISC */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Lists of names as text, with commas between and without doubles: "sshd,sudo". */

/* The most bytes that a list, and a name in it, may have. */
enum { LIST_MAX = 511, LIST_NAME_MAX = 63 };

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

/* What is left of `len` bytes of text without the white space around it. */
static inline const char *list_trim(const char *text, size_t *len)
{
	while (*len > 0 && (text[*len - 1] == ' ' || text[*len - 1] == '\t'))
		--*len;
	while (*len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		--*len;
	}
	return text;
}

/*
 * Adds each name of `text` to a list, unless it is there. `normalise` writes one, of `len` bytes,
 * perhaps with white space around it, as lists have it; it returns 0, or a negative error that ends
 * it all. PAT_E_TOOBIG when the list would have more than LIST_MAX bytes. On failure it is as it
 * was.
 */
int list_add_all(char list[LIST_MAX + 1], const char *text,
		 int (*normalise)(char name[LIST_NAME_MAX + 1], const char *text, size_t len));

#endif
