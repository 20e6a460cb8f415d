/* SPDX-License-Identifier: ISC */

/*
 * What pat/source.h says about lists and hosts, for a test that knows it from elsewhere. Reads
 * lines of three fields with tabs between, LIST, OTHER and RHOST, and writes for each the canonical
 * LIST or "-", whether RHOST is in it (in, out, unknown), and whether LIST is within OTHER (yes,
 * no).
 */

#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/source.h"

static void answer(const char *text, const char *other_text, const char *rhost)
{
	static const char *const matches[] = {
		[PAT_SOURCE_IN] = "in", [PAT_SOURCE_OUT] = "out", [PAT_SOURCE_UNKNOWN] = "unknown"};
	char list[PAT_SOURCES_MAX + 1] = "", other[PAT_SOURCES_MAX + 1] = "";

	if (pat_sources_add(list, text) != PAT_OK || pat_sources_add(other, other_text) != PAT_OK) {
		puts("-");
		return;
	}
	printf("%s\t%s\t%s\n", list, matches[pat_sources_match(list, rhost)],
	       pat_sources_within(list, other) ? "yes" : "no");
}

int main(void)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *rest = line, *list, *other;

		line[strcspn(line, "\n")] = '\0';
		list = strsep(&rest, "\t");
		other = strsep(&rest, "\t");
		if (rest == NULL)
			return 2;
		answer(list, other, rest);
	}
	return 0;
}
