/* SPDX-License-Identifier: ISC */
#include "unit_freed.h"

#include <pthread.h>
#include <sys/socket.h>

#include "pat/error.h"
#include "pat/varlink.h"

/* Two ends of a connection: bytes go in at `peer`, messages come out of `link`. */
struct fixture {
	struct pat_varlink link;
	int peer;
};

static int connect_ends(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	f->peer = ends[1];
	*state = f;
	return pat_varlink_begin(&f->link, ends[0]);
}

static int disconnect_ends(void **state)
{
	struct fixture *f = *state;

	pat_varlink_end(&f->link);
	close(f->link.fd);
	if (f->peer >= 0)
		close(f->peer);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *bytes, size_t len)
{
	assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void hang_up(struct fixture *f)
{
	close(f->peer);
	f->peer = -1;
}

static int get(struct fixture *f, unsigned milliseconds, json_t **message)
{
	*message = NULL;
	return pat_varlink_read(&f->link, pat_deadline_in(milliseconds), message);
}

/* The next message must have this method. */
static void expect(struct fixture *f, const char *method)
{
	json_t *message;

	assert_int_equal(get(f, 5000, &message), PAT_OK);
	assert_string_equal(json_string_value(json_object_get(message, "method")), method);
	json_decref(message);
}

static void expect_error(struct fixture *f, unsigned milliseconds, int error)
{
	json_t *message;

	assert_int_equal(get(f, milliseconds, &message), error);
	assert_null(message);
}

static int64_t milliseconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const char one[] = "{\"method\":\"a.B\",\"parameters\":{\"name\":\"c\\u00e9\"}}";
static const char two[] = "{\"method\":\"a.C\"}";

static void a_message_ends_at_its_nul(void **state)
{
	struct fixture *f = *state;

	put(f, one, sizeof(one));
	expect(f, "a.B");
	hang_up(f);
	expect_error(f, 5000, PAT_E_CLOSED);
}

static void a_message_split_at_any_byte_is_whole_again(void **state)
{
	struct fixture *f = *state;

	for (size_t cut = 1; cut < sizeof(one); cut++) {
		put(f, one, cut);
		/* What came is kept over a deadline. */
		expect_error(f, 0, PAT_E_BUSY);
		put(f, one + cut, sizeof(one) - cut);
		expect(f, "a.B");
	}
}

static void waiting_ends_when_another_connection_does(void **state)
{
	struct fixture *f = *state;
	int64_t began = milliseconds_now();
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	f->link.other = ends[0];
	/* As long as it is there, it is nothing. */
	put(f, one, sizeof(one));
	expect(f, "a.B");
	expect_error(f, 50, PAT_E_BUSY);
	close(ends[1]);
	expect_error(f, 20000, PAT_E_CLOSED);
	assert_true(milliseconds_now() - began < 10000);
	close(ends[0]);
}

static void *drip(void *argument)
{
	struct fixture *f = argument;

	for (size_t i = 0; i < sizeof(one); i++) {
		if (send(f->peer, one + i, 1, MSG_NOSIGNAL) != 1)
			break;
		usleep(200);
	}
	return NULL;
}

static void a_message_may_come_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, drip, f), 0);
	expect(f, "a.B");
	pthread_join(thread, NULL);
}

static void several_messages_in_one_read_stay_apart(void **state)
{
	struct fixture *f = *state;
	char bytes[sizeof(one) + 2 * sizeof(two)];

	memcpy(bytes, one, sizeof(one));
	memcpy(bytes + sizeof(one), two, sizeof(two));
	memcpy(bytes + sizeof(one) + sizeof(two), two, sizeof(two));
	/* The last one is not complete yet. */
	put(f, bytes, sizeof(bytes) - 3);
	expect(f, "a.B");
	expect(f, "a.C");
	expect_error(f, 0, PAT_E_BUSY);
	put(f, bytes + sizeof(bytes) - 3, 3);
	expect(f, "a.C");
	expect_error(f, 0, PAT_E_BUSY);
}

/* A message of exactly `size` bytes, the NUL included. */
static char *message_of(size_t size)
{
	static const char head[] = "{\"method\":\"a.B\",\"x\":\"";
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + size - 3, "\"}", 3);
	return text;
}

static void the_largest_message_is_read(void **state)
{
	struct fixture *f = *state;
	char *text = message_of(PAT_VARLINK_MESSAGE_MAX);

	put(f, text, PAT_VARLINK_MESSAGE_MAX);
	put(f, two, sizeof(two));
	expect(f, "a.B");
	expect(f, "a.C");
	free(text);
}

static void one_byte_more_is_too_big(void **state)
{
	struct fixture *f = *state;
	char *text = message_of(PAT_VARLINK_MESSAGE_MAX + 1);

	put(f, text, PAT_VARLINK_MESSAGE_MAX + 1);
	expect_error(f, 5000, PAT_E_TOOBIG);
	expect_error(f, 5000, PAT_E_TOOBIG);
	free(text);
}

