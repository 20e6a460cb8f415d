/* SPDX-License-Identifier: ISC */
#include "subuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* useradd(8) gives out none below. */
#define FIRST 65536
#define RANGES 65536

/* NAME:FIRST:COUNT */
static bool parse(const char *line, struct subuid_range *range)
{
	const char *number = strchr(line, ':');
	char *end;

	if (number == NULL)
		return false;
	range->first = (uid_t)strtoul(number + 1, &end, 10);
	if (*end != ':')
		return false;
	range->count = strtoul(end + 1, &end, 10);
	return (*end == '\n' || *end == '\0') && range->first >= FIRST && range->count > 0;
}

static void add(struct subuids *subuids, const struct subuid_range *range)
{
	struct subuid_range *more;

	if (subuids->count == RANGES)
		return;
	more = realloc(subuids->ranges, (subuids->count + 1) * sizeof(*more));
	if (more == NULL)
		return;
	subuids->ranges = more;
	subuids->ranges[subuids->count++] = *range;
}

static void load(struct subuids *subuids, const char *path)
{
	FILE *file = fopen(path, "re");
	struct subuid_range range;
	char line[256];

	subuids->count = 0;
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		if (parse(line, &range))
			add(subuids, &range);
	(void)fclose(file);
}

uid_t subuid_counted_as(struct subuids *subuids, const char *path, uid_t uid)
{
	struct stat st;

	if (uid < FIRST || stat(path, &st) != 0)
		return uid;
	if (!subuids->known || st.st_mtim.tv_sec != subuids->changed.tv_sec ||
	    st.st_mtim.tv_nsec != subuids->changed.tv_nsec) {
		load(subuids, path);
		subuids->changed = st.st_mtim;
		subuids->known = true;
	}
	for (unsigned i = 0; i < subuids->count; i++)
		if (uid >= subuids->ranges[i].first &&
		    uid - subuids->ranges[i].first < subuids->ranges[i].count)
			return subuids->ranges[i].first;
	return uid;
}
