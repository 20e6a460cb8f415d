/* SPDX-License-Identifier: ISC */
#ifndef VIEW_JSON_H
#define VIEW_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "grants.h"

/* A token as the type Token of the interface; NULL when out of memory. */
json_t *view_json(const struct grant_view *view, int64_t now);

#endif