static void an_endless_message_is_too_big(void **state)
{
	struct fixture *f = *state;
	char block[4096];

	memset(block, ' ', sizeof(block));
	for (int i = 0; i < 8; i++)
		put(f, block, sizeof(block));
	expect_error(f, 5000, PAT_E_TOOBIG);
}

static void a_message_that_is_cut_is_invalid(void **state)
{
	for (size_t cut = 1; cut < sizeof(one); cut++) {
		struct fixture *f = *state;

		put(f, one, cut);
		hang_up(f);
		expect_error(f, 5000, PAT_E_INVALID);
		disconnect_ends(state);
		assert_int_equal(connect_ends(state), 0);
	}
}

static void only_a_json_object_is_a_message(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"{}}",
		"{} {}",
		"{}x",
		"[]",
		"[{}]",
		"\"text\"",
		"1",
		"true",
		"null",
		"GET / HTTP/1.1\r\n",
		"{\"a\":1,}",
		"{\"a\" 1}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":1e999}",
		"{\"a\":99999999999999999999}",
		"{\"a\":NaN}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xc0\xaf\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\\u0000\":1}",
		"{\"a\":\"\\x41\"}",
		"\xef\xbb\xbf{}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(f, bad[i], strlen(bad[i]) + 1);
		expect_error(f, 5000, PAT_E_INVALID);
	}
	put(f, two, sizeof(two));
	expect(f, "a.C");
}

static void no_name_may_come_twice(void **state)
{
	static const char twice[] = "{\"method\":\"a.B\",\"method\":\"a.C\"}";
	static const char inside[] = "{\"parameters\":{\"user\":\"a\",\"\\u0075ser\":\"b\"}}";
	struct fixture *f = *state;

	put(f, twice, sizeof(twice));
	expect_error(f, 5000, PAT_E_INVALID);
	put(f, inside, sizeof(inside));
	expect_error(f, 5000, PAT_E_INVALID);
}

static void deep_nesting_is_invalid(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(PAT_VARLINK_MESSAGE_MAX);

	assert_non_null(text);
	memset(text, '[', PAT_VARLINK_MESSAGE_MAX);
	memcpy(text, "{\"a\":", 5);
	text[PAT_VARLINK_MESSAGE_MAX - 1] = '\0';
	put(f, text, PAT_VARLINK_MESSAGE_MAX);
	expect_error(f, 5000, PAT_E_INVALID);
	free(text);
}

static void silence_lasts_to_the_deadline_and_no_longer(void **state)
{
	struct fixture *f = *state;
	int64_t begun = milliseconds_now();

	expect_error(f, 80, PAT_E_BUSY);
	assert_in_range(milliseconds_now() - begun, 79, 4000);
	put(f, one, 10);
	begun = milliseconds_now();
	expect_error(f, 80, PAT_E_BUSY);
	assert_in_range(milliseconds_now() - begun, 79, 4000);
}

static void a_message_that_is_there_needs_no_wait(void **state)
{
	struct fixture *f = *state;

	put(f, one, sizeof(one));
	put(f, two, sizeof(two));
	assert_int_equal(fcntl(f->link.fd, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 2; i++) {
		json_t *message;

		assert_int_equal(get(f, 0, &message), PAT_OK);
		json_decref(message);
	}
}

static void a_socket_that_fails_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct pat_varlink other;
	json_t *message = NULL;

	(void)f;
	assert_int_equal(pat_varlink_begin(&other, -1), PAT_OK);
	assert_int_equal(pat_varlink_read(&other, pat_deadline_in(5000), &message), PAT_E_IO);
	assert_int_equal(errno, EBADF);
	assert_null(message);
	pat_varlink_end(&other);
	pat_varlink_end(&other);
}

static void a_message_that_was_read_leaves_no_trace(void **state)
{
	static const char secret[] = "{\"secret\":\"lnxpat_sesame\"}";
	struct fixture *f = *state;
	json_t *message;

	put(f, secret, sizeof(secret));
	put(f, two, 5);
	assert_int_equal(get(f, 5000, &message), PAT_OK);
	json_decref(message);
	expect_error(f, 0, PAT_E_BUSY);
	assert_int_equal(f->link.used, 5);
	for (size_t i = f->link.used; i < sizeof(secret) + 5; i++)
		assert_int_equal(f->link.buffer[i], 0);
}

static json_t *object_with(const char *name, size_t len)
{
	char *value = malloc(len);
	json_t *object = json_object();

	assert_non_null(value);
	memset(value, 'x', len);
	assert_int_equal(json_object_set_new(object, name, json_stringn(value, len)), 0);
	free(value);
	return object;
}

