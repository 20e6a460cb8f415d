/* SPDX-License-Identifier: ISC */
#include "policy_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pat/error.h"
#include "pat/record.h"
#include "pat/when.h"

static bool set_span(char span[POLICY_SPAN_MAX + 1], const char *value, const char *otherwise)
{
	int64_t when;

	if (strlen(value) > POLICY_SPAN_MAX)
		return false;
	if (pat_span_add(value, (int64_t)time(NULL), &when) != PAT_OK &&
	    (otherwise == NULL || strcmp(value, otherwise) != 0))
		return false;
	snprintf(span, POLICY_SPAN_MAX + 1, "%s", value);
	return true;
}

bool set_default_lifetime(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	return set_span(rules->default_lifetime, value, "never");
}

bool set_max_lifetime(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	return set_span(rules->max_lifetime, value, "none");
}

bool set_keep_revoked(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_span(policy->keep_revoked, value, NULL);
}

bool set_expire_unused(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_span(policy->expire_unused, value, "none");
}

bool set_max_tokens(struct policy *policy, struct policy_rules *rules, const char *value)
{
	size_t len = strlen(value);

	(void)policy;
	if (len == 0 || len > 4 || strspn(value, "0123456789") != len)
		return false;
	rules->max_tokens = (unsigned)strtoul(value, NULL, 10);
	return rules->max_tokens <= PAT_INDEX_MAX;
}

static bool set_services(char list[PAT_SERVICES_MAX + 1], const char *value)
{
	return snprintf(list, PAT_SERVICES_MAX + 1, "%s", value) <= PAT_SERVICES_MAX;
}

bool set_default_services(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	return set_services(rules->default_services, value);
}

bool set_allowed_services(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	rules->any_service = value[0] == '\0';
	return set_services(rules->allowed_services, value);
}

bool set_yes_no(bool *flag, const char *value)
{
	*flag = strcmp(value, "yes") == 0;
	return *flag || strcmp(value, "no") == 0;
}

bool set_require_from(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	return set_yes_no(&rules->require_from, value);
}

bool set_require_description(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)policy;
	return set_yes_no(&rules->require_description, value);
}

bool set_allow_root(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_yes_no(&policy->allow_root, value);
}

/* As useradd(8) takes them, and with what directories of networks put in front of or behind them.
 * What is no name, such as the `#` of a comment, is an error and not a user. */
static bool is_name(const char *name, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-@+\\";

	if (len > 1 && name[len - 1] == '$')
		len--;
	return len > 0 && name[0] != '-' && strspn(name, allowed) >= len;
}

/* Names with blanks or commas between them, kept with one blank. */
static bool set_names(char names[POLICY_NAMES_MAX + 1], const char *value)
{
	static const char between[] = " \t,";
	size_t used = 0;

	for (const char *name = value + strspn(value, between); *name != '\0';) {
		size_t len = strcspn(name, between);

		if (!is_name(name, len) || used + len + 2 > POLICY_NAMES_MAX + 1)
			return false;
		if (used > 0)
			names[used++] = ' ';
		memcpy(names + used, name, len);
		used += len;
		name += len;
		name += strspn(name, between);
	}
	names[used] = '\0';
	/* Commas alone are no names, and must not come to mean "no limit". */
	return used > 0 || value[0] == '\0';
}

bool set_allow_users(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_names(policy->allow_users, value);
}

bool set_allow_groups(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_names(policy->allow_groups, value);
}

bool set_deny_groups(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_names(policy->deny_groups, value);
}

bool set_verify_for(struct policy *policy, struct policy_rules *rules, const char *value)
{
	(void)rules;
	return set_names(policy->verify_for, value);
}

void policy_built_in(struct policy *policy)
{
	struct policy_rules *rules = &policy->main;

	snprintf(rules->default_lifetime, sizeof(rules->default_lifetime), "90d");
	snprintf(rules->max_lifetime, sizeof(rules->max_lifetime), "2y");
	snprintf(rules->default_services, sizeof(rules->default_services), "sshd");
	snprintf(policy->keep_revoked, sizeof(policy->keep_revoked), "90d");
	snprintf(policy->expire_unused, sizeof(policy->expire_unused), "1y");
	rules->max_tokens = 50;
	rules->any_service = true;
}
