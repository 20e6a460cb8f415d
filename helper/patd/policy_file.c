/* SPDX-License-Identifier: ISC */

/* Reads pat.conf, line by line, into struct policy. What holds between lines is policy_check.c's.
 */

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "policy_private.h"
#include "policy_set.h"

#define SHOWN 100

/* inih's INI_MAX_LINE, less the line's end and the NUL: it would cut a longer line in two. */
#define LINE_MAX_LEN 197

/* A file being read: what it said so far, and what was wrong first. */
struct reading {
	struct policy *policy;
	struct policy_section *section; /* NULL: the main one */
	const char *next;               /* what inih has not had yet */
	unsigned line;                  /* which it has now */
	struct policy_complaint complaint;
};

/* In the order of enum policy_key. */
static const struct {
	const char *name;
	bool (*set)(struct policy *policy, struct policy_rules *rules, const char *value);
	const char *wanted;
} keys[] = {
	{"default_lifetime", set_default_lifetime, "a span such as 90d, or never"},
	{"max_lifetime", set_max_lifetime, "a span such as 2y, or none"},
	{"max_tokens", set_max_tokens, "a number from 0 to 1000"},
	{"default_services", set_default_services, "PAM services or @groups with commas between"},
	{"allowed_services", set_allowed_services,
	 "PAM services or @groups with commas between, or nothing"},
	{"require_from", set_require_from, "yes or no"},
	{"require_description", set_require_description, "yes or no"},
	{"allow_root", set_allow_root, "yes or no"},
	{"allow_users", set_allow_users, "user names, or nothing"},
	{"allow_groups", set_allow_groups, "names of groups, or nothing"},
	{"deny_groups", set_deny_groups, "names of groups, or nothing"},
	{"verify_for", set_verify_for, "user names, or nothing"},
	{"keep_revoked", set_keep_revoked, "a span such as 90d"},
	{"expire_unused", set_expire_unused, "a span such as 1y, or none"},
};
_Static_assert(sizeof(keys) / sizeof(keys[0]) == POLICY_KEYS, "a key for each rule");

const char *policy_key_name(enum policy_key key)
{
	return key < POLICY_KEYS ? keys[key].name : "";
}

/* ---- Lines --------------------------------------------------------------------------------------
 */

static void complain(struct reading *reading, const char *what)
{
	policy_complain(&reading->complaint, reading->line, "%s", what);
}

static void complain_of(struct reading *reading, const char *what, const char *text)
{
	char shown[SHOWN];

	policy_complain(&reading->complaint, reading->line, "%s \"%s\"", what,
			pat_escape(shown, sizeof(shown), text));
}

/* Only blanks, or a comment. */
static bool is_over(const char *text)
{
	text += strspn(text, " \t\r");
	return *text == '\0' || *text == '\n' || *text == '#' || *text == ';';
}

static struct policy_section *find_section(struct policy *policy, const char *group)
{
	for (unsigned i = 0; i < policy->sections_count; i++)
		if (strcmp(policy->sections[i].group, group) == 0)
			return &policy->sections[i];
	return NULL;
}

/* Takes what stands between the brackets: "group NAME". */
static void begin_section(struct reading *reading, const char *title, size_t len)
{
	static const char word[] = "group";
	struct policy *policy = reading->policy;
	struct policy_section *section;
	char group[POLICY_GROUP_MAX + 1];
	size_t blanks;

	while (len > 0 && (title[len - 1] == ' ' || title[len - 1] == '\t'))
		len--;
	blanks = len > strlen(word) ? strspn(title + strlen(word), " \t") : 0;
	if (strncmp(title, word, strlen(word)) != 0 || blanks == 0) {
		complain(reading, "a section is for a group, and begins as [group NAME]");
		return;
	}
	title += strlen(word) + blanks;
	len -= strlen(word) + blanks;
	snprintf(group, sizeof(group), "%.*s", (int)len, title);
	section = find_section(policy, group);
	if (len > POLICY_GROUP_MAX || !pat_text_valid(group, 1, POLICY_GROUP_MAX))
		complain_of(reading, "that is no name of a group:", group);
	else if (section != NULL)
		policy_complain(&reading->complaint, reading->line,
				"the section of this group began in line %u already",
				section->line);
	else if (policy->sections_count == POLICY_SECTIONS_MAX)
		policy_complain(&reading->complaint, reading->line,
				"there are more than %d sections", POLICY_SECTIONS_MAX);
	else {
		section = &policy->sections[policy->sections_count++];
		memcpy(section->group, group, sizeof(group));
		section->line = reading->line;
		reading->section = section;
	}
}

/* Looks at a line before inih does, for what that would take, cut or pass over in silence. */
static void check_line(struct reading *reading, const char *text, size_t len)
{
	size_t blank = strspn(text, " \t\r");
	const char *end;

	if (len > LINE_MAX_LEN) {
		complain(reading, "the line is longer than 197 bytes");
	} else if (is_over(text)) {
		return;
	} else if (blank > 0) {
		complain(reading, "a key stands at the beginning of its line");
	} else if (text[0] == '[') {
		end = memchr(text, ']', len);
		if (end == NULL || !is_over(end + 1))
			complain(reading, "a section begins as [group NAME]");
		else
			begin_section(reading, text + 1, (size_t)(end - text) - 1);
	} else if (text[strcspn(text, "=:\n")] != '=') {
		complain(reading, "not of the form \"key = value\"");
	}
}