static void a_message_is_written_with_its_nul(void **state)
{
	struct fixture *f = *state;
	json_t *message = json_pack("{s:s, s:{s:n}}", "method", "a.B", "parameters", "user");
	static const char expected[] = "{\"method\":\"a.B\",\"parameters\":{\"user\":null}}";
	char bytes[200];

	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(5000)), PAT_OK);
	assert_int_equal(recv(f->peer, bytes, sizeof(bytes), 0), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	json_decref(message);
}

static void the_largest_message_is_written_and_no_larger(void **state)
{
	const size_t around = sizeof("{\"x\":\"\"}");
	struct fixture *f = *state;
	json_t *largest = object_with("x", PAT_VARLINK_MESSAGE_MAX - around);
	json_t *larger = object_with("x", PAT_VARLINK_MESSAGE_MAX - around + 1);
	char *bytes = malloc(PAT_VARLINK_MESSAGE_MAX);

	assert_non_null(bytes);
	assert_int_equal(pat_varlink_write(&f->link, larger, pat_deadline_in(5000)), PAT_E_TOOBIG);
	assert_int_equal(pat_varlink_write(&f->link, largest, pat_deadline_in(5000)), PAT_OK);
	assert_int_equal(recv(f->peer, bytes, PAT_VARLINK_MESSAGE_MAX, MSG_WAITALL),
			 PAT_VARLINK_MESSAGE_MAX);
	assert_int_equal(bytes[PAT_VARLINK_MESSAGE_MAX - 1], '\0');
	assert_int_equal(recv(f->peer, bytes, 1, MSG_DONTWAIT), -1);
	free(bytes);
	json_decref(largest);
	json_decref(larger);
}

static void only_an_object_is_written(void **state)
{
	struct fixture *f = *state;
	json_t *array = json_array();

	assert_int_equal(pat_varlink_write(&f->link, array, pat_deadline_in(0)), PAT_E_INVALID);
	assert_int_equal(pat_varlink_write(&f->link, NULL, pat_deadline_in(0)), PAT_E_INVALID);
	json_decref(array);
}

static void a_peer_that_does_not_read_is_left_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	json_t *message = object_with("x", 10000);
	int64_t begun;
	int error, sent = 0;

	while ((error = pat_varlink_write(&f->link, message, pat_deadline_in(0))) == PAT_OK)
		assert_in_range(++sent, 1, 10000);
	assert_int_equal(error, PAT_E_BUSY);
	begun = milliseconds_now();
	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(80)), PAT_E_BUSY);
	assert_in_range(milliseconds_now() - begun, 79, 4000);
	json_decref(message);
}

#define SLOW_MESSAGES 100

static void *read_slowly(void *argument)
{
	struct fixture *f = argument;
	char bytes[1000];

	for (size_t left = SLOW_MESSAGES * (10000 + sizeof("{\"x\":\"\"}")); left > 0;) {
		ssize_t got = recv(f->peer, bytes, sizeof(bytes), 0);

		if (got <= 0)
			return NULL;
		left -= (size_t)got;
	}
	return f;
}

static void a_peer_that_reads_slowly_gets_everything(void **state)
{
	struct fixture *f = *state;
	json_t *message = object_with("x", 10000);
	void *result;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_slowly, f), 0);
	for (int i = 0; i < SLOW_MESSAGES; i++)
		assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(20000)),
				 PAT_OK);
	pthread_join(thread, &result);
	assert_ptr_equal(result, f);
	json_decref(message);
}

/* Ends the test program if a SIGPIPE comes. */
static void a_peer_that_is_gone_is_no_signal(void **state)
{
	struct fixture *f = *state;
	json_t *message = object_with("x", 10);

	hang_up(f);
	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(5000)), PAT_E_CLOSED);
	expect_error(f, 5000, PAT_E_CLOSED);
	json_decref(message);
}

static void a_peer_that_leaves_without_reading_has_closed(void **state)
{
	struct fixture *f = *state;
	json_t *message = object_with("x", 10);

	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(5000)), PAT_OK);
	hang_up(f); /* the kernel answers ECONNRESET */
	expect_error(f, 5000, PAT_E_CLOSED);
	json_decref(message);
}

/* What jansson's free function was given, as it was just before it went back to the heap. */
static void what_jansson_frees_is_wiped(void **state)
{
	static const char secret[] = "lnxpat_open_sesame_and_some_more_of_it";
	json_malloc_t get_memory;
	json_free_t give_back;
	char *block;

	(void)state;
	pat_varlink_wipe_json();
	json_get_alloc_funcs(&get_memory, &give_back);
	block = get_memory(sizeof(secret));
	assert_non_null(block);
	memcpy(block, secret, sizeof(secret));
	give_back(block);
	give_back(NULL);
#if !defined(__SANITIZE_ADDRESS__)
	/* malloc() hands out the block that was freed last, with its own marks in the front. */
	block = malloc(sizeof(secret));
	assert_non_null(block);
	assert_null(memmem(block, sizeof(secret), "some_more", 9));
	free(block);
#endif
}

