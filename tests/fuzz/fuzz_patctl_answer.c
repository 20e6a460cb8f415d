/* SPDX-License-Identifier: ISC */

/*
 * patctl, when patd is hostile. Lines of the input: `a` a word of the command line, `r` an answer
 * of patd, `R` a piece of one, `i` a line that is typed, `t` output is a terminal, `8` whose locale
 * is C, `q` the uid of patd, `c` how connecting fails.
 *
 * What must hold: it ends with one of the documented statuses; a terminal obeys nothing that patd
 * or anybody else wrote; a token comes out where it belongs and nowhere else, stays in no memory
 * that is freed, and goes to no patd that is not root's.
 */

#include "patctl_run.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	patctl_begin();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	patctl_read_input(data, size);
	if (patctl.argc < 2)
		return 0;
	(void)patctl_run();
	if (world.peer_uid != 0)
		HOLDS(world.told || !has_secret(out.text, out.len));
	return 0;
}
