/* SPDX-License-Identifier: ISC */
#include "telling.h"

#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"

struct telling_line {
	struct pat_rebuild_told told;
	char *file, *text;
};

void telling_keep(void *data, const struct pat_rebuild_told *told)
{
	struct telling *telling = data;
	struct telling_line line = {.told = *told, .text = strdup(told->text)};

	if (telling->count == telling->room) {
		const size_t room = telling->room * 2 + 64;
		void *lines = reallocarray(telling->lines, room, sizeof(line));

		telling->out_of_memory |= lines == NULL;
		if (lines != NULL) {
			telling->lines = lines;
			telling->room = room;
		}
	}
	telling->loose += told->news == PAT_NEWS_LOST && told->file != NULL;
	if (told->file != NULL)
		line.file = strdup(told->file);
	telling->out_of_memory |= line.text == NULL || (told->file != NULL && line.file == NULL);
	if (!telling->out_of_memory) {
		telling->lines[telling->count++] = line;
		return;
	}
	free(line.file);
	free(line.text);
}

/* Whether it is about a token, of which its key has the id behind one letter. */
static bool has_id(const struct telling_line *line)
{
	const struct pat_key *key = &line->told.key;

	return line->file == NULL && key->len == 1 + PAT_ID_LEN &&
	       (key->bytes[0] == 't' || key->bytes[0] == 'u');
}

/* Whose a token is. */
struct owner {
	char id[PAT_ID_LEN];
	uint32_t uid;
};

static struct owner owner_of(const struct telling_line *line)
{
	struct owner owner = {.uid = line->told.uid};

	memcpy(owner.id, line->told.key.bytes + 1, sizeof(owner.id));
	return owner;
}

static int compare_owners(const void *a, const void *b)
{
	const struct owner *one = a, *other = b;

	return memcmp(one->id, other->id, sizeof(one->id));
}

/* Has every line about a token tell whose it is once one of them does. */
static int share_owners(struct telling *telling)
{
	struct owner *owners = calloc(telling->count + 1, sizeof(*owners));
	size_t count = 0;

	if (owners == NULL)
		return PAT_E_NOMEM;
	for (size_t i = 0; i < telling->count; i++)
		if (has_id(&telling->lines[i]) && telling->lines[i].told.has_uid)
			owners[count++] = owner_of(&telling->lines[i]);
	qsort(owners, count, sizeof(*owners), compare_owners);
	for (size_t i = 0; i < telling->count; i++) {
		struct telling_line *line = &telling->lines[i];
		const struct owner *found = NULL;

		if (has_id(line) && !line->told.has_uid) {
			const struct owner wanted = owner_of(line);

			found = bsearch(&wanted, owners, count, sizeof(*owners), compare_owners);
		}
		if (found != NULL) {
			line->told.has_uid = true;
			line->told.uid = found->uid;
		}
	}
	free(owners);
	return PAT_OK;
}

static void print_user(uint32_t uid, FILE *out)
{
	const struct passwd *user = getpwuid(uid);
	char shown[4 * PAT_USER_MAX + 1];

	if (user != NULL)
		fputs(pat_escape(shown, sizeof(shown), user->pw_name), out);
	else
		fprintf(out, "uid %u", (unsigned)uid);
}

/* A token; whose it is unless its text tells that. */
static void print_token(const struct telling_line *line, FILE *out)
{
	const enum pat_rebuild_news news = line->told.news;
	char id[PAT_ID_LEN + 1] = "", shown[4 * PAT_ID_LEN + 1];

	memcpy(id, line->told.key.bytes + 1, PAT_ID_LEN);
	fprintf(out, "token %s", pat_escape(shown, sizeof(shown), id));
	if (!line->told.has_uid || (news != PAT_NEWS_FAULT && news != PAT_NEWS_LOST))
		return;
	fputs(" of ", out);
	print_user(line->told.uid, out);
}

/* What the record of a key is: <pat/record.h>. */
static void print_record(const struct telling_line *line, FILE *out)
{
	const struct pat_key *key = &line->told.key;
	char raw[PAT_KEY_MAX + 1] = "", shown[4 * PAT_KEY_MAX + 1];

	memcpy(raw, key->bytes, key->len);
	if (has_id(line) && strcmp(raw + 1, PAT_STRANGERS_ID) == 0) {
		fputs("the count of unknown ids", out);
	} else if (has_id(line)) {
		fputs(raw[0] == 'u' ? "uses of " : "", out);
		print_token(line, out);
	} else if (raw[0] == 'i' && strlen(raw) == 9 && strspn(raw + 1, "0123456789abcdef") == 8) {
		const uint32_t uid = (uint32_t)strtoul(raw + 1, NULL, 16);

		fprintf(out, "the list of the tokens of uid %u", (unsigned)uid);
		if (getpwuid(uid) != NULL) {
			fputs(", ", out);
			print_user(uid, out);
		}
	} else if (strcmp(raw, "m") == 0) {
		fputs("the record of the store itself", out);
	} else {
		fprintf(out, "the record %s", pat_escape(shown, sizeof(shown), raw));
	}
}

int telling_print(struct telling *telling, bool notes, FILE *out)
{
	int error = telling->out_of_memory ? PAT_E_NOMEM : share_owners(telling);

	for (size_t i = 0; i < telling->count; i++) {
		const struct telling_line *line = &telling->lines[i];

		if (line->told.news == PAT_NEWS_NOTE && !notes)
			continue;
		if (line->file != NULL)
			fputs(line->file, out);
		else
			print_record(line, out);
		fprintf(out, ": %s%s\n", line->told.news == PAT_NEWS_LOST ? "LOST: " : "",
			line->text);
	}
	for (size_t i = 0; i < telling->count; i++) {
		free(telling->lines[i].file);
		free(telling->lines[i].text);
	}
	free(telling->lines);
	*telling = (struct telling){.loose = telling->loose};
	return error;
}