#if !defined(__SANITIZE_ADDRESS__)
static void what_was_encoded_or_partly_read_is_wiped(void **state)
{
	static const char part[] = "{\"method\":\"io.pampat.Tokens.Verify\",\"lnxpat_sesame";
	struct fixture *f = *state;
	json_t *small = json_pack("{s:s, s:s}", "some more", "than", "secret", "lnxpat_sesame");
	json_t *large = object_with("before", PAT_VARLINK_MESSAGE_MAX - 100);
	struct pat_varlink_text text;
	const void *buffer = f->link.buffer;

	assert_non_null(small);
	assert_int_equal(pat_varlink_encode(small, &text), PAT_OK);
	buffer = text.bytes;
	assert_non_null(memmem(text.bytes, text.len, "lnxpat_sesame", 13));
	pat_varlink_discard(&text);
	unit_nothing_is_left_of(buffer, PAT_VARLINK_MESSAGE_MAX, "lnxpat_sesame");

	/* The end of it does not fit. */
	assert_int_equal(json_object_update(large, small), 0);
	assert_int_equal(json_object_set_new(large, "too much", json_string(part)), 0);
	assert_int_equal(pat_varlink_encode(large, &text), PAT_E_TOOBIG);
	unit_nothing_is_left_of(buffer, PAT_VARLINK_MESSAGE_MAX, "lnxpat_sesame");
	json_decref(large);
	json_decref(small);

	put(f, part, sizeof(part) - 1);
	expect_error(f, 0, PAT_E_BUSY);
	buffer = f->link.buffer;
	assert_non_null(memmem(buffer, sizeof(part), "lnxpat_sesame", 13));
	pat_varlink_end(&f->link);
	unit_nothing_is_left_of(buffer, PAT_VARLINK_MESSAGE_MAX, "lnxpat_sesame");
}
#endif

static void a_message_that_lacks_a_part_is_not_written(void **state)
{
	struct fixture *f = *state;
	json_malloc_t take;
	json_free_t give_back;
	json_t *message;
	char byte;

	json_get_alloc_funcs(&take, &give_back);
	pat_varlink_wipe_json();
	message = json_pack("{s:[]}", "services");
	/* For so many bytes there is no memory. */
	assert_int_not_equal(json_array_append_new(json_object_get(message, "services"),
						   json_stringn_nocheck("", SIZE_MAX - 1)),
			     0);
	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(5000)), PAT_E_NOMEM);
	assert_int_equal(recv(f->peer, &byte, 1, MSG_DONTWAIT), -1);
	/* The next one is another. */
	assert_int_equal(pat_varlink_write(&f->link, message, pat_deadline_in(5000)), PAT_OK);
	json_decref(message);
	json_set_alloc_funcs(take, give_back);
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_ends, disconnect_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONNECTED(a_message_ends_at_its_nul),
		CONNECTED(a_message_split_at_any_byte_is_whole_again),
		CONNECTED(waiting_ends_when_another_connection_does),
		CONNECTED(a_message_may_come_byte_by_byte),
		CONNECTED(several_messages_in_one_read_stay_apart),
		CONNECTED(the_largest_message_is_read),
		CONNECTED(one_byte_more_is_too_big),
		CONNECTED(an_endless_message_is_too_big),
		CONNECTED(a_message_that_is_cut_is_invalid),
		CONNECTED(only_a_json_object_is_a_message),
		CONNECTED(no_name_may_come_twice),
		CONNECTED(deep_nesting_is_invalid),
		CONNECTED(silence_lasts_to_the_deadline_and_no_longer),
		CONNECTED(a_message_that_is_there_needs_no_wait),
		CONNECTED(a_socket_that_fails_is_an_error),
		CONNECTED(a_message_that_was_read_leaves_no_trace),
		CONNECTED(a_message_is_written_with_its_nul),
		CONNECTED(the_largest_message_is_written_and_no_larger),
		CONNECTED(only_an_object_is_written),
		CONNECTED(a_peer_that_does_not_read_is_left_at_the_deadline),
		CONNECTED(a_peer_that_reads_slowly_gets_everything),
		CONNECTED(a_peer_that_is_gone_is_no_signal),
		CONNECTED(a_peer_that_leaves_without_reading_has_closed),
		CONNECTED(a_message_that_lacks_a_part_is_not_written),
		cmocka_unit_test(what_jansson_frees_is_wiped),
#if !defined(__SANITIZE_ADDRESS__)
		CONNECTED(what_was_encoded_or_partly_read_is_wiped),
#endif
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
