/* SPDX-License-Identifier: ISC */

/*
 * Notes in the log of a power torture what the test knows, and makes that log:
 *
 *	power_note LOG make
 *	power_note LOG mark TEXT...
 *	power_note LOG state STORE      what is in the store now: what is acknowledged must be
 *
 * Marks: `begin WHAT` and `done WHAT` around an operation that changes grants; `begin-each WHAT`
 * when it does so uid by uid, `begin-keep WHAT` when it changes none; `try ID` and `spent ID`
 * around a use of a token of counted uses.
 */

#include <stdio.h>
#include <stdlib.h>

#include "power_log.h"
#include "power_state.h"

static int note_state(struct power_log *log, const char *path)
{
	struct power_event event = {.kind = POWER_STATE, .pid = (uint32_t)getpid()};
	struct pat_store *store;
	struct state state;
	unsigned char *place;
	int error = pat_store_open(&store, path, PAT_STORE_READ, pat_deadline_in(10000));

	if (!error) {
		error = state_load(store, path, &state);
		pat_store_close(store);
	}
	if (error || state.fault[0] != '\0') {
		fprintf(stderr, "power_note: %s: %s\n", path,
			error ? pat_error_text(error) : state.fault);
		return 1;
	}
	event.len = state_size(&state);
	power_log_lock(log);
	place = power_log_add(log, &event);
	if (place != NULL)
		state_write(&state, place);
	power_log_unlock(log);
	state_free(&state);
	return place == NULL;
}

int main(int argc, char **argv)
{
	bool make = argc == 3 && strcmp(argv[2], "make") == 0;
	struct power_log *log = argc < 3 ? NULL : power_log_open(argv[1], make);

	if (log == NULL) {
		perror("power_note");
		return 1;
	}
	if (make)
		return 0;
	if (argc == 4 && strcmp(argv[2], "state") == 0)
		return note_state(log, argv[3]);
	power_log_lock(log);
	for (int i = 3; i < argc; i++)
		power_log_text(log, POWER_MARK, argv[i]);
	power_log_unlock(log);
	return 0;
}
