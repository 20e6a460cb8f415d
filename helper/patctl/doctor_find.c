/* SPDX-License-Identifier: ISC */
#include "doctor_find.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

const struct doctor_rule doctor_rules[] = {
	{"stack/always-succeeds", DOCTOR_ERROR},
	{"stack/refuses-passwords", DOCTOR_ERROR},
	{"stack/refuses-all", DOCTOR_ERROR},
	{"stack/wrong-option", DOCTOR_ERROR},
	{"stack/missing-module", DOCTOR_ERROR},
	{"stack/broken-line", DOCTOR_ERROR},
	{"stack/missing-file", DOCTOR_ERROR},
	{"stack/loop", DOCTOR_ERROR},
	{"stack/bad-jump", DOCTOR_ERROR},
	{"stack/writable", DOCTOR_ERROR},
	{"stack/refuses-tokens", DOCTOR_WARNING},
	{"stack/token-leaves-host", DOCTOR_WARNING},
	{"stack/faillock-counts-tokens", DOCTOR_WARNING},
	{"stack/faillock-counts-twice", DOCTOR_WARNING},
	{"stack/account-passed-over", DOCTOR_WARNING},
	{"stack/half-covered", DOCTOR_WARNING},
	{"stack/long-line", DOCTOR_WARNING},
	{"stack/token-tried-as-password", DOCTOR_HINT},
	{"stack/second-factor", DOCTOR_HINT},
	{"stack/tokens-only", DOCTOR_HINT},
	{"stack/no-delay", DOCTOR_HINT},
	{"stack/no-notice", DOCTOR_HINT},
	{"stack/none", DOCTOR_HINT},
	{"mint/always-succeeds", DOCTOR_ERROR},
	{"mint/refuses-passwords", DOCTOR_WARNING},
	{"mint/no-stack", DOCTOR_WARNING},
	{"mint/open-to-token", DOCTOR_HINT},
	{"module/missing", DOCTOR_ERROR},
	{"module/unloadable", DOCTOR_ERROR},
	{"module/writable", DOCTOR_ERROR},
	{"policy/wrong", DOCTOR_ERROR},
	{"policy/writable", DOCTOR_ERROR},
	{"store/unsafe", DOCTOR_ERROR},
	{"store/damaged", DOCTOR_ERROR},
	{"store/missing", DOCTOR_WARNING},
	{"patd/unreachable", DOCTOR_ERROR},
	{"patd/unsafe", DOCTOR_ERROR},
	{"patd/not-enabled", DOCTOR_WARNING},
	{"sshd/no-pam", DOCTOR_WARNING},
	{"sshd/no-password", DOCTOR_WARNING},
	{"sshd/use-dns", DOCTOR_WARNING},
	{"clock/not-set", DOCTOR_WARNING},
	{NULL, DOCTOR_HINT},
};

static const struct doctor_rule *rule_of(const char *id)
{
	const struct doctor_rule *rule = doctor_rules;

	while (strcmp(rule->id, id) != 0)
		rule++;
	return rule;
}

static char *copy(const char *text)
{
	char *own = text != NULL ? strdup(text) : NULL;

	if (text != NULL && own == NULL)
		out_of_memory();
	return own;
}

static void *grow(void *list, size_t count, size_t size)
{
	list = reallocarray(list, count + 1, size);
	if (list == NULL)
		out_of_memory();
	return list;
}

char *doctor_text(const char *format, ...)
{
	va_list arguments;
	char *text;
	int len;

	va_start(arguments, format);
	len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len < 0)
		out_of_memory();
	return text;
}

static void add_service(struct doctor_finding *finding, const char *service)
{
	for (size_t i = 0; i < finding->service_count; i++)
		if (strcmp(finding->services[i], service) == 0)
			return;
	finding->services = grow(finding->services, finding->service_count, sizeof(char *));
	finding->services[finding->service_count++] = copy(service);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct doctor_finding *find_same(struct doctor_findings *findings,
					const struct doctor_finding *new)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct doctor_finding *old = &findings->list[i];

		if (old->rule == new->rule &&
		    old->line == new->line &&same_text(old->file, new->file) &&
		    same_text(old->what, new->what))
			return old;
	}
	return NULL;
}

static void free_finding(struct doctor_finding *finding)
{
	for (size_t i = 0; i < finding->service_count; i++)
		free(finding->services[i]);
	free(finding->services);
	free(finding->file);
	free(finding->what);
	free(finding->remedy);
}

void doctor_find(struct doctor_findings *findings, const char *id, const char *service,
		 const char *file, unsigned line, char *what, char *remedy)
{
	struct doctor_finding new = {.rule = rule_of(id), .file = copy(file), .line = line};
	struct doctor_finding *finding;

	new.what = what;
	new.remedy = remedy;
	finding = find_same(findings, &new);
	if (finding != NULL) {
		free_finding(&new);
	} else {
		findings->list = grow(findings->list, findings->count, sizeof(new));
		finding = &findings->list[findings->count++];
		*finding = new;
	}
	if (service != NULL)
		add_service(finding, service);
}

void doctor_unseen(struct doctor_findings *findings, const char *what, const char *why)
{
	char *text = doctor_text("%s: %s", what, why);

	for (size_t i = 0; i < findings->unseen_count; i++)
		if (strcmp(findings->unseen[i], text) == 0) {
			free(text);
			return;
		}
	findings->unseen = grow(findings->unseen, findings->unseen_count, sizeof(char *));
	findings->unseen[findings->unseen_count++] = text;
}

static int compare(const void *a, const void *b)
{
	const struct doctor_finding *one = a, *other = b;
	int order = (int)one->rule->severity - (int)other->rule->severity;

	if (order == 0)
		order = strcmp(one->file != NULL ? one->file : "",
			       other->file != NULL ? other->file : "");
	if (order == 0)
		order = (one->line > other->line) - (one->line < other->line);
	if (order == 0)
		order = (one->rule > other->rule) - (one->rule < other->rule);
	return order != 0 ? order : strcmp(one->what, other->what);
}

void doctor_sort(struct doctor_findings *findings)
{
	if (findings->count > 0)
		qsort(findings->list, findings->count, sizeof(findings->list[0]), compare);
}

void doctor_findings_free(struct doctor_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free_finding(&findings->list[i]);
	for (size_t i = 0; i < findings->unseen_count; i++)
		free(findings->unseen[i]);
	free(findings->list);
	free(findings->unseen);
}
