/* SPDX-License-Identifier: ISC */
#include "flat.h"

#include <string.h>

#include "../../lib/bytes.h"
#include "pat/error.h"

/* The text at `b`, within the record; its length in *len. Whether it is UTF-8, jansson checks. */
static const char *take_text(struct bytes *b, size_t *len)
{
	const unsigned char *text;

	*len = bytes_get_uint(b, 2);
	text = b->q;
	if (b->failed || *len > b->left || memchr(text, '\0', *len) != NULL) {
		b->failed = true;
		*len = 0;
		return "";
	}
	b->q += *len;
	b->left -= *len;
	return (const char *)text;
}

static json_t *take_string(struct bytes *b)
{
	size_t len;
	const char *text = take_text(b, &len);

	return b->failed ? NULL : json_stringn(text, len);
}

/* Strings; null stands for an item of another type. */
static json_t *take_array(struct bytes *b)
{
	json_t *array = json_array();
	size_t count = bytes_get_uint(b, 2);

	/* Each item has a byte at least. */
	if (count > b->left)
		b->failed = true;
	for (size_t i = 0; i < count && !b->failed; i++) {
		unsigned type = (unsigned)bytes_get_uint(b, 1);
		json_t *item = type == FLAT_STRING  ? take_string(b)
			       : type == FLAT_OTHER ? json_null()
						    : NULL;

		/* Takes the item over, and fails without one. */
		if (json_array_append_new(array, item) != 0)
			b->failed = true;
	}
	if (b->failed) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *take_value(struct bytes *b, unsigned type)
{
	switch (type) {
	case FLAT_NULL:
		return json_null();
	case FLAT_FALSE:
		return json_false();
	case FLAT_TRUE:
		return json_true();
	case FLAT_INTEGER:
		return json_integer((json_int_t)bytes_get_uint(b, 8));
	case FLAT_STRING:
		return take_string(b);
	case FLAT_ARRAY:
		return take_array(b);
	case FLAT_OTHER:
		/* An object, which no parameter is, is refused like whatever it was. */
		return json_object();
	default:
		return NULL;
	}
}

static void take_parameter(struct bytes *b, json_t *parameters)
{
	unsigned type = (unsigned)bytes_get_uint(b, 1);
	size_t len;
	const char *name = take_text(b, &len);
	json_t *value = b->failed ? NULL : take_value(b, type);

	if (value != NULL && !b->failed && json_object_getn(parameters, name, len) != NULL)
		b->failed = true; /* twice */
	/* Takes the value over, and fails without one, or if the name is not UTF-8. */
	if (json_object_setn_new(parameters, name, len, value) != 0)
		b->failed = true;
}

/* What comes after FLAT_CALL. */
static int take_call(struct bytes *b, struct flat_call *call)
{
	unsigned more = (unsigned)bytes_get_uint(b, 1);
	json_t *method = take_string(b), *parameters = json_object();
	size_t count = bytes_get_uint(b, 2);

	if (more > 1 || count > FLAT_PARAMETERS || method == NULL || parameters == NULL)
		b->failed = true;
	for (size_t i = 0; i < count && !b->failed; i++)
		take_parameter(b, parameters);
	if (b->failed || b->left > 0) {
		json_decref(method);
		json_decref(parameters);
		return PAT_E_INVALID;
	}
	call->message = json_pack("{s:o, s:o}", "method", method, "parameters", parameters);
	if (call->message == NULL)
		return PAT_E_INVALID;
	call->method = json_string_value(method);
	call->parameters = parameters;
	call->more = more == 1;
	return PAT_OK;
}

int flat_decode(const unsigned char *bytes, size_t size, enum flat_outcome *outcome,
		struct flat_call *call)
{
	struct bytes b = bytes_for_reading(bytes, size);
	size_t length = bytes_get_uint(&b, 4);
	unsigned what = (unsigned)bytes_get_uint(&b, 1);

	*call = (struct flat_call){0};
	if (b.failed || length != size || size > FLAT_MAX || what < FLAT_CALL ||
	    what > FLAT_FAILED || (what != FLAT_CALL && b.left > 0))
		return PAT_E_INVALID;
	*outcome = (enum flat_outcome)what;
	return what == FLAT_CALL ? take_call(&b, call) : PAT_OK;
}
