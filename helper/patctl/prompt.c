/* SPDX-License-Identifier: ISC */
#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pat/error.h"

/* Those that a person at a terminal, or its end, sends to a program that waits there. */
static const int caught[] = {SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
#define CAUGHT (sizeof(caught) / sizeof(caught[0]))

static volatile sig_atomic_t arrived[NSIG];

static void note_arrival(int number)
{
	arrived[number] = 1;
}

/* Interrupts read(2), and only takes down which signal it was. Ignored ones stay ignored. */
static void catch_signals(struct sigaction before[CAUGHT])
{
	struct sigaction action = {.sa_handler = note_arrival};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CAUGHT; i++) {
		arrived[caught[i]] = 0;
		sigaction(caught[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
}

/* True if one of those that stop the program came: after it goes on, ask again. */
static bool deliver_signals(const struct sigaction before[CAUGHT])
{
	bool stopped = false;

	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &before[i], NULL);
	for (size_t i = 0; i < CAUGHT; i++) {
		if (!arrived[caught[i]])
			continue;
		stopped = stopped || caught[i] == SIGTSTP || caught[i] == SIGTTIN ||
			  caught[i] == SIGTTOU;
		kill(getpid(), caught[i]);
	}
	return stopped;
}

/* One byte, or 0 at the end; waits also where the descriptor is non-blocking. */
static int read_byte(int fd, char *c)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t got = read(fd, c, 1);

		if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return (int)got;
		if (poll(&pfd, 1, -1) < 0)
			return -1;
	}
}

int prompt_read_line(int fd, char line[PROMPT_LINE_MAX + 1])
{
	size_t len = 0;
	int got;
	char c;

	while ((got = read_byte(fd, &c)) > 0 && c != '\n') {
		if (c == '\0')
			return PAT_E_INVALID;
		/* The one character too many may be the carriage return. */
		if (len > PROMPT_LINE_MAX || (len == PROMPT_LINE_MAX && c != '\r'))
			return PAT_E_TOOBIG;
		line[len++] = c;
	}
	if (got < 0)
		return PAT_E_IO;
	if (got == 0 && len == 0)
		return PAT_E_CLOSED;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return PAT_OK;
}

void prompt_skip_line(int fd)
{
	char c;

	while (read_byte(fd, &c) > 0 && c != '\n')
		;
	explicit_bzero(&c, sizeof(c));
}

/* Drops what was typed ahead, or behind the line. False when the terminal is not as wanted. */
static bool set_terminal(int tty, const struct termios *wanted)
{
	while (tcsetattr(tty, TCSAFLUSH, wanted) != 0)
		if (errno != EINTR || arrived[SIGTTOU])
			return false;
	return true;
}

static void put(int tty, const char *text)
{
	/* Who cannot be shown the question can still answer. */
	(void)!write(tty, text, strlen(text));
}

static int ask_once(const char *question, bool echo, char line[PROMPT_LINE_MAX + 1], bool *again)
{
	struct termios before, during;
	struct sigaction actions[CAUGHT];
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int result = PAT_E_IO;

	*again = false;
	if (tty < 0)
		return PAT_E_NOTFOUND;
	if (tcgetattr(tty, &before) != 0) {
		close(tty);
		return PAT_E_NOTFOUND;
	}
	during = before;
	if (!echo)
		during.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);

	catch_signals(actions);
	if (set_terminal(tty, &during)) {
		put(tty, question);
		result = prompt_read_line(tty, line);
		if (!echo)
			put(tty, "\n");
	}
	(void)set_terminal(tty, &before);
	close(tty);
	if (result != PAT_OK)
		explicit_bzero(line, PROMPT_LINE_MAX + 1);
	*again = deliver_signals(actions);
	return result;
}

int prompt_ask(const char *question, bool echo, char line[PROMPT_LINE_MAX + 1])
{
	bool again;
	int result;

	do
		result = ask_once(question, echo, line, &again);
	while (again && result != PAT_OK);
	return result;
}
