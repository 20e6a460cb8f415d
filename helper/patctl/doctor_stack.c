/* SPDX-License-Identifier: ISC */
#include "doctor_stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tell.h"

#define OTHER "other"
#define ETC_DIR "/etc/pam.d"
#define VENDOR_DIR "/usr/lib/pam.d"
#define ETC_FILE "/etc/pam.conf"

/* How deep files may include each other: newer versions of libpam stop there, older ones do not,
 * and fall over those that include themselves. */
#define INCLUDES_MAX 16

/* Files that include each other twice would take for ever. */
#define LINES_MAX 4000

/* Any type: what is read is not part of a stack of one. */
#define ANY PAMD_TYPES

/* What is being read: a file, for a service, on a level. */
struct reading {
	const struct doctor_root *root;
	struct pamd_dialect dialect;
	struct pamd_stack *stack;
	struct pamd_chain *chains;
	const char *service; /* NULL in /etc/pam.conf, where the lines say */
	struct pamd_place at;
	enum pamd_type only;
	int level;
	int includes;
	unsigned *lines_read;
};

/* What becomes of reading a file. */
enum result { READ, MISSING, REFUSED };

static enum result read_file(const struct reading *from, const char *path);

static void *must(void *memory)
{
	if (memory == NULL)
		out_of_memory();
	return memory;
}

/* Makes room for one more; there is room up to the next power of two. */
static void *grow(void *list, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return list;
	return must(reallocarray(list, count > 0 ? 2 * count : 1, size));
}

/* What follows a mistake in a line is no other; and some lines are read often. */
static bool is_same(const struct pamd_fault *fault, struct pamd_place at, int kind)
{
	return fault->at.file == at.file && fault->at.line == at.line &&
	       ((int)fault->kind == kind ||
		(fault->kind <= PAMD_NO_MODULE && kind <= PAMD_NO_MODULE));
}

static void note_fault(const struct reading *r, int kind, const char *what)
{
	struct pamd_stack *stack = r->stack;

	for (size_t i = 0; i < stack->fault_count; i++)
		if (is_same(&stack->faults[i], r->at, kind))
			return;
	stack->faults = grow(stack->faults, stack->fault_count, sizeof(*stack->faults));
	stack->faults[stack->fault_count].kind = (unsigned)kind;
	stack->faults[stack->fault_count].at = r->at;
	stack->faults[stack->fault_count++].what = must(strdup(what != NULL ? what : ""));
}

/* The stack's own copy of a file's name. */
static const char *keep_file(struct pamd_stack *stack, const char *path)
{
	for (size_t i = 0; i < stack->file_count; i++)
		if (strcmp(stack->files[i], path) == 0)
			return stack->files[i];
	stack->files = grow(stack->files, stack->file_count, sizeof(*stack->files));
	stack->files[stack->file_count] = must(strdup(path));
	return stack->files[stack->file_count++];
}

static struct pamd_handler *add_handler(const struct reading *r, enum pamd_type type)
{
	struct pamd_chain *chain = &r->chains[type];
	struct pamd_handler *handler;

	chain->list = grow(chain->list, chain->count, sizeof(*chain->list));
	handler = &chain->list[chain->count++];
	*handler = (struct pamd_handler){.level = r->level, .at = r->at};
	return handler;
}

static void add_broken(const struct reading *r, enum pamd_type type, const int *actions)
{
	struct pamd_handler *handler = add_handler(r, type);

	handler->kind = PAMD_FAILS;
	for (int code = 0; code < PAMD_CODES; code++)
		handler->actions[code] = actions != NULL ? actions[code] : PAMD_DO_BAD;
}

static void add_arguments(struct pamd_handler *handler, char *rest)
{
	char *word;

	while ((word = pamd_next_word(&rest)) != NULL) {
		handler->arguments =
			grow(handler->arguments, handler->count, sizeof(*handler->arguments));
		handler->arguments[handler->count++] = must(strdup(word));
	}
}

/* Where an included file is; the first that there is, else the first. */
static void find_file(const struct reading *r, const char *name, char path[PAMD_LINE_MAX + 32])
{
	static const char *const dirs[] = {ETC_DIR, VENDOR_DIR};
	struct stat st;

	if (name[0] == '/') {
		(void)snprintf(path, PAMD_LINE_MAX + 32, "%s", name);
		return;
	}
	for (int i = 0; i < (r->dialect.debian && r->includes > 0 ? 1 : 2); i++) {
		(void)snprintf(path, PAMD_LINE_MAX + 32, "%s/%s", dirs[i], name);
		if (doctor_stat(r->root, path, false, &st) || errno != ENOENT)
			return;
	}
	(void)snprintf(path, PAMD_LINE_MAX + 32, "%s/%s", ETC_DIR, name);
}

