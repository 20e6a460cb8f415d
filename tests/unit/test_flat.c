/* SPDX-License-Identifier: ISC */

/* What crosses from the reader of a connection to its session. */

#include "unit.h"

#include "../../helper/patd/flat.h"
#include "pat/error.h"

/* ---- Going across -------------------------------------------------------------------------------
 */

static json_t *parse(const char *text)
{
	json_error_t why;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (json == NULL)
		fail_msg("%s: %s", text, why.text);
	return json;
}

static size_t encode(const json_t *message, unsigned char *record)
{
	size_t used = 0;

	assert_int_equal(flat_encode_call(message, record, FLAT_MAX, &used), PAT_OK);
	assert_in_range(used, FLAT_HEAD, FLAT_MAX);
	return used;
}

/* Decodes at the very end of memory, so that no byte behind the record can be read. */
static int decode(const unsigned char *record, size_t size, enum flat_outcome *outcome,
		  struct flat_call *call)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (FLAT_MAX / page + 2) * page;
	unsigned char *memory =
		mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error;

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + room, page, PROT_NONE), 0);
	memcpy(memory + room - size, record, size);
	error = flat_decode(memory + room - size, size, outcome, call);
	munmap(memory, room + page);
	return error;
}

static struct flat_call across(const char *text)
{
	unsigned char record[FLAT_MAX];
	json_t *message = parse(text);
	size_t size = encode(message, record);
	enum flat_outcome outcome = 0;
	struct flat_call call;

	assert_int_equal(decode(record, size, &outcome, &call), PAT_OK);
	assert_int_equal(outcome, FLAT_CALL);
	json_decref(message);
	return call;
}

static void expect_parameters(const char *text, const char *wanted)
{
	struct flat_call call = across(text);
	json_t *json = parse(wanted);

	if (!json_equal(call.parameters, json))
		fail_msg("%s became %s", text, json_dumps(call.parameters, 0));
	json_decref(json);
	json_decref(call.message);
}

static void a_call_is_the_same_on_the_other_side(void **state)
{
	struct flat_call call =
		across("{\"method\":\"a.b.C\",\"more\":true,\"parameters\":{"
		       "\"name\":\"caf\\u00e9 \\u0001\",\"uses\":-9223372036854775808,"
		       "\"all\":true,\"ended\":false,\"user\":null,"
		       "\"services\":[\"sshd\",\"\",\"su\"],\"none\":[]}}");

	(void)state;
	assert_string_equal(call.method, "a.b.C");
	assert_true(call.more);
	json_decref(call.message);
	expect_parameters(
		"{\"method\":\"a.b.C\",\"parameters\":{\"name\":\"caf\\u00e9 \\u0001\","
		"\"uses\":-9223372036854775808,\"all\":true,\"ended\":false,\"user\":null,"
		"\"services\":[\"sshd\",\"\",\"su\"],\"none\":[]}}",
		"{\"name\":\"café \\u0001\",\"uses\":-9223372036854775808,\"all\":true,"
		"\"ended\":false,\"user\":null,\"services\":[\"sshd\",\"\",\"su\"],"
		"\"none\":[]}");
}

static void no_parameters_are_an_empty_object(void **state)
{
	(void)state;
	expect_parameters("{\"method\":\"a.B\"}", "{}");
	expect_parameters("{\"method\":\"a.B\",\"parameters\":null}", "{}");
	expect_parameters("{\"method\":\"a.B\",\"parameters\":{}}", "{}");
}

static void more_is_said_only_when_it_was(void **state)
{
	struct flat_call call;

	(void)state;
	call = across("{\"method\":\"a.B\",\"more\":false,\"oneway\":false,\"upgrade\":false}");
	assert_false(call.more);
	json_decref(call.message);
}

/* What it was does not matter: no parameter is an object. */
static void a_value_of_another_type_is_still_of_a_wrong_one(void **state)
{
	(void)state;
	expect_parameters("{\"method\":\"a.B\",\"parameters\":{\"a\":1.5,\"b\":{\"c\":[1]}}}",
			  "{\"a\":{},\"b\":{}}");
	expect_parameters("{\"method\":\"a.B\",\"parameters\":{\"a\":[1,\"x\",[],{},true,null]}}",
			  "{\"a\":[null,\"x\",null,null,null,null]}");
}

