/* SPDX-License-Identifier: ISC */

/* The reader of a connection, as the session that starts it sees it. */

#include "unit_memory.h"

#include <dirent.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../../helper/patd/calls.h"
#include "../../helper/patd/confine.h"
#include "pat/error.h"

/* A client at `peer`, and the session's end of its reader. */
struct fixture {
	struct calls calls;
	int client;
	int peer;
};

static int connect_ends(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	if (f == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	f->client = ends[0];
	f->peer = ends[1];
	*state = f;
	if (calls_begin(&f->calls, 60) != 0)
		return -1;
	calls_serve(&f->calls, f->client);
	return 0;
}

static int disconnect_ends(void **state)
{
	struct fixture *f = *state;

	calls_end(&f->calls);
	close(f->client);
	if (f->peer >= 0)
		close(f->peer);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *bytes, size_t len)
{
	assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}
#define PUT(f, text) put(f, text, sizeof(text))

static void hang_up(struct fixture *f)
{
	close(f->peer);
	f->peer = -1;
}

static void expect(struct fixture *f, const char *method)
{
	struct flat_call call;

	assert_int_equal(calls_next(&f->calls, 5000, &call), PAT_OK);
	assert_string_equal(call.method, method);
	json_decref(call.message);
}

static void expect_error(struct fixture *f, unsigned wait_ms, int error)
{
	struct flat_call call;

	assert_int_equal(calls_next(&f->calls, wait_ms, &call), error);
}

static int64_t milliseconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- What a client sends ------------------------------------------------------------------------
 */

static void a_call_comes_across(void **state)
{
	struct fixture *f = *state;
	struct flat_call call;

	PUT(f, "{\"method\":\"a.B\",\"more\":true,\"parameters\":{\"name\":\"ci\"}}");
	assert_int_equal(calls_next(&f->calls, 5000, &call), PAT_OK);
	assert_string_equal(call.method, "a.B");
	assert_true(call.more);
	assert_string_equal(json_string_value(json_object_get(call.parameters, "name")), "ci");
	json_decref(call.message);
}

static void calls_that_come_together_are_handed_on_one_by_one(void **state)
{
	struct fixture *f = *state;

	PUT(f, "{\"method\":\"a.B\"}\0{\"method\":\"a.C\"}\0{\"method\":\"a.D\"}");
	expect(f, "a.B");
	expect(f, "a.C");
	expect(f, "a.D");
	hang_up(f);
	expect_error(f, 5000, PAT_E_CLOSED);
}

static void nothing_is_read_before_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	int waiting = 0;

	PUT(f, "{\"method\":\"a.B\"}");
	usleep(100000);
	assert_int_equal(ioctl(f->client, SIOCINQ, &waiting), 0);
	assert_int_equal(waiting, sizeof("{\"method\":\"a.B\"}"));
	expect(f, "a.B");
	PUT(f, "{\"method\":\"a.C\"}");
	usleep(100000);
	assert_int_equal(ioctl(f->client, SIOCINQ, &waiting), 0);
	assert_int_equal(waiting, sizeof("{\"method\":\"a.C\"}"));
	expect(f, "a.C");
}

static void each_way_to_fail_is_told_apart(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int error;
	} cases[] = {
		{"", 0, PAT_E_CLOSED},
		{"{\"method\"", 9, PAT_E_INVALID},
		{"garbage", 8, PAT_E_INVALID},
		{"[]", 3, PAT_E_INVALID},
		{"{\"method\":7}", 13, PAT_E_INVALID},
		{"{\"method\":\"a.B\",\"uid\":0}", 25, PAT_E_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		void *one = NULL;

		assert_int_equal(connect_ends(&one), 0);
		put(one, cases[i].bytes, cases[i].len);
		hang_up(one);
		expect_error(one, 5000, cases[i].error);
		disconnect_ends(&one);
	}
}

static void a_message_without_end_is_too_large(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(PAT_VARLINK_MESSAGE_MAX + 1);

	memset(text, 'x', PAT_VARLINK_MESSAGE_MAX + 1);
	put(f, text, PAT_VARLINK_MESSAGE_MAX + 1);
	free(text);
	expect_error(f, 5000, PAT_E_TOOBIG);
}

