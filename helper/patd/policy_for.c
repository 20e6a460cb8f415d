/* SPDX-License-Identifier: ISC */

/*
 * What holds for one user.
 *
 * MUST: let the strictest of the main section and of those of all the user's groups win, or, for
 * the rules that sections with `override = yes` have, the strictest of these and of the other
 * groups'; and fail when it cannot be told which groups these are.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "policy_private.h"

/* ---- The strictest rule -------------------------------------------------------------------------
 */

/* A rule of one section that is to hold for the user. */
struct candidate {
	const struct policy_rules *rules;
	char origin[POLICY_ORIGIN_MAX + 1];
	bool alone; /* whatever held before */
	int64_t now;
};

static void set_origin(struct policy_limits *limits, enum policy_key key, const char *origin)
{
	memcpy(limits->origin[key], origin, POLICY_ORIGIN_MAX + 1);
}

static void add_origin(struct policy_limits *limits, enum policy_key key, const char *origin)
{
	char *text = limits->origin[key];
	size_t used = strlen(text), more = strlen(origin);
	static const char between[] = " and ";

	if (used + strlen(between) + more > POLICY_ORIGIN_MAX)
		return;
	(void)stpcpy(stpcpy(text + used, between), origin);
}

static void take_span(struct policy_limits *limits, enum policy_key key, const struct candidate *c,
		      char now_holds[POLICY_SPAN_MAX + 1], const char *span)
{
	if (!c->alone && policy_span_end(span, c->now) >= policy_span_end(now_holds, c->now))
		return;
	memcpy(now_holds, span, POLICY_SPAN_MAX + 1);
	set_origin(limits, key, c->origin);
}

static void take_yes(struct policy_limits *limits, enum policy_key key, const struct candidate *c,
		     bool *now_holds, bool required)
{
	if (!c->alone && (*now_holds || !required))
		return;
	*now_holds = required;
	set_origin(limits, key, c->origin);
}

static void take_number(struct policy_limits *limits, const struct candidate *c)
{
	if (!c->alone && c->rules->max_tokens >= limits->rules.max_tokens)
		return;
	limits->rules.max_tokens = c->rules->max_tokens;
	set_origin(limits, POLICY_MAX_TOKENS, c->origin);
}

/* A list became what two have in common: says where it comes from. */
static void join_origins(struct policy_limits *limits, enum policy_key key, const char *before,
			 const char *after, const struct candidate *c, const char *candidate)
{
	if (strcmp(after, before) == 0)
		return;
	if (strcmp(after, candidate) == 0)
		set_origin(limits, key, c->origin);
	else
		add_origin(limits, key, c->origin);
}

static void take_default_services(struct policy_limits *limits, const struct candidate *c)
{
	char *list = limits->rules.default_services, before[PAT_SERVICES_MAX + 1];

	if (c->alone) {
		memcpy(list, c->rules->default_services, sizeof(before));
		set_origin(limits, POLICY_DEFAULT_SERVICES, c->origin);
		return;
	}
	memcpy(before, list, sizeof(before));
	policy_services_common(before, c->rules->default_services, list);
	join_origins(limits, POLICY_DEFAULT_SERVICES, before, list, c, c->rules->default_services);
}

static void take_allowed_services(struct policy_limits *limits, const struct candidate *c)
{
	struct policy_rules before = limits->rules;
	bool any = before.any_service;

	if (c->alone || (any && !c->rules->any_service)) {
		limits->rules.any_service = c->rules->any_service;
		memcpy(limits->rules.allowed_services, c->rules->allowed_services,
		       sizeof(before.allowed_services));
		set_origin(limits, POLICY_ALLOWED_SERVICES, c->origin);
		return;
	}
	policy_allow_common(&limits->rules, c->rules);
	join_origins(limits, POLICY_ALLOWED_SERVICES, before.allowed_services,
		     limits->rules.allowed_services, c, c->rules->allowed_services);
}

static void take(struct policy_limits *limits, enum policy_key key, const struct candidate *c)
{
	struct policy_rules *rules = &limits->rules;

	switch (key) {
	case POLICY_DEFAULT_LIFETIME:
		take_span(limits, key, c, rules->default_lifetime, c->rules->default_lifetime);
		break;
	case POLICY_MAX_LIFETIME:
		take_span(limits, key, c, rules->max_lifetime, c->rules->max_lifetime);
		break;
	case POLICY_MAX_TOKENS:
		take_number(limits, c);
		break;
	case POLICY_DEFAULT_SERVICES:
		take_default_services(limits, c);
		break;
	case POLICY_ALLOWED_SERVICES:
		take_allowed_services(limits, c);
		break;
	case POLICY_REQUIRE_FROM:
		take_yes(limits, key, c, &rules->require_from, c->rules->require_from);
		break;
	case POLICY_REQUIRE_DESCRIPTION:
		take_yes(limits, key, c, &rules->require_description,
			 c->rules->require_description);
		break;
	default:
		break;
	}
}

