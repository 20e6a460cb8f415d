/* SPDX-License-Identifier: ISC */
#ifndef OWNER_H
#define OWNER_H

#include "session.h"

/*
 * Finds whose tokens a call is about, and puts that into session->owner: the caller; or, for root,
 * the `user` of the parameters, or whoever has the token whose id is their `selector`. That one may
 * be gone, if some token was minted for it.
 *
 * 0, or a negative error once the error was sent: for anybody but root who names another user, for
 * a user who is not found, or who could not be looked up.
 */
int owner_find(struct session *session, const json_t *parameters);

#endif
