/* SPDX-License-Identifier: ISC */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guess.h"
#include "pat/token.h"
#include "tell.h"

/* clang-format off */
const struct option_rule option_rules[OPTIONS] = {
	[OPTION_EXPIRES]        = {"expires", required_argument, 'e', false, "WHEN"},
	[OPTION_SERVICE]        = {"service", required_argument, 's', true, "LIST"},
	[OPTION_FROM]           = {"from", required_argument, 'f', true, "LIST"},
	[OPTION_USES]           = {"uses", required_argument, 'n', false, "N"},
	[OPTION_DESCRIPTION]    = {"description", required_argument, 'd', false, "TEXT"},
	[OPTION_NAME]           = {"name", required_argument, 0, false, "NAME"},
	[OPTION_OUTPUT]         = {"output", required_argument, 'o', false, "FILE"},
	[OPTION_OVERLAP]        = {"overlap", required_argument, 0, false, "SPAN"},
	[OPTION_ALL]            = {"all", no_argument, 'a', false, NULL},
	[OPTION_EVERY]          = {"all", no_argument, 0, false, NULL},
	[OPTION_EXPIRED]        = {"expired", no_argument, 0, false, NULL},
	[OPTION_UNUSED]         = {"unused", required_argument, 0, false, "SPAN"},
	[OPTION_EXPIRING]       = {"expiring", required_argument, 0, false, "SPAN"},
	[OPTION_COLUMNS]        = {"columns", required_argument, 'o', true, "LIST"},
	[OPTION_SORT]           = {"sort", required_argument, 0, false, "COLUMN"},
	[OPTION_SINCE]          = {"since", required_argument, 0, false, "TIME"},
	[OPTION_ROOT]           = {"root", required_argument, 0, false, "DIR"},
	[OPTION_TOKEN_STDIN]    = {"token-stdin", no_argument, 0, false, NULL},
	[OPTION_USER]           = {"user", required_argument, 'u', false, "USER"},
	[OPTION_ALL_USERS]      = {"all-users", no_argument, 0, false, NULL},
	[OPTION_JSON]           = {"json", no_argument, 'j', false, NULL},
	[OPTION_NO_LEGEND]      = {"no-legend", no_argument, 0, false, NULL},
	[OPTION_QUIET]          = {"quiet", no_argument, 'q', false, NULL},
	[OPTION_PASSWORD_STDIN] = {"password-stdin", no_argument, 0, false, NULL},
	[OPTION_SOCKET]         = {"socket", required_argument, 0, false, "PATH"},
	[OPTION_HELP]           = {"help", no_argument, 'h', false, NULL},
	[OPTION_VERSION]        = {"version", no_argument, 'V', false, NULL},
};
/* clang-format on */

/* What getopt_long(3) answers for a long option: this and its enum option_id. */
#define LONG 256

/* What getopt_long(3) is to know. */
struct syntax {
	struct option names[OPTIONS + 1];
	char letters[2 * OPTIONS + 3];
};

static void make_syntax(struct syntax *syntax)
{
	struct option *name = syntax->names;
	char *letter;

	/* `-` gives operands in their order, whatever POSIXLY_CORRECT says; `:` leaves messages to
	 * us. */
	letter = stpcpy(syntax->letters, "-:");
	for (int id = OPTION_NONE + 1; id < OPTIONS; id++) {
		const struct option_rule *rule = &option_rules[id];
		const struct option *same = syntax->names;

		while (same < name && strcmp(same->name, rule->name) != 0)
			same++;
		if (same == name)
			*name++ = (struct option){rule->name, rule->has_arg, NULL, LONG + id};
		if (rule->letter != 0 && strchr(syntax->letters + 2, rule->letter) == NULL) {
			*letter++ = rule->letter;
			if (rule->has_arg == required_argument)
				*letter++ = ':';
		}
	}
}

int usage_error(const struct command *command)
{
	note("try 'patctl %s%s--help'", command != NULL ? command->name : "",
	     command != NULL ? " " : "");
	return STATUS_USAGE;
}

