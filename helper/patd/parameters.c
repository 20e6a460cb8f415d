/* SPDX-License-Identifier: ISC */
#include "parameters.h"

#include <stdio.h>
#include <string.h>

#include "pat/text.h"

#define SHOWN 100

static int refuse(struct session *session, const char *name)
{
	char shown[SHOWN], message[2 * SHOWN];

	snprintf(message, sizeof(message),
		 "the parameter \"%s\" is missing, unknown or of a wrong type",
		 pat_escape(shown, sizeof(shown), name));
	return session_error(session, ERROR_VARLINK("InvalidParameter"), message,
			     json_pack("{s:s}", "parameter", shown));
}

/* The one with that name, or the end. */
static const struct parameter *look_up(const struct parameter *known, const char *name)
{
	while (known->name != NULL && strcmp(known->name, name) != 0)
		known++;
	return known;
}

static bool of_type(const json_t *value, json_type type)
{
	if (type == JSON_TRUE)
		return json_is_boolean(value);
	return json_typeof(value) == type;
}

int parameters_check(struct session *session, const struct parameter *known, json_t *given)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(given, next, name, value)
	{
		const struct parameter *parameter = look_up(known, name);

		if (parameter->name == NULL)
			return refuse(session, name);
		if (json_is_null(value))
			json_object_del(given, name);
		else if (!of_type(value, parameter->type))
			return refuse(session, name);
	}
	for (const struct parameter *p = known; p->name != NULL; p++)
		if (p->required && json_object_get(given, p->name) == NULL)
			return refuse(session, p->name);
	return 0;
}