/* A file that was to be included, and could not be opened. */
static void note_missing(const struct reading *r, const char *name, int error)
{
	bool hidden = error == EACCES;

	note_fault(r, hidden ? PAMD_UNREADABLE : PAMD_NO_FILE, name);
	r->stack->unseen = r->stack->unseen || hidden;
}

/* `include`, `substack` and @include. False if the line fails. */
static bool include(const struct reading *r, const char *name, enum pamd_type type, bool substack)
{
	char path[PAMD_LINE_MAX + 32];
	struct reading inner = *r;
	enum result result;

	if (name == NULL) {
		/* Debian's goes on with this name without looking whether there is one. */
		r->stack->refused = r->stack->refused || r->dialect.debian;
		note_fault(r, PAMD_NO_MODULE, NULL);
		return false;
	}
	if (substack)
		add_handler(r, type)->kind = PAMD_SUBSTACK;
	inner.only = type;
	inner.level += substack;
	inner.includes++;
	if (inner.level >= PAMD_LEVELS || inner.includes >= INCLUDES_MAX) {
		note_fault(r, PAMD_LOOP, name);
		return false;
	}
	find_file(&inner, name, path);
	result = read_file(&inner, path);
	if (result == MISSING)
		note_missing(r, name, errno);
	return result == READ;
}

static bool parse_type(const char *word, enum pamd_type *type)
{
	static const char *const names[] = {"auth", "account", "session", "password"};

	for (int i = 0; i < PAMD_TYPES; i++)
		if (strcasecmp(word, names[i]) == 0) {
			*type = (enum pamd_type)i;
			return true;
		}
	return false;
}

/* A line that names a module, or should. */
static void add_line(const struct reading *r, enum pamd_type type, bool silent, bool broken,
		     const int actions[PAMD_CODES], char *rest)
{
	const char *module = pamd_next_word(&rest);
	struct pamd_handler *handler;

	if (module == NULL)
		note_fault(r, PAMD_NO_MODULE, NULL);
	if (module == NULL || broken) {
		add_broken(r, type, actions);
		return;
	}
	handler = add_handler(r, type);
	handler->silent = silent;
	handler->module = must(strdup(module));
	memcpy(handler->actions, actions, sizeof(handler->actions));
	add_arguments(handler, rest);
}

/* Debian's directive, in which all types are included, or that which was asked for. */
static bool include_all(const struct reading *r, char *rest)
{
	if (include(r, pamd_next_word(&rest), r->only, false))
		return true;
	/* Where there is no type, there is no line to fail. */
	if (r->only == ANY)
		return false;
	/* Its control is none that anybody has set. */
	r->stack->unsure = true;
	add_broken(r, r->only, NULL);
	return true;
}

/* A line behind its service. False where libpam gives up. */
static bool read_line(const struct reading *r, char *rest)
{
	int actions[PAMD_CODES];
	char *word = pamd_next_word(&rest);
	enum pamd_type type = r->only == ANY ? PAMD_AUTH : r->only;
	bool silent = word != NULL && word[0] == '-', broken = false, substack;

	if (word != NULL && silent)
		word++;
	if (word != NULL && r->dialect.debian && strcasecmp(word, "@include") == 0)
		return include_all(r, rest);
	if (word == NULL || !parse_type(word, &type)) {
		note_fault(r, PAMD_BAD_TYPE, word);
		broken = true;
	}
	if (r->only != ANY && type != r->only)
		return true;
	word = pamd_next_word(&rest);
	substack = word != NULL && strcasecmp(word, "substack") == 0;
	if (substack || (word != NULL && strcasecmp(word, "include") == 0)) {
		if (!include(r, pamd_next_word(&rest), type, substack))
			add_broken(r, type, NULL);
		return true;
	}
	if (!pamd_parse_control(word != NULL ? word : "", actions) || word == NULL) {
		note_fault(r, PAMD_BAD_CONTROL, word);
		broken = broken || word == NULL;
	}
	add_line(r, type, silent, broken, actions, rest);
	return true;
}

/* In /etc/pam.conf a line begins with the service that it is for. */
static bool read_any_line(const struct reading *r, char *line)
{
	struct reading own = *r;
	char *rest = line;
	const char *service;

	if (r->service != NULL)
		return read_line(r, rest);
	service = pamd_next_word(&rest);
	if (service == NULL)
		return true;
	own.service = service;
	if (strcasecmp(service, OTHER) != 0 && strcasecmp(service, r->stack->service) != 0)
		return true;
	if (strcasecmp(service, OTHER) == 0)
		own.chains += PAMD_TYPES;
	return read_line(&own, rest);
}