/* inih's reader, as fgets(3): the next line, or NULL after the last one, or a wrong one. */
static char *next_line(char *buffer, int size, void *stream)
{
	struct reading *reading = stream;
	const char *text = reading->next;
	size_t len = strcspn(text, "\n");

	if (*text == '\0' || reading->complaint.line != 0)
		return NULL;
	reading->line++;
	check_line(reading, text, len);
	if (len + 2 > (size_t)size)
		complain(reading, "the line is too long");
	if (reading->complaint.line != 0)
		return NULL;
	memcpy(buffer, text, len);
	memcpy(buffer + len, "\n", 2);
	reading->next = text + len + (text[len] == '\n');
	return buffer;
}

/* ---- Keys ---------------------------------------------------------------------------------------
 */

static bool take_override(struct reading *reading, const char *value)
{
	static const char name[] = "override";

	if (reading->section->override_line != 0) {
		complain_of(reading, "a second value for", name);
		return false;
	}
	reading->section->override_line = reading->line;
	if (set_yes_no(&reading->section->override, value))
		return true;
	complain(reading, "override must be yes or no");
	return false;
}

/* Where the line of this key is kept; NULL, after a complaint, if it must not stand here. */
static unsigned *line_of(struct reading *reading, unsigned key)
{
	if (key < POLICY_SECTION_KEYS)
		return reading->section ? &reading->section->rules.line[key]
					: &reading->policy->main.line[key];
	if (reading->section == NULL)
		return &reading->policy->line[key];
	policy_complain(&reading->complaint, reading->line,
			"%s must stand above all sections, because it is not for a group",
			keys[key].name);
	return NULL;
}

static bool take_key(struct reading *reading, unsigned key, const char *value)
{
	struct policy_rules *rules =
		reading->section ? &reading->section->rules : &reading->policy->main;
	unsigned *line = line_of(reading, key);

	if (line == NULL)
		return false;
	if (*line != 0) {
		complain_of(reading, "a second value for", keys[key].name);
		return false;
	}
	*line = reading->line;
	if (keys[key].set(reading->policy, rules, value))
		return true;
	policy_complain(&reading->complaint, reading->line, "%s must be %s", keys[key].name,
			keys[key].wanted);
	return false;
}

/* inih's handler: 1 for right, 0 for an error in this line. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;

	/* It cuts long names; we have read the line ourselves. */
	(void)section;
	if (name[0] == '@') {
		if (reading->section != NULL)
			complain(reading, "groups of services must stand above all sections");
		else
			policy_define_services(reading->policy, reading->line, name + 1, value,
					       &reading->complaint);
		return reading->complaint.line == 0;
	}
	if (reading->section != NULL && strcmp(name, "override") == 0)
		return take_override(reading, value);
	for (unsigned i = 0; i < POLICY_KEYS; i++)
		if (strcmp(name, keys[i].name) == 0)
			return take_key(reading, i, value);
	complain_of(reading, "unknown key", name);
	return 0;
}

/* ---- The file -----------------------------------------------------------------------------------
 */

static void parse(const char *text, size_t len, struct reading *reading)
{
	static const char bom[] = "\xef\xbb\xbf";

	if (memchr(text, '\0', len) != NULL) {
		policy_complain(&reading->complaint, 1, "there is a NUL byte in the file");
		return;
	}
	reading->next = strncmp(text, bom, strlen(bom)) == 0 ? text + strlen(bom) : text;
	if (ini_parse_stream(next_line, reading, take_line, reading) != 0)
		complain(reading, "not of the form \"key = value\"");
}

int policy_reload(const char *path, struct policy_stamp *stamp, struct policy *policy,
		  char fault[POLICY_FAULT_MAX])
{
	struct reading reading = {.policy = policy};
	const char *why, *slash = strrchr(path, '/');
	char *text, shown[POLICY_FAULT_MAX / 5];
	size_t len;

	pat_escape(shown, sizeof(shown), path);
	if (policy_read(path, stamp, &text, &len, &why) != PAT_OK) {
		snprintf(fault, POLICY_FAULT_MAX, "%s %s%s%s", shown, why, errno ? ": " : "",
			 errno ? strerror(errno) : "");
		return PAT_E_IO;
	}
	if (text == NULL)
		return PAT_OK;
	memset(policy, 0, sizeof(*policy));
	policy_built_in(policy);
	pat_escape(policy->file, sizeof(policy->file), slash ? slash + 1 : path);
	parse(text, len, &reading);
	free(text);
	if (reading.complaint.line == 0)
		policy_check(policy, &reading.complaint);
	if (reading.complaint.line == 0)
		return PAT_OK;
	*stamp = (struct policy_stamp){.settled = false};
	snprintf(fault, POLICY_FAULT_MAX, "%s line %u: %s", shown, reading.complaint.line,
		 reading.complaint.text);
	return PAT_E_INVALID;
}

int policy_load(const char *path, struct policy *policy, char fault[POLICY_FAULT_MAX])
{
	struct policy_stamp none = {.settled = false};

	return policy_reload(path, &none, policy, fault);
}
