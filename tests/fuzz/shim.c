/* SPDX-License-Identifier: ISC */

/*
 * What libpam loads for fuzz_conversation: the module is linked into the fuzzer, instrumented, and
 * called from here.
 */

#include <security/pam_modules.h>

#include "shim.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return shim_authenticate(pamh, flags, argc, argv);
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return shim_setcred(pamh, flags, argc, argv);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return shim_acct_mgmt(pamh, flags, argc, argv);
}
