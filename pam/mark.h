/* SPDX-License-Identifier: ISC */
#ifndef MARK_H
#define MARK_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

#include "pat/record.h"

/*
 * What the phases after authentication may know: that it was by token, and by which. The mark is
 * data of the PAM handle, which nothing but this module can set; it lasts as long as the process.
 * The id is also PAM_PAT_ID in the PAM environment, which becomes the session's.
 */
struct mark {
	char id[PAT_ID_LEN + 1];
	char name[PAT_NAME_MAX + 1];
	int64_t expires_at;
};

/* Copies it. False if libpam could not keep it. */
bool mark_set(pam_handle_t *pamh, const struct mark *mark);
void mark_clear(pam_handle_t *pamh);

/* NULL when there is none. libpam's, until mark_clear() or the end of the handle. */
const struct mark *mark_get(pam_handle_t *pamh);

/* The id that the environment has, or NULL. It comes along where the process does not, but others
 * can write to it too: nothing that is guarded may depend on it. */
const char *mark_id_in_environment(pam_handle_t *pamh);

#endif
