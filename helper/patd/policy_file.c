/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/record.h"
#include "pat/text.h"
#include "pat/when.h"
#include "policy.h"

#define FILE_MAX (64 * 1024)
#define SHOWN 100

/* inih's INI_MAX_LINE, less the line's end and the NUL: it would cut a longer line in two. */
#define LINE_MAX_LEN 197

/* A file being read: what it said so far, and what was wrong first. */
struct reading {
	struct policy *policy;
	unsigned seen; /* bits by the order of `keys` */
	char wrong[POLICY_FAULT_MAX / 2];
};

static bool is_lifetime(const char *text)
{
	int64_t when;

	return pat_span_add(text, (int64_t)time(NULL), &when) == PAT_OK;
}

static bool set_default_lifetime(struct policy *policy, const char *value)
{
	if (!is_lifetime(value) && strcmp(value, "never") != 0)
		return false;
	return snprintf(policy->default_lifetime, sizeof(policy->default_lifetime), "%s", value) <
	       (int)sizeof(policy->default_lifetime);
}

static bool set_max_lifetime(struct policy *policy, const char *value)
{
	if (!is_lifetime(value) && strcmp(value, "none") != 0)
		return false;
	return snprintf(policy->max_lifetime, sizeof(policy->max_lifetime), "%s", value) <
	       (int)sizeof(policy->max_lifetime);
}

static bool set_max_tokens(struct policy *policy, const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len > 4 || strspn(value, "0123456789") != len)
		return false;
	policy->max_tokens = (unsigned)strtoul(value, NULL, 10);
	return policy->max_tokens <= PAT_INDEX_MAX;
}

static int check_not_forbidden(const char *service, void *data)
{
	(void)data;
	return pat_service_forbidden(service);
}

static bool set_services(char list[PAT_SERVICES_MAX + 1], const char *value)
{
	list[0] = '\0';
	return pat_services_add(list, value) == PAT_OK &&
	       pat_services_each(list, check_not_forbidden, NULL) == 0;
}

static bool set_default_services(struct policy *policy, const char *value)
{
	return set_services(policy->default_services, value);
}

static bool set_allowed_services(struct policy *policy, const char *value)
{
	policy->allowed_services[0] = '\0';
	return value[0] == '\0' || set_services(policy->allowed_services, value);
}

/* As useradd(8) takes them, and a little more: what is no name, such as the `#` of a comment, is an
 * error and not a user. */
