/* SPDX-License-Identifier: ISC */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "moment.h"
#include "pat/deadline.h"
#include "pat/when.h"
#include "tell.h"

#define WRITE_MS 30000

const char *token_text(const json_t *token, const char *member)
{
	return json_string_value(json_object_get(token, member));
}

static char *copy(const char *text)
{
	char *result = strdup(text);

	if (result == NULL)
		out_of_memory();
	return result;
}

static const char *entry_name(const json_t *entry)
{
	const char *name = json_string_value(entry);

	return name != NULL ? name : "?";
}

char *token_list(const json_t *token, const char *member)
{
	const json_t *entries = json_object_get(token, member), *entry;
	size_t i, size = 1;
	char *text, *end;

	json_array_foreach(entries, i, entry)
	{
		size += strlen(entry_name(entry)) + strlen(",");
	}
	text = end = malloc(size);
	if (text == NULL)
		out_of_memory();
	*end = '\0';
	json_array_foreach(entries, i, entry)
	{
		end = stpcpy(end, i > 0 ? "," : "");
		end = stpcpy(end, entry_name(entry));
	}
	return text;
}

char *token_time(const json_t *token, const char *member)
{
	const char *text = token_text(token, member);
	char local[PAT_LOCALTIME_MAX];
	int64_t when;

	if (text == NULL)
		return NULL;
	return copy(moment_of(text, &when) ? pat_localtime(local, when) : text);
}

char *token_time_cell(const json_t *token, const char *member, size_t most, bool near)
{
	char *text = token_time(token, member), words[RELATIVE_MAX];
	int64_t when;

	if (text != NULL && near && moment_of(token_text(token, member), &when)) {
		free(text);
		return copy(relative(words, when, time(NULL)));
	}
	if (text != NULL && strlen(text) > most)
		text[most] = '\0';
	return text;
}

char *token_ends(const json_t *token)
{
	char *when = token_time(token, "expires_at"), *sentence;
	int len = when != NULL ? asprintf(&sentence, "Expires %s", when)
			       : asprintf(&sentence, "Never expires");

	if (len < 0)
		out_of_memory();
	free(when);
	return sentence;
}

char *token_terms(const json_t *token)
{
	const char *id = token_text(token, "id"), *name = token_text(token, "name");
	const char *user = token_text(token, "user");
	char *services = token_list(token, "services"), *sources = token_list(token, "sources");
	json_int_t uses = json_integer_value(json_object_get(token, "max_uses"));
	char *terms = NULL;
	size_t size;
	FILE *stream = open_memstream(&terms, &size);

	if (stream == NULL)
		out_of_memory();
	(void)fprintf(stream, "%s \"%s\" of %s, for %s", id != NULL ? id : "",
		      name != NULL ? name : "", user != NULL ? user : "", services);
	if (*sources != '\0')
		(void)fprintf(stream, ", from %s", sources);
	if (uses > 0)
		(void)fprintf(stream, ", for %lld use%s", (long long)uses, uses == 1 ? "" : "s");
	/* It may have had no memory for the last of it, and tell only so. */
	if (fclose(stream) != 0 || terms == NULL)
		out_of_memory();
	free(services);
	free(sources);
	return terms;
}

void output_done(const char *verb, const json_t *token)
{
	const char *id = token_text(token, "id"), *name = token_text(token, "name");

	say("%s %s (%s)", verb, id != NULL ? id : "", name != NULL ? name : "");
}

json_t *json_token(json_t *token)
{
	static const char *const members[] = {
		"id",
		"name",
		"description",
		"user",
		"uid",
		"services",
		"sources",
		"created_at",
		"expires_at",
		"last_used_at",
		"last_used_service",
		"last_used_from",
		"uses",
		"max_uses",
		"refusals",
		"suspended_at",
		"revoked_at",
		"successor",
		"status",
	};
	json_t *object = json_object();
	const char *name;
	json_t *value;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		value = json_object_get(token, members[i]);
		value = value != NULL ? json_incref(value) : json_null();
		if (json_object_set_new(object, members[i], value) != 0)
			out_of_memory();
	}
	/* What a later patd tells more. */
	json_object_foreach(token, name, value) if (json_object_get(object, name) == NULL &&
						    json_object_set(object, name, value) != 0)
		out_of_memory();
	return object;
}

