/* SPDX-License-Identifier: ISC */
#ifndef REPORT_H
#define REPORT_H

#include "grants.h"
#include "session.h"

/* What more than one method has to say. */

/* Logs a change of grants: what ("created", "revoked"), which token, by whom and for whom. */
void report_change(const struct session *session, const char *what, const struct pat_grant *grant);

/* What went wrong with the store: for what the system has told in errno, that. Returns dst. */
#define REPORT_ERROR_MAX 300
char *report_error_text(char dst[REPORT_ERROR_MAX], int error);

/* Logs that the store could not be used, and sends the error that says so. Returns what that does.
 */
int report_store_failure(struct session *session, int error);

/* Sends the error for a selector that names no token, or several, or for a store that failed. */
int report_not_chosen(struct session *session, int error, const char *selector,
		      const struct grant_choice *choice);

/* Sends the error for a name that another live token has. */
int report_name_taken(struct session *session, const char *name);

/* Replies with a token. */
int report_view(struct session *session, const struct grant_view *view);

/* Logs that one token took the place of another. */
void report_rotation(const struct session *session, const struct grant_rotation *rotation);

#endif
