/* SPDX-License-Identifier: ISC */
#ifndef ROTATE_H
#define ROTATE_H

#include "session.h"

/* The two halves of the method Rotate, for the table in methods.c (struct method). */
int rotate_check(struct session *session, const json_t *parameters);
int rotate_act(struct session *session, const json_t *parameters);

#endif
