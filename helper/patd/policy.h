/* SPDX-License-Identifier: ISC */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/service.h"

#ifndef PAT_POLICY_PATH
#define PAT_POLICY_PATH "/etc/security/pat.conf"
#endif

/*
 * pat.conf(5): what may be minted.
 *
 * MUST: refuse a file that is absent, unreadable, not root's, writable by others, or wrong in any
 * line, and never act by laxer rules than those that are written there.
 */

#define POLICY_SPAN_MAX 15
#define POLICY_USERS_MAX 1023

struct policy {
	char default_lifetime[POLICY_SPAN_MAX + 1]; /* a span, or "never" */
	char max_lifetime[POLICY_SPAN_MAX + 1];     /* a span, or "none" */
	unsigned max_tokens;
	char default_services[PAT_SERVICES_MAX + 1];
	char allowed_services[PAT_SERVICES_MAX + 1]; /* empty: any */
	char verify_for[POLICY_USERS_MAX + 1];       /* names with one space between */
	bool allow_root;
};

/* Reads the file anew. 0, or a negative error and in `fault` a sentence for the sysadmin that names
 * the file, the line and what is wrong with it. */
#define POLICY_FAULT_MAX 512
int policy_load(const char *path, struct policy *policy, char fault[POLICY_FAULT_MAX]);

/* What somebody wants to mint. */
struct policy_wish {
	bool for_root;
	const char *services;   /* a list, or NULL for the default */
	const char *expires_at; /* "never" or RFC 3339, or NULL for the default */
	int64_t now;
};

/* What they get. */
struct policy_terms {
	char services[PAT_SERVICES_MAX + 1];
	int64_t expires_at; /* PAT_NEVER for never */
};

/*
 * Decides on a wish. 0 and the terms; PAT_E_INVALID when the wish is malformed, with what is wrong
 * in `message` and the parameter in *rule; PAT_E_ACCESS when a rule forbids it, with the rule's
 * name.
 */
#define POLICY_MESSAGE_MAX 768
int policy_decide(const struct policy *policy, const struct policy_wish *wish,
		  struct policy_terms *terms, const char **rule, char message[POLICY_MESSAGE_MAX]);

/* True if pat.conf lets the user of this name verify tokens of others. */
bool policy_may_verify(const struct policy *policy, const char *user);

#endif
