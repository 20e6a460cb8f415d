/* SPDX-License-Identifier: ISC */
#include "flat.h"

#include <string.h>

#include "../../lib/bytes.h"
#include "pat/error.h"

/* A call is {method, parameters?, more?, oneway?, upgrade?} and nothing else. */
static bool take_apart(const json_t *message, const char **method, const json_t **parameters,
		       bool *more)
{
	const json_t *wants_more = NULL, *oneway = NULL, *upgrade = NULL;
	json_error_t why;

	/* json_unpack() changes nothing, but does not say so. */
	if (json_unpack_ex((json_t *)(uintptr_t)message, &why, 0, "{s:s, s?o, s?o, s?o, s?o !}",
			   "method", method, "parameters", parameters, "more", &wants_more,
			   "oneway", &oneway, "upgrade", &upgrade) != 0)
		return false;
	if ((wants_more && !json_is_boolean(wants_more)) || json_is_true(oneway) ||
	    json_is_true(upgrade))
		return false;
	*more = json_is_true(wants_more);
	return *parameters == NULL || json_is_null(*parameters) || json_is_object(*parameters);
}

static enum flat_type type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return FLAT_NULL;
	case JSON_FALSE:
		return FLAT_FALSE;
	case JSON_TRUE:
		return FLAT_TRUE;
	case JSON_INTEGER:
		return FLAT_INTEGER;
	case JSON_STRING:
		return FLAT_STRING;
	case JSON_ARRAY:
		return FLAT_ARRAY;
	default:
		return FLAT_OTHER;
	}
}

static void put_array(struct bytes *b, const json_t *array)
{
	size_t count = json_array_size(array);

	if (count > UINT16_MAX)
		b->failed = true;
	bytes_put_uint(b, count, 2);
	for (size_t i = 0; i < count && !b->failed; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		bytes_put_uint(b, text ? FLAT_STRING : FLAT_OTHER, 1);
		if (text != NULL)
			bytes_put_text(b, text);
	}
}

static void put_parameter(struct bytes *b, const char *name, const json_t *value)
{
	enum flat_type type = type_of(value);

	bytes_put_uint(b, type, 1);
	bytes_put_text(b, name);
	if (type == FLAT_INTEGER)
		bytes_put_uint(b, (uint64_t)json_integer_value(value), 8);
	else if (type == FLAT_STRING)
		bytes_put_text(b, json_string_value(value));
	else if (type == FLAT_ARRAY)
		put_array(b, value);
}

static void put_length(unsigned char *buf, size_t used)
{
	struct bytes b = bytes_for_writing(buf, 4);

	bytes_put_uint(&b, used, 4);
}

int flat_encode_call(const json_t *message, unsigned char *buf, size_t size, size_t *used)
{
	struct bytes b = bytes_for_writing(buf, size);
	const json_t *parameters = NULL, *value;
	const char *method, *name;
	size_t count;
	bool more;

	if (!take_apart(message, &method, &parameters, &more))
		return PAT_E_INVALID;
	count = json_object_size(parameters);
	if (count > FLAT_PARAMETERS)
		count = FLAT_PARAMETERS;
	bytes_put_uint(&b, 0, 4);
	bytes_put_uint(&b, FLAT_CALL, 1);
	bytes_put_uint(&b, more, 1);
	bytes_put_text(&b, method);
	bytes_put_uint(&b, count, 2);
	json_object_foreach((json_t *)(uintptr_t)parameters, name, value)
	{
		if (count-- == 0)
			break;
		put_parameter(&b, name, value);
	}
	if (b.failed)
		return PAT_E_TOOBIG;
	*used = size - b.left;
	put_length(buf, *used);
	return PAT_OK;
}

void flat_encode_outcome(enum flat_outcome outcome, unsigned char buf[FLAT_HEAD])
{
	struct bytes b = bytes_for_writing(buf, FLAT_HEAD);

	bytes_put_uint(&b, FLAT_HEAD, 4);
	bytes_put_uint(&b, outcome, 1);
}
