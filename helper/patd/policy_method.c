/* SPDX-License-Identifier: ISC */

/* Policy: what a user may mint, and which rule says so. */

#include "policy_method.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "log.h"
#include "pat/error.h"
#include "pat/text.h"
#include "policy_cache.h"

#define VALUE_MAX 1023

static void add(json_t *rules, const char *name, const char *value, const char *origin)
{
	char shown[PAT_ESCAPED(VALUE_MAX)];

	json_array_append_new(rules,
			      json_pack("{s:s, s:s, s:s}", "name", name, "value",
					pat_escape(shown, sizeof(shown), value), "origin", origin));
}

/* The value of a rule as text, in `number` if it is one. */
static const char *value_of(const struct policy *policy, const struct policy_limits *limits,
			    enum policy_key key, char number[16])
{
	const struct policy_rules *rules = &limits->rules;

	switch (key) {
	case POLICY_DEFAULT_LIFETIME:
		return rules->default_lifetime;
	case POLICY_MAX_LIFETIME:
		return rules->max_lifetime;
	case POLICY_MAX_TOKENS:
		snprintf(number, 16, "%u", rules->max_tokens);
		return number;
	case POLICY_DEFAULT_SERVICES:
		return rules->default_services[0] ? rules->default_services : "none";
	case POLICY_ALLOWED_SERVICES:
		if (rules->any_service)
			return "any";
		return rules->allowed_services[0] ? rules->allowed_services : "none";
	case POLICY_REQUIRE_FROM:
		return rules->require_from ? "yes" : "no";
	case POLICY_REQUIRE_DESCRIPTION:
		return rules->require_description ? "yes" : "no";
	case POLICY_ALLOW_ROOT:
		return policy->allow_root ? "yes" : "no";
	case POLICY_ALLOW_USERS:
		return policy->allow_users[0] ? policy->allow_users : "any";
	case POLICY_ALLOW_GROUPS:
		return policy->allow_groups[0] ? policy->allow_groups : "any";
	case POLICY_DENY_GROUPS:
		return policy->deny_groups[0] ? policy->deny_groups : "none";
	case POLICY_VERIFY_FOR:
		return policy->verify_for[0] ? policy->verify_for : "none";
	case POLICY_KEEP_REVOKED:
		return policy->keep_revoked;
	case POLICY_EXPIRE_UNUSED:
		return policy->expire_unused;
	default:
		return "";
	}
}

/* Whether the user may have tokens at all: not a key of pat.conf, but what several of them say. */
static void add_may_create(json_t *rules, const struct policy_limits *limits, bool is_root)
{
	enum policy_key key = limits->denied_by;
	char origin[POLICY_ORIGIN_MAX + 64];

	if (is_root && !limits->allow_root)
		key = POLICY_ALLOW_ROOT;
	if (key == POLICY_KEYS && limits->rules.max_tokens == 0)
		key = POLICY_MAX_TOKENS;
	if (key == POLICY_KEYS) {
		add(rules, "may_create", "yes", "no rule against it");
		return;
	}
	snprintf(origin, sizeof(origin), "%s, %s", policy_key_name(key), limits->origin[key]);
	add(rules, "may_create", "no", origin);
}

/* The groups that lists of services may name. */
struct naming {
	const struct policy *policy;
	json_t *rules;
};

static int add_service_group(const struct policy_service_group *group, void *data)
{
	const struct naming *naming = data;
	char name[PAT_SERVICE_MAX + 2], origin[POLICY_ORIGIN_MAX + 1];

	snprintf(name, sizeof(name), "@%s", group->name);
	add(naming->rules, name, group->services,
	    policy_origin(naming->policy, NULL, group->line, origin));
	return 0;
}

static int unusable(struct session *session, const char *fault)
{
	log_line(LOG_ERR, "no token is minted: %s", fault);
	return session_error(session, ERROR_OWN("PolicyUnusable"), fault, NULL);
}

int policy_method(struct session *session, const json_t *parameters)
{
	char fault[POLICY_FAULT_MAX], number[16];
	const struct policy *policy = policy_current(session->settings->policy, fault);
	struct naming naming = {.policy = policy};
	struct policy_limits limits;
	json_t *rules;
	int error;

	(void)parameters;
	if (policy == NULL)
		return unusable(session, fault);
	error = policy_for(policy, &session->owner, &limits);
	if (error) {
		snprintf(fault, sizeof(fault), "the user's groups cannot be looked up: %s",
			 error == PAT_E_IO ? strerror(errno) : pat_error_text(error));
		return unusable(session, fault);
	}
	rules = json_array();
	naming.rules = rules;
	add_may_create(rules, &limits, session->owner.uid == 0);
	for (unsigned key = 0; key < POLICY_KEYS; key++)
		/* Whose processes may verify is not about what this user may mint. */
		if (key != POLICY_VERIFY_FOR)
			add(rules, policy_key_name(key), value_of(policy, &limits, key, number),
			    limits.origin[key]);
	policy_service_groups(policy, add_service_group, &naming);
	return session_reply(session, json_pack("{s:o}", "rules", rules), false);
}