static bool is_user_name(const char *name, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (len > 1 && name[len - 1] == '$')
		len--;
	if (len == 0 || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (strchr(allowed, name[i]) == NULL)
			return false;
	return true;
}

/* Names with blanks or commas between them, kept with one blank. */
static bool set_verify_for(struct policy *policy, const char *value)
{
	static const char between[] = " \t,";
	size_t used = 0;

	for (const char *name = value + strspn(value, between); *name != '\0';) {
		size_t len = strcspn(name, between);

		if (!is_user_name(name, len) || used + len + 2 > sizeof(policy->verify_for))
			return false;
		if (used > 0)
			policy->verify_for[used++] = ' ';
		memcpy(policy->verify_for + used, name, len);
		used += len;
		name += len;
		name += strspn(name, between);
	}
	policy->verify_for[used] = '\0';
	return true;
}

static bool set_allow_root(struct policy *policy, const char *value)
{
	policy->allow_root = strcmp(value, "yes") == 0;
	return policy->allow_root || strcmp(value, "no") == 0;
}

static const struct {
	const char *name;
	bool (*set)(struct policy *policy, const char *value);
	const char *wanted;
} keys[] = {
	{"default_lifetime", set_default_lifetime, "a span such as 90d, or never"},
	{"max_lifetime", set_max_lifetime, "a span such as 2y, or none"},
	{"max_tokens", set_max_tokens, "a number from 0 to 1000"},
	{"default_services", set_default_services,
	 "PAM services with commas between, none of those that no token may be for"},
	{"allowed_services", set_allowed_services,
	 "PAM services with commas between, or nothing, and none that no token may be for"},
	{"verify_for", set_verify_for, "user names, or nothing"},
	{"allow_root", set_allow_root, "yes or no"},
};

/* Keeps the first complaint: what is wrong, and the text in question if it helps to see it. */
static void complain(struct reading *reading, const char *what, const char *text)
{
	char shown[SHOWN];

	if (reading->wrong[0] != '\0')
		return;
	if (text == NULL)
		snprintf(reading->wrong, sizeof(reading->wrong), "%s", what);
	else
		snprintf(reading->wrong, sizeof(reading->wrong), "%s \"%s\"", what,
			 pat_escape(shown, sizeof(shown), text));
}

/* inih's handler: 1 for right, 0 for an error in this line. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;

	if (section[0] != '\0') {
		complain(reading, "there are no sections, but this line begins one", NULL);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (reading->seen & 1u << i) {
			complain(reading, "a second value for", name);
			return 0;
		}
		reading->seen |= 1u << i;
		if (keys[i].set(reading->policy, value))
			return 1;
		if (reading->wrong[0] == '\0')
			snprintf(reading->wrong, sizeof(reading->wrong), "%s must be %s", name,
				 keys[i].wanted);
		return 0;
	}
	complain(reading, "unknown key", name);
	return 0;
}

/* What inih would take or pass over in silence: NUL bytes, lines that are too long, sections
 * without keys, lines that go on from the one before, and "key: value". The first such line, or 0.
 */
static int check_lines(const char *text, size_t len, struct reading *reading)
{
	int line = 1;

	if (memchr(text, '\0', len) != NULL) {
		complain(reading, "there is a NUL byte in the file", NULL);
		return 1;
	}
	for (; *text != '\0'; line++) {
		size_t n = strcspn(text, "\n");
		size_t blank = strspn(text, " \t\r");

		if (n > LINE_MAX_LEN) {
			complain(reading, "the line is longer than 197 bytes", NULL);
			return line;
		}
		if (text[0] == '[') {
			complain(reading, "there are no sections, but this line begins one", NULL);
			return line;
		}
		if (blank > 0 && blank < n && text[blank] != '#' && text[blank] != ';') {
			complain(reading, "a key stands at the beginning of its line", NULL);
			return line;
		}
		if (text[blank] != '#' && text[blank] != ';' &&
		    text[strcspn(text, "=:\n")] == ':') {
			complain(reading, "not of the form \"key = value\"", NULL);
			return line;
		}
		text += n + (text[n] == '\n');
	}
	return 0;
}

/* The whole file, NUL-terminated, for the caller to free; checked for who may write it. */
static int read_file(const char *path, char **text, size_t *len, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	*why = "cannot be read";
	if (fd < 0)
		return PAT_E_IO;
	if (fstat(fd, &st) < 0)
		goto fail;
	*why = "is not a regular file of root's that nobody else may write";
	errno = 0;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		goto fail;
	*why = "is too large";
	if (st.st_size > FILE_MAX)
		goto fail;
	*why = "cannot be read";
	*text = calloc(1, FILE_MAX + 2);
	if (*text == NULL)
		goto fail;
	*len = 0;
	while ((got = read(fd, *text + *len, FILE_MAX + 1 - *len)) > 0)
		*len += (size_t)got;
	if (got < 0 || *len > FILE_MAX) {
		free(*text);
		goto fail;
	}
	close(fd);
	return PAT_OK;
fail:
	close(fd);
	return PAT_E_IO;
}

/* Rules that hold between keys. A default that is longer than the maximum is cut to it when it is
 * used: which of two spans is the longer can depend on the month. */
static bool contradiction(const struct policy *policy, char fault[POLICY_FAULT_MAX],
			  const char *path)
{
	if (strcmp(policy->default_lifetime, "never") != 0 ||
	    strcmp(policy->max_lifetime, "none") == 0)
		return false;
	snprintf(fault, POLICY_FAULT_MAX, "%s: default_lifetime = never, but max_lifetime = %s",
		 path, policy->max_lifetime);
	return true;
}

int policy_load(const char *path, struct policy *policy, char fault[POLICY_FAULT_MAX])
{
	struct reading reading = {.policy = policy};
	const char *why;
	char *text;
	size_t len;
	int line;

	*policy = (struct policy){
		.default_lifetime = "90d",
		.max_lifetime = "2y",
		.max_tokens = 50,
		.default_services = "sshd",
	};
	if (read_file(path, &text, &len, &why) != PAT_OK) {
		snprintf(fault, POLICY_FAULT_MAX, "%s %s%s%s", path, why, errno ? ": " : "",
			 errno ? strerror(errno) : "");
		return PAT_E_IO;
	}
	line = check_lines(text, len, &reading);
	if (line == 0)
		line = ini_parse_string(text, take_line, &reading);
	free(text);
	if (line != 0) {
		snprintf(fault, POLICY_FAULT_MAX, "%s line %d: %s", path, line > 0 ? line : 1,
			 reading.wrong[0] ? reading.wrong : "not of the form \"key = value\"");
		return PAT_E_INVALID;
	}
	return contradiction(policy, fault, path) ? PAT_E_INVALID : PAT_OK;
}
