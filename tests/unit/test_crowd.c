/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "../../helper/patd/crowd.h"

/* Who may have another connection to patd, and who makes place. */

#define SECOND ((int64_t)1000000000)

enum { ALICE = 1000, BOB = 1001, SERVER = 33 };

static struct crowd crowd;
static int64_t now;
static pid_t next_pid;

static int setup(void **state)
{
	(void)state;
	memset(&crowd, 0, sizeof(crowd));
	now = SECOND;
	next_pid = 100;
	return 0;
}

#define fresh(test) cmocka_unit_test_setup(test, setup)

/* One more connection: its process, or 0 if it was turned away. *evicted is who had to go. */
static pid_t come(uid_t uid, enum crowd_room room, pid_t *evicted)
{
	unsigned long report;

	if (crowd_ask(&crowd, uid, room, now, evicted, &report) != CROWD_WELCOME)
		return 0;
	assert_true(crowd_enter(&crowd, ++next_pid, uid, room));
	return next_pid;
}

static unsigned come_many(uid_t uid, enum crowd_room room, unsigned count)
{
	unsigned came = 0;
	pid_t evicted;

	while (count-- > 0)
		came += come(uid, room, &evicted) != 0;
	return came;
}

/* As the uid comes and goes at once: not more than so many come in before it is turned away. */
static unsigned come_and_go(uid_t uid, unsigned most)
{
	pid_t pid, evicted;

	for (unsigned count = 0; count < most; count++) {
		pid = come(uid, CROWD_VERIFY, &evicted);
		if (pid == 0)
			return count;
		assert_int_equal(crowd_leave(&crowd, pid).pid, pid);
	}
	return most;
}

static void a_user_has_so_many_connections_to_both_sockets_together(void **state)
{
	(void)state;
	assert_int_equal(come_many(ALICE, CROWD_VERIFY, 10), 10);
	assert_int_equal(come_many(ALICE, CROWD_VARLINK, 10), CROWD_PER_USER - 10);
	assert_int_equal(come_many(ALICE, CROWD_VERIFY, 1), 0);
	assert_int_equal(come_many(BOB, CROWD_VERIFY, 1), 1);
	assert_int_equal(crowd_leave(&crowd, 101).uid, ALICE);
	assert_int_equal(come_many(ALICE, CROWD_VARLINK, 2), 1);
}

static void a_user_has_so_many_new_connections_a_second(void **state)
{
	(void)state;
	assert_int_equal(come_and_go(ALICE, 1000), CROWD_BURST);
	now += SECOND / 2;
	assert_int_equal(come_and_go(ALICE, 1000), CROWD_RATE / 2);
	now += 1000 * SECOND;
	assert_int_equal(come_and_go(ALICE, 1000), CROWD_BURST);
	assert_int_equal(come_and_go(0, 1000), 1000);
}

static void a_server_has_more_and_comes_as_fast_as_it_likes(void **state)
{
	(void)state;
	assert_int_equal(come_and_go(ALICE, 1), 1);
	assert_int_equal(come_and_go(SERVER, 1), 1);
	crowd_note_server(&crowd, SERVER, true);
	assert_int_equal(come_and_go(SERVER, 1000), 1000);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 200), CROWD_PER_SERVER);
	/* Nobody else is one for that. */
	assert_int_equal(come_many(ALICE, CROWD_VERIFY, 200), CROWD_PER_USER);
}

static void a_server_leaves_room_for_others(void **state)
{
	pid_t evicted;

	(void)state;
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 1), 1);
	crowd_note_server(&crowd, SERVER, true);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 200), CROWD_PER_SERVER - 1);
	assert_true((int)CROWD_PER_SERVER < (int)CROWD_ORDINARY);
	assert_int_not_equal(come(BOB, CROWD_VERIFY, &evicted), 0);
	assert_int_equal(evicted, 0);
}

