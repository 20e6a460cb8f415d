/* SPDX-License-Identifier: ISC */

/* fcntl() is defined here, which the inline one of the headers would hide. */
#undef _FORTIFY_SOURCE

#include "unit_store.h"

#include <dlfcn.h>

#include "../../lib/gate.h"

/* The lock file alone. Its locks are those of an open file: two gates in one process exclude each
 * other as those of two processes do. */

enum { SOON = 60 };

static struct gate one, other;

/* Just before the next lock is taken or looked at. */
static void (*before_locking)(void);

#define WRAP_FCNTL(name)                                                                      \
	__attribute__((visibility("default"))) int name(int fd, int command, ...)             \
	{                                                                                     \
		int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, #name); \
		void (*first)(void) = before_locking;                                         \
		void *argument;                                                               \
		va_list rest;                                                                 \
                                                                                              \
		va_start(rest, command);                                                      \
		argument = va_arg(rest, void *);                                              \
		va_end(rest);                                                                 \
		before_locking = NULL;                                                        \
		if (first != NULL)                                                            \
			first();                                                              \
		return next(fd, command, argument);                                           \
	}
#ifndef __USE_FILE_OFFSET64 /* on 32 bits that is another name of the other */
WRAP_FCNTL(fcntl)
#endif
WRAP_FCNTL(fcntl64)

static int setup(void **state)
{
	before_locking = NULL;
	one = other = (struct gate){.fd = -1};
	if (unit_place_setup(state) != 0 || mkdir(place.dir, 0700) != 0)
		return -1;
	return gate_open(&one, place.lock) != 0 || gate_open(&other, place.lock) != 0;
}

static int teardown(void **state)
{
	gate_close(&one);
	gate_close(&other);
	return unit_place_teardown(state);
}

#define with_gates(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static pat_deadline brief(void)
{
	return pat_deadline_in(SOON);
}

static void readers_enter_together_and_writers_alone(void **state)
{
	(void)state;
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_int_equal(gate_enter_shared(&other, brief()), 0);
	gate_leave(&other);
	assert_int_equal(gate_enter_alone(&other, brief()), PAT_E_BUSY);
	gate_leave(&one);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_int_equal(gate_enter_shared(&one, brief()), PAT_E_BUSY);
	assert_int_equal(gate_enter_alone(&one, brief()), PAT_E_BUSY);
	gate_leave(&other);
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
}

static void a_writer_that_gave_up_keeps_nobody_out(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), PAT_E_BUSY);
	assert_int_equal(gate_open(&third, place.lock), 0);
	assert_int_equal(gate_enter_shared(&third, pat_deadline_in(0)), 0);
	gate_close(&third);
}

static void two_readers_that_would_be_alone_do_not_wait_for_each_other_for_ever(void **state)
{
	(void)state;
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_int_equal(gate_enter_shared(&other, brief()), 0);
	assert_int_equal(gate_enter_alone(&one, brief()), PAT_E_BUSY);
	/* It is outside now. */
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
}

static void a_deadline_that_has_passed_still_takes_what_is_free(void **state)
{
	(void)state;
	assert_int_equal(gate_enter_shared(&one, pat_deadline_in(0)), 0);
	assert_int_equal(gate_enter_alone(&other, pat_deadline_in(0)), PAT_E_BUSY);
}

static void a_record_is_held_by_one_and_others_are_free(void **state)
{
	(void)state;
	assert_int_equal(gate_hold_record(&one, "uAAAAAAAA", 9, brief()), 0);
	assert_int_equal(gate_hold_record(&other, "uAAAAAAAA", 9, brief()), PAT_E_BUSY);
	assert_int_equal(gate_hold_record(&other, "uAAAAAAAB", 9, brief()), 0);
	gate_release_record(&one, "uAAAAAAAA", 9);
	assert_int_equal(gate_hold_record(&other, "uAAAAAAAA", 9, brief()), 0);
}

