/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/stat.h>

#include "../../helper/patd/subuid.h"

/* Who has many uids for namespaces counts as one. */

static char path[] = "/tmp/test_subuid.XXXXXX";
static struct subuids subuids;

/* Puts `text` into the file, at a time that no other text had. */
static void write_file(const char *text)
{
	static time_t when = 1000000;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = when++}};
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int setup(void **state)
{
	int fd = mkstemp(strcpy(path, "/tmp/test_subuid.XXXXXX"));

	(void)state;
	subuids = (struct subuids){.ranges = NULL};
	return fd < 0 || close(fd) != 0;
}

static int teardown(void **state)
{
	(void)state;
	free(subuids.ranges);
	(void)unlink(path);
	return 0;
}

#define with_file(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static uid_t counted(uid_t uid)
{
	return subuid_counted_as(&subuids, path, uid);
}

static void the_uids_of_a_range_count_as_its_first(void **state)
{
	(void)state;
	write_file("alice:100000:65536\nbob:165536:10\n");
	assert_int_equal(counted(100000), 100000);
	assert_int_equal(counted(100001), 100000);
	assert_int_equal(counted(165535), 100000);
	assert_int_equal(counted(165536), 165536);
	assert_int_equal(counted(165545), 165536);
}

static void others_count_as_themselves(void **state)
{
	(void)state;
	write_file("alice:100000:65536\n");
	assert_int_equal(counted(0), 0);
	assert_int_equal(counted(1000), 1000);
	assert_int_equal(counted(99999), 99999);
	assert_int_equal(counted(165536), 165536);
	assert_int_equal(counted((uid_t)-2), (uid_t)-2);
}

/* Or a line could make all users of the machine one, and lock them out together. */
static void a_range_of_ordinary_uids_is_not_believed(void **state)
{
	(void)state;
	write_file("alice:0:4294967295\nalice:1000:100000\nbob:65535:10\n");
	assert_int_equal(counted(1001), 1001);
	assert_int_equal(counted(70000), 70000);
	assert_int_equal(counted(65536), 65536);
}

static void a_range_ends_where_uids_do(void **state)
{
	(void)state;
	write_file("alice:4294967290:4294967295\n");
	assert_int_equal(counted(4294967294), 4294967290);
	assert_int_equal(counted(100000), 100000);
}

static void lines_that_are_wrong_are_left_out_and_the_others_hold(void **state)
{
	static const char *const wrong[] = {
		"alice\n",
		"alice:\n",
		"alice:x:y\n",
		"alice:200000\n",
		"alice:200000:\n",
		"200000:7\n",
		"alice:200000:0\n",
		":\n",
		"\n",
		"alice:200000:9x\n",
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(text, sizeof(text), "%sbob:300000:5", wrong[i]);
		write_file(text);
		assert_int_equal(counted(200001), 200001);
		assert_int_equal(counted(300004), 300000);
	}
}

static void a_change_of_the_file_is_seen(void **state)
{
	(void)state;
	write_file("alice:100000:10\n");
	assert_int_equal(counted(100005), 100000);
	write_file("alice:100003:10\n");
	assert_int_equal(counted(100005), 100003);
	write_file("");
	assert_int_equal(counted(100005), 100005);
}

/* As where images of systems are the same to the byte. */
static void a_file_without_a_time_is_read(void **state)
{
	const struct timespec none[2] = {{.tv_sec = 0}, {.tv_sec = 0}};

	(void)state;
	write_file("alice:100000:10\n");
	assert_int_equal(utimensat(AT_FDCWD, path, none, 0), 0);
	assert_int_equal(counted(100005), 100000);
}

static void without_the_file_all_count_as_themselves(void **state)
{
	(void)state;
	assert_int_equal(subuid_counted_as(&subuids, "/nowhere/subuid", 100005), 100005);
	write_file("alice:100000:10\n");
	assert_int_equal(counted(100005), 100000);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(counted(100005), 100005);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_file(the_uids_of_a_range_count_as_its_first),
		with_file(others_count_as_themselves),
		with_file(a_range_of_ordinary_uids_is_not_believed),
		with_file(a_range_ends_where_uids_do),
		with_file(lines_that_are_wrong_are_left_out_and_the_others_hold),
		with_file(a_change_of_the_file_is_seen),
		with_file(a_file_without_a_time_is_read),
		with_file(without_the_file_all_count_as_themselves),
	};

	return unit_run(tests);
}
