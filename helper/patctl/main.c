/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "help.h"
#include "options.h"
#include "output.h"
#include "pat/varlink.h"
#include "tell.h"

#ifndef PAT_VERSION
#error "PAT_VERSION is the version as a string"
#endif

/*
 * With one of the three standard descriptors closed, the connection to patd could become standard
 * output. Put there what cannot be written to, or read from, respectively.
 */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(STATUS_FAILED);
}

/* Nobody reads a token or a password out of this process or what it leaves behind. */
static void close_memory(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pat_varlink_wipe_json();
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	occupy_standard_descriptors();
	close_memory();
	(void)signal(SIGPIPE, SIG_IGN);
	/* In step with standard error, where both go to one log. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);

	if (argc < 2) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	status = options_parse(&options, argc, argv);
	if (status == STATUS_OK) {
		if (options.version)
			say("patctl %s", PAT_VERSION);
		else if (options.help)
			print_help(options.command);
		else
			status = options.command->run(&options);
		status = finish_output(status);
	}
	options_free(&options);
	return status;
}
