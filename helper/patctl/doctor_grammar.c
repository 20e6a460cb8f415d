/* SPDX-License-Identifier: ISC */
#include "doctor_grammar.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \n\t"

static const char *const code_names[PAMD_CODES + 1] = {
	"success",
	"open_err",
	"symbol_err",
	"service_err",
	"system_err",
	"buf_err",
	"perm_denied",
	"auth_err",
	"cred_insufficient",
	"authinfo_unavail",
	"user_unknown",
	"maxtries",
	"new_authtok_reqd",
	"acct_expired",
	"session_err",
	"cred_unavail",
	"cred_expired",
	"cred_err",
	"no_module_data",
	"conv_err",
	"authtok_err",
	"authtok_recover_err",
	"authtok_lock_busy",
	"authtok_disable_aging",
	"try_again",
	"ignore",
	"abort",
	"authtok_expired",
	"module_unknown",
	"bad_item",
	"conv_again",
	"incomplete",
	"default",
};

static const char *const action_names[] = {"ignore", "ok", "done", "bad", "die", "reset"};

struct pamd_lines pamd_lines_of(const char *text, size_t len)
{
	return (struct pamd_lines){.next = text, .end = text + len, .number = 1};
}

/* As fgets(3): at most size - 1 bytes, up to a line feed. What follows a NUL is lost, as it is to
 * libpam. False at the end. */
static bool read_piece(struct pamd_lines *lines, char *piece, size_t size, bool *cut)
{
	size_t left = (size_t)(lines->end - lines->next), len;
	const char *feed;

	if (left == 0 || size < 2)
		return false;
	feed = memchr(lines->next, '\n', left);
	len = feed != NULL ? (size_t)(feed - lines->next) + 1 : left;
	*cut = len > size - 1;
	if (*cut)
		len = size - 1;
	memcpy(piece, lines->next, len);
	piece[len] = '\0';
	lines->next += len;
	lines->number += piece[len - 1] == '\n';
	return true;
}

/* Cuts the comment off; true if there was one. */
static bool cut_comment(char *text)
{
	size_t len = strcspn(text, "#");
	bool found = text[len] == '#';

	text[len] = '\0';
	return found;
}

/* Where the backslash stands that joins the next line to this one, or NULL. */
static char *find_joint(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(BLANKS, end[-1]) != NULL)
		end--;
	return end > text && end[-1] == '\\' ? end - 1 : NULL;
}

int pamd_next_line(struct pamd_lines *lines, char line[PAMD_LINE_MAX], unsigned *first,
		   unsigned *cut)
{
	char *piece = line;
	bool begun = false;

	*cut = 0;
	for (;;) {
		size_t size = PAMD_LINE_MAX - (size_t)(piece - line);
		unsigned number = lines->number;
		bool in_pieces;
		char *text, *joint;

		if (size < 2)
			return -1;
		if (!read_piece(lines, piece, size, &in_pieces))
			return begun ? -1 : 0;
		if (in_pieces)
			*cut = number;
		text = piece + strspn(piece, BLANKS);
		/* A line of nothing, or of a comment, does not end one that goes on. */
		if (*text == '\0' || *text == '#')
			continue;
		if (!begun)
			*first = number;
		begun = true;
		if (cut_comment(text))
			return 1;
		joint = find_joint(text);
		if (joint == NULL)
			return 1;
		joint[0] = ' ';
		joint[1] = '\0';
		piece = joint + 1;
	}
}

/* Ends the word in brackets that begins at `text`, with `\]` for a bracket in it. Returns what
 * stands behind. */
static char *end_bracketed(char *text)
{
	char *to = text;

	while (*text != '\0' && *text != ']') {
		if (text[0] == '\\' && text[1] == ']')
			text++;
		*to++ = *text++;
	}
	if (*text != '\0')
		text++;
	*to = '\0';
	return text;
}

char *pamd_next_word(char **rest)
{
	char *word = *rest, *end;

	if (word == NULL)
		return NULL;
	word += strspn(word, BLANKS);
	if (*word == '\0') {
		*rest = NULL;
		return NULL;
	}
	if (*word == '[') {
		end = end_bracketed(++word);
	} else {
		end = word + strcspn(word, BLANKS);
		if (*end != '\0')
			*end++ = '\0';
	}
	*rest = *end != '\0' ? end : NULL;
	return word;
}

static void fill(int actions[PAMD_CODES], int action)
{
	for (int code = 0; code < PAMD_CODES; code++)
		if (actions[code] == PAMD_DO_NOTHING_YET)
			actions[code] = action;
}

static bool parse_simple(const char *control, int actions[PAMD_CODES])
{
	static const struct {
		const char *name;
		int good, ignored, other;
	} simple[] = {
		{"required", PAMD_DO_OK, PAMD_DO_IGNORE, PAMD_DO_BAD},
		{"requisite", PAMD_DO_OK, PAMD_DO_IGNORE, PAMD_DO_DIE},
		{"optional", PAMD_DO_OK, PAMD_DO_IGNORE, PAMD_DO_IGNORE},
		{"sufficient", PAMD_DO_DONE, PAMD_DO_IGNORE, PAMD_DO_IGNORE},
	};

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (strcasecmp(control, simple[i].name) != 0)
			continue;
		actions[PAMD_SUCCESS] = actions[PAMD_NEW_AUTHTOK_REQD] = simple[i].good;
		actions[PAMD_IGNORE] = simple[i].ignored;
		fill(actions, simple[i].other);
		return true;
	}
	return false;
}

/* Passes over a name of a list, the first that fits; -1 if there is none. */
static int take_name(const char **text, const char *const names[], int count)
{
	for (int i = 0; i < count; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(names[i], *text, len) == 0) {
			*text += len;
			return i;
		}
	}
	return -1;
}

/* libpam's own sum may overflow; longer jumps than there are lines are all alike. */
static bool take_jump(const char **text, int *action)
{
	int lines = 0;

	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); ++*text)
		if (lines < 100000)
			lines = lines * 10 + (**text - '0');
	*action = lines;
	return lines > 0;
}

static void skip_space(const char **text)
{
	while (isspace((unsigned char)**text))
		++*text;
}

/* One `code=action`. */
static bool take_pair(const char **text, int actions[PAMD_CODES])
{
	int code = take_name(text, code_names, PAMD_CODES + 1), action;

	skip_space(text);
	if (code < 0 || **text != '=')
		return false;
	++*text;
	skip_space(text);
	action = -take_name(text, action_names, sizeof(action_names) / sizeof(action_names[0]));
	if (action > 0 && !take_jump(text, &action))
		return false;
	if (code < PAMD_CODES)
		actions[code] = action;
	else
		fill(actions, action);
	return true;
}

bool pamd_parse_control(const char *control, int actions[PAMD_CODES])
{
	for (int code = 0; code < PAMD_CODES; code++)
		actions[code] = PAMD_DO_NOTHING_YET;
	if (parse_simple(control, actions))
		return true;
	for (skip_space(&control); *control != '\0'; skip_space(&control)) {
		if (take_pair(&control, actions))
			continue;
		for (int code = 0; code < PAMD_CODES; code++)
			actions[code] = PAMD_DO_BAD;
		return false;
	}
	fill(actions, PAMD_DO_BAD);
	return true;
}