/* An option as it was written, until the command tells what it means. */
struct word {
	int code; /* a letter, or LONG and an option of that name */
	const char *argument;
};

static bool is_written(const struct word *word, enum option_id id)
{
	if (word->code < LONG)
		return option_rules[id].letter == word->code;
	return strcmp(option_rules[id].name, option_rules[word->code - LONG].name) == 0;
}

static enum option_id meant(const struct command *command, const struct word *word)
{
	for (const struct command_option *o = command->takes; o->id != OPTION_NONE; o++)
		if (is_written(word, o->id))
			return o->id;
	for (int id = OPTION_JSON; id < OPTIONS; id++)
		if (is_written(word, id))
			return id;
	return OPTION_NONE;
}

/* A second value is refused, not obeyed: in a sudoers rule, what stands first is what is allowed.
 */
static int keep(struct options *options, enum option_id id, const char *argument)
{
	char *before = options->value[id], *now = NULL;
	int len = 0;

	options->given[id] = true;
	if (argument == NULL)
		return STATUS_OK;
	if (before != NULL && !option_rules[id].adds_up) {
		complain("--%s is given twice", option_rules[id].name);
		return usage_error(options->command);
	}
	if (option_rules[id].adds_up && before != NULL)
		len = asprintf(&now, "%s,%s", before, argument);
	else
		now = strdup(argument);
	if (len < 0 || now == NULL)
		out_of_memory();
	free(before);
	options->value[id] = now;
	return STATUS_OK;
}

/* Gives each word its meaning for the command. */
static int resolve(struct options *options, const struct word *words, int count)
{
	for (int i = 0; i < count; i++) {
		enum option_id id = meant(options->command, &words[i]);

		if (id != OPTION_NONE) {
			int status = keep(options, id, words[i].argument);

			if (status != STATUS_OK)
				return status;
			continue;
		}
		if (words[i].code < LONG)
			complain("%s takes no -%c", options->command->name, words[i].code);
		else
			complain("%s takes no --%s", options->command->name,
				 option_rules[words[i].code - LONG].name);
		return usage_error(options->command);
	}
	return STATUS_OK;
}

/* There is no such option: of those that the command takes, if it is known yet, is one near? */
static void refuse_unknown(const struct command *command, const char *text)
{
	char *written = strndup(text + 2, strcspn(text + 2, "="));
	struct guess guess = {.written = written};

	if (written == NULL)
		out_of_memory();
	for (const struct command_option *o = command != NULL ? command->takes : NULL;
	     o != NULL && o->id != OPTION_NONE; o++)
		guess_try(&guess, option_rules[o->id].name);
	for (int id = command != NULL ? OPTION_JSON : OPTION_NONE + 1; id < OPTIONS; id++)
		guess_try(&guess, option_rules[id].name);
	if (guess.best != NULL)
		complain("there is no option '--%s'; did you mean '--%s'?", written, guess.best);
	else
		complain("there is no option '--%s'", written);
	free(written);
}

