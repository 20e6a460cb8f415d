/* SPDX-License-Identifier: ISC */
#include "stats.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "pat/error.h"
#include "pat/when.h"

/* All figures, and how they are called by people and by Prometheus
 * (https://prometheus.io/docs/practices/naming/). Those without a metric are not for graphs. */
struct line {
	const char *name;
	const char *metric;
	const char *help; /* NULL: the metric of the line before, with another label */
	bool counter;
	uint64_t value;
};

enum { LINES = PAT_STATUS_REVOKED + 1 + 10 };

static void fill(const struct pat_rebuild_result *s, struct line lines[LINES])
{
	static const char *const by_status[] = {
		"pam_pat_tokens{status=\"active\"}",  "pam_pat_tokens{status=\"suspended\"}",
		"pam_pat_tokens{status=\"spent\"}",   "pam_pat_tokens{status=\"expired\"}",
		"pam_pat_tokens{status=\"revoked\"}",
	};
	struct line *line = lines;

	for (enum pat_status i = PAT_STATUS_ACTIVE; i <= PAT_STATUS_REVOKED; i++)
		*line++ = (struct line){pat_status_text(i), by_status[i],
					i == 0 ? "Tokens in the store." : NULL, false,
					s->by_status[i]};
	*line++ =
		(struct line){"users", "pam_pat_users", "Users who have tokens.", false, s->users};
	*line++ = (struct line){"uses", "pam_pat_uses_total",
				"Logins by tokens that are in the store.", true, s->uses};
	*line++ = (struct line){"refused_proved", "pam_pat_refused_total{reason=\"limits\"}",
				"Refusals.", true, s->refused_proved};
	*line++ = (struct line){"refused_unproved", "pam_pat_refused_total{reason=\"secret\"}",
				NULL, true, s->refused_unproved};
	*line++ = (struct line){"refused_unknown", "pam_pat_refused_total{reason=\"unknown\"}",
				NULL, true, s->strangers};
	*line++ = (struct line){"faults", "pam_pat_store_faults", "Damaged records.", false,
				s->faults + s->lost};
	*line++ = (struct line){"bytes", "pam_pat_store_bytes", "Size of the store.", false,
				s->bytes};
	*line++ = (struct line){"buckets", NULL, NULL, false, s->buckets};
	*line++ = (struct line){"schema", NULL, NULL, false, s->meta.schema};
	*line++ = (struct line){"generation", "pam_pat_changes_total",
				"Changes of grants since the store was made.", true,
				s->meta.generation};
}

static void print_text(FILE *out, const struct line *lines, int64_t created_at)
{
	char text[PAT_LOCALTIME_MAX];

	for (unsigned i = 0; i < LINES; i++)
		fprintf(out, "%-18s %" PRIu64 "\n", lines[i].name, lines[i].value);
	fprintf(out, "%-18s %s\n", "created_at", pat_localtime(text, created_at));
}

static int print_json(FILE *out, const struct line *lines, int64_t created_at)
{
	char text[PAT_RFC3339_MAX];
	json_t *object = json_object();
	int failed = object == NULL;

	for (unsigned i = 0; i < LINES; i++)
		failed |= json_object_set_new(object, lines[i].name,
					      json_integer((json_int_t)lines[i].value));
	failed |= json_object_set_new(object, "created_at",
				      json_string(pat_rfc3339(text, created_at)));
	if (!failed)
		failed = json_dumpf(object, out, JSON_INDENT(2));
	json_decref(object);
	fputc('\n', out);
	return failed ? PAT_E_NOMEM : PAT_OK;
}

static void print_prometheus(FILE *out, const struct line *lines)
{
	for (unsigned i = 0; i < LINES; i++) {
		const struct line *line = &lines[i];
		int len = 0;

		if (line->metric == NULL)
			continue;
		while (line->metric[len] != '\0' && line->metric[len] != '{')
			len++;
		if (line->help != NULL)
			fprintf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, line->metric,
				line->help, len, line->metric, line->counter ? "counter" : "gauge");
		fprintf(out, "%s %" PRIu64 "\n", line->metric, line->value);
	}
}

int stats_print(const struct pat_rebuild_result *result, enum stats_form form, FILE *out)
{
	struct line lines[LINES];

	fill(result, lines);
	switch (form) {
	case STATS_TEXT:
		print_text(out, lines, result->meta.created_at);
		break;
	case STATS_JSON:
		return print_json(out, lines, result->meta.created_at);
	case STATS_PROMETHEUS:
		print_prometheus(out, lines);
		break;
	}
	return PAT_OK;
}
