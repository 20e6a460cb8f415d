/* SPDX-License-Identifier: ISC */
#ifndef PATCTL_RUN_H
#define PATCTL_RUN_H

/*
 * patctl in this process: a command line, what is typed, what patd answers, and what comes out.
 * Definitions: a fuzzer includes this once.
 */

#include "world.h"

#include <getopt.h>
#include <jansson.h>
#include <locale.h>

#include "../../helper/patctl/help.h"
#include "../../helper/patctl/options.h"
#include "../../helper/patctl/output.h"
#include "../../helper/patctl/patctl.h"
#include "pat/varlink.h"

#define WORDS 12

static struct {
	char words[WORDS][512];
	char *argv[WORDS + 1];
	int argc;
	char answers[16384];
	size_t answers_len;
	bool ascii;    /* the locale is C */
	bool in_place; /* patd's answer has a token where one belongs */
} patctl;

/* What was written to one of the two streams. */
struct sink {
	char text[1 << 18];
	size_t len;
};
static struct sink out, err;

static ssize_t keep(void *cookie, const char *text, size_t len)
{
	struct sink *sink = cookie;

	if (sink->len + len > sizeof(sink->text))
		sink->len = 0; /* more than anybody reads */
	HOLDS(len <= sizeof(sink->text));
	memcpy(sink->text + sink->len, text, len);
	sink->len += len;
	return (ssize_t)len;
}

/* Past stdio. */
OURS ssize_t write(int fd, const void *data, size_t len)
{
	if (!world.armed || (fd != STDOUT_FILENO && fd != STDERR_FILENO))
		return REAL(write)(fd, data, len);
	USABLE(data, len);
	return fails() ? -1 : keep(fd == STDOUT_FILENO ? &out : &err, data, len);
}

static void answer(int peer)
{
	(void)!REAL(send)(peer, patctl.answers, patctl.answers_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(peer, SHUT_WR);
}

static void add_answer(const char *text, bool ends)
{
	static const char member[] = "\"token\":\"$";
	char whole[4096];
	size_t len = strlen(expand(whole, sizeof(whole), text)) + ends;
	unsigned all = has_secret(text, strlen(text)), known = 0;

	for (const char *at = text; (at = strchr(at, '$')) != NULL; at++)
		all += at[1] != '\0' && strchr(token_letters, at[1]) != NULL;
	for (const char *at = text; (at = strstr(at, member)) != NULL; at += strlen(member))
		known += at[strlen(member)] && strchr(token_letters, at[strlen(member)]) != NULL;
	patctl.in_place = patctl.in_place || known > 0;
	world.told = world.told || all > known;
	if (patctl.answers_len + len < sizeof(patctl.answers)) {
		memcpy(patctl.answers + patctl.answers_len, whole, len);
		patctl.answers_len += len;
	}
}

/* A line more of standard input, as far as there is room. */
static void add_typed(const char *text)
{
	size_t used = strlen(world.typed);

	if (used + 2 > sizeof(world.typed))
		return;
	expand(world.typed + used, sizeof(world.typed) - used - 1, text);
	strcat(world.typed, "\n");
}

static void patctl_setting(char kind, const char *text)
{
	if (kind == 'a' && patctl.argc < WORDS) {
		char *word = patctl.words[patctl.argc];

		expand(word, sizeof(patctl.words[0]), text);
		world.told = world.told || has_secret(word, strlen(word));
		patctl.argv[patctl.argc++] = word;
	} else if (kind == 'r' || kind == 'R')
		add_answer(text, kind == 'r');
	else if (kind == 'i')
		add_typed(text);
	else if (kind == 'q')
		world.peer_uid = (uid_t)atoi(text);
	else if (kind == 'c')
		world.connect_error = atoi(text) & 127;
	else if (kind == 't')
		world.terminal = true;
	else if (kind == '8')
		patctl.ascii = true;
}

static UNUSED void patctl_read_input(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char line[4096];

	memset(&world, 0, sizeof(world));
	memset(&patctl, 0, sizeof(patctl));
	world.peer = -1;
	world.connected = answer;
	snprintf(patctl.words[0], sizeof(patctl.words[0]), "patctl");
	patctl.argv[patctl.argc++] = patctl.words[0];
	while (input_line(&input, line, sizeof(line)))
		patctl_setting(line[0], line[0] && line[1] ? line + 2 : "");
	patctl.argv[patctl.argc] = NULL;
}

/* As main() does. */
static int patctl_main(void)
{
	struct options options;
	int status = options_parse(&options, patctl.argc, patctl.argv);

	if (status == STATUS_OK) {
		if (options.help)
			print_help(options.command);
		else if (!options.version)
			status = options.command->run(&options);
		status = finish_output(status);
	}
	options_free(&options);
	return status;
}

/* Lines that a terminal obeys nothing in, colours of patctl's own apart. */
static void check_stream(const struct sink *sink)
{
	static const char *const colours[] = {"\033[2m", "\033[33m", "\033[0m", "\033[1m",
					      "\033[39m"};
	static char plain[sizeof(sink->text)];
	size_t len = 0;

	for (size_t i = 0; i < sink->len; i++) {
		size_t skip = sink->text[i] == '\n';

		for (unsigned c = 0; c < COUNT(colours) && world.terminal; c++)
			if (strncmp(sink->text + i, colours[c], strlen(colours[c])) == 0)
				skip = strlen(colours[c]);
		if (skip > 0)
			i += skip - 1;
		else
			plain[len++] = sink->text[i];
		if (patctl.ascii)
			HOLDS((unsigned char)sink->text[i] < 0x80);
	}
	HOLDS(is_printable(plain, len));
}

/* Runs it, looks at all that it wrote, and returns its status. */
static UNUSED int patctl_run(void)
{
	static FILE *streams[2];
	static bool ascii_now;
	FILE *before[2] = {stdout, stderr};
	int fd = next_descriptor(), status;

	if (streams[0] == NULL) {
		streams[0] = fopencookie(&out, "w", (cookie_io_functions_t){.write = keep});
		streams[1] = fopencookie(&err, "w", (cookie_io_functions_t){.write = keep});
		setvbuf(streams[1], NULL, _IONBF, 0);
	}
	if (ascii_now != patctl.ascii)
		setlocale(LC_CTYPE, (ascii_now = patctl.ascii) ? "C" : "C.UTF-8");
	out.len = err.len = 0;
	optind = 0;
	stdout = streams[0];
	stderr = streams[1];
	world_arm();
	status = patctl_main();
	world_disarm();
	fflush(stdout);
	fflush(stderr);
	stdout = before[0];
	stderr = before[1];
	HOLDS(status >= STATUS_OK && status <= STATUS_UNREACHABLE);
	HOLDS(status == STATUS_OK || err.len > 0 || out.len > 0);
	HOLDS(next_descriptor() == fd);
	check_stream(&out);
	check_stream(&err);
	HOLDS(world.told || !has_secret(err.text, err.len));
	HOLDS(world.told || patctl.in_place || !has_secret(out.text, out.len));
	HOLDS(world.told || !world.freed_secret);
	return status;
}

static UNUSED void patctl_begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	/* What it finds when it looks for another than that of the beginning. */
	setenv("LC_ALL", "C", 1);
	setenv("TERM", "xterm", 1);
	setenv("COLUMNS", "80", 1);
	setenv("TZ", "UTC", 1);
	pat_varlink_wipe_json();
	json_object_seed(1);
	make_tokens();
	snprintf(place.dir, sizeof(place.dir), "/nowhere");
	world_watch_memory();
}

#endif