static void silence_ends_in_time(void **state)
{
	struct fixture *f = *state;
	int64_t began = milliseconds_now();

	PUT(f, "{\"method\":\"a.B\"}");
	put(f, "{\"method\"", 9);
	expect(f, "a.B");
	expect_error(f, 300, PAT_E_BUSY);
	assert_in_range(milliseconds_now() - began, 290, 1800);
}

static void the_largest_message_comes_across(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(PAT_VARLINK_MESSAGE_MAX);

	memset(text, ' ', PAT_VARLINK_MESSAGE_MAX);
	memcpy(text, "{\"method\":\"a.B\"}", 16);
	text[PAT_VARLINK_MESSAGE_MAX - 1] = '\0';
	put(f, text, PAT_VARLINK_MESSAGE_MAX);
	free(text);
	expect(f, "a.B");
}

/* ---- A reader that breaks -----------------------------------------------------------------------
 */

static void a_reader_that_is_ended_is_told_with_the_signal(void **state)
{
	struct fixture *f = *state;

	PUT(f, "{\"method\":\"a.B\"}");
	expect(f, "a.B");
	assert_int_equal(kill(f->calls.reader, SIGALRM), 0);
	expect_error(f, 5000, PAT_E_PEER);
	assert_string_equal(f->calls.why, "its reader was ended by signal 14");
	assert_int_equal(f->calls.reader, 0);
}

/* It is waited for a little longer than for the client. */
static void a_reader_that_stands_still_is_left(void **state)
{
	struct fixture *f = *state;
	int64_t began = milliseconds_now();

	assert_int_equal(kill(f->calls.reader, SIGSTOP), 0);
	expect_error(f, 100, PAT_E_PEER);
	assert_string_equal(f->calls.why, "its reader does not answer");
	assert_in_range(milliseconds_now() - began, 2000, 3900);
	began = milliseconds_now();
	calls_end(&f->calls);
	assert_in_range(milliseconds_now() - began, 0, 2000);
	f->calls = (struct calls){.fd = -1};
}

static void nonsense_of_a_reader_is_refused(void **state)
{
	struct calls calls = {.record = malloc(FLAT_MAX)};
	struct flat_call call;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	calls.fd = ends[0];
	assert_int_equal(send(ends[1], "nonsense", 8, 0), 8);
	assert_int_equal(calls_next(&calls, 100, &call), PAT_E_PEER);
	assert_string_equal(calls.why, "its reader sent what is malformed");
	close(ends[1]);
	calls_end(&calls);
}

static void a_record_that_is_too_large_is_refused(void **state)
{
	struct calls calls = {.record = malloc(FLAT_MAX)};
	unsigned char *record = calloc(1, FLAT_MAX + 1);
	struct flat_call call;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	calls.fd = ends[0];
	assert_int_equal(send(ends[1], record, FLAT_MAX + 1, 0), FLAT_MAX + 1);
	assert_int_equal(calls_next(&calls, 100, &call), PAT_E_PEER);
	assert_string_equal(calls.why, "its reader sent what is malformed");
	free(record);
	close(ends[1]);
	calls_end(&calls);
}

/* ---- Beside it ----------------------------------------------------------------------------------
 */

static volatile sig_atomic_t children_ended;

static void count_child(int signal)
{
	(void)signal;
	children_ended++;
}