static void what_is_no_call_stays_behind(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"{\"parameters\":{}}",
		"{\"method\":7}",
		"{\"method\":null}",
		"{\"method\":\"a.B\",\"parameters\":[]}",
		"{\"method\":\"a.B\",\"parameters\":\"\"}",
		"{\"method\":\"a.B\",\"parameters\":1}",
		"{\"method\":\"a.B\",\"more\":1}",
		"{\"method\":\"a.B\",\"more\":null}",
		"{\"method\":\"a.B\",\"more\":\"true\"}",
		"{\"method\":\"a.B\",\"oneway\":true}",
		"{\"method\":\"a.B\",\"upgrade\":true}",
		"{\"method\":\"a.B\",\"uid\":0}",
		"[\"method\"]",
		"\"method\"",
	};
	unsigned char record[FLAT_MAX];
	size_t used;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		json_error_t why;
		json_t *json = json_loads(wrong[i], JSON_DECODE_ANY, &why);

		if (flat_encode_call(json, record, sizeof(record), &used) != PAT_E_INVALID)
			fail_msg("%s is no call", wrong[i]);
		json_decref(json);
	}
}

/* Fills a message of the largest size that a client may send with as many of `piece` as fit, behind
 * a name of its own each if they are `named`. */
static void largest(const char *before, bool named, const char *piece, const char *after)
{
	char *text = calloc(1, PAT_VARLINK_MESSAGE_MAX), name[16] = "";
	size_t used = (size_t)snprintf(text, PAT_VARLINK_MESSAGE_MAX, "%s", before);
	struct flat_call call;

	for (unsigned i = 0; used + strlen(piece) + strlen(after) + 16 < PAT_VARLINK_MESSAGE_MAX;
	     i++) {
		if (named)
			snprintf(name, sizeof(name), "\"%u\":", i);
		used += (size_t)snprintf(text + used, PAT_VARLINK_MESSAGE_MAX - used, "%s%s", name,
					 piece);
	}
	strcpy(text + used - (text[used - 1] == ','), after);
	call = across(text);
	json_decref(call.message);
	free(text);
}

static void the_largest_message_has_room(void **state)
{
	(void)state;
	largest("{\"method\":\"", false, "x", "\"}");
	largest("{\"method\":\"a.B\",\"parameters\":{\"a\":\"", false, "x", "\"}}");
	largest("{\"method\":\"a.B\",\"parameters\":{\"a\":[", false, "1,", "]}}");
	largest("{\"method\":\"a.B\",\"parameters\":{\"a\":[", false, "\"\",", "]}}");
	largest("{\"method\":\"a.B\",\"parameters\":{", true, "1,", "}}");
	largest("{\"method\":\"a.B\",\"parameters\":{", true, "[],", "}}");
	largest("{\"method\":\"a.B\",\"parameters\":{", true, "\"\",", "}}");
}

/* So that an unknown one is among them, whatever the method. */
static void of_many_parameters_the_first_are_handed_on_in_their_order(void **state)
{
	char text[PAT_VARLINK_MESSAGE_MAX], name[8];
	size_t used = (size_t)snprintf(text, sizeof(text), "{\"method\":\"a.B\",\"parameters\":{");
	struct flat_call call;
	const char *key;
	json_t *value;
	unsigned i = 0;

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"p%u\":%u",
					 n ? "," : "", n, n);
	snprintf(text + used, sizeof(text) - used, "}}");
	call = across(text);
	assert_int_equal(json_object_size(call.parameters), FLAT_PARAMETERS);
	json_object_foreach(call.parameters, key, value)
	{
		snprintf(name, sizeof(name), "p%u", i);
		assert_string_equal(key, name);
		assert_int_equal(json_integer_value(value), i++);
	}
	json_decref(call.message);
}

static void each_outcome_comes_across(void **state)
{
	static const enum flat_outcome outcomes[] = {FLAT_CLOSED, FLAT_TIMEOUT, FLAT_TOO_BIG,
						     FLAT_MALFORMED, FLAT_FAILED};
	unsigned char record[FLAT_HEAD];
	enum flat_outcome outcome;
	struct flat_call call;

	(void)state;
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		flat_encode_outcome(outcomes[i], record);
		assert_int_equal(decode(record, sizeof(record), &outcome, &call), PAT_OK);
		assert_int_equal(outcome, outcomes[i]);
		assert_null(call.message);
	}
}

