/* SPDX-License-Identifier: ISC */

/*
 * What must hold between the lines of pat.conf. Only what is written there can contradict: a
 * default that is built in gives way to a limit, in policy_for.c.
 */

#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "policy_private.h"

#define SHOWN 100

/* 2024-01-01, noon: from here months have 31 days and years 366, so that it does not depend on the
 * day whether a file is right. */
#define REFERENCE 1704110400

/* A section to be checked, by itself and against the main one. */
struct check {
	const struct policy *policy;
	const struct policy_section *section; /* NULL: the main one itself */
	struct policy_rules *rules;
	struct policy_complaint *complaint;
};

static int is_forbidden(const char *service, void *data)
{
	(void)data;
	return pat_service_forbidden(service);
}

/* One name of a list: adds what it stands for. */
static void expand_one(const struct check *check, enum policy_key key, const char *item,
		       char list[PAT_SERVICES_MAX + 1])
{
	const char *name = policy_key_name(key);
	unsigned line = check->rules->line[key];
	char shown[SHOWN], services[PAT_SERVICES_MAX + 1] = "";
	int error = policy_services(check->policy, item, services, NULL);

	pat_escape(shown, sizeof(shown), item + strspn(item, " \t"));
	if (error == PAT_E_NOTFOUND)
		policy_complain(check->complaint, line, "%s: there is no group of services \"%s\"",
				name, shown);
	else if (error)
		policy_complain(check->complaint, line, "%s: \"%s\" is no PAM service", name,
				shown);
	else if (pat_services_each(services, is_forbidden, NULL) != 0)
		policy_complain(check->complaint, line, "%s: no token may be for \"%s\"", name,
				shown);
	else if (pat_services_add(list, services) != PAT_OK)
		policy_complain(check->complaint, line, "%s: too many services for one list", name);
}

static void expand(const struct check *check, enum policy_key key, char list[PAT_SERVICES_MAX + 1])
{
	char text[PAT_SERVICES_MAX + 1], *rest = text, *item;

	if (check->rules->line[key] == 0 || (key == POLICY_ALLOWED_SERVICES && list[0] == '\0'))
		return;
	memcpy(text, list, sizeof(text));
	list[0] = '\0';
	while ((item = strsep(&rest, ",")) != NULL)
		expand_one(check, key, item, list);
}

/* Says that `key` of this section cannot be together with `other` of the section `there`. */
static void contradiction(const struct check *check, enum policy_key key, const char *how,
			  enum policy_key other, const struct policy_section *there)
{
	const struct policy_rules *rules = there ? &there->rules : &check->policy->main;
	char origin[POLICY_ORIGIN_MAX + 1];

	policy_origin(check->policy, there, rules->line[other], origin);
	policy_complain(check->complaint, check->rules->line[key], "%s %s %s (%s)",
			policy_key_name(key), how, policy_key_name(other), origin);
}

/* The rule of this section, or else of the main one, which then holds here. */
static const struct policy_section *holder(const struct check *check, enum policy_key key)
{
	return check->rules->line[key] != 0 ? check->section : NULL;
}

static void check_lifetimes(const struct check *check)
{
	const struct policy_section *there = holder(check, POLICY_MAX_LIFETIME);
	const struct policy_rules *limit = there ? &there->rules : &check->policy->main;

	if (check->rules->line[POLICY_DEFAULT_LIFETIME] != 0 &&
	    policy_span_end(check->rules->default_lifetime, REFERENCE) >
		    policy_span_end(limit->max_lifetime, REFERENCE))
		contradiction(check, POLICY_DEFAULT_LIFETIME, "is longer than", POLICY_MAX_LIFETIME,
			      there);
}

static void check_services(const struct check *check)
{
	const struct policy_section *there = holder(check, POLICY_ALLOWED_SERVICES);
	const struct policy_rules *limit = there ? &there->rules : &check->policy->main;

	if (check->rules->line[POLICY_DEFAULT_SERVICES] != 0 && !limit->any_service &&
	    !pat_services_within(check->rules->default_services, limit->allowed_services))
		contradiction(check, POLICY_DEFAULT_SERVICES, "has services that are not in",
			      POLICY_ALLOWED_SERVICES, there);
}

/* The lists of a section that does not override hold together with those of the main one, and must
 * leave something. */
static void check_common(const struct check *check)
{
	static const char how[] = "has nothing in common (see `override') with";
	const struct policy_rules *main_rules = &check->policy->main, *rules = check->rules;
	char both[PAT_SERVICES_MAX + 1];

	if (check->section == NULL || check->section->override)
		return;
	if (rules->line[POLICY_ALLOWED_SERVICES] != 0 && !rules->any_service &&
	    !main_rules->any_service) {
		policy_services_common(main_rules->allowed_services, rules->allowed_services, both);
		if (both[0] == '\0')
			contradiction(check, POLICY_ALLOWED_SERVICES, how, POLICY_ALLOWED_SERVICES,
				      NULL);
	}
	if (rules->line[POLICY_DEFAULT_SERVICES] != 0) {
		policy_services_common(main_rules->default_services, rules->default_services, both);
		if (both[0] == '\0')
			contradiction(check, POLICY_DEFAULT_SERVICES, how, POLICY_DEFAULT_SERVICES,
				      NULL);
	}
}

static void check_groups(const struct policy *policy, struct policy_complaint *complaint)
{
	const char *names = policy->allow_groups;
	char name[POLICY_NAMES_MAX + 1], shown[SHOWN];

	while ((names = policy_names_next(names, name, sizeof(name))) != NULL)
		if (policy_names_have(policy->deny_groups, name))
			policy_complain(complaint, policy->line[POLICY_DENY_GROUPS],
					"the group %s is in allow_groups (line %u), too",
					pat_escape(shown, sizeof(shown), name),
					policy->line[POLICY_ALLOW_GROUPS]);
}

static void expand_all(const struct check *check)
{
	expand(check, POLICY_DEFAULT_SERVICES, check->rules->default_services);
	expand(check, POLICY_ALLOWED_SERVICES, check->rules->allowed_services);
}

static void check_all(const struct check *check)
{
	check_lifetimes(check);
	check_services(check);
	check_common(check);
}

void policy_check(struct policy *policy, struct policy_complaint *complaint)
{
	struct check check = {.policy = policy, .rules = &policy->main, .complaint = complaint};

	expand_all(&check);
	check_all(&check);
	for (unsigned i = 0; i < policy->sections_count; i++) {
		check.section = &policy->sections[i];
		check.rules = &policy->sections[i].rules;
		expand_all(&check);
		check_all(&check);
	}
	check_groups(policy, complaint);
}
