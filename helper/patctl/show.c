/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "client.h"
#include "commands.h"
#include "events.h"
#include "moment.h"
#include "output.h"
#include "request.h"
#include "screen.h"
#include "tell.h"

static void print_member(const char *label, const char *text)
{
	say("%-14s%s", label, text != NULL && *text != '\0' ? text : "-");
}

static void print_list(const char *label, const json_t *token, const char *member,
		       const char *otherwise)
{
	char *text = token_list(token, member);

	print_member(label, *text != '\0' ? text : otherwise);
	free(text);
}

/* A time, how far it is for those who sit at a terminal, and `more` behind. */
static void print_time(const char *label, const json_t *token, const char *member, const char *more)
{
	char *text = token_time(token, member), words[RELATIVE_MAX];
	int64_t when;

	if (text == NULL)
		say("%-14s%s", label, "never");
	else if (screen_of_output().terminal && moment_of(token_text(token, member), &when))
		say("%-14s%s (%s)%s", label, text, relative(words, when, time(NULL)), more);
	else
		say("%-14s%s%s", label, text, more);
	free(text);
}

static void print_last_use(const json_t *token)
{
	const char *service = token_text(token, "last_used_service");
	const char *from = token_text(token, "last_used_from");
	json_t *more = json_sprintf(
		"%s%s%s%s", service != NULL ? ", by " : "", service != NULL ? service : "",
		from != NULL && *from != '\0' ? " from " : "", from != NULL ? from : "");

	if (more == NULL)
		out_of_memory();
	print_time("Last used:", token, "last_used_at", json_string_value(more));
	json_decref(more);
}

static long long number(const json_t *token, const char *member)
{
	return (long long)json_integer_value(json_object_get(token, member));
}

static void print_token(const json_t *token)
{
	const char *user = token_text(token, "user");

	print_member("Status:", token_text(token, "status"));
	print_member("ID:", token_text(token, "id"));
	print_member("Name:", token_text(token, "name"));
	print_member("Description:", token_text(token, "description"));
	say("%-14s%s (uid %lld)", "User:", user != NULL ? user : "-", number(token, "uid"));
	print_list("Services:", token, "services", "-");
	print_list("Sources:", token, "sources", "any");
	print_time("Created:", token, "created_at", "");
	print_time("Expires:", token, "expires_at", "");
	if (token_text(token, "suspended_at") != NULL)
		print_time("Suspended:", token, "suspended_at", "");
	if (token_text(token, "revoked_at") != NULL)
		print_time("Revoked:", token, "revoked_at", "");
	if (token_text(token, "successor") != NULL)
		print_member("Replaced by:", token_text(token, "successor"));
	print_last_use(token);
	if (number(token, "max_uses") > 0)
		say("%-14s%lld of %lld", "Uses:", number(token, "uses"), number(token, "max_uses"));
	else
		say("%-14s%lld", "Uses:", number(token, "uses"));
	say("%-14s%lld", "Refusals:", number(token, "refusals"));
}

int command_show(const struct options *options)
{
	json_t *parameters, *answer, *token, *events;
	const char *id;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = request_set_selector(parameters, options->operands[0]);
	if (status == STATUS_OK)
		status = client_ask(options, "Get", parameters, &answer);
	json_decref(parameters);
	if (status != STATUS_OK)
		return status;
	token = json_token(json_object_get(answer, "token"));
	id = token_text(token, "id");
	events = json_object_get(answer, "events");
	if (given(options, OPTION_JSON)) {
		request_set(token, "events", events != NULL ? json_incref(events) : json_array());
		output_json(token);
	} else {
		print_token(token);
		if (json_array_size(events) > 0) {
			say("%s", "");
			status = events_print(options, events, id != NULL ? id : "");
		}
	}
	json_decref(token);
	json_decref(answer);
	return status;
}