/* ---- A reader that is somebody else's by now ----------------------------------------------------
 */

static void expect_refused(const unsigned char *record, size_t size, const char *what)
{
	enum flat_outcome outcome;
	struct flat_call call;

	if (decode(record, size, &outcome, &call) != PAT_E_INVALID)
		fail_msg("%s was taken", what);
	assert_null(call.message);
}

static size_t sample(unsigned char *record)
{
	json_t *message = parse("{\"method\":\"a.B\",\"more\":true,\"parameters\":{"
				"\"s\":\"text\",\"i\":7,\"a\":[\"x\",1],\"t\":true,\"n\":null}}");
	size_t size = encode(message, record);

	json_decref(message);
	return size;
}

static void set_length(unsigned char *record, size_t size)
{
	for (unsigned i = 0; i < 4; i++)
		record[i] = (unsigned char)(size >> (8 * i));
}

static void a_record_that_is_cut_short_is_refused(void **state)
{
	unsigned char record[FLAT_MAX];
	size_t size = sample(record);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		expect_refused(record, cut, "a part");
		if (cut < 4)
			continue;
		set_length(record, cut);
		expect_refused(record, cut, "a part that says that it is all");
		set_length(record, size);
	}
}

static void a_record_of_another_length_than_it_says_is_refused(void **state)
{
	unsigned char record[FLAT_MAX];
	size_t size = sample(record);
	const size_t lengths[] = {0, 1, FLAT_HEAD, size - 1, size + 1, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		set_length(record, lengths[i]);
		expect_refused(record, size, "another length");
	}
}

static void a_record_that_goes_on_is_refused(void **state)
{
	unsigned char record[FLAT_MAX] = {0};
	size_t size = sample(record);

	(void)state;
	record[size] = 0;
	expect_refused(record, size + 1, "a byte more");
	set_length(record, size + 1);
	expect_refused(record, size + 1, "a byte more that is counted");
	flat_encode_outcome(FLAT_CLOSED, record);
	set_length(record, FLAT_HEAD + 1);
	expect_refused(record, FLAT_HEAD + 1, "an outcome with something behind it");
}

/* Whatever it holds, it is refused or is a call: nothing else happens. */
static void any_byte_may_be_wrong(void **state)
{
	unsigned char record[FLAT_MAX];
	size_t size = sample(record);

	(void)state;
	for (size_t at = 0; at < size; at++) {
		unsigned char right = record[at];

		for (unsigned value = 0; value < 256; value++) {
			enum flat_outcome outcome;
			struct flat_call call;

			record[at] = (unsigned char)value;
			if (flat_decode(record, size, &outcome, &call) == PAT_OK &&
			    outcome == FLAT_CALL) {
				assert_true(json_is_object(call.parameters));
				assert_non_null(call.method);
				json_decref(call.message);
			}
		}
		record[at] = right;
	}
}

static void noise_is_refused(void **state)
{
	unsigned char record[200];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = FLAT_HEAD + unit_below(sizeof(record) - FLAT_HEAD);
		enum flat_outcome outcome;
		struct flat_call call;

		for (size_t i = 0; i < size; i++)
			record[i] = (unsigned char)unit_below(8);
		set_length(record, size);
		record[4] = FLAT_CALL;
		if (flat_decode(record, size, &outcome, &call) == PAT_OK)
			json_decref(call.message);
	}
}

/* A record by hand: what stands behind FLAT_CALL. */
static void by_hand(const char *what, const char *bytes, size_t len)
{
	unsigned char record[FLAT_MAX];

	set_length(record, FLAT_HEAD + len);
	record[4] = FLAT_CALL;
	memcpy(record + FLAT_HEAD, bytes, len);
	expect_refused(record, FLAT_HEAD + len, what);
}
#define BY_HAND(what, bytes) by_hand(what, bytes, sizeof(bytes) - 1)

