/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_FIND_H
#define DOCTOR_FIND_H

#include <stddef.h>

/* What patctl doctor finds. The names are documented in patctl(1), and stay as they are. */

enum doctor_severity { DOCTOR_ERROR, DOCTOR_WARNING, DOCTOR_HINT, DOCTOR_SEVERITIES };

struct doctor_rule {
	const char *id;
	enum doctor_severity severity;
};

struct doctor_finding {
	const struct doctor_rule *rule;
	char *file; /* or NULL */
	unsigned line;
	char *what;
	char *remedy;
	char **services; /* that it is about */
	size_t service_count;
};

struct doctor_findings {
	struct doctor_finding *list;
	size_t count;
	char **unseen; /* what could not be looked at, and why */
	size_t unseen_count;
};

/* All that there are; the last has no id. */
extern const struct doctor_rule doctor_rules[];

/*
 * Adds a finding. `service`, `file`: NULL for none. One that is there already, of the same file,
 * line and text, gets the service added. The strings are copied; `what` and `remedy` are the
 * list's to free().
 */
void doctor_find(struct doctor_findings *findings, const char *id, const char *service,
		 const char *file, unsigned line, char *what, char *remedy);

/* A sentence for it. */
char *doctor_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Notes what could not be looked at. */
void doctor_unseen(struct doctor_findings *findings, const char *what, const char *why);

/* The worst first, otherwise by file and line. */
void doctor_sort(struct doctor_findings *findings);
void doctor_findings_free(struct doctor_findings *findings);

#endif
