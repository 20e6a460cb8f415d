/* SPDX-License-Identifier: ISC */
#ifndef FRESH_H
#define FRESH_H

#include "session.h"

/*
 * Fresh authentication: runs the PAM service `patd` for the caller, its prompts travelling over the
 * connection.
 *
 * MUST:
 *  - authenticate the caller of the connection, and nobody else;
 *  - take nothing for authentication in which the caller was not spoken to at all: a stack with
 *    pam_rootok or pam_permit answers success to us, who are root;
 *  - leave it to pam_pat itself, in this service, to refuse every token;
 *  - wipe every response.
 *
 * Called for the first Authenticate of an exchange, whose reply, and those of the calls that follow
 * in it, it sends. Sets session->fresh.
 */
int fresh_authenticate(struct session *session, const json_t *parameters);

#endif
