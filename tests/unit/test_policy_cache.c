/* SPDX-License-Identifier: ISC */

/* The policy that is remembered is always the one that is written. */

#include "unit_policy.h"

#include <sys/stat.h>

#include "../../helper/patd/policy_cache.h"
#include "../../helper/patd/policy_private.h"
#include "pat/error.h"

static const char one[] = "verify_for = one\n", two[] = "verify_for = two\n";

static struct timespec later(struct timespec time, time_t seconds)
{
	time.tv_sec += seconds;
	return time;
}

/* Its stamp as it will be when the last change is long ago. */
static struct policy_stamp settled(void)
{
	struct timespec now;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	now = later(st.st_ctim.tv_sec > st.st_mtim.tv_sec ? st.st_ctim : st.st_mtim, 60);
	/* The next change has another time, however seldom the kernel looks at its clock. */
	usleep(20000);
	return policy_stamp_of(&st, &now);
}

static void a_file_that_is_the_same_is_not_read_again(void **state)
{
	struct policy_stamp stamp;

	(void)state;
	load(one);
	stamp = settled();
	assert_true(stamp.settled);
	strcpy(policy.verify_for, "remembered");
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
	assert_string_equal(policy.verify_for, "remembered");
}

static void change_in_place(void)
{
	write_to(path, two);
}

/* The size and the time of the last change stay as they were. */
static void change_and_cover_up(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	write_to(path, two);
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0),
			 0);
}

static void replace(void)
{
	char other[sizeof(path) + 4];
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	snprintf(other, sizeof(other), "%s.new", path);
	write_to(other, two);
	assert_int_equal(utimensat(AT_FDCWD, other, (struct timespec[]){st.st_atim, st.st_mtim}, 0),
			 0);
	assert_int_equal(rename(other, path), 0);
}

static void add_to_it(void)
{
	write_to(path, "verify_for = two\nallow_root = yes\n");
}

static void any_change_is_read(void **state)
{
	static void (*const changes[])(void) = {change_in_place, change_and_cover_up, replace,
						add_to_it};

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct policy_stamp stamp;

		load(one);
		stamp = settled();
		changes[i]();
		assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
		assert_string_equal(policy.verify_for, "two");
	}
}

static void each_thing_that_tells_files_apart_counts(void **state)
{
	(void)state;
	for (int what = 0; what < 8; what++) {
		struct policy_stamp stamp;

		load(one);
		stamp = settled();
		stamp.settled = what != 0;
		stamp.dev += what == 1;
		stamp.ino += what == 2;
		stamp.size += what == 3;
		stamp.mtime.tv_sec += what == 4;
		stamp.mtime.tv_nsec += what == 5;
		stamp.ctime.tv_sec += what == 6;
		stamp.ctime.tv_nsec += what == 7;
		strcpy(policy.verify_for, "remembered");
		assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
		assert_string_equal(policy.verify_for, "one");
	}
}

/* Two changes may have one time, if the file system has no finer ones. */
static void what_was_changed_a_moment_ago_is_not_remembered(void **state)
{
	const struct timespec past = {.tv_sec = 1000, .tv_nsec = 999999999};
	struct stat st = {.st_mtim = past, .st_ctim = past};
	struct timespec now = later(past, 2);

	(void)state;
	assert_false(policy_stamp_of(&st, &now).settled);
	now = later(past, 3);
	assert_true(policy_stamp_of(&st, &now).settled);
	st.st_ctim = now;
	assert_false(policy_stamp_of(&st, &now).settled);
	st.st_ctim = past;
	st.st_mtim = later(now, 60);
	assert_false(policy_stamp_of(&st, &now).settled);
	/* The clock was set back. */
	st.st_mtim = past;
	now = later(past, -60);
	assert_false(policy_stamp_of(&st, &now).settled);
}

static void one_that_may_be_another_already_is_read_again(void **state)
{
	/* A moment ago, however long this test takes. */
	const struct timespec to_come[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + 3600}};
	struct policy_stamp stamp = {.settled = false};

	(void)state;
	write_to(path, one);
	assert_int_equal(utimensat(AT_FDCWD, path, to_come, 0), 0);
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
	assert_false(stamp.settled);
	strcpy(policy.verify_for, "remembered");
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
	assert_string_equal(policy.verify_for, "one");
}

static void a_failure_is_not_remembered_nor_what_was_before(void **state)
{
	struct policy_stamp stamp;

	(void)state;
	load(one);
	stamp = settled();
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), PAT_E_IO);
	assert_false(stamp.settled);
	assert_int_equal(chmod(path, 0644), 0);
	load(one);
	stamp = settled();
	write_to(path, "verify_for\n");
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), PAT_E_INVALID);
	assert_false(stamp.settled);
	write_to(path, two);
	assert_int_equal(policy_reload(path, &stamp, &policy, fault), 0);
	assert_string_equal(policy.verify_for, "two");
}

/* Without the help of a clock that the test has set. */
static void with_time_what_is_right_is_remembered_and_what_is_wrong_is_not(void **state)
{
	struct policy_stamp right = {.settled = false}, wrong = {.settled = false};
	char other[sizeof(path) + 4];

	(void)state;
	write_to(path, one);
	snprintf(other, sizeof(other), "%s.bad", path);
	write_to(other, "nonsense\n");
	usleep(3100000);
	assert_int_equal(policy_reload(path, &right, &policy, fault), 0);
	assert_true(right.settled);
	strcpy(policy.verify_for, "remembered");
	assert_int_equal(policy_reload(path, &right, &policy, fault), 0);
	assert_string_equal(policy.verify_for, "remembered");
	for (int i = 0; i < 2; i++)
		assert_int_equal(policy_reload(other, &wrong, &policy, fault), PAT_E_INVALID);
	assert_int_equal(unlink(other), 0);
}

static void the_current_policy_is_that_of_the_file_at_any_time(void **state)
{
	const struct policy *current;

	(void)state;
	for (int i = 0; i < 100; i++) {
		write_to(path, i % 2 ? one : two);
		current = policy_current(path, fault);
		assert_non_null(current);
		assert_string_equal(current->verify_for, i % 2 ? "one" : "two");
	}
	assert_int_equal(unlink(path), 0);
	assert_null(policy_current(path, fault));
	assert_non_null(strstr(fault, path));
	write_to(path, "nonsense\n");
	assert_null(policy_current(path, fault));
	write_to(path, one);
	current = policy_current(path, fault);
	assert_non_null(current);
	assert_string_equal(current->verify_for, "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_policy(a_file_that_is_the_same_is_not_read_again),
		with_policy(any_change_is_read),
		with_policy(each_thing_that_tells_files_apart_counts),
		with_policy(what_was_changed_a_moment_ago_is_not_remembered),
		with_policy(one_that_may_be_another_already_is_read_again),
		with_policy(a_failure_is_not_remembered_nor_what_was_before),
		with_policy(with_time_what_is_right_is_remembered_and_what_is_wrong_is_not),
		with_policy(the_current_policy_is_that_of_the_file_at_any_time),
	};

	return unit_run(tests);
}
