/* SPDX-License-Identifier: ISC */
#include "doctor_models.h"

#include <stdlib.h>
#include <string.h>

#define SUCCESS PAMD_CODE(PAMD_SUCCESS)
#define IGNORE PAMD_CODE(PAMD_IGNORE)
#define AUTH_ERR PAMD_CODE(PAMD_AUTH_ERR)
#define PERM_DENIED PAMD_CODE(PAMD_PERM_DENIED)
#define USER_UNKNOWN PAMD_CODE(PAMD_USER_UNKNOWN)
#define UNAVAIL PAMD_CODE(PAMD_AUTHINFO_UNAVAIL)
#define REFUSALS                                                        \
	(AUTH_ERR | USER_UNKNOWN | UNAVAIL | PAMD_CODE(PAMD_MAXTRIES) | \
	 PAMD_CODE(PAMD_CRED_INSUFFICIENT) | PAMD_CODE(PAMD_ACCT_EXPIRED))

/*
 * Read in the modules' sources: Linux-PAM 1.5.2 for its own. `codes` is all that a module may
 * answer apart from failing for want of memory and the like; of those that check a password, what
 * it may answer to a wrong one.
 */
static const struct model {
	const char *name;
	enum pamd_kind kind;
	pamd_codes codes;
} models[] = {
	{"pam_pat", PAMD_KIND_PAT, 0},

	{"pam_permit", PAMD_KIND_FIXED, SUCCESS},
	{"pam_deny", PAMD_KIND_FIXED, AUTH_ERR},
	{"pam_cap", PAMD_KIND_FIXED, SUCCESS | IGNORE},
	{"pam_echo", PAMD_KIND_FIXED, IGNORE},
	{"pam_env", PAMD_KIND_FIXED, IGNORE},
	{"pam_faildelay", PAMD_KIND_FIXED, SUCCESS | IGNORE},
	{"pam_group", PAMD_KIND_FIXED, IGNORE},
	{"pam_issue", PAMD_KIND_FIXED, IGNORE},
	{"pam_keyinit", PAMD_KIND_FIXED, IGNORE},
	{"pam_mail", PAMD_KIND_FIXED, IGNORE},
	{"pam_selinux", PAMD_KIND_FIXED, AUTH_ERR},
	{"pam_warn", PAMD_KIND_FIXED, IGNORE},

	{"pam_access", PAMD_KIND_GATE, SUCCESS | PERM_DENIED | USER_UNKNOWN},
	{"pam_faillock", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR},
	{"pam_tally2", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR},
	{"pam_lastlog", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR | USER_UNKNOWN},
	{"pam_listfile", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR},
	{"pam_localuser", PAMD_KIND_GATE, SUCCESS | PERM_DENIED},
	{"pam_nologin", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR | USER_UNKNOWN},
	{"pam_securetty", PAMD_KIND_GATE, SUCCESS | AUTH_ERR | USER_UNKNOWN},
	{"pam_sepermit", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR},
	{"pam_shells", PAMD_KIND_GATE, SUCCESS | AUTH_ERR},
	{"pam_succeed_if", PAMD_KIND_GATE, SUCCESS | AUTH_ERR | USER_UNKNOWN},
	{"pam_time", PAMD_KIND_GATE, SUCCESS | PERM_DENIED},
	{"pam_usertype", PAMD_KIND_GATE, SUCCESS | AUTH_ERR | USER_UNKNOWN},
	{"pam_wheel", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR | PERM_DENIED},
	{"pam_exec", PAMD_KIND_GATE, SUCCESS | IGNORE | AUTH_ERR | PERM_DENIED},

	{"pam_unix", PAMD_KIND_LOCAL, REFUSALS},
	{"pam_unix_auth", PAMD_KIND_LOCAL, REFUSALS},
	{"pam_tcb", PAMD_KIND_LOCAL, REFUSALS},
	{"pam_pwdfile", PAMD_KIND_LOCAL, REFUSALS},
	{"pam_userdb", PAMD_KIND_LOCAL, REFUSALS},
	{"pam_systemd_home", PAMD_KIND_LOCAL, REFUSALS | IGNORE},
	{"pam_ecryptfs", PAMD_KIND_LOCAL, SUCCESS | IGNORE | REFUSALS},
	{"pam_gnome_keyring", PAMD_KIND_LOCAL, SUCCESS | IGNORE | REFUSALS},
	{"pam_kwallet", PAMD_KIND_LOCAL, SUCCESS | IGNORE | REFUSALS},
	{"pam_kwallet5", PAMD_KIND_LOCAL, SUCCESS | IGNORE | REFUSALS},
	{"pam_mount", PAMD_KIND_LOCAL, SUCCESS | IGNORE | REFUSALS},

	{"pam_aad", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_heimdal", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_himmelblau", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_krb5", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_ldap", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_lsass", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_mysql", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_pgsql", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_radius_auth", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_sss", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_tacplus", PAMD_KIND_REMOTE, REFUSALS | IGNORE},
	{"pam_winbind", PAMD_KIND_REMOTE, REFUSALS | IGNORE},

	{"pam_duo", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_fprintd", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_google_authenticator", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_oath", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_pkcs11", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_rhosts", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_rootok", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_ssh_agent_auth", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_sss_gss", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_timestamp", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_u2f", PAMD_KIND_FACTOR, REFUSALS},
	{"pam_yubico", PAMD_KIND_FACTOR, REFUSALS},
};

