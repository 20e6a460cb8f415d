/* SPDX-License-Identifier: ISC */
#ifndef SHIM_H
#define SHIM_H

#include <security/pam_modules.h>

/* The fuzzer's, for shim.c. */
#pragma GCC visibility push(default)
int shim_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv);
int shim_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv);
int shim_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv);
#pragma GCC visibility pop

#endif
