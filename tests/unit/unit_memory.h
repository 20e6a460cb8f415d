/* SPDX-License-Identifier: ISC */
#ifndef UNIT_MEMORY_H
#define UNIT_MEMORY_H

/* What is in the memory of another process. */

#include "unit.h"

/* Whether the process has the text in memory that it may write; for root. */
static UNUSED bool unit_memory_holds(pid_t pid, const char *text)
{
	char path[64], line[512];
	unsigned long from, to;
	bool found = false;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(mem >= 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps) != NULL) {
		char *bytes;
		ssize_t got;

		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || strstr(line, " rw") == NULL)
			continue;
		bytes = malloc(to - from);
		assert_non_null(bytes);
		got = pread(mem, bytes, to - from, (off_t)from);
		found = got > 0 && memmem(bytes, (size_t)got, text, strlen(text)) != NULL;
		free(bytes);
	}
	fclose(maps);
	close(mem);
	return found;
}

#endif
