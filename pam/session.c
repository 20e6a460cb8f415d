/* SPDX-License-Identifier: ISC */

/*
 * The session phase: a word at a login on a terminal if its token is about to expire.
 *
 * MUST: be silent wherever no person reads, because scp, rsync and Ansible break on noise; never
 * fail a session; wait no longer than WAIT_MS.
 */

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "export.h"
#include "mark.h"
#include "options.h"
#include "pat/error.h"
#include "pat/store.h"
#include "pat/text.h"
#include "process.h"

#define WAIT_MS 500
#define SOON (7 * 86400)

static const char *item(pam_handle_t *pamh, int type)
{
	const void *value = NULL;

	return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value != NULL ? value : "";
}

/*
 * Whether a person will read it. sshd keeps what it is told here, and shows it with the message of
 * the day, where it starts a login shell: not for a command, nor for scp, sftp and rsync. sudo and
 * su are no logins, and are what Ansible runs.
 */
static bool is_read(pam_handle_t *pamh)
{
	static const char *const no_login[] = {"sudo", "sudo-i",  "su",
					       "su-l", "runuser", "runuser-l",
					       "doas", "cron",    "systemd-user"};
	const char *service = item(pamh, PAM_SERVICE);

	if (strcmp(service, "sshd") == 0)
		return true;
	for (size_t i = 0; i < sizeof(no_login) / sizeof(no_login[0]); i++)
		if (strcmp(service, no_login[i]) == 0)
			return false;
	return item(pamh, PAM_TTY)[0] != '\0' && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* The token of the session: as authentication left it, or, where that ran in another process, by
 * its id from the store. */
static bool find(pam_handle_t *pamh, const char *store_path, struct mark *mark)
{
	const struct mark *kept = mark_get(pamh);
	const char *id = mark_id_in_environment(pamh);
	struct pat_store *store;
	struct pat_grant grant;
	int error;

	if (kept != NULL) {
		*mark = *kept;
		return true;
	}
	if (id == NULL || !process_is_root() ||
	    pat_store_open(&store, store_path, PAT_STORE_LOOK, pat_deadline_in(WAIT_MS)) != 0)
		return false;
	error = pat_store_get_grant(store, id, &grant);
	pat_store_close(store);
	/* A user may have put the id of a token that is not theirs there. */
	if (!error && strcmp(grant.user, item(pamh, PAM_USER)) != 0)
		error = PAT_E_NOTFOUND;
	if (!error) {
		mark->expires_at = grant.expires_at;
		memcpy(mark->id, grant.id, sizeof(mark->id));
		memcpy(mark->name, grant.name, sizeof(mark->name));
	}
	explicit_bzero(&grant, sizeof(grant));
	return !error;
}

/* What is to be typed names the token by its id if its name would need quotes. */
static bool is_word(const char *name)
{
	return name[0] != '-' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "._-")] == '\0';
}

static void tell(pam_handle_t *pamh, const struct mark *mark, int64_t left)
{
	char shown[PAT_ESCAPED(PAT_NAME_MAX)];
	const char *unit = left >= 2 * 86400 ? "days" : left >= 2 * 3600 ? "hours" : "minutes";
	int64_t size = left >= 2 * 86400 ? 86400 : left >= 2 * 3600 ? 3600 : 60;

	(void)pam_info(pamh, "Token %s expires in %lld %s: patctl rotate %s",
		       pat_escape(shown, sizeof(shown), mark->name), (long long)(left / size), unit,
		       is_word(mark->name) ? mark->name : mark->id);
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct options options;
	struct mark mark;
	int64_t left;

	if ((flags & PAM_SILENT) || !options_parse(pamh, argc, argv, &options) || !is_read(pamh) ||
	    !find(pamh, options.store, &mark) || mark.expires_at == 0)
		return PAM_SUCCESS;
	left = mark.expires_at - (int64_t)time(NULL);
	if (left > 0 && left <= SOON)
		tell(pamh, &mark, left);
	return PAM_SUCCESS;
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