/* There may be a token in it. */
static void wipe_and_free(char *text, size_t size)
{
	explicit_bzero(text, size);
	free(text);
}

/* Terminals take DEL for a control character, which JSON does not: it is the one below 0x80 that
 * jansson leaves as it is. It stands in strings alone. `text` is taken over, and takes so much now.
 */
#define DELETE '\x7f'
static char *escape_deletes(char *text, size_t size, size_t deletes)
{
	static const char escape[] = "\\u007f";
	char *result = malloc(size + deletes * (sizeof(escape) - 2)), *end = result;

	if (result == NULL)
		out_of_memory();
	for (const char *at = text; *at != '\0'; at++)
		if (*at == DELETE)
			end = stpcpy(end, escape);
		else
			*end++ = *at;
	*end = '\0';
	wipe_and_free(text, size);
	return result;
}

char *json_text(const json_t *json)
{
	const size_t flags = JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY;
	size_t room = 4096, len, deletes = 0;
	char *text = malloc(room);

	/* Of what does not fit it tells how much it is. */
	while (text != NULL && (len = json_dumpb(json, text, room - 2, flags)) > room - 2) {
		wipe_and_free(text, room);
		room = len + 2;
		text = malloc(room);
	}
	if (text == NULL || len == 0)
		out_of_memory();
	memcpy(text + len, "\n", 2);
	for (const char *at = text; (at = strchr(at, DELETE)) != NULL; at++)
		deletes++;
	return deletes > 0 ? escape_deletes(text, len + 2, deletes) : text;
}

void output_token_json(json_t *token)
{
	json_t *object = json_token(token);

	output_json(object);
	json_decref(object);
}

void output_json(const json_t *json)
{
	char *text = json_text(json);

	(void)fputs(text, stdout);
	free(text);
}

void output_json_element(const json_t *element, size_t count)
{
	static const char begin[] = "[\n", end[] = "\n]\n";
	json_t *array = json_pack("[O]", element);
	char *text;

	if (array == NULL)
		out_of_memory();
	text = json_text(array);
	(void)fputs(count == 0 ? begin : ",\n", stdout);
	(void)fwrite(text + strlen(begin), 1, strlen(text) - strlen(begin) - strlen(end), stdout);
	free(text);
	json_decref(array);
}

void output_json_end(size_t count)
{
	(void)fputs(count == 0 ? "[]\n" : "\n]\n", stdout);
}

int output_secret(const char *text)
{
	pat_deadline deadline = pat_deadline_in(WRITE_MS);
	size_t left = strlen(text);
	int copy_of_fd;

	while (left > 0) {
		struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
		ssize_t written = write(STDOUT_FILENO, text, left);

		if (written >= 0) {
			text += written;
			left -= (size_t)written;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (poll(&pfd, 1, pat_deadline_left(deadline)) <= 0)
				return STATUS_FAILED;
		} else if (errno != EINTR) {
			return STATUS_FAILED;
		}
	}
	/* Network file systems tell only at close(2) that the disk is full. */
	copy_of_fd = dup(STDOUT_FILENO);
	if (copy_of_fd >= 0 && close(copy_of_fd) != 0 && errno != EINTR)
		return STATUS_FAILED;
	return STATUS_OK;
}

int finish_output(int status)
{
	if (fflush(stdout) != 0)
		complain("standard output cannot be written: %s", strerror(errno));
	else if (ferror(stdout))
		complain("not everything could be written to standard output");
	else
		return status;
	return status == STATUS_OK ? STATUS_FAILED : status;
}
