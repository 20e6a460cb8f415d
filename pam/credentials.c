/* SPDX-License-Identifier: ISC */

/*
 * The credentials of a session, of which a token gives none.
 *
 * A stack may be asked for credentials without having been asked to authenticate: after a public
 * key, or, for sshd's keyboard-interactive method, because authentication ran in another process.
 * The answer then also decides whether the modules below are asked. After a token it is success,
 * which ends the documented stack as it did at authentication. Otherwise it is what we answer to a
 * password, which that stack passes over, so that pam_group, pam_cap or pam_krb5 below do their
 * work.
 */

#include <security/pam_modules.h>

#include "export.h"
#include "mark.h"

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	return mark_get(pamh) != NULL || mark_id_in_environment(pamh) != NULL
		       ? PAM_SUCCESS
		       : PAM_AUTHINFO_UNAVAIL;
}
