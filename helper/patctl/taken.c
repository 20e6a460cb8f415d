/* SPDX-License-Identifier: ISC */
#include "taken.h"

#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "guess.h"
#include "pat/error.h"
#include "pat/service.h"
#include "tell.h"

enum taking { TAKES, TAKES_NOT, IS_NONE, NEVER_MAY };

/* In doubt it takes tokens. Of what never may, patd is going to say why. Puts the name as PAM has
 * it into `service`. */
static enum taking ask(const struct doctor *doctor, const char *name,
		       char service[PAT_SERVICES_MAX + 1])
{
	enum taking answer = TAKES;
	struct pamd_stack *stack;

	*service = '\0';
	if (pat_services_add(service, name) != PAT_OK || pat_service_forbidden(service))
		return NEVER_MAY;
	stack = pamd_stack_read(&doctor->root, doctor->dialect, service);
	if (!stack->unseen && !stack->refused && doctor_find_pat(&stack->chains[PAMD_AUTH]) == NULL)
		answer = stack->found ? TAKES_NOT : IS_NONE;
	pamd_stack_free(stack);
	return answer;
}

/* Of those that take tokens, is one near? */
static void tell_of_none(const struct doctor *doctor, char *const *names, const char *service)
{
	struct guess guess = {.written = service};
	char other[PAT_SERVICES_MAX + 1];

	for (; *names != NULL; names++)
		if (ask(doctor, *names, other) == TAKES)
			guess_try(&guess, *names);
	if (guess.best != NULL)
		note("There is no PAM service '%s' here; did you mean '%s'?", service, guess.best);
	else
		note("There is no PAM service '%s' here.", service);
}

/* False where nothing can be said. What libpam's file says of its dialect is not read, which would
 * take a good part of what minting takes. */
static bool begin(struct doctor *doctor, char ***names)
{
	struct stat st;
	size_t count;

	*doctor = (struct doctor){.root = {.fd = -1}};
	doctor->dialect.debian = doctor_stat(&doctor->root, "/etc/debian_version", false, &st);
	*names = doctor_names(&doctor->root, "/etc/pam.d", &count);
	return *names != NULL;
}

void tell_of_untaken(const json_t *services)
{
	struct doctor doctor;
	const json_t *service;
	char **names, asked[PAT_SERVICES_MAX + 1];
	size_t i;

	if (json_array_size(services) == 0 || !begin(&doctor, &names))
		return;
	json_array_foreach(services, i, service)
	{
		const char *name = json_string_value(service);
		enum taking taking = name != NULL ? ask(&doctor, name, asked) : NEVER_MAY;

		if (taking == TAKES_NOT)
			note("%s takes no tokens here: its stack lacks pam_pat.so, see pam_pat(8).",
			     name);
		else if (taking == IS_NONE)
			tell_of_none(&doctor, names, asked);
	}
	doctor_names_free(names);
}

void tell_if_none_takes(const json_t *services)
{
	struct doctor doctor;
	const json_t *service;
	char **names, asked[PAT_SERVICES_MAX + 1];
	bool any = false;
	size_t i;

	if (!begin(&doctor, &names))
		return;
	json_array_foreach(services, i, service)
	{
		const char *name = json_string_value(service);

		any = any || (name != NULL && ask(&doctor, name, asked) == TAKES);
	}
	if (!any)
		note("No service takes it yet: no stack of these has pam_pat.so, see pam_pat(8).");
	doctor_names_free(names);
}
