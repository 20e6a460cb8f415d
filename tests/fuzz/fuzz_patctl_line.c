/* SPDX-License-Identifier: ISC */

/*
 * patctl's command line, where no patd is. Each line of the input is `a` and a word; see also
 * patctl_setting().
 *
 * What must hold: it ends with one of the documented statuses and says why it fails; nothing that
 * it writes can be obeyed by a terminal, whatever was typed; a token on the command line is refused
 * and not repeated; what needs patd does not succeed without.
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
	bool token, option = false;
	int status;

	patctl_read_input(data, size);
	if (patctl.argc < 2)
		return 0;
	world.connect_error = world.connect_error ? world.connect_error : ENOENT;
	token = patctl.argc == 2 && strncmp(patctl.argv[1], "lnxpat_", 7) == 0;
	for (int i = 1; i < patctl.argc; i++)
		option = option || patctl.argv[i][0] == '-';
	world.told = world.told && !token;
	status = patctl_run();
	HOLDS(status != STATUS_OK || option);
	HOLDS(!token || status == STATUS_USAGE);
	return 0;
}
