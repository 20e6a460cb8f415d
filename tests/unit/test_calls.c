/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "../../helper/patd/calls.h"
#include "pat/error.h"

/* What a session believes of a reader that somebody has taken over. */

static struct calls calls;
static int reader;

/* Whose record ends where memory does. */
static int setup(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t whole = (FLAT_MAX + page - 1) / page * page;
	unsigned char *memory;
	int ends[2];

	(void)state;
	memory = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	calls = (struct calls){.fd = ends[0], .record = memory + whole - FLAT_MAX};
	reader = ends[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(calls.fd);
	close(reader);
	return 0;
}

#define with_reader(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* What comes of a record of that size, which says that it has it. */
static int take(size_t size)
{
	static unsigned char record[2 * FLAT_MAX];
	struct flat_call call;

	record[0] = (unsigned char)size;
	record[1] = (unsigned char)(size >> 8);
	record[2] = (unsigned char)(size >> 16);
	record[4] = FLAT_CALL;
	assert_int_equal(send(reader, record, size, MSG_DONTWAIT), size);
	return calls_next(&calls, 1000, &call);
}

static void a_record_that_is_too_long_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(take(FLAT_MAX + 1), PAT_E_PEER);
	assert_non_null(strstr(calls.why, "malformed"));
}

static void nor_one_that_is_twice_as_long(void **state)
{
	(void)state;
	assert_int_equal(take(2 * FLAT_MAX), PAT_E_PEER);
	assert_non_null(strstr(calls.why, "malformed"));
}

static void one_of_the_greatest_length_is_looked_at(void **state)
{
	(void)state;
	assert_int_equal(take(FLAT_MAX), PAT_E_PEER);
	assert_non_null(strstr(calls.why, "malformed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_reader(a_record_that_is_too_long_is_not_taken),
		with_reader(nor_one_that_is_twice_as_long),
		with_reader(one_of_the_greatest_length_is_looked_at),
	};

	return unit_run(tests);
}