/* Takes the rules of those sections in `mine` that override, or of those that do not. */
static void take_sections(const struct policy *policy, const bool mine[POLICY_SECTIONS_MAX],
			  bool override, enum policy_key key, struct policy_limits *limits)
{
	struct candidate c = {.now = (int64_t)time(NULL), .alone = override};

	for (unsigned i = 0; i < policy->sections_count; i++) {
		const struct policy_section *section = &policy->sections[i];

		if (!mine[i] || section->override != override || section->rules.line[key] == 0)
			continue;
		c.rules = &section->rules;
		policy_origin(policy, section, section->rules.line[key], c.origin);
		take(limits, key, &c);
		c.alone = false;
	}
}

/* A default gives way to the limit that holds together with it. */
static void cut_defaults(struct policy_limits *limits)
{
	struct policy_rules *rules = &limits->rules;
	struct policy_rules limit = *rules;
	struct candidate c = {.rules = &limit, .now = (int64_t)time(NULL)};

	memcpy(c.origin, limits->origin[POLICY_MAX_LIFETIME], sizeof(c.origin));
	take_span(limits, POLICY_DEFAULT_LIFETIME, &c, rules->default_lifetime,
		  rules->max_lifetime);
	if (rules->any_service)
		return;
	memcpy(limit.default_services, rules->allowed_services, sizeof(limit.default_services));
	memcpy(c.origin, limits->origin[POLICY_ALLOWED_SERVICES], sizeof(c.origin));
	take_default_services(limits, &c);
}

/* ---- The user -----------------------------------------------------------------------------------
 */

/* Whether this user may have tokens at all. As in sshd_config(5), every list must let them. */
static int decide_user(const struct policy *policy, const struct policy_membership *membership,
		       const char *user, struct policy_limits *limits)
{
	char group[POLICY_GROUP_MAX + 1];
	int error = policy_find_any(membership, policy->deny_groups, limits->denied_group);

	if (error)
		return error;
	error = policy_find_any(membership, policy->allow_groups, group);
	if (error)
		return error;
	if (limits->denied_group[0] != '\0')
		limits->denied_by = POLICY_DENY_GROUPS;
	else if (policy->allow_users[0] != '\0' && !policy_names_have(policy->allow_users, user))
		limits->denied_by = POLICY_ALLOW_USERS;
	else if (policy->allow_groups[0] != '\0' && group[0] == '\0')
		limits->denied_by = POLICY_ALLOW_GROUPS;
	return PAT_OK;
}

static int apply_sections(const struct policy *policy, const struct policy_membership *membership,
			  struct policy_limits *limits)
{
	bool mine[POLICY_SECTIONS_MAX] = {false};

	for (unsigned i = 0; i < policy->sections_count; i++) {
		int error = policy_find(membership, policy->sections[i].group, &mine[i]);

		if (error)
			return error;
	}
	for (unsigned key = 0; key < POLICY_SECTION_KEYS; key++) {
		take_sections(policy, mine, true, key, limits);
		take_sections(policy, mine, false, key, limits);
	}
	return PAT_OK;
}

int policy_for(const struct policy *policy, const struct pat_account *user,
	       struct policy_limits *limits)
{
	struct policy_membership membership = {0};
	int error = PAT_OK, system_error;

	memset(limits, 0, sizeof(*limits));
	limits->rules = policy->main;
	limits->allow_root = policy->allow_root;
	limits->denied_by = POLICY_KEYS;
	for (unsigned key = 0; key < POLICY_KEYS; key++)
		policy_origin(policy, NULL,
			      key < POLICY_SECTION_KEYS ? policy->main.line[key]
							: policy->line[key],
			      limits->origin[key]);
	if (policy->sections_count > 0 || policy->allow_groups[0] || policy->deny_groups[0])
		error = policy_look_up(user->name, &membership);
	if (!error)
		error = decide_user(policy, &membership, user->name, limits);
	if (!error)
		error = apply_sections(policy, &membership, limits);
	if (!error)
		cut_defaults(limits);
	system_error = errno;
	policy_forget(&membership);
	errno = system_error;
	return error;
}
