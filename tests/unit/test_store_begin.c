/* SPDX-License-Identifier: ISC */

/* A change that was planned beside others: it is made only if what was read still holds. */

#include "unit_damage.h"

#include "../../lib/gate.h"

/* In a child, because the locks of one process exclude each other too, and TDB's list is one. */
static int elsewhere(int (*act)(void))
{
	pid_t child = unit_fork();

	if (child == 0)
		_exit(-act());
	return -unit_wait(child);
}

static int add_second(void)
{
	return unit_add(2, 1000);
}

static int use_first(void)
{
	return unit_use_once(1, 1000);
}

static int begin(void)
{
	return pat_store_begin(place.store, pat_deadline_in(SHORT));
}

/* Reads what there is of token 1, and means to end it. */
static struct pat_grant plan(void)
{
	struct pat_store *store = unit_opened(PAT_STORE_PLAN);
	struct pat_grant grant;

	assert_int_equal(pat_store_get_grant(store, "id000001", &grant), 0);
	grant.revoked_at = grant.created_at + 1;
	return grant;
}

static void carry_out(const struct pat_grant *grant)
{
	assert_int_equal(pat_store_put_grant(place.store, grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

static void a_planned_change_is_made(void **state)
{
	struct pat_grant grant = plan(), now;

	(void)state;
	assert_int_equal(begin(), 0);
	/* Once more is nothing. */
	assert_int_equal(begin(), 0);
	carry_out(&grant);
	assert_int_equal(unit_read_grant(1, &now), 0);
	assert_int_equal(now.revoked_at, grant.revoked_at);
}

static void nothing_is_written_before_it_begins(void **state)
{
	struct pat_grant grant = plan();

	(void)state;
	assert_int_equal(pat_store_put_grant(place.store, &grant), PAT_E_INVALID);
	assert_int_equal(pat_store_commit(place.store), PAT_E_INVALID);
}

static void only_what_was_opened_for_a_change_begins_one(void **state)
{
	(void)state;
	unit_opened(PAT_STORE_READ);
	assert_int_equal(begin(), PAT_E_INVALID);
	unit_closed();
	unit_opened(PAT_STORE_CHANGE);
	assert_int_equal(begin(), 0);
	assert_int_equal(begin(), 0);
}

/* Until somebody has the pen. */
static void wait_for_pen(void)
{
	struct gate gate;

	assert_int_equal(gate_open_old(&gate, place.lock), 0);
	while (!gate_is_locked(&gate, GATE_PEN))
		usleep(1000);
	gate_close(&gate);
}

/* Makes a plan, beside which a child has the pen then, and waits for us to leave the room. */
static pid_t plan_beside(int (*act)(void))
{
	pid_t child;

	alarm(120);
	(void)plan();
	child = unit_fork();
	if (child == 0)
		_exit(-act());
	wait_for_pen();
	return child;
}

static void a_plan_that_another_change_came_before_is_stale(void **state)
{
	pid_t child = plan_beside(add_second);

	(void)state;
	assert_int_equal(pat_store_begin(place.store, soon()), PAT_E_STALE);
	assert_int_equal(unit_wait(child), 0);
	alarm(0);
	/* And nobody waits for it. */
	unit_closed();
	assert_int_equal(unit_open_error(PAT_STORE_CHANGE), 0);
}

static void logins_go_on_beside_a_plan_and_their_stamps_stay(void **state)
{
	struct pat_grant grant = plan();
	struct pat_use use;

	(void)state;
	assert_int_equal(elsewhere(use_first), 0);
	assert_int_equal(begin(), 0);
	carry_out(&grant);
	assert_int_equal(unit_read_use(1, &use), 0);
	assert_int_equal(use.uses, 1);
}

static void a_plan_for_a_file_that_gave_way_to_another_is_stale(void **state)
{
	char copy[sizeof(place.path) + 8];
	struct unit_bytes bytes;

	(void)state;
	(void)plan();
	snprintf(copy, sizeof(copy), "%s.copy", place.path);
	bytes = unit_read_file(place.path);
	unit_write_file(copy, bytes.data, bytes.len);
	free(bytes.data);
	assert_int_equal(rename(copy, place.path), 0);
	assert_int_equal(begin(), PAT_E_STALE);
}

/* A change there counts nothing, and is none the less made. */
static void a_plan_is_stale_where_changes_are_not_counted(void **state)
{
	(void)state;
	load();
	file.data[record_of("m") + 24 + 1] ^= 1;
	save();
	(void)plan();
	assert_int_equal(begin(), PAT_E_STALE);
	unit_closed();
	assert_int_equal(elsewhere(add_second), 0);
}

static int take_and_keep(void)
{
	struct pat_store *store;
	int error = pat_store_open(&store, place.path, PAT_STORE_CHANGE, soon());

	if (!error)
		raise(SIGSTOP);
	return error;
}

static void a_plan_waits_for_another_change_no_longer_than_its_deadline(void **state)
{
	pid_t child = plan_beside(take_and_keep);

	(void)state;
	assert_int_equal(begin(), PAT_E_BUSY);
	alarm(0);
	unit_kill(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_one_token_test(a_planned_change_is_made),
		unit_one_token_test(nothing_is_written_before_it_begins),
		unit_one_token_test(only_what_was_opened_for_a_change_begins_one),
		unit_one_token_test(a_plan_that_another_change_came_before_is_stale),
		unit_one_token_test(logins_go_on_beside_a_plan_and_their_stamps_stay),
		unit_one_token_test(a_plan_for_a_file_that_gave_way_to_another_is_stale),
		unit_one_token_test(a_plan_is_stale_where_changes_are_not_counted),
		unit_one_token_test(a_plan_waits_for_another_change_no_longer_than_its_deadline),
	};

	return unit_run(tests);
}
