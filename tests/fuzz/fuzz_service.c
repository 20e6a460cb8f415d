/* SPDX-License-Identifier: ISC */

/*
 * Lists of services. Each line of the input is added to one list, or, after `>`, to another; the
 * last line is also asked for as a service.
 *
 * What must hold: a list has only names of the documented form, none twice, and fits; what failed
 * changed nothing; each name that was added is covered, and nothing that is not in the list or of
 * the family of one that is; a list lies within itself and within what it is a part of; the
 * services that no token opens are known.
 */

#include "support.h"

#include "pat/error.h"
#include "pat/service.h"

/* The list is well-formed: said without the functions under test. */
static void check_list(const char *list)
{
	HOLDS(strlen(list) <= PAT_SERVICES_MAX);
	for (const char *name = list; *name != '\0';) {
		size_t len = strcspn(name, ",");

		HOLDS(len > 0 && len <= PAT_SERVICE_MAX && strchr(".+-", name[0]) == NULL);
		HOLDS(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._+-") >= len);
		for (const char *other = list; other < name; other += strcspn(other, ",") + 1)
			HOLDS(strcspn(other, ",") != len || strncmp(other, name, len) != 0);
		HOLDS(name[len] != ',' || name[len + 1] != '\0');
		name += len + (name[len] == ',');
	}
}

static bool stands_in(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; len > 0 && (at = strstr(at, name)) != NULL; at++)
		if ((at == list || at[-1] == ',') && (at[len] == '\0' || at[len] == ','))
			return strchr(name, ',') == NULL;
	return false;
}

static int check_covered(const char *service, void *list)
{
	HOLDS(stands_in(list, service) && pat_services_cover(list, service));
	return 0;
}

static int stop_at_first(const char *service, void *data)
{
	(void)data;
	return service[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char lists[2][PAT_SERVICES_MAX + 1] = {"", ""}, before[PAT_SERVICES_MAX + 1];
	struct input input = {data, size};
	char line[2048] = "";
	bool family;

	while (input_line(&input, line, sizeof(line))) {
		char *list = lists[line[0] == '>'];

		memcpy(before, list, sizeof(before));
		if (pat_services_add(list, line + (line[0] == '>')) == PAT_OK)
			HOLDS(strncmp(list, before, strlen(before)) == 0);
		else
			HOLDS(memcmp(list, before, sizeof(before)) == 0);
		check_list(list);
		HOLDS(pat_services_each(list, check_covered, list) == 0);
		HOLDS(pat_services_within(list, list));
		HOLDS(pat_services_within(before, list));
	}
	family = (strcmp(line, "sudo-i") == 0 && stands_in(lists[0], "sudo")) ||
		 (strcmp(line, "su-l") == 0 && stands_in(lists[0], "su"));
	HOLDS(pat_services_cover(lists[0], line) == (family || stands_in(lists[0], line)));
	HOLDS(pat_services_each(lists[0], stop_at_first, NULL) == lists[0][0]);
	HOLDS(lists[1][0] != '\0' || pat_services_within(lists[1], lists[0]));
	if (stands_in(lists[1], "passwd") && !stands_in(lists[0], "passwd"))
		HOLDS(!pat_services_within(lists[1], lists[0]));
	HOLDS(pat_service_forbidden("patd") && pat_service_forbidden("passwd"));
	HOLDS(!pat_service_forbidden(line) || strlen(line) <= strlen("chpasswd"));
	return 0;
}
