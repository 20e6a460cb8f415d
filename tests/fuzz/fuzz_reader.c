/* SPDX-License-Identifier: ISC */

/*
 * What crosses from a connection's reader, which a client may have taken over, to its session,
 * which is root. The first byte says what the rest is: `j` a message of a client, which the reader
 * encodes; `b` a record, of which the harness makes the length right; anything else a record as it
 * is.
 *
 * What must hold: any record is decoded or refused without harm, and what is decoded is a call,
 * encoded to the very same record; what the reader encodes is decoded to the same call, as far as
 * it goes; nothing is held of what was refused.
 */

#include "support.h"

#include "../../helper/patd/flat.h"
#include "pat/error.h"

static void check_call(const struct flat_call *call)
{
	json_t *responses = json_object_get(call->parameters, "responses");

	HOLDS(json_is_object(call->message) && json_is_object(call->parameters));
	HOLDS(strcmp(json_string_value(json_object_get(call->message, "method")), call->method) ==
	      0);
	HOLDS(json_object_get(call->message, "parameters") == call->parameters);
	HOLDS(json_object_size(call->parameters) <= FLAT_PARAMETERS);
	HOLDS(!json_is_array(responses) || json_array_size(responses) <= FLAT_MAX);
}

/* The record of a decoded call. */
static size_t encode(const struct flat_call *call, unsigned char *record)
{
	size_t used = 0;

	if (call->more)
		HOLDS(json_object_set_new(call->message, "more", json_true()) == 0);
	HOLDS(flat_encode_call(call->message, record, FLAT_MAX, &used) == PAT_OK);
	return used;
}

static void take_record(const uint8_t *data, size_t size, bool right_length)
{
	static unsigned char again[FLAT_MAX];
	unsigned char *record = malloc(size + 1); /* nothing is behind it */
	enum flat_outcome outcome = 0;
	struct flat_call call;

	record = realloc(memcpy(record, data, size), size ? size : 1);
	for (unsigned i = 0; i < 4 && i < size && right_length; i++)
		record[i] = (unsigned char)(size >> (8 * i));
	if (flat_decode(record, size, &outcome, &call) == PAT_OK) {
		HOLDS(outcome >= FLAT_CALL && outcome <= FLAT_FAILED);
		HOLDS((outcome == FLAT_CALL) == (call.message != NULL));
	} else {
		HOLDS(call.message == NULL);
	}
	if (call.message != NULL) {
		check_call(&call);
		HOLDS(encode(&call, again) == size && memcmp(again, record, size) == 0);
		json_decref(call.message);
	}
	free(record);
}

/* Only what no parameter can be is not the same behind it. */
static void check_same(const char *name, const json_t *before, const json_t *after)
{
	HOLDS(after != NULL && name != NULL);
	if (json_is_object(before) || json_is_real(before))
		HOLDS(json_is_object(after));
	else if (!json_is_array(before))
		HOLDS(json_equal(before, after));
	else
		HOLDS(json_array_size(before) == json_array_size(after));
	for (size_t i = 0; json_is_array(before) && i < json_array_size(before); i++)
		if (json_is_string(json_array_get(before, i)))
			HOLDS(json_equal(json_array_get(before, i), json_array_get(after, i)));
		else
			HOLDS(json_is_null(json_array_get(after, i)));
}

static void take_message(const uint8_t *data, size_t size)
{
	static unsigned char record[FLAT_MAX];
	json_t *message = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	enum flat_outcome outcome;
	struct flat_call call;
	size_t used, count = 0;
	const char *name;
	json_t *value;

	if (json_is_object(message) &&
	    flat_encode_call(message, record, FLAT_MAX, &used) == PAT_OK) {
		HOLDS(used <= size + 1024);
		HOLDS(flat_decode(record, used, &outcome, &call) == PAT_OK && outcome == FLAT_CALL);
		check_call(&call);
		HOLDS(call.more == json_is_true(json_object_get(message, "more")));
		json_object_foreach(json_object_get(message, "parameters"), name,
				    value) if (count++ < FLAT_PARAMETERS)
			check_same(name, value, json_object_get(call.parameters, name));
		json_decref(call.message);
	}
	json_decref(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char kind = (char)input_byte(&input);

	if (input.left > FLAT_MAX)
		return 0;
	if (kind == 'j')
		take_message(input.at, input.left);
	else
		take_record(input.at, input.left, kind == 'b');
	return 0;
}
