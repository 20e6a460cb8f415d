/* SPDX-License-Identifier: ISC */
#ifndef UNIT_POLICY_H
#define UNIT_POLICY_H

/* A directory of its own for each test, with the path of a policy in it. */

#include "unit.h"

#include "../../helper/patd/policy.h"

static char directory[64] UNUSED, path[96] UNUSED, fault[POLICY_FAULT_MAX] UNUSED;
static struct policy policy UNUSED;

static UNUSED int set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/policy.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/pat.conf", directory);
	return 0;
}

static UNUSED int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

#define with_policy(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static UNUSED void write_bytes(const char *name, const void *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static UNUSED void write_to(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static UNUSED int load_bytes(const void *text, size_t len)
{
	write_bytes(path, text, len);
	fault[0] = '\0';
	return policy_load(path, &policy, fault);
}

/* A file that is right. */
static UNUSED void load(const char *text)
{
	int error = load_bytes(text, strlen(text));

	if (error)
		print_error("%s\n", fault);
	assert_int_equal(error, 0);
}

#endif
