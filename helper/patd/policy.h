/* SPDX-License-Identifier: ISC */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/account.h"
#include "pat/service.h"
#include "pat/source.h"

#ifndef PAT_POLICY_PATH
#define PAT_POLICY_PATH "/etc/security/pat.conf"
#endif

/*
 * pat.conf(5): what may be minted, by whom.
 *
 * MUST: refuse a file that is absent, unreadable, not root's, writable by others, or wrong in any
 * line, and never act by laxer rules than those that are written there.
 */

#define POLICY_SPAN_MAX 15
#define POLICY_NAMES_MAX 1023
#define POLICY_GROUP_MAX 63
#define POLICY_FILE_MAX 40
#define POLICY_ORIGIN_MAX 255
#define POLICY_SECTIONS_MAX 32
#define POLICY_SERVICE_GROUPS_MAX 32

/* The rules. Those before POLICY_SECTION_KEYS may stand in the section of a group, too. */
enum policy_key {
	POLICY_DEFAULT_LIFETIME,
	POLICY_MAX_LIFETIME,
	POLICY_MAX_TOKENS,
	POLICY_DEFAULT_SERVICES,
	POLICY_ALLOWED_SERVICES,
	POLICY_REQUIRE_FROM,
	POLICY_REQUIRE_DESCRIPTION,
	POLICY_SECTION_KEYS,

	POLICY_ALLOW_ROOT = POLICY_SECTION_KEYS,
	POLICY_ALLOW_USERS,
	POLICY_ALLOW_GROUPS,
	POLICY_DENY_GROUPS,
	POLICY_VERIFY_FOR,
	POLICY_KEEP_REVOKED,
	POLICY_EXPIRE_UNUSED,
	POLICY_KEYS,
};

/* Rules that may differ from group to group, as one section has them. */
struct policy_rules {
	char default_lifetime[POLICY_SPAN_MAX + 1]; /* a span, or "never" */
	char max_lifetime[POLICY_SPAN_MAX + 1];     /* a span, or "none" */
	unsigned max_tokens;
	char default_services[PAT_SERVICES_MAX + 1]; /* empty: none */
	char allowed_services[PAT_SERVICES_MAX + 1];
	bool any_service; /* allowed_services is empty because all are allowed */
	bool require_from;
	bool require_description;
	unsigned line[POLICY_SECTION_KEYS]; /* where each is written; 0: not in this section */
};

struct policy_section {
	char group[POLICY_GROUP_MAX + 1];
	unsigned line;
	bool override; /* takes the place of the main section, for the rules that it has */
	unsigned override_line;
	struct policy_rules rules;
};

/* `@name = services`. */
struct policy_service_group {
	char name[PAT_SERVICE_MAX + 1]; /* without the @ */
	unsigned line;
	char services[PAT_SERVICES_MAX + 1];
};

struct policy {
	char file[POLICY_FILE_MAX + 1]; /* its name without directories, for people */
	struct policy_rules main;       /* every rule has a value; `line` 0: built in */
	bool allow_root;
	/* Names with one space between. */
	char allow_users[POLICY_NAMES_MAX + 1];
	char allow_groups[POLICY_NAMES_MAX + 1];
	char deny_groups[POLICY_NAMES_MAX + 1];
	char verify_for[POLICY_NAMES_MAX + 1];
	char keep_revoked[POLICY_SPAN_MAX + 1];  /* a span */
	char expire_unused[POLICY_SPAN_MAX + 1]; /* a span, or "none" */
	unsigned line[POLICY_KEYS];              /* of these rules; 0: built in */
	unsigned sections_count;
	struct policy_section sections[POLICY_SECTIONS_MAX];
	unsigned service_groups_count;
	struct policy_service_group service_groups[POLICY_SERVICE_GROUPS_MAX];
};

/* Reads the file anew. 0, or a negative error and in `fault` a sentence for the sysadmin that names
 * the file, the line and what is wrong with it. */
