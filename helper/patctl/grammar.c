/* SPDX-License-Identifier: ISC */

/* The commands: what each takes, and what its help says. */

#include <limits.h>
#include <stddef.h>

#include "commands.h"

#define OWN_USER                                   \
	{                                          \
		OPTION_USER, "of this user (root)" \
	}
#define TOKEN_FILE                                                                              \
	{                                                                                       \
		OPTION_OUTPUT, "write the token to FILE, which only you can\nread, and not to " \
			       "standard output"                                                \
	}
#define SERVICES "the PAM services that it opens, or groups of\nthem, as in sshd,sudo or @remote"
#define SOURCES \
	"where it may come from: addresses, networks, and\nlocal, as in 192.0.2.7,2001:db8::/32"

/* clang-format off */
const struct command commands[] = {
	{
		.name = "create",
		.operands = "NAME",
		.summary = "mint a token, and print it once",
		.about = "Mints a token, and prints it on standard output, once. Asks for your password.",
		.least = 1,
		.most = 1,
		.run = command_create,
		.takes = {
			{OPTION_EXPIRES,
			 "when it ends: 30s 15m 12h 90d 8w 6M 1y from now;\n"
			 "2027-01-31, the end of that day; an RFC 3339\n"
			 "time; or never"},
			{OPTION_SERVICE, SERVICES},
			{OPTION_FROM, SOURCES},
			{OPTION_USES, "how often it works; 1: once"},
			{OPTION_DESCRIPTION, "what it is for"},
			TOKEN_FILE,
			{OPTION_USER, "for whom (root)"},
		},
	},
	{
		.name = "rotate",
		.operands = "TOKEN",
		.summary = "put a new token in the place of an old one",
		.about = "Mints a token of the same name, scope, limits and length of life, and prints it\n"
			 "on standard output, once. The old one ends. Asks for your password.",
		.least = 1,
		.most = 1,
		.run = command_rotate,
		.takes = {
			{OPTION_OVERLAP, "how long the old one goes on, as in 24h"},
			TOKEN_FILE,
			OWN_USER,
		},
	},
	{
		.name = "edit",
		.operands = "TOKEN",
		.summary = "narrow a token, or name or describe it anew",
		.about = "Changes a token. It can be narrowed only; for more than it has, rotate it, or\n"
			 "create another.",
		.least = 1,
		.most = 1,
		.run = command_edit,
		.takes = {
			{OPTION_NAME, "what it is to be called"},
			{OPTION_DESCRIPTION, "what it is for"},
			{OPTION_SERVICE, SERVICES},
			{OPTION_FROM, SOURCES},
			{OPTION_EXPIRES, "when it ends, as for create, but only sooner"},
			{OPTION_USES, "how often it works, in all"},
			OWN_USER,
		},
	},
	{
		.name = "suspend",
		.operands = "TOKEN...",
		.summary = "stop tokens from working, until they are resumed",
		.about = "Stops tokens from working, until they are resumed.",
		.least = 1,
		.most = INT_MAX,
		.run = command_suspend,
		.takes = {OWN_USER},
	},
	{
		.name = "resume",
		.operands = "TOKEN...",
		.summary = "let suspended tokens work again",
		.about = "Lets suspended tokens work again. Asks for your password, for each.",
		.least = 1,
		.most = INT_MAX,
		.run = command_resume,
		.takes = {OWN_USER},
	},
	{
		.name = "revoke",
		.operands = "TOKEN... | --all | --token-stdin",
		.summary = "end tokens at once, for good",
		.about = "Ends tokens at once, for good.",
		.most = INT_MAX,
		.run = command_revoke,
		.takes = {
			{OPTION_EVERY, "all your live tokens"},
			{OPTION_TOKEN_STDIN, "the very tokens on standard input, one a line,\nwhoever owns them"},
			OWN_USER,
		},
	},
	{
		.name = "list",
		.operands = "",
		.summary = "list your tokens",
		.about = "Lists your live tokens.",
		.run = command_list,
		.takes = {
			{OPTION_ALL, "those that have ended, too"},
			{OPTION_EXPIRED, "only those that have expired"},
			{OPTION_UNUSED, "only those that nobody used for so long, as 30d"},
			{OPTION_EXPIRING, "only those that expire within SPAN; exits 1 if\nthere is one, for monitoring"},
			{OPTION_COLUMNS,
			 "what to show of each: id,name,user,services,\n"
			 "sources,created,expires,last-used,from,uses,\n"
			 "status,description"},
			{OPTION_SORT, "by one of these"},
			{OPTION_USER, "those of this user (root)"},
			{OPTION_ALL_USERS, "those of all users (root)"},
		},
	},
	{
		.name = "show",
		.operands = "TOKEN",
		.summary = "tell all about one token, with its recent uses",
		.about = "Tells all about one token, with its recent uses and refusals. Its secret nobody\n"
			 "knows.",
		.least = 1,
		.most = 1,
		.run = command_show,
		.takes = {OWN_USER},
	},
	{
		.name = "why",
		.operands = "",
		.summary = "tell why tokens of yours were refused",
		.about = "Tells when and why tokens of yours were refused, in the last hour.",
		.run = command_why,
		.takes = {
			{OPTION_SINCE, "since then: 2h, that long ago; 2027-01-31, the\nbeginning of that day; or an RFC 3339 time"},
			{OPTION_ALL, "all that is kept"},
			OWN_USER,
		},
	},
	{
		.name = "policy",
		.operands = "",
		.summary = "tell what you may mint here",
		.about = "Tells what you may mint here, and which rule says so.",
		.run = command_policy,
		.takes = {{OPTION_USER, "what this user may (root)"}},
	},
	{
		.name = "verify",
		.operands = "",
		.summary = "tell what the tokens on standard input are",
		.about = "Tells of each token on standard input, one a line, whether it is good, which and\n"
			 "whose it is. It does not count as a use. Exits 0 if all are good, 1 if one is\n"
			 "not, 3 if one is not known here, 2 if there is something else among them.",
		.run = command_verify,
	},
	{
		.name = "doctor",
		.operands = "",
		.summary = "tell what is wrong with the installation",
		.about = "Reads PAM stacks as libpam does, and the installation, and tells what is wrong or\n"
			 "dangerous, and what to change. Changes nothing. Exits 1 if something should be\n"
			 "mended. Root sees more.",
		.run = command_doctor,
		.takes = {
			{OPTION_SERVICE, "the stacks of these PAM services alone"},
			{OPTION_ROOT, "the system below DIR, such as an image, instead\nof this one"},
		},
	},
	{.name = NULL},
};
/* clang-format on */