static void who_is_no_server_any_more_is_a_user_again(void **state)
{
	(void)state;
	assert_int_equal(come_and_go(SERVER, 1), 1);
	crowd_note_server(&crowd, SERVER, true);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 50), 50);
	crowd_note_server(&crowd, SERVER, false);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 1), 0);
	for (pid_t pid = 102; pid <= next_pid; pid++)
		(void)crowd_leave(&crowd, pid);
	now += 1000 * SECOND;
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 50), CROWD_PER_USER);
}

/* There is no place to note it, and none is made: as if nothing had been said. */
static void a_server_that_never_came_is_not_noted(void **state)
{
	(void)state;
	crowd_note_server(&crowd, SERVER, true);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 50), CROWD_PER_USER);
}

static void a_server_that_was_forgotten_is_a_user_until_it_is_noted_again(void **state)
{
	(void)state;
	assert_int_equal(come_and_go(SERVER, 1), 1);
	crowd_note_server(&crowd, SERVER, true);
	/* Others come later, as many as are known at a time. */
	for (uid_t uid = 5000; uid < 5000 + CROWD_KNOWN; uid++) {
		now += SECOND;
		assert_int_equal(come_and_go(uid, 1), 1);
	}
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 50), CROWD_PER_USER);
	crowd_note_server(&crowd, SERVER, true);
	assert_int_equal(come_many(SERVER, CROWD_VERIFY, 50), 50);
}

static void in_a_full_room_the_oldest_of_who_has_most_makes_place(void **state)
{
	pid_t evicted, first;

	(void)state;
	first = come(ALICE, CROWD_VERIFY, &evicted);
	assert_int_equal(come_many(ALICE, CROWD_VERIFY, CROWD_PER_USER - 1), CROWD_PER_USER - 1);
	for (uid_t uid = 2000; crowd.count < CROWD_ORDINARY; uid++)
		assert_int_equal(come_many(uid, CROWD_VERIFY, 8), 8);
	assert_int_not_equal(come(BOB, CROWD_VERIFY, &evicted), 0);
	assert_int_equal(evicted, first);
	/* Root has a room of its own, and so has the other socket. */
	assert_int_not_equal(come(0, CROWD_VERIFY, &evicted), 0);
	assert_int_equal(evicted, 0);
	assert_int_not_equal(come(BOB, CROWD_VARLINK, &evicted), 0);
	assert_int_equal(evicted, 0);
}

static void refusals_are_reported_all_ten_seconds(void **state)
{
	unsigned long report;
	pid_t evicted;

	(void)state;
	assert_int_equal(come_many(ALICE, CROWD_VERIFY, CROWD_PER_USER), CROWD_PER_USER);
	assert_int_equal(crowd_ask(&crowd, ALICE, CROWD_VERIFY, now, &evicted, &report),
			 CROWD_TOO_MANY);
	assert_int_equal(report, 1);
	for (int i = 0; i < 5; i++) {
		now += SECOND;
		(void)crowd_ask(&crowd, ALICE, CROWD_VERIFY, now, &evicted, &report);
		assert_int_equal(report, 0);
	}
	now += 5 * SECOND;
	(void)crowd_ask(&crowd, ALICE, CROWD_VERIFY, now, &evicted, &report);
	assert_int_equal(report, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fresh(a_user_has_so_many_connections_to_both_sockets_together),
		fresh(a_user_has_so_many_new_connections_a_second),
		fresh(a_server_has_more_and_comes_as_fast_as_it_likes),
		fresh(a_server_leaves_room_for_others),
		fresh(who_is_no_server_any_more_is_a_user_again),
		fresh(a_server_that_never_came_is_not_noted),
		fresh(a_server_that_was_forgotten_is_a_user_until_it_is_noted_again),
		fresh(in_a_full_room_the_oldest_of_who_has_most_makes_place),
		fresh(refusals_are_reported_all_ten_seconds),
	};

	return unit_run(tests);
}