static void a_record_that_is_held_keeps_nobody_out_of_the_room(void **state)
{
	(void)state;
	assert_int_equal(gate_hold_record(&one, "uAAAAAAAA", 9, brief()), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_int_equal(gate_take_pen(&other, brief()), 0);
}

static void the_pen_has_one_owner_and_keeps_no_reader_out(void **state)
{
	(void)state;
	assert_int_equal(gate_take_pen(&one, brief()), 0);
	assert_true(one.has_pen);
	assert_int_equal(gate_take_pen(&other, brief()), PAT_E_BUSY);
	assert_false(other.has_pen);
	assert_int_equal(gate_enter_shared(&other, brief()), 0);
	gate_leave(&other);
	assert_int_equal(gate_enter_alone(&one, brief()), 0);
	gate_leave(&one);
	/* Leaving the room keeps it. */
	assert_int_equal(gate_take_pen(&other, brief()), PAT_E_BUSY);
	gate_put_pen(&one);
	assert_int_equal(gate_take_pen(&other, brief()), 0);
}

static void closing_lets_go_of_all_also_where_a_child_has_the_descriptor(void **state)
{
	pid_t child;
	int ends[2];

	(void)state;
	assert_int_equal(gate_enter_alone(&one, brief()), 0);
	assert_int_equal(gate_take_pen(&one, brief()), 0);
	assert_int_equal(gate_hold_record(&one, "uAAAAAAAA", 9, brief()), 0);
	assert_int_equal(pipe(ends), 0);
	child = unit_fork();
	if (child == 0) {
		char end;

		close(ends[1]);
		_exit(read(ends[0], &end, 1) != 0);
	}
	close(ends[0]);
	gate_close(&one);
	assert_int_equal(one.fd, -1);
	assert_int_equal(gate_take_pen(&other, brief()), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_int_equal(gate_hold_record(&other, "uAAAAAAAA", 9, brief()), 0);
	close(ends[1]);
	assert_int_equal(unit_wait(child), 0);
}

static void a_lock_file_that_was_removed_excludes_nobody_and_is_left_for_the_new_one(void **state)
{
	(void)state;
	assert_int_equal(gate_take_pen(&one, brief()), 0);
	assert_true(gate_is_current(&one));
	assert_int_equal(unlink(place.lock), 0);
	assert_false(gate_is_current(&one));
	/* Both find the new one, and who had the pen has it there. */
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_true(gate_is_current(&other));
	gate_leave(&other);
	assert_int_equal(gate_enter_alone(&one, brief()), 0);
	assert_true(gate_is_current(&one));
	assert_true(one.has_pen);
	assert_int_equal(gate_enter_shared(&other, brief()), PAT_E_BUSY);
	assert_int_equal(gate_take_pen(&other, brief()), PAT_E_BUSY);
}

/* Nor one that was removed between opening and entering, where nobody had to wait. */
static void a_lock_file_that_was_removed_a_moment_ago_is_not_entered(void **state)
{
	struct gate third;

	(void)state;
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_int_equal(gate_enter_shared(&one, brief()), PAT_E_BUSY);
	gate_leave(&other);
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_true(gate_is_current(&one));

	/* Of one that got another name, who comes in later knows. */
	assert_int_equal(gate_open_old(&third, place.lock), 0);
	assert_int_equal(gate_enter_shared(&third, brief()), 0);
	gate_leave(&third);
	assert_int_equal(rename(place.lock, place.path), 0);
	assert_int_equal(gate_enter_shared(&third, brief()), 0);
	assert_true(gate_is_current(&third));
	gate_close(&third);
}

static void a_lock_file_that_is_not_to_be_trusted_is_not_opened(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	assert_int_equal(chmod(place.lock, 0640), 0);
	assert_int_equal(gate_open(&third, place.lock), PAT_E_UNSAFE);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(symlink("elsewhere", place.lock), 0);
	assert_int_equal(gate_open(&third, place.lock), PAT_E_UNSAFE);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(mkfifo(place.lock, 0600), 0);
	assert_int_equal(gate_open(&third, place.lock), PAT_E_UNSAFE);
	assert_int_equal(gate_open_to_look(&third, place.lock), PAT_E_UNSAFE);
	assert_int_equal(third.fd, -1);
}

static void in_one_step_it_is_entered_as_in_two(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), 0);
	assert_int_equal(gate_enter_alone(&one, brief()), PAT_E_BUSY);
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	gate_leave(&one);
	gate_close(&third);
	/* Open it is also where it is not entered. */
	assert_int_equal(gate_enter_alone(&one, brief()), 0);
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), PAT_E_BUSY);
	assert_true(third.fd >= 0);
	gate_leave(&one);
	assert_int_equal(gate_enter_shared(&third, brief()), 0);
	gate_close(&third);
}

