/* SPDX-License-Identifier: ISC */
#ifndef TIMING_IDS_H
#define TIMING_IDS_H

#include <fcntl.h>
#include <sodium.h>

#include "../../lib/chain.h"
#include "pat/crc32.h"
#include "pat/record.h"
#include "pat/store.h"
#include "timing_levels.h"

/* What is presented: the tokens of a class, and their ids. */

struct class
{
	char *name, *kind, *user;
	double wasted;
	struct pat_token *tokens;
	size_t count;
};

/* What is behind the id, at random, under the right checksum. */
static void make_up(struct pat_token *token, size_t from)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const size_t body = PAT_TOKEN_LEN - PAT_CHECKSUM_LEN;
	unsigned char random[PAT_TOKEN_LEN];
	uint32_t rest;

	randombytes_buf(random, sizeof(random));
	memcpy(token->text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN);
	for (size_t i = from; i < body; i++)
		token->text[i] = digits[random[i] % 62];
	rest = pat_crc32(token->text, body);
	for (size_t i = PAT_TOKEN_LEN; i-- > body; rest /= 62)
		token->text[i] = digits[rest % 62];
	token->text[PAT_TOKEN_LEN] = '\0';
}

static bool is(const struct class *class, const char *kind)
{
	return strcmp(class->kind, kind) == 0;
}

/* What the class presents with its nth id. */
static struct pat_token presented(const struct class *class, size_t n)
{
	struct pat_token token = class->tokens[n % class->count];

	if (!is(class, "right"))
		make_up(&token, PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN);
	return token;
}

/*
 * Whether the way to a record, or to where it would be, is the shortest there is: no other record
 * in front of it, and no page of the file begins in the midst of what is read there.
 */
static bool is_near(const struct pat_key *key, bool known)
{
	static struct tdbfile_header header;
	static int fd = -1;
	struct chain chain;
	unsigned read = sizeof(chain.record) + sizeof(chain.ahead);
	int found;

	if (fd < 0) {
		fd = open(PAT_STORE_PATH, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
			give_up(PAT_STORE_PATH);
	}
	found = chain_find(&chain, fd, header.hash_size, key->bytes, key->len);
	chain_end(&chain);
	return found == known && chain.steps == known && (!known || chain.at % 4096 + read <= 4096);
}

/* So for all that an attempt with that id looks for. */
static bool is_ordinary(const struct pat_token *token, bool known)
{
	char id[PAT_ID_LEN + 1];
	struct pat_key grant, use, other;

	pat_token_id(token, id);
	grant = other = pat_key_grant(id);
	use = pat_key_use(id);
	/* What pat_store_look_up() looks for that is not there. */
	other.bytes[1] = '-';
	return is_near(&grant, known) && is_near(&use, known) && is_near(&other, false);
}

static void add(struct class *class, const struct pat_token *token)
{
	class->tokens = realloc(class->tokens, (class->count + 1) * sizeof(*token));
	if (class->tokens == NULL)
		give_up("out of memory");
	class->tokens[class->count++] = *token;
}

static void read_tokens(struct class *class, const char *path)
{
	FILE *file = fopen(path, "re");
	struct pat_token token;
	char line[128];

	if (file == NULL)
		give_up(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (pat_token_parse(line, &token) != PAT_FORM_TOKEN)
			give_up("not a token");
		add(class, &token);
	}
	(void)fclose(file);
	if (class->count == 0)
		give_up("no tokens");
}

/* As many ids that nobody has as there are tokens. */
static void invent(struct class *class)
{
	for (size_t i = 0; i < class->count; i++)
		do
			make_up(&class->tokens[i], PAT_TOKEN_PREFIX_LEN);
		while (!is_ordinary(&class->tokens[i], false));
}

/* Takes NAME:KIND:USER:FILE[:NS] apart, in place. */
static struct class read_class(char *text)
{
	struct class class = {.name = strsep(&text, ":")};
	const char *file;

	class.kind = strsep(&text, ":");
	class.user = strsep(&text, ":");
	file = strsep(&text, ":");
	if (file == NULL)
		give_up("no class");
	class.wasted = text != NULL ? strtod(text, NULL) : 0;
	read_tokens(&class, file);
	if (is(&class, "unknown"))
		invent(&class);
	return class;
}

#endif
