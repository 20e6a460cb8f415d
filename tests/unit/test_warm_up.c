/* SPDX-License-Identifier: ISC */
/* What the processes that wait at patd's sockets rehearse. */

#include "unit_store.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../../helper/patd/verify_service.h"

/* Nobody has asked anything. */
static void a_rehearsal_is_counted_nowhere(void **state)
{
	struct settings settings = {.store = place.path, .policy = "/nonexistent"};
	struct pat_use strangers;
	int ends[2];

	(void)state;
	unit_opened(PAT_STORE_CREATE);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	(void)verify_warm_up(&settings, ends[0]);
	unit_opened(PAT_STORE_READ);
	assert_int_equal(pat_store_get_use(place.store, PAT_STRANGERS_ID, &strangers), 0);
	assert_int_equal(strangers.refused_unproved, 0);
	unit_closed();
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {unit_store_test(a_rehearsal_is_counted_nowhere)};

	return unit_run(tests);
}
