/* SPDX-License-Identifier: ISC */
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MIN 20
#define WIDTH_MAX 1000
#define WIDTH_USUAL 80

/* COLUMNS goes before what the terminal says, as in ls(1). */
static size_t find_width(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns != NULL ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (width == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0)
		width = WIDTH_USUAL;
	if (width < WIDTH_MIN)
		width = WIDTH_MIN;
	return width > WIDTH_MAX ? WIDTH_MAX : width;
}

static bool wants_colour(void)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	return term != NULL && *term != '\0' && strcmp(term, "dumb") != 0 &&
	       (no_color == NULL || *no_color == '\0');
}

struct screen screen_of_output(void)
{
	struct screen screen = {.terminal = isatty(STDOUT_FILENO) == 1};

	if (screen.terminal) {
		screen.colour = wants_colour();
		screen.width = find_width();
	}
	return screen;
}