/* A PAM module that waits for any child of its own gets that one, and hears of no other. */
static void a_reader_is_nobody_elses_child(void **state)
{
	struct fixture *f = *state;
	pid_t child = fork();

	if (child == 0)
		_exit(7);
	/* The filter of the tests is a child, too: it is not among those that have ended. */
	assert_int_equal(waitpid(child, NULL, 0), child);
	signal(SIGCHLD, count_child);
	assert_int_equal(kill(f->calls.reader, SIGKILL), 0);
	usleep(50000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	assert_int_equal(children_ended, 0);
	signal(SIGCHLD, SIG_DFL);
	expect_error(f, 1000, PAT_E_PEER);
	assert_string_equal(f->calls.why, "its reader was ended by signal 9");
}

static void it_ends_when_its_session_does(void **state)
{
	struct fixture *f = *state;
	struct pollfd pfd;
	struct calls calls;
	int ends[2];
	pid_t session;
	char byte;

	(void)f;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	session = fork();
	if (session == 0) {
		struct flat_call call;

		close(ends[1]);
		if (calls_begin(&calls, 60) != 0)
			_exit(1);
		calls_serve(&calls, ends[0]);
		alarm(1);
		(void)calls_next(&calls, 30000, &call);
		_exit(1);
	}
	close(ends[0]);
	/* The client sees the end of the last who has its connection. */
	pfd = (struct pollfd){.fd = ends[1], .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(recv(ends[1], &byte, 1, 0), 0);
	assert_int_equal(waitpid(session, NULL, 0), session);
	close(ends[1]);
}

static unsigned count_descriptors(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void it_has_the_two_descriptors_that_it_needs(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		unit_skip("needs root: nobody else sees the descriptors of a reader");
	PUT(f, "{\"method\":\"a.B\"}");
	expect(f, "a.B");
	assert_int_equal(count_descriptors(f->calls.reader), 2);
}

/* ---- What it leaves -----------------------------------------------------------------------------
 */

#define SECRET "open sesame, which nobody else is to read"

static void what_a_session_was_handed_is_not_kept_where_it_came(void **state)
{
	struct fixture *f = *state;

	PUT(f, "{\"method\":\"a.B\",\"parameters\":{\"responses\":[\"" SECRET "\"]}}");
	expect(f, "a.B");
	assert_null(memmem(f->calls.record, FLAT_MAX, &SECRET[5], 6));
}

#if !defined(__SANITIZE_ADDRESS__)
/* It wipes what it handed on after that, so it is given a moment. */
static void a_reader_keeps_nothing_of_what_it_handed_on(void **state)
{
	pat_deadline deadline = pat_deadline_in(5000);
	struct fixture *f = *state;
	unsigned tries = 0;

	if (geteuid() != 0)
		unit_skip("needs root: nobody else sees the memory of a reader");
	PUT(f, "{\"method\":\"a.B\",\"parameters\":{\"responses\":[\"" SECRET "\"]}}");
	expect(f, "a.B");
	while (unit_memory_holds(f->calls.reader, &SECRET[5]) &&
	       pat_deadline_retry(deadline, &tries))
		;
	assert_false(unit_memory_holds(f->calls.reader, &SECRET[5]));
	/* Still there, and not just gone. */
	PUT(f, "{\"method\":\"a.C\"}");
	expect(f, "a.C");
}
#endif

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, connect_ends, disconnect_ends)
	const struct CMUnitTest tests[] = {
		WITH(a_call_comes_across),
		WITH(calls_that_come_together_are_handed_on_one_by_one),
		WITH(nothing_is_read_before_it_is_asked_for),
		cmocka_unit_test(each_way_to_fail_is_told_apart),
		WITH(a_message_without_end_is_too_large),
		WITH(silence_ends_in_time),
		WITH(the_largest_message_comes_across),
		WITH(a_reader_that_is_ended_is_told_with_the_signal),
		WITH(a_reader_that_stands_still_is_left),
		cmocka_unit_test(nonsense_of_a_reader_is_refused),
		cmocka_unit_test(a_record_that_is_too_large_is_refused),
		WITH(a_reader_is_nobody_elses_child),
		WITH(it_ends_when_its_session_does),
		WITH(it_has_the_two_descriptors_that_it_needs),
		WITH(what_a_session_was_handed_is_not_kept_where_it_came),
#if !defined(__SANITIZE_ADDRESS__)
		WITH(a_reader_keeps_nothing_of_what_it_handed_on),
#endif
	};

	json_object_seed(0);
	if (confine_prepare() != 0)
		return 99;
	return unit_run(tests);
}
