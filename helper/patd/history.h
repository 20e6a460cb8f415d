/* SPDX-License-Identifier: ISC */
#ifndef HISTORY_H
#define HISTORY_H

#include <jansson.h>

#include "grants.h"
#include "session.h"

/* The uses and refusals of a token that are still known, as an array of the type Event, oldest
 * first. NULL when out of memory. */
json_t *history_of(const struct session *session, const struct grant_view *view);

/* The method Refusals, for the table in methods.c (struct method). */
int history_refusals(struct session *session, const json_t *parameters);

#endif
