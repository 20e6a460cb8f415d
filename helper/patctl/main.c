/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "output.h"
#include "pat/varlink.h"
#include "tell.h"

#ifndef PAT_VERSION
#error "PAT_VERSION is the version as a string"
#endif

static const char usage[] = "usage: patctl create NAME [-e WHEN] [-s LIST] [-d TEXT] [-u USER]\n"
			    "       patctl list [-a] [-u USER | --all-users]\n"
			    "       patctl show TOKEN [-u USER]\n"
			    "       patctl revoke TOKEN... | --all [-u USER]\n"
			    "       patctl revoke --token-stdin\n"
			    "       patctl verify\n";

static const char help[] = "\n"
			   "Personal access tokens: mint one for a script, a machine or a phone; "
			   "it is accepted where\n"
			   "a password is asked for, until it expires or is revoked.\n"
			   "\n"
			   "  create   mint a token, and print it once\n"
			   "  list     list your tokens\n"
			   "  show     tell all about one token\n"
			   "  revoke   end tokens at once\n"
			   "  verify   tell what the token on standard input is\n"
			   "\n"
			   "TOKEN is an id, a name, or the first 4 characters or more of an id.\n"
			   "\n";

static const char options_everywhere[] =
	"  -j, --json            print JSON\n"
	"      --no-legend       print no headings\n"
	"  -q, --quiet           print nothing but what was asked for, and errors\n"
	"      --password-stdin  read passwords from standard input, one line a prompt\n"
	"      --socket PATH     where patd listens\n"
	"  -h, --help            print this, or the help of a command\n"
	"  -V, --version         print the version\n";

const struct command commands[] = {
	{
		.name = "create",
		.takes = GIVEN_EXPIRES | GIVEN_SERVICE | GIVEN_DESCRIPTION | GIVEN_USER,
		.least = 1,
		.most = 1,
		.run = command_create,
		.operands = "one NAME",
		.help = "usage: patctl create NAME [option...]\n"
			"\n"
			"Mints a token, and prints it on standard output, once. Asks for your "
			"password.\n"
			"\n"
			"  -e, --expires WHEN      when it ends: 30s 15m 12h 90d 8w 6M 1y from "
			"now;\n"
			"                          2027-01-31, the end of that day; an RFC 3339 "
			"time;\n"
			"                          or never\n"
			"  -s, --service LIST      the PAM services that it opens, as in "
			"sshd,sudo\n"
			"  -d, --description TEXT  what it is for\n"
			"  -u, --user USER         for whom (root)\n",
	},
	{
		.name = "list",
		.takes = GIVEN_A | GIVEN_ALL | GIVEN_USER | GIVEN_ALL_USERS,
		.run = command_list,
		.operands = "no operand",
		.help = "usage: patctl list [option...]\n"
			"\n"
			"Lists your live tokens.\n"
			"\n"
			"  -a, --all         those that are expired or revoked, too\n"
			"  -u, --user USER   those of this user (root)\n"
			"      --all-users   those of all users (root)\n",
	},
	{
		.name = "show",
		.takes = GIVEN_USER,
		.least = 1,
		.most = 1,
		.run = command_show,
		.operands = "one TOKEN",
		.help = "usage: patctl show TOKEN [option...]\n"
			"\n"
			"Tells all about one token, but not its secret, which nobody knows.\n"
			"\n"
			"  -u, --user USER   a token of this user (root)\n",
	},
	{
		.name = "revoke",
		.takes = GIVEN_ALL | GIVEN_TOKEN_STDIN | GIVEN_USER,
		.most = INT_MAX,
		.run = command_revoke,
		.operands = "TOKEN..., --all or --token-stdin",
		.help = "usage: patctl revoke TOKEN... [option...]\n"
			"       patctl revoke --all [option...]\n"
			"       patctl revoke --token-stdin [option...]\n"
			"\n"
			"Ends tokens, at once and for good.\n"
			"\n"
			"      --all           all live tokens\n"
			"      --token-stdin   the very token on standard input, whosever it is\n"
			"  -u, --user USER     tokens of this user (root)\n",
	},
	{
		.name = "verify",
		.run = command_verify,
		.operands = "no operand; the token is read from standard input",
		.help = "usage: patctl verify [option...] < FILE\n"
			"\n"
			"Tells whether the token on standard input is good, whose and which it is. "
			"It does\n"
			"not count as a use. Exits 0 if it is good, 1 if it is expired or revoked, "
			"3 if\n"
			"there is no such token.\n",
	},
	{.name = NULL},
};

static void print_help(const struct command *command)
{
	if (command != NULL)
		printf("%s\nIn every command:\n%s", command->help, options_everywhere);
	else
		printf("%s%s%s", usage, help, options_everywhere);
}

/*
 * With one of the three standard descriptors closed, the connection to patd could become standard
 * output. Put there what cannot be written to, or read from, respectively.
 */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(STATUS_FAILED);
}

/* Nobody reads a token or a password out of this process or what it leaves behind. */
static void close_memory(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pat_varlink_wipe_json();
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	occupy_standard_descriptors();
	close_memory();
	(void)signal(SIGPIPE, SIG_IGN);
	/* Widths and character set only: messages and numbers are the same everywhere. */
	(void)setlocale(LC_CTYPE, "");
	/* In step with standard error, where both go to one log. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);

	if (argc < 2) {
		(void)fputs(usage, stderr);
		return STATUS_USAGE;
	}
	status = options_parse(&options, argc, argv);
	if (status == STATUS_OK) {
		if (options.version)
			say("patctl %s", PAT_VERSION);
		else if (options.help)
			print_help(options.command);
		else
			status = options.command->run(&options);
		status = finish_output(status);
	}
	options_free(&options);
	return status;
}
