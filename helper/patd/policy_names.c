/* SPDX-License-Identifier: ISC */

/* Small things that the parts of the policy need of each other: names, spans, origins. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"
#include "policy_private.h"

#define SHOWN 100

void policy_complain(struct policy_complaint *complaint, unsigned line, const char *format, ...)
{
	va_list arguments;

	if (complaint->line != 0)
		return;
	complaint->line = line;
	va_start(arguments, format);
	vsnprintf(complaint->text, sizeof(complaint->text), format, arguments);
	va_end(arguments);
}

const char *policy_names_next(const char *names, char *name, size_t size)
{
	size_t len = strcspn(names, " ");

	if (len == 0)
		return NULL;
	snprintf(name, size, "%.*s", (int)len, names);
	names += len;
	return names + (*names == ' ');
}

bool policy_names_have(const char *names, const char *name)
{
	char one[POLICY_NAMES_MAX + 1];

	while ((names = policy_names_next(names, one, sizeof(one))) != NULL)
		if (strcmp(one, name) == 0)
			return true;
	return false;
}

int64_t policy_span_end(const char *span, int64_t now)
{
	int64_t end;

	return pat_span_add(span, now, &end) == PAT_OK ? end : INT64_MAX;
}

char *policy_origin(const struct policy *policy, const struct policy_section *section,
		    unsigned line, char origin[POLICY_ORIGIN_MAX + 1])
{
	char shown[SHOWN];

	if (line == 0)
		snprintf(origin, POLICY_ORIGIN_MAX + 1, "built in");
	else if (section == NULL)
		snprintf(origin, POLICY_ORIGIN_MAX + 1, "%s line %u", policy->file, line);
	else
		snprintf(origin, POLICY_ORIGIN_MAX + 1, "[group %s] line %u",
			 pat_escape(shown, sizeof(shown), section->group), line);
	return origin;
}
