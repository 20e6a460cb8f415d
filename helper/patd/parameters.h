/* SPDX-License-Identifier: ISC */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include "session.h"

/* A parameter of a method. */
struct parameter {
	const char *name;
	json_type type; /* JSON_TRUE for either truth value */
	bool required;
};

/*
 * Checks the parameters of a call against those that its method has (`known` ends with a NULL
 * name): each that is given is one of them and of its type, and those that are required are given.
 * Null stands for one that is not, and is taken out of `given`. 0, or a negative error once the
 * error that names the first wrong one was sent.
 */
int parameters_check(struct session *session, const struct parameter *known, json_t *given);

#endif
