/* SPDX-License-Identifier: ISC */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include "policy.h"

/* What each key of pat.conf may be. All return false for a value that is none; `rules` are those of
 * the section that the key stands in. */

bool set_default_lifetime(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_max_lifetime(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_max_tokens(struct policy *policy, struct policy_rules *rules, const char *value);
/* These keep the text as it is written: policy_check() expands it when all groups are known. */
bool set_default_services(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_allowed_services(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_require_from(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_require_description(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_allow_root(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_allow_users(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_allow_groups(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_deny_groups(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_verify_for(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_keep_revoked(struct policy *policy, struct policy_rules *rules, const char *value);
bool set_expire_unused(struct policy *policy, struct policy_rules *rules, const char *value);

bool set_yes_no(bool *flag, const char *value);

/* What holds where pat.conf says nothing. */
void policy_built_in(struct policy *policy);

#endif