/* What pam_unix asks for. */
#define UNIX_DELAY 2000000

/* A program that is given the password may do with it what it likes. */
static const struct model exec_with_password = {"pam_exec", PAMD_KIND_REMOTE, REFUSALS | IGNORE};

static const struct model unknown = {"", PAMD_KIND_UNKNOWN, REFUSALS | IGNORE};

static bool has_argument(const struct pamd_handler *handler, const char *word)
{
	for (size_t i = 0; i < handler->count; i++)
		if (strcmp(handler->arguments[i], word) == 0)
			return true;
	return false;
}

static const struct model *model_of(const struct pamd_handler *handler)
{
	if (pamd_is_module(handler, "pam_exec") && has_argument(handler, "expose_authtok"))
		return &exec_with_password;
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (pamd_is_module(handler, models[i].name))
			return &models[i];
	return &unknown;
}

enum pamd_kind pamd_kind_of(const struct pamd_handler *handler)
{
	return model_of(handler)->kind;
}

bool pamd_takes_password(const struct pamd_handler *handler)
{
	const enum pamd_kind kind = pamd_kind_of(handler);

	return kind == PAMD_KIND_LOCAL || kind == PAMD_KIND_REMOTE;
}

bool pamd_counts_failure(const struct pamd_handler *handler)
{
	return (pamd_is_module(handler, "pam_faillock") && has_argument(handler, "authfail")) ||
	       pamd_is_module(handler, "pam_tally2");
}

unsigned long pamd_delay_of(const struct pamd_handler *handler)
{
	if (pamd_is_module(handler, "pam_unix") || pamd_is_module(handler, "pam_unix_auth"))
		return has_argument(handler, "nodelay") ? 0 : UNIX_DELAY;
	if (!pamd_is_module(handler, "pam_faildelay"))
		return 0;
	for (size_t i = handler->count; i-- > 0;)
		if (strncmp(handler->arguments[i], "delay=", 6) == 0)
			return strtoul(handler->arguments[i] + 6, NULL, 10);
	return PAMD_DELAY_ELSEWHERE;
}

static pamd_codes pat_answers(enum pamd_typed typed)
{
	switch (typed) {
	case PAMD_BAD_TOKEN:
		return AUTH_ERR;
	case PAMD_UNCHECKED_TOKEN:
		return PAMD_CODE(PAMD_SYSTEM_ERR);
	case PAMD_GOOD_TOKEN:
		return SUCCESS;
	default:
		return UNAVAIL;
	}
}

/*
 * Whether success of this line alone lets in: it ends the chain, or passes over all that takes a
 * password. Who wrote it so meant those whom the line names, and the lines around it have nothing
 * to answer for.
 */
static bool is_shortcut(const struct pamd_chain *chain, size_t at)
{
	const int action = chain->list[at].actions[PAMD_SUCCESS];

	if (action <= 0)
		return action == PAMD_DO_DONE;
	for (size_t i = at + 1 + (size_t)action; i < chain->count; i++)
		if (pamd_takes_password(&chain->list[i]))
			return false;
	return true;
}

static pamd_codes answers_of(const struct pamd_chain *chain, size_t at, enum pamd_typed typed,
			     bool factors)
{
	const struct pamd_handler *handler = &chain->list[at];
	const pamd_codes codes = model_of(handler)->codes;

	switch (pamd_kind_of(handler)) {
	case PAMD_KIND_PAT:
		return pat_answers(typed);
	case PAMD_KIND_GATE:
		return is_shortcut(chain, at) ? codes & ~SUCCESS : codes;
	case PAMD_KIND_LOCAL:
	case PAMD_KIND_REMOTE:
		return typed == PAMD_RIGHT_PASSWORD ? codes | SUCCESS : codes;
	case PAMD_KIND_FACTOR:
	case PAMD_KIND_UNKNOWN:
		return factors && !is_shortcut(chain, at) ? codes | SUCCESS : codes;
	case PAMD_KIND_FIXED:
		break;
	}
	return codes;
}

void pamd_answers(const struct pamd_chain *chain, enum pamd_typed typed, const bool *there,
		  bool factors, pamd_codes *answers)
{
	for (size_t at = 0; at < chain->count; at++) {
		if (chain->list[at].kind != PAMD_MODULE)
			answers[at] = 0;
		else if (!there[at])
			answers[at] = PAMD_CODE(PAMD_MODULE_UNKNOWN);
		else
			answers[at] = answers_of(chain, at, typed, factors);
	}
}
