/* SPDX-License-Identifier: ISC */

/*
 * PAM stacks, as patctl doctor reads them. A line that begins with `=` begins a file of that name,
 * below /etc/pam.d or, with `==`, below /usr/lib/pam.d; what stands before the first is the service
 * itself.
 *
 * What must hold: it ends, however the files include each other; a line is no longer than libpam's
 * buffer, and its number that of a line; every handler is on a level that there is, and does
 * something for each code; one answer of each module gives one result, and is among those of all
 * answers.
 */

#include "support.h"

#include <errno.h>
#include <stdio.h>

#include "../../helper/patctl/doctor_models.h"
#include "../../helper/patctl/doctor_root.h"
#include "../../helper/patctl/doctor_walk.h"

#define FILES 8

static struct {
	char path[300];
	const char *text;
	size_t len;
} files[FILES];
static unsigned file_count;

/* --- instead of a system's */

bool doctor_stat(const struct doctor_root *root, const char *path, bool link, struct stat *st)
{
	(void)root;
	(void)link;
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFDIR;
	if (strcmp(path, "/etc/pam.d") == 0 || strcmp(path, "/usr/lib/pam.d") == 0)
		return true;
	st->st_mode = S_IFREG;
	for (unsigned i = 0; i < file_count; i++)
		if (strcmp(files[i].path, path) == 0)
			return true;
	errno = ENOENT;
	return false;
}

char *doctor_read(const struct doctor_root *root, const char *path, size_t *len)
{
	(void)root;
	for (unsigned i = 0; i < file_count; i++)
		if (strcmp(files[i].path, path) == 0) {
			char *copy = malloc(files[i].len + 1);

			memcpy(copy, files[i].text, files[i].len);
			copy[files[i].len] = '\0';
			*len = files[i].len;
			return copy;
		}
	errno = ENOENT;
	return NULL;
}

static void take_files(const char *text, size_t len)
{
	const char *end = text + len;

	file_count = 1;
	snprintf(files[0].path, sizeof(files[0].path), "/etc/pam.d/service");
	files[0].text = text;
	while (text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *next = feed != NULL ? feed + 1 : end;

		if (*text == '=' && file_count < FILES) {
			bool vendor = text + 1 < next && text[1] == '=';

			files[file_count - 1].len = (size_t)(text - files[file_count - 1].text);
			snprintf(files[file_count].path, sizeof(files[0].path), "%s/%.*s",
				 vendor ? "/usr/lib/pam.d" : "/etc/pam.d",
				 (int)(next - text) - (feed != NULL) - 1 - vendor,
				 text + 1 + vendor);
			files[file_count++].text = next;
		}
		text = next;
	}
	files[file_count - 1].len = (size_t)(end - files[file_count - 1].text);
}

/* --- what must hold */

static void check_lines(const char *text, size_t len)
{
	struct pamd_lines lines = pamd_lines_of(text, len);
	unsigned first = 0, before = 0, cut;
	char line[PAMD_LINE_MAX];
	int got;

	while ((got = pamd_next_line(&lines, line, &first, &cut)) > 0) {
		char *rest = line;

		HOLDS(memchr(line, '\0', sizeof(line)) != NULL && strchr(line, '#') == NULL);
		HOLDS(first >= before && first <= lines.number && cut <= lines.number);
		before = first;
		HOLDS(pamd_next_word(&rest) != NULL);
	}
	HOLDS(got < 0 || lines.next == lines.end);
}

static pamd_codes lowest(pamd_codes codes)
{
	return codes & -codes;
}

/* Of each handler one answer only, first or last. */
static void check_walk(const struct pamd_chain *chain, enum pamd_typed typed)
{
	pamd_codes *answers = calloc(chain->count + 1, sizeof(*answers));
	bool *there = calloc(chain->count + 1, sizeof(*there));
	struct pamd_outcome all, one;

	for (size_t i = 0; i < chain->count; i++)
		there[i] = i % 7 != 6;
	pamd_answers(chain, typed, there, true, answers);
	pamd_walk(chain, answers, there, &all);
	HOLDS(all.unknown || all.codes != 0);
	for (size_t i = 0; i < chain->count; i++)
		answers[i] = lowest(answers[i]);
	pamd_walk(chain, answers, there, &one);
	HOLDS(one.codes == lowest(one.codes) && one.codes != 0);
	HOLDS(all.unknown || (one.codes & ~all.codes) == 0);
	HOLDS(all.unknown || one.counted <= all.counted);
	for (size_t i = 0; i < chain->count && !all.unknown; i++)
		HOLDS(all.called[i] || !one.called[i]);
	free(all.called);
	free(one.called);
	free(answers);
	free(there);
}

static void check_chain(const struct pamd_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct pamd_handler *handler = &chain->list[i];

		HOLDS(handler->level >= 0 && handler->level < PAMD_LEVELS);
		HOLDS(handler->at.file != NULL && handler->at.line > 0);
		HOLDS((handler->kind == PAMD_MODULE) == (handler->module != NULL));
		for (int code = 0; code < PAMD_CODES; code++)
			HOLDS(handler->kind == PAMD_SUBSTACK ||
			      handler->actions[code] > PAMD_DO_NOTHING_YET);
	}
	check_walk(chain, (enum pamd_typed)(chain->count % PAMD_TYPED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct doctor_root root = {.fd = -1};
	struct pamd_stack *stack;

	take_files((const char *)data, size);
	check_lines((const char *)data, size);
	for (int debian = 0; debian < 2; debian++) {
		stack = pamd_stack_read(&root, (struct pamd_dialect){debian}, "Service");
		for (int type = 0; type < PAMD_TYPES; type++)
			if (stack->chains[type].count < 40)
				check_chain(&stack->chains[type]);
		for (size_t i = 0; i < stack->fault_count; i++)
			HOLDS(stack->faults[i].at.file != NULL);
		HOLDS(strcmp(stack->service, "service") == 0);
		pamd_stack_free(stack);
	}
	return 0;
}