/* What getopt_long(3) refused: `text` is the word, as far as it is known. */
static int refuse(const struct command *command, int code, const char *text)
{
	bool is_long = strncmp(text, "--", 2) == 0;

	if (code == ':' && is_long)
		complain("--%s needs a value", option_rules[optopt - LONG].name);
	else if (code == ':')
		complain("-%c needs a value", optopt);
	else if (is_long && optopt != 0)
		complain("--%s takes no value", option_rules[optopt - LONG].name);
	else if (is_long)
		refuse_unknown(command, text);
	else
		complain("there is no option '-%c'", optopt);
	return usage_error(command);
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* True if this is a token, or was meant to be one; it is then wiped. */
static bool was_token(char *text)
{
	static const char wrapper[] = "secret-token:";
	const size_t wrapped =
		strncmp(text, wrapper, sizeof(wrapper) - 1) ? 0 : sizeof(wrapper) - 1;

	if (strncmp(text + wrapped, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) != 0)
		return false;
	explicit_bzero(text, strlen(text));
	complain(
		"never put a token on a command line; verify and revoke --token-stdin read it from "
		"standard input");
	note("It is in the history of your shell now. Revoke it: patctl revoke --token-stdin");
	return true;
}

static int refuse_command(const char *text)
{
	struct guess guess = {.written = text};

	for (const struct command *c = commands; c->name != NULL; c++)
		guess_try(&guess, c->name);
	if (guess.best != NULL)
		complain("there is no command '%s'; did you mean '%s'?", text, guess.best);
	else
		complain("there is no command '%s'", text);
	return usage_error(NULL);
}

/* The first operand is the command, the others are its. `help`, before that, is how other programs
 * are asked for it. */
static int take_operand(struct options *options, char *text)
{
	if (options->command != NULL) {
		options->operands[options->count++] = text;
		return STATUS_OK;
	}
	if (strcmp(text, "help") == 0) {
		options->help_word = true;
		return STATUS_OK;
	}
	options->command = find_command(text);
	if (options->command != NULL)
		return STATUS_OK;
	return refuse_command(text);
}

static int check(const struct options *options)
{
	const struct command *command = options->command;

	if (options->count >= command->least && options->count <= command->most)
		return STATUS_OK;
	if (command->most == 0)
		complain("%s takes no operand", command->name);
	else
		complain("%s takes %s%s", command->name, command->most == 1 ? "one " : "",
			 command->operands);
	return usage_error(command);
}

/* Collects operands and, in `words`, options. */
static int scan(struct options *options, int argc, char **argv, struct word *words, int *count)
{
	struct syntax syntax = {.letters = ""};
	int code, status = STATUS_OK;

	make_syntax(&syntax);
	while (status == STATUS_OK && !options->help && !options->version) {
		/* The word that is looked at next, for messages. */
		const char *text = argv[optind] != NULL ? argv[optind] : "";

		code = getopt_long(argc, argv, syntax.letters, syntax.names, NULL);
		if (code == -1)
			break;
		if (optarg != NULL && was_token(optarg))
			status = STATUS_USAGE;
		else if (code == 1 && optarg != NULL)
			status = take_operand(options, optarg);
		else if (code == '?' || code == ':')
			status = refuse(options->command, code, text);
		else
			words[(*count)++] = (struct word){code, optarg};
		options->help = code == 'h' || code == LONG + OPTION_HELP;
		options->version = code == 'V' || code == LONG + OPTION_VERSION;
	}
	if (options->help || options->version)
		return status;
	for (; status == STATUS_OK && optind < argc; optind++)
		status = was_token(argv[optind]) ? STATUS_USAGE
						 : take_operand(options, argv[optind]);
	if (status != STATUS_OK || !options->help_word)
		return status;
	options->help = true;
	if (options->count == 0)
		return STATUS_OK;
	complain("help takes one COMMAND");
	return usage_error(NULL);
}

int options_parse(struct options *options, int argc, char **argv)
{
	/* A word of argv may hold several letters. */
	size_t letters = 1;
	struct word *words;
	int status, count = 0;

	for (int i = 0; i < argc; i++)
		letters += strlen(argv[i]);
	*options = (struct options){0};
	options->operands = calloc((size_t)argc + 1, sizeof(*options->operands));
	words = calloc(letters, sizeof(*words));
	if (options->operands == NULL || words == NULL)
		out_of_memory();
	status = scan(options, argc, argv, words, &count);
	if (status == STATUS_OK && !options->help && !options->version) {
		if (options->command == NULL) {
			complain("a command is missing");
			status = usage_error(NULL);
		} else {
			status = resolve(options, words, count);
		}
		if (status == STATUS_OK)
			status = check(options);
	}
	free(words);
	return status;
}

void options_free(struct options *options)
{
	for (int id = 0; id < OPTIONS; id++)
		free(options->value[id]);
	free(options->operands);
	*options = (struct options){0};
}
