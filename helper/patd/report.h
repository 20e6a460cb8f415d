/* SPDX-License-Identifier: ISC */
#ifndef REPORT_H
#define REPORT_H

#include "session.h"

struct pat_grant;

/* What more than one method has to say. */

/* Logs a change of grants: what ("created", "revoked"), which token, by whom and for whom. */
void report_change(const struct session *session, const char *what, const struct pat_grant *grant);

/* Logs that the store could not be used, and sends the error that says so. Returns what that does.
 */
int report_store_failure(struct session *session, int error);

#endif
