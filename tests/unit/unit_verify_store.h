/* SPDX-License-Identifier: ISC */
#ifndef UNIT_VERIFY_STORE_H
#define UNIT_VERIFY_STORE_H

/* A store that holds the grant of a token, for an account of this machine, and verifications by it.
 */

#include "unit_verify.h"

#include <sched.h>
#include <sys/mount.h>

#define NO_SUCH_USER "no-such-user-here"

/* The store of this test holds `grant`, for an account of this machine that is not locked. */
static UNUSED int store_setup(void **state)
{
	static const char *const candidates[] = {"nobody", "daemon", "bin", "root"};

	if (unit_place_setup(state) != 0 || prepare(state) != 0)
		return -1;
	owner.exists = false;
	for (size_t i = 0; i < COUNT(candidates); i++)
		if (pat_account_by_name(candidates[i], geteuid() == 0, &owner) == 0 &&
		    owner.exists && !owner.locked)
			break;
	if (!owner.exists || owner.locked)
		return -1;
	grant = grant_for(&token, &owner);
	return unit_put_grant();
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, store_setup, unit_place_teardown)

static UNUSED void need_root(void)
{
	if (geteuid() != 0)
		unit_skip("needs root, to see whether accounts are locked");
}

static UNUSED struct pat_verdict verify(const struct pat_attempt *of)
{
	struct pat_verdict verdict;

	memset(&verdict, 0xa5, sizeof(verdict));
	pat_verify(place.path, of, NOW, soon(), &verdict);
	assert_string_equal(verdict.id, grant.id);
	return verdict;
}

static UNUSED struct pat_use use_of(const char *id)
{
	struct pat_use use;

	assert_int_equal(pat_store_get_use(unit_opened(PAT_STORE_READ), id, &use), 0);
	unit_closed();
	return use;
}

static UNUSED void put_grant(void)
{
	assert_int_equal(pat_store_put_grant(unit_opened(PAT_STORE_CHANGE), &grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

/* Refused, for this reason; counted as proved, with its place in the history, or as not. */
static UNUSED void refused(const struct pat_attempt *of, enum pat_outcome outcome, bool proved)
{
	struct pat_use before = use_of(grant.id), after;
	struct pat_verdict verdict = verify(of);
	const struct pat_event *event = &before.ring[before.ring_next];

	assert_int_equal(verdict.outcome, outcome);
	assert_int_equal(verdict.proved, proved);
	assert_true(verdict.found);
	assert_int_equal(verdict.stamp_error, 0);
	after = use_of(grant.id);
	assert_int_equal(after.uses, before.uses);
	assert_int_equal(after.last.time, before.last.time);
	assert_int_equal(after.refused_proved, before.refused_proved + proved);
	assert_int_equal(after.refused_unproved, before.refused_unproved + !proved);
	if (proved) {
		event = &after.ring[before.ring_next];
		assert_int_equal(event->outcome, outcome);
		assert_int_equal(event->time, NOW);
	} else {
		assert_memory_equal(after.ring, before.ring, sizeof(after.ring));
		assert_int_equal(after.refused_unproved_at, NOW);
	}
}

static UNUSED void damage(const char *near, size_t offset)
{
	struct unit_bytes file = unit_read_file(place.path);
	unsigned char *found = memmem(file.data, file.len, near, strlen(near));

	assert_non_null(found);
	found[offset] ^= 1;
	unit_write_file(place.path, file.data, file.len);
	free(file.data);
}

/* Runs in a child with a mount namespace of its own. 77: not allowed here. */
static UNUSED int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ? 77
											     : 0;
}

#endif
