/* SPDX-License-Identifier: ISC */

/* Which services there are, and which of them take tokens. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "tell.h"

static const char *const dirs[] = {"/etc/pam.d", "/usr/lib/pam.d"};

const struct pamd_handler *doctor_find_pat(const struct pamd_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (pamd_is_module(&chain->list[i], "pam_pat"))
			return &chain->list[i];
	return NULL;
}

const struct pamd_stack *doctor_covered(const struct doctor *doctor, const char *service)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (strcmp(doctor->stacks[i]->service, service) == 0)
			return doctor->stacks[i];
	return NULL;
}

/* What packaging tools and editors leave beside a file is no service. */
static bool is_leftover(const char *name)
{
	static const char *const ends[] = {".bak", ".new",     ".old",     ".orig",    ".rpmnew",
					   ".swp", ".rpmorig", ".rpmsave", ".pam-old", "~"};
	const size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (len > strlen(ends[i]) && strcmp(name + len - strlen(ends[i]), ends[i]) == 0)
			return true;
	return strstr(name, ".dpkg-") != NULL || strstr(name, ".ucf-") != NULL;
}

static bool names_pat(const struct doctor *doctor, const struct pamd_stack *stack)
{
	for (int type = PAMD_AUTH; type <= PAMD_SESSION; type++)
		if (doctor_find_pat(&stack->chains[type]) != NULL)
			return true;
	/* Where libpam gave up, it may stand behind. */
	for (size_t i = 0; stack->refused && i < stack->file_count; i++) {
		size_t len;
		char *text = doctor_read(&doctor->root, stack->files[i], &len);
		bool found = text != NULL && strstr(text, "pam_pat.so") != NULL;

		free(text);
		if (found)
			return true;
	}
	return false;
}

static void note_unseen(struct doctor *doctor, const struct pamd_stack *stack)
{
	for (size_t i = 0; i < stack->fault_count; i++)
		if (stack->faults[i].kind == PAMD_UNREADABLE) {
			char *text = doctor_text("PAM service %s, '%s'", stack->service,
						 stack->faults[i].what);

			doctor_unseen(&doctor->findings, text, strerror(EACCES));
			free(text);
		}
}

static bool is_asked_for(const struct doctor *doctor, const char *service)
{
	const char *list = value(doctor->options, OPTION_SERVICE);
	const size_t len = strlen(service);

	if (list == NULL)
		return true;
	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && strncmp(list, service, len) == 0)
			return true;
	return false;
}

static void look_at(struct doctor *doctor, const char *service)
{
	struct pamd_stack *stack;

	if (doctor_covered(doctor, service) != NULL)
		return;
	stack = pamd_stack_read(&doctor->root, doctor->dialect, service);
	note_unseen(doctor, stack);
	if (!names_pat(doctor, stack)) {
		pamd_stack_free(stack);
		return;
	}
	doctor->stacks = reallocarray(doctor->stacks, doctor->count + 1, sizeof(void *));
	if (doctor->stacks == NULL)
		out_of_memory();
	doctor->stacks[doctor->count++] = stack;
}

/* A file that others include, and that does not say all that a service must, is only a part. */
static bool is_part(const struct doctor *doctor, size_t which)
{
	const struct pamd_stack *part = doctor->stacks[which];

	if (!(part->from_other[PAMD_AUTH] || part->from_other[PAMD_ACCOUNT]) ||
	    part->file_count == 0)
		return false;
	for (size_t i = 0; i < doctor->count; i++)
		for (size_t f = 1; i != which && f < doctor->stacks[i]->file_count; f++)
			if (strcmp(doctor->stacks[i]->files[f], part->files[0]) == 0)
				return true;
	return false;
}

static void drop_parts(struct doctor *doctor)
{
	bool *parts = calloc(doctor->count + 1, sizeof(*parts));
	size_t kept = 0;

	if (parts == NULL)
		out_of_memory();
	for (size_t i = 0; i < doctor->count; i++)
		parts[i] = is_part(doctor, i);
	for (size_t i = 0; i < doctor->count; i++) {
		if (parts[i] || !is_asked_for(doctor, doctor->stacks[i]->service))
			pamd_stack_free(doctor->stacks[i]);
		else
			doctor->stacks[kept++] = doctor->stacks[i];
	}
	doctor->count = kept;
	free(parts);
}

void doctor_look_for_stacks(struct doctor *doctor)
{
	bool any = false;

	for (size_t d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
		size_t count;
		char **names = doctor_names(&doctor->root, dirs[d], &count);

		any = any || names != NULL;
		if (names == NULL && errno != ENOENT)
			doctor_unseen(&doctor->findings, dirs[d], strerror(errno));
		for (size_t i = 0; names != NULL && i < count; i++)
			/* patd's own is looked at apart. */
			if (!is_leftover(names[i]) && strcmp(names[i], "patd") != 0)
				look_at(doctor, names[i]);
		doctor_names_free(names);
	}
	if (!any)
		doctor_unseen(&doctor->findings, dirs[0], strerror(errno));
	drop_parts(doctor);
}
