/* SPDX-License-Identifier: ISC */
#ifndef MARK_H
#define MARK_H

#include <security/pam_modules.h>
#include <stdbool.h>

/*
 * What the phases after authentication may know: that it was by token, and by which. The first is
 * data of the PAM handle, which nothing but this module can set; it lasts as long as the process.
 * The second is PAM_PAT_ID in the PAM environment, which becomes the session's.
 */

/* False if libpam could not keep it. */
bool mark_set(pam_handle_t *pamh, const char *id);
void mark_clear(pam_handle_t *pamh);
bool mark_is_set(pam_handle_t *pamh);

/* Whether the environment alone says so. It comes along where the process does not, but others can
 * write to it too: nothing that is guarded may depend on it. */
bool mark_in_environment(pam_handle_t *pamh);

#endif
