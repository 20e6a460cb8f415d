/* SPDX-License-Identifier: ISC */
#ifndef CREATE_H
#define CREATE_H

#include "session.h"

/* The two halves of the method Create, for the table in methods.c (struct method). */
int create_check(struct session *session, const json_t *parameters);
int create_act(struct session *session, const json_t *parameters);

#endif
