/* SPDX-License-Identifier: ISC */
#include "list.h"

#include "pat/error.h"

static int add(char list[LIST_MAX + 1], const char *name)
{
	size_t used = strlen(list), len = strlen(name), comma = used > 0;

	if (list_has(list, name))
		return PAT_OK;
	if (used + comma + len > LIST_MAX)
		return PAT_E_TOOBIG;
	if (comma)
		list[used] = ',';
	memcpy(list + used + comma, name, len + 1);
	return PAT_OK;
}

int list_add_all(char list[LIST_MAX + 1], const char *text,
		 int (*normalise)(char name[LIST_NAME_MAX + 1], const char *text, size_t len))
{
	char sum[LIST_MAX + 1], name[LIST_NAME_MAX + 1];

	memcpy(sum, list, strlen(list) + 1);
	for (;;) {
		size_t len = list_len(text);
		int error = normalise(name, text, len);

		if (!error)
			error = add(sum, name);
		if (error)
			return error;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	memcpy(list, sum, strlen(sum) + 1);
	return PAT_OK;
}
