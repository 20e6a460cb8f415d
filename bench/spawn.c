/* SPDX-License-Identifier: ISC */

/*
 * Starts a command for each line of standard input, which stands for the argument {}, and prints
 * what each took, from its start until it was reaped, in microseconds.
 *
 *	spawn [-o FILE] COMMAND [ARGUMENT...]
 *
 * -o appends what the commands print to the file; else it goes nowhere. A command that fails ends
 * it.
 */

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double run(char **command, const posix_spawn_file_actions_t *actions)
{
	double from = now_us();
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, command[0], actions, NULL, command, environ) != 0)
		errx(1, "%s cannot be started", command[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "%s failed", command[0]);
	return now_us() - from;
}

int main(int argc, char **argv)
{
	const char *output = "/dev/null";
	posix_spawn_file_actions_t actions;
	char line[256], **place = NULL;

	if (argc > 2 && strcmp(argv[1], "-o") == 0) {
		output = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "{}") == 0)
			place = &argv[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output,
					 O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (place != NULL)
			*place = line;
		printf("%.1f ", run(argv + 1, &actions));
	}
	putchar('\n');
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}