static void remove_it(void)
{
	assert_int_equal(unlink(place.lock), 0);
}

static void in_one_step_none_is_entered_that_was_removed_meanwhile(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	before_locking = remove_it;
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), 0);
	assert_null(before_locking);
	assert_true(gate_is_current(&third));
	assert_int_equal(gate_enter_alone(&other, brief()), PAT_E_BUSY);
	gate_close(&third);
}

/* Nor stays anything locked in a file that is not to be trusted. */
static void in_one_step_as_little_is_trusted(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	assert_int_equal(chmod(place.lock, 0640), 0);
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), PAT_E_UNSAFE);
	assert_int_equal(third.fd, -1);
	assert_int_equal(gate_enter_alone(&one, brief()), 0);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(symlink("elsewhere", place.lock), 0);
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), PAT_E_UNSAFE);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(mkfifo(place.lock, 0600), 0);
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), PAT_E_UNSAFE);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(gate_open_and_enter(&third, place.lock, brief()), PAT_E_NOSTORE);
	assert_int_equal(third.fd, -1);
	assert_int_not_equal(access(place.lock, F_OK), 0);
}

static void all_is_let_go_of_at_once(void **state)
{
	(void)state;
	assert_int_equal(gate_take_pen(&one, brief()), 0);
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_int_equal(gate_hold_record(&one, "uAAAAAAAA", 9, brief()), 0);
	gate_let_go(&one);
	assert_false(one.has_pen);
	assert_int_equal(gate_take_pen(&other, brief()), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
	assert_int_equal(gate_hold_record(&other, "uAAAAAAAA", 9, brief()), 0);
	gate_let_go(&other);
	/* And can be had again, and let go of again. */
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	assert_int_equal(gate_enter_alone(&other, brief()), PAT_E_BUSY);
	gate_let_go(&one);
	assert_int_equal(gate_enter_alone(&other, brief()), 0);
}

static void who_only_looks_makes_no_lock_file_and_enters_with_others(void **state)
{
	struct gate third = {.fd = -1};

	(void)state;
	assert_int_equal(gate_open_to_look(&third, place.lock), 0);
	assert_int_equal(gate_enter_shared(&third, brief()), 0);
	assert_int_equal(gate_enter_shared(&one, brief()), 0);
	gate_leave(&one);
	assert_int_equal(gate_enter_alone(&one, brief()), PAT_E_BUSY);
	gate_close(&third);
	assert_int_equal(unlink(place.lock), 0);
	assert_int_equal(gate_open_to_look(&third, place.lock), PAT_E_NOSTORE);
	assert_int_not_equal(access(place.lock, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_gates(readers_enter_together_and_writers_alone),
		with_gates(a_writer_that_gave_up_keeps_nobody_out),
		with_gates(two_readers_that_would_be_alone_do_not_wait_for_each_other_for_ever),
		with_gates(a_deadline_that_has_passed_still_takes_what_is_free),
		with_gates(a_record_is_held_by_one_and_others_are_free),
		with_gates(a_record_that_is_held_keeps_nobody_out_of_the_room),
		with_gates(the_pen_has_one_owner_and_keeps_no_reader_out),
		with_gates(closing_lets_go_of_all_also_where_a_child_has_the_descriptor),
		with_gates(
			a_lock_file_that_was_removed_excludes_nobody_and_is_left_for_the_new_one),
		with_gates(a_lock_file_that_was_removed_a_moment_ago_is_not_entered),
		with_gates(a_lock_file_that_is_not_to_be_trusted_is_not_opened),
		with_gates(in_one_step_it_is_entered_as_in_two),
		with_gates(in_one_step_none_is_entered_that_was_removed_meanwhile),
		with_gates(in_one_step_as_little_is_trusted),
		with_gates(all_is_let_go_of_at_once),
		with_gates(who_only_looks_makes_no_lock_file_and_enters_with_others),
	};

	return unit_run(tests);
}