#define POLICY_FAULT_MAX 512
int policy_load(const char *path, struct policy *policy, char fault[POLICY_FAULT_MAX]);

/* What holds for one user, and where that is written: "pat.conf line 12", "[group ci] line 30",
 * both with " and " between them, or "built in". */
struct policy_limits {
	struct policy_rules rules; /* `line` has no meaning here */
	bool allow_root;
	/* The rule by which this user may have no tokens, POLICY_KEYS when there is none; and the
	 * group for POLICY_DENY_GROUPS. */
	enum policy_key denied_by;
	char denied_group[POLICY_GROUP_MAX + 1];
	char origin[POLICY_KEYS][POLICY_ORIGIN_MAX + 1];
};

/*
 * Puts together what holds for `user`: the strictest of the main section and the sections of all
 * their groups. 0; PAT_E_IO (errno) or PAT_E_NOMEM when their groups cannot be looked up, and then
 * nothing may be minted for them. A group that does not exist has no members.
 */
int policy_for(const struct policy *policy, const struct pat_account *user,
	       struct policy_limits *limits);

/*
 * Adds the comma-separated names in `text`, services or groups of them (`@web`), to `list`, as
 * pat_services_add() does. PAT_E_INVALID; PAT_E_TOOBIG; PAT_E_NOTFOUND for a group that there is
 * not, whose name, without the @, is then in `missing` (may be NULL). `list` is then unchanged.
 */
int policy_services(const struct policy *policy, const char *text, char list[PAT_SERVICES_MAX + 1],
		    char missing[PAT_SERVICE_MAX + 1]);

/*
 * Calls `each` for every group of services, those that are built in (`line` 0) first, until it
 * returns other than 0; returns that, or 0.
 */
int policy_service_groups(const struct policy *policy,
			  int (*each)(const struct policy_service_group *group, void *data),
			  void *data);

/*
 * Calls `each` for every group that the file names and this machine has not: no fault, because one
 * file may be for many machines, but what a slip of the pen looks like.
 */
void policy_unknown_groups(const struct policy *policy,
			   void (*each)(const char *group, unsigned line, void *data), void *data);

/* "pat.conf line 12", or "built in" for line 0; with a section "[group ci] line 30". Returns
 * origin.
 */
char *policy_origin(const struct policy *policy, const struct policy_section *section,
		    unsigned line, char origin[POLICY_ORIGIN_MAX + 1]);

/* What somebody wants to mint. */
struct policy_wish {
	bool for_root;
	bool has_description;
	const char *services;   /* a list without groups, or NULL for the default */
	const char *sources;    /* a list, or NULL for anywhere */
	const char *expires_at; /* "never" or RFC 3339, or NULL for the default */
	uint32_t max_uses;      /* 0: no limit */
	int64_t now;
};

/* What they get. */
struct policy_terms {
	char services[PAT_SERVICES_MAX + 1];
	char sources[PAT_SOURCES_MAX + 1]; /* canonical */
	int64_t expires_at;                /* PAT_NEVER for never */
	uint32_t max_uses;
};

/*
 * Decides on a wish. 0 and the terms; PAT_E_INVALID when the wish is malformed, with what is wrong
 * in `message` and the parameter in *rule; PAT_E_ACCESS when a rule forbids it, with the rule's
 * name. How many tokens there are already is for the caller to compare with max_tokens.
 */
#define POLICY_MESSAGE_MAX 768
int policy_decide(const struct policy_limits *limits, const struct policy_wish *wish,
		  struct policy_terms *terms, const char **rule, char message[POLICY_MESSAGE_MAX]);

/* The name of a rule, as pat.conf has it. */
const char *policy_key_name(enum policy_key key);

/* True if pat.conf lets the user of this name verify tokens of others. */
bool policy_may_verify(const struct policy *policy, const char *user);

#endif