static enum result read_text(const struct reading *from, const char *path, const char *text,
			     size_t len)
{
	struct pamd_lines lines = pamd_lines_of(text, len);
	struct reading r = *from;
	char line[PAMD_LINE_MAX];
	unsigned cut, first = 0;
	int got;

	r.at = (struct pamd_place){keep_file(r.stack, path), 0};
	while ((got = pamd_next_line(&lines, line, &first, &cut)) > 0) {
		r.at.line = cut;
		if (cut > 0)
			note_fault(&r, PAMD_CUT, NULL);
		r.at.line = first;
		if (++*r.lines_read > LINES_MAX)
			r.stack->refused = true;
		if (r.stack->refused || !read_any_line(&r, line))
			return REFUSED;
	}
	if (got == 0)
		return READ;
	r.at.line = first;
	note_fault(&r, PAMD_UNFINISHED, NULL);
	return REFUSED;
}

static enum result read_file(const struct reading *from, const char *path)
{
	size_t len;
	char *text = doctor_read(from->root, path, &len);
	enum result result;

	/* libpam opens a directory, too, and finds nothing in it. */
	if (text == NULL)
		return errno == EISDIR ? READ : MISSING;
	result = read_text(from, path, text, len);
	free(text);
	return result;
}

static bool is_directory(const struct doctor_root *root, const char *path)
{
	struct stat st;

	return doctor_stat(root, path, false, &st) && S_ISDIR(st.st_mode);
}

/* The file of a service, below the directories; of `other`, into the second set of chains. */
static enum result read_service(struct reading *r, const char *service)
{
	char path[PAMD_LINE_MAX + 32];
	enum result result;

	r->service = service;
	find_file(r, service, path);
	result = read_file(r, path);
	if (result == MISSING && errno == EACCES) {
		r->at.file = keep_file(r->stack, path);
		note_missing(r, service, EACCES);
	}
	return result;
}

/* From the directories, or, where there are none, from the one file. False where libpam gives up.
 */
static bool read_all(struct reading *r, struct pamd_chain chains[2 * PAMD_TYPES])
{
	enum result own, other;

	r->chains = chains;
	if (!is_directory(r->root, ETC_DIR) && !is_directory(r->root, VENDOR_DIR)) {
		r->service = NULL;
		r->stack->found = read_file(r, ETC_FILE) == READ;
		return r->stack->found;
	}
	own = read_service(r, r->stack->service);
	r->stack->found = own != MISSING;
	if (own == REFUSED)
		return false;
	r->chains = chains + PAMD_TYPES;
	other = read_service(r, OTHER);
	return other != REFUSED && (own == READ || other == READ);
}

static void free_chain(struct pamd_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		struct pamd_handler *handler = &chain->list[i];

		for (size_t a = 0; a < handler->count; a++)
			free(handler->arguments[a]);
		free(handler->arguments);
		free(handler->module);
	}
	free(chain->list);
}

struct pamd_stack *pamd_stack_read(const struct doctor_root *root, struct pamd_dialect dialect,
				   const char *service)
{
	struct pamd_chain chains[2 * PAMD_TYPES] = {{0}};
	struct pamd_stack *stack = must(calloc(1, sizeof(*stack)));
	unsigned lines_read = 0;
	struct reading r = {.root = root,
			    .dialect = dialect,
			    .stack = stack,
			    .only = ANY,
			    .lines_read = &lines_read};

	stack->service = must(strdup(service));
	/* libpam does. */
	for (char *c = stack->service; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (!read_all(&r, chains))
		stack->refused = true;
	for (int type = 0; type < PAMD_TYPES; type++) {
		stack->from_other[type] = chains[type].count == 0;
		stack->chains[type] = chains[type];
		if (stack->from_other[type])
			stack->chains[type] = chains[PAMD_TYPES + type];
		free_chain(&chains[stack->from_other[type] ? type : PAMD_TYPES + type]);
	}
	return stack;
}

void pamd_stack_free(struct pamd_stack *stack)
{
	for (int type = 0; type < PAMD_TYPES; type++)
		free_chain(&stack->chains[type]);
	for (size_t i = 0; i < stack->fault_count; i++)
		free(stack->faults[i].what);
	for (size_t i = 0; i < stack->file_count; i++)
		free(stack->files[i]);
	free(stack->faults);
	free(stack->files);
	free(stack->service);
	free(stack);
}

bool pamd_is_module(const struct pamd_handler *handler, const char *name)
{
	const char *slash, *base;
	size_t len = strlen(name);

	if (handler->kind != PAMD_MODULE)
		return false;
	slash = strrchr(handler->module, '/');
	base = slash != NULL ? slash + 1 : handler->module;
	return strncmp(base, name, len) == 0 &&
	       (base[len] == '\0' || strcmp(base + len, ".so") == 0);
}