static void each_field_is_checked(void **state)
{
	unsigned char right[] = "\x10\0\0\0\1\0\1\0m\1\0\0\1\0x";
	enum flat_outcome outcome;
	struct flat_call call;

	(void)state;
	/* This one is right: a call of `m` with x = null. */
	set_length(right, sizeof(right) - 1);
	assert_int_equal(flat_decode(right, sizeof(right) - 1, &outcome, &call), PAT_OK);
	json_decref(call.message);
	BY_HAND("more is 2", "\2\1\0m\0\0");
	BY_HAND("a NUL in the method", "\0\2\0m\0\0\0");
	BY_HAND("a method that is not UTF-8", "\0\1\0\xff\0\0");
	BY_HAND("a method longer than the record", "\0\xff\xffm\0\0");
	BY_HAND("a parameter that is not there", "\0\1\0m\1\0");
	BY_HAND("more parameters than there are", "\0\1\0m\2\0\0\1\0x");
	BY_HAND("fewer parameters than there are", "\0\1\0m\0\0\0\1\0x");
	BY_HAND("a parameter twice", "\0\1\0m\2\0\0\1\0x\0\1\0x");
	BY_HAND("a type that there is not", "\0\1\0m\1\0\7\1\0x");
	BY_HAND("a NUL in a name", "\0\1\0m\1\0\0\2\0x\0");
	BY_HAND("a name that is not UTF-8", "\0\1\0m\1\0\0\1\0\xc3");
	BY_HAND("an integer of 7 bytes", "\0\1\0m\1\0\3\1\0x1234567");
	BY_HAND("text longer than the record", "\0\1\0m\1\0\4\1\0x\2\0y");
	BY_HAND("text that is not UTF-8", "\0\1\0m\1\0\4\1\0x\2\0\xc0\x80");
	BY_HAND("a surrogate", "\0\1\0m\1\0\4\1\0x\3\0\xed\xa0\x80");
	BY_HAND("a NUL in text", "\0\1\0m\1\0\4\1\0x\3\0a\0b");
	BY_HAND("an array longer than the record", "\0\1\0m\1\0\5\1\0x\xff\xff\6");
	BY_HAND("an array in an array", "\0\1\0m\1\0\5\1\0x\1\0\5\0\0");
	BY_HAND("an integer in an array", "\0\1\0m\1\0\5\1\0x\1\0\3\0\0\0\0\0\0\0\0");
}

static void more_parameters_than_any_method_has_are_refused(void **state)
{
	unsigned char record[FLAT_MAX], *p = record + FLAT_HEAD;
	static const unsigned char head[] = {0, 1, 0, 'm', FLAT_PARAMETERS + 1, 0};

	(void)state;
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	for (unsigned i = 0; i <= FLAT_PARAMETERS; i++) {
		*p++ = FLAT_NULL;
		*p++ = 1;
		*p++ = 0;
		*p++ = (unsigned char)('A' + i);
	}
	record[4] = FLAT_CALL;
	set_length(record, (size_t)(p - record));
	expect_refused(record, (size_t)(p - record), "one parameter too many");
}

static void outcomes_that_there_are_not_are_refused(void **state)
{
	unsigned char record[FLAT_HEAD] = {FLAT_HEAD};

	(void)state;
	for (unsigned outcome = 0; outcome < 256; outcome++) {
		if (outcome >= FLAT_CLOSED && outcome <= FLAT_FAILED)
			continue;
		record[4] = (unsigned char)outcome;
		expect_refused(record, sizeof(record), "an unknown outcome, or an empty call");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_the_same_on_the_other_side),
		cmocka_unit_test(no_parameters_are_an_empty_object),
		cmocka_unit_test(more_is_said_only_when_it_was),
		cmocka_unit_test(a_value_of_another_type_is_still_of_a_wrong_one),
		cmocka_unit_test(what_is_no_call_stays_behind),
		cmocka_unit_test(the_largest_message_has_room),
		cmocka_unit_test(of_many_parameters_the_first_are_handed_on_in_their_order),
		cmocka_unit_test(each_outcome_comes_across),
		cmocka_unit_test(a_record_that_is_cut_short_is_refused),
		cmocka_unit_test(a_record_of_another_length_than_it_says_is_refused),
		cmocka_unit_test(a_record_that_goes_on_is_refused),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(noise_is_refused),
		cmocka_unit_test(each_field_is_checked),
		cmocka_unit_test(more_parameters_than_any_method_has_are_refused),
		cmocka_unit_test(outcomes_that_there_are_not_are_refused),
	};

	return unit_run(tests);
}
