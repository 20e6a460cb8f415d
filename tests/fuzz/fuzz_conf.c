/* SPDX-License-Identifier: ISC */

/*
 * pat.conf. The input is the file; a line `#!` in it, with a service, a span and a number behind
 * it, is what somebody then wishes to mint.
 *
 * What must hold: a file is taken whole or refused with one printable sentence that names a line;
 * what was taken holds together; nobody gets what the rules that hold for them forbid: not longer,
 * not for more services, not without the sources or the description that must be there; and a
 * section that does not override never gives more than the main one alone.
 */

#include "world.h"

#include <sys/mman.h>

#include "../../helper/patd/policy_private.h"
#include "pat/error.h"
#include "pat/when.h"

#define NOW WORLD_NOW

static struct policy policy;
static char path[64], service[64], lifetime[64];
static unsigned number;
static int file;

static void read_wish(const uint8_t *data, size_t size)
{
	const char *line = memmem(data, size, "#!", 2);
	char text[256];

	service[0] = lifetime[0] = '\0';
	number = 0;
	if (line == NULL)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(size - (size_t)(line + 2 - (const char *)data)),
		 line + 2);
	(void)sscanf(text, "%63s %63s %9u", service, lifetime, &number);
}

static void check_rules(const struct policy_rules *rules)
{
	HOLDS(rules->max_tokens <= 1000);
	HOLDS(strlen(rules->default_lifetime) <= POLICY_SPAN_MAX);
	HOLDS(strlen(rules->max_lifetime) <= POLICY_SPAN_MAX);
	HOLDS(strlen(rules->default_services) <= PAT_SERVICES_MAX);
	HOLDS(!rules->any_service || rules->allowed_services[0] == '\0');
}

/* What they get is within what holds for them. */
static void check_terms(const struct policy_limits *limits, const struct policy_wish *wish,
			const struct policy_terms *terms)
{
	const struct policy_rules *rules = &limits->rules;
	int64_t end = policy_span_end(rules->max_lifetime, NOW);

	HOLDS(limits->denied_by == POLICY_KEYS);
	HOLDS(!wish->for_root || limits->allow_root);
	HOLDS(end == INT64_MAX || (terms->expires_at != PAT_NEVER && terms->expires_at <= end));
	HOLDS(rules->any_service || pat_services_within(terms->services, rules->allowed_services));
	HOLDS(!rules->require_from || terms->sources[0] != '\0');
	HOLDS(!rules->require_description || wish->has_description);
	HOLDS(terms->services[0] != '\0' && terms->max_uses == wish->max_uses);
}

static void wish_as(const char *user, bool for_root, struct policy_limits *limits)
{
	struct pat_account account = {.exists = true, .uid = for_root ? 0 : ALICE};
	struct policy_wish wish = {.for_root = for_root,
				   .has_description = number & 1,
				   .services = service[0] ? service : NULL,
				   .sources = number & 2 ? "192.0.2.0/24" : NULL,
				   .max_uses = number & 4 ? 3 : 0,
				   .now = NOW};
	char at[PAT_RFC3339_MAX], message[POLICY_MESSAGE_MAX];
	struct policy_terms terms;
	const char *rule = NULL;
	int64_t end;
	int error;

	snprintf(account.name, sizeof(account.name), "%s", user);
	HOLDS(policy_for(&policy, &account, limits) == PAT_OK);
	check_rules(&limits->rules);
	if (strcmp(lifetime, "never") == 0)
		wish.expires_at = lifetime;
	else if (pat_span_add(lifetime, NOW, &end) == PAT_OK)
		wish.expires_at = pat_rfc3339(at, end);
	error = policy_decide(limits, &wish, &terms, &rule, message);
	if (error == PAT_OK) {
		check_terms(limits, &wish, &terms);
	} else {
		HOLDS((error == PAT_E_INVALID || error == PAT_E_ACCESS) && rule != NULL);
		HOLDS(is_printable(message, strlen(message)) && message[0] != '\0');
	}
}

/* Bob is in no group that is there; alice is in `ci` and `alice`. */
static void check_policy(void)
{
	static struct policy_limits alice, bob, root;
	bool overrides = false;

	check_rules(&policy.main);
	for (unsigned i = 0; i < policy.sections_count; i++) {
		check_rules(&policy.sections[i].rules);
		overrides = overrides || policy.sections[i].override ||
			    strcmp(policy.sections[i].group, "bob") == 0;
	}
	wish_as("alice", false, &alice);
	wish_as("bob", false, &bob);
	wish_as("root", true, &root);
	if (!overrides) {
		HOLDS(alice.rules.max_tokens <= bob.rules.max_tokens);
		HOLDS(policy_span_end(alice.rules.max_lifetime, NOW) <=
		      policy_span_end(bob.rules.max_lifetime, NOW));
		HOLDS(alice.rules.require_from >= bob.rules.require_from);
		HOLDS(bob.rules.any_service || (!alice.rules.any_service &&
						pat_services_within(alice.rules.allowed_services,
								    bob.rules.allowed_services)));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("pat.conf", MFD_CLOEXEC);
	HOLDS(file >= 0 && fchmod(file, 0600) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	snprintf(place.dir, sizeof(place.dir), "%s", path); /* what may be opened */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char fault[POLICY_FAULT_MAX];
	int fd = next_descriptor(), error;

	HOLDS(pwrite(file, data, size, 0) == (ssize_t)size && ftruncate(file, (off_t)size) == 0);
	read_wish(data, size);
	world_arm();
	error = policy_load(path, &policy, fault);
	if (error == PAT_OK) {
		check_policy();
	} else {
		HOLDS(strnlen(fault, sizeof(fault)) < sizeof(fault));
		HOLDS(is_printable(fault, strlen(fault)));
		HOLDS(error == PAT_E_IO || strstr(fault, " line ") != NULL);
	}
	world_disarm();
	HOLDS(next_descriptor() == fd);
	return 0;
}
