/* SPDX-License-Identifier: ISC */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include "grants.h"
#include "session.h"

/* Methods that change a token that exists, for the table in methods.c (struct method). */
int lifecycle_edit(struct session *session, const json_t *parameters);
int lifecycle_suspend(struct session *session, const json_t *parameters);
int lifecycle_resume(struct session *session, const json_t *parameters);
int lifecycle_revoke(struct session *session, const json_t *parameters);

#endif
