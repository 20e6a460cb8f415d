/* SPDX-License-Identifier: ISC */

/* What patd sends a Varlink client: together, in order, and without a copy that stays. */

#include "unit_freed.h"

#include <sys/socket.h>

#include "../../helper/patd/reply_queue.h"
#include "pat/error.h"

static struct reply_queue queue;
static int client;

static int connect_ends(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	reply_queue_begin(&queue, ends[0]);
	client = ends[1];
	return 0;
}

static int disconnect_ends(void **state)
{
	(void)state;
	reply_queue_end(&queue);
	close(queue.link.fd);
	close(client);
	return 0;
}

#define connected(test) cmocka_unit_test_setup_teardown(test, connect_ends, disconnect_ends)

static struct pat_varlink_text text(const char *bytes)
{
	return (struct pat_varlink_text){.bytes = strdup(bytes), .len = strlen(bytes)};
}

static void add(const char *bytes)
{
	struct pat_varlink_text reply = text(bytes);

	assert_int_equal(reply_queue_add(&queue, &reply), PAT_OK);
	pat_varlink_discard(&reply);
}

/* All that the client has heard since it was asked last. */
static void heard(const char *want)
{
	static char bytes[2 * PAT_VARLINK_MESSAGE_MAX];
	ssize_t got = recv(client, bytes, sizeof(bytes), MSG_DONTWAIT);

	assert_int_equal(got > 0 ? got : 0, strlen(want));
	assert_memory_equal(bytes, want, strlen(want));
}

/* As long as the longest reply that others may follow. */
static const char *long_text(char letter)
{
	static char bytes[PAT_VARLINK_MESSAGE_MAX + 1];

	memset(bytes, letter, PAT_VARLINK_MESSAGE_MAX);
	return bytes;
}

static void what_waits_is_sent_together_and_in_order(void **state)
{
	(void)state;
	add("one ");
	add("two ");
	heard("");
	assert_int_equal(reply_queue_send(&queue), PAT_OK);
	heard("one two ");
	/* Once. */
	assert_int_equal(reply_queue_send(&queue), PAT_OK);
	heard("");
}

static void what_just_fits_waits_with_the_rest(void **state)
{
	(void)state;
	add("one ");
	add(long_text('b') + strlen("one "));
	heard("");
}

static void what_does_not_fit_behind_it_sends_what_waits(void **state)
{
	(void)state;
	add("one ");
	add(long_text('b'));
	heard("one ");
	add("three");
	heard(long_text('b'));
	assert_int_equal(reply_queue_send(&queue), PAT_OK);
	heard("three");
}

static void what_is_sent_without_a_copy_comes_after_what_waits(void **state)
{
	struct pat_varlink_text reply = text("two");

	(void)state;
	add("one ");
	assert_int_equal(reply_queue_send_with(&queue, &reply), PAT_OK);
	heard("one two");
	pat_varlink_discard(&reply);
}

static void what_was_sent_is_wiped(void **state)
{
	static const char secret[] = "lnxpat_sesame";

	(void)state;
	add(secret);
	add(secret);
	assert_memory_equal(queue.waiting.bytes, secret, strlen(secret));
	assert_int_equal(reply_queue_send(&queue), PAT_OK);
	assert_null(memmem(queue.waiting.bytes, 2 * strlen(secret), "sesame", 6));
}

static void so_is_what_was_sent_for_lack_of_room(void **state)
{
	(void)state;
	add(long_text('c'));
	add("d");
	assert_null(memchr(queue.waiting.bytes, 'c', PAT_VARLINK_MESSAGE_MAX));
}

static void so_is_what_could_not_be_sent(void **state)
{
	static const char secret[] = "lnxpat_sesame";

	(void)state;
	add(secret);
	assert_int_equal(shutdown(client, SHUT_RDWR), 0);
	assert_int_equal(reply_queue_send(&queue), PAT_E_CLOSED);
	assert_null(memmem(queue.waiting.bytes, strlen(secret), "sesame", 6));
	/* Nor is it tried again. */
	assert_int_equal(queue.waiting.len, 0);
}

#if !defined(__SANITIZE_ADDRESS__)
static void so_is_what_waits_at_the_end(void **state)
{
	const void *bytes;

	(void)state;
	add("a beginning that malloc() may write over, and lnxpat_sesame");
	bytes = queue.waiting.bytes;
	reply_queue_end(&queue);
	unit_nothing_is_left_of(bytes, PAT_VARLINK_MESSAGE_MAX, "lnxpat_sesame");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		connected(what_waits_is_sent_together_and_in_order),
		connected(what_just_fits_waits_with_the_rest),
		connected(what_does_not_fit_behind_it_sends_what_waits),
		connected(what_is_sent_without_a_copy_comes_after_what_waits),
		connected(what_was_sent_is_wiped),
		connected(so_is_what_was_sent_for_lack_of_room),
		connected(so_is_what_could_not_be_sent),
#if !defined(__SANITIZE_ADDRESS__)
		connected(so_is_what_waits_at_the_end),
#endif
	};

	return unit_run(tests);
}
