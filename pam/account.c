/* SPDX-License-Identifier: ISC */

/*
 * The account phase. The account itself was judged when the token was; whether it has expired, or
 * may log in now and from there, is for the account modules of the stack.
 */

#include <security/pam_modules.h>

#include "export.h"
#include "mark.h"

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	/* cron, public keys and sudo's cached timestamp come here without a token: no opinion. */
	return mark_get(pamh) != NULL ? PAM_SUCCESS : PAM_IGNORE;
}
