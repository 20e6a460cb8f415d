/* SPDX-License-Identifier: ISC */
#ifndef POLICY_METHOD_H
#define POLICY_METHOD_H

#include "session.h"

/* The method Policy, for the table in methods.c (struct method). */
int policy_method(struct session *session, const json_t *parameters);

#endif
