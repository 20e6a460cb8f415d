/* SPDX-License-Identifier: ISC */

/* What was found, for people and for programs. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "output.h"
#include "pat/service.h"
#include "tell.h"

#define WIDTH 78
#define INDENT 4

/* More services than these are counted. */
#define SERVICES_SHOWN 6

static const char *const severity_names[] = {"error", "warning", "hint"};
static const char *const headings[] = {"Dangerous or broken:", "To be mended:", "Hints:"};

/* A paragraph, with a mark before its first line. */
static void say_wrapped(const char *mark, const char *text)
{
	const size_t room = WIDTH - INDENT - strlen(mark);
	bool first = true;

	while (*text != '\0') {
		size_t len = strlen(text);

		if (len > room) {
			len = room;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0)
				len = strcspn(text, " ");
		}
		say("%*s%*s%.*s", INDENT, "", (int)strlen(mark), first ? mark : "", (int)len, text);
		first = false;
		text += len;
		text += strspn(text, " ");
	}
}

/* "sshd, sudo and 3 more". The caller frees it. */
static char *list_services(char *const *services, size_t count)
{
	char *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	if (stream == NULL)
		out_of_memory();
	for (size_t i = 0; i < count && i < SERVICES_SHOWN; i++)
		(void)fprintf(stream, "%s%s", i > 0 ? ", " : "", services[i]);
	if (count > SERVICES_SHOWN)
		(void)fprintf(stream, " and %zu more", count - SERVICES_SHOWN);
	if (fclose(stream) != 0 || list == NULL)
		out_of_memory();
	return list;
}

static char *place_of(const struct doctor_finding *finding)
{
	if (finding->file == NULL)
		return doctor_text("%s", "");
	if (finding->line == 0)
		return doctor_text("  %s", finding->file);
	return doctor_text("  %s:%u", finding->file, finding->line);
}

static void tell_finding(const struct doctor_finding *finding)
{
	char *services = list_services(finding->services, finding->service_count);
	char *place = place_of(finding);

	say("%s%s%s%s%s", finding->rule->id, place, *services != '\0' ? "  (" : "", services,
	    *services != '\0' ? ")" : "");
	say_wrapped("", finding->what);
	say_wrapped("-> ", finding->remedy);
	free(place);
	free(services);
}

/* True for a service that lets tokens in. What says nothing of authentication does not ask for it.
 */
static bool takes_tokens(const struct pamd_stack *stack)
{
	return !stack->from_other[PAMD_AUTH] && !pat_service_forbidden(stack->service);
}

/* The names of those. The caller frees the list, not the names. */
static char **taking(const struct doctor *doctor, size_t *count)
{
	char **names = calloc(doctor->count + 1, sizeof(*names));

	if (names == NULL)
		out_of_memory();
	*count = 0;
	for (size_t i = 0; i < doctor->count; i++)
		if (takes_tokens(doctor->stacks[i]))
			names[(*count)++] = doctor->stacks[i]->service;
	return names;
}

static void tell_summary(const struct doctor *doctor)
{
	size_t count;
	char **names = taking(doctor, &count), *services = list_services(names, count);

	if (doctor->findings.count == 0)
		say("Nothing is wrong with what could be seen.");
	else
		say("Findings: %zu.", doctor->findings.count);
	if (count > 0)
		say("Tokens are taken by: %s.", services);
	for (size_t i = 0; i < doctor->findings.unseen_count; i++)
		say("Not seen: %s", doctor->findings.unseen[i]);
	free(services);
	free(names);
}

void doctor_tell(const struct doctor *doctor)
{
	int severity = -1;

	for (size_t i = 0; i < doctor->findings.count; i++) {
		const struct doctor_finding *finding = &doctor->findings.list[i];

		if ((int)finding->rule->severity != severity) {
			severity = (int)finding->rule->severity;
			if (!given(doctor->options, OPTION_NO_LEGEND))
				say("%s", headings[severity]);
		}
		tell_finding(finding);
	}
	if (!given(doctor->options, OPTION_QUIET))
		tell_summary(doctor);
}

/* Names of files and words of stacks need not be UTF-8. */
static json_t *json_text_of(const char *text)
{
	char *valid = shown(text);
	json_t *string = text != NULL ? json_string(valid) : json_null();

	free(valid);
	if (string == NULL)
		out_of_memory();
	return string;
}

static json_t *json_words(char *const *words, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array, json_text_of(words[i])) != 0)
			out_of_memory();
	return array;
}

static json_t *json_finding(const struct doctor_finding *finding)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", finding->rule->id, "severity",
			 severity_names[finding->rule->severity], "services",
			 json_words(finding->services, finding->service_count), "file",
			 json_text_of(finding->file), "line",
			 finding->line > 0 ? json_integer(finding->line) : json_null(), "what",
			 json_text_of(finding->what), "remedy", json_text_of(finding->remedy));
}

void doctor_tell_json(const struct doctor *doctor)
{
	size_t count;
	char **names = taking(doctor, &count);
	json_t *findings = json_array(), *answer;

	for (size_t i = 0; i < doctor->findings.count; i++)
		if (json_array_append_new(findings, json_finding(&doctor->findings.list[i])) != 0)
			out_of_memory();
	answer = json_pack("{s:o, s:o, s:o}", "findings", findings, "services",
			   json_words(names, count), "unseen",
			   json_words(doctor->findings.unseen, doctor->findings.unseen_count));
	free(names);
	if (answer == NULL)
		out_of_memory();
	output_json(answer);
	json_decref(answer);
}
