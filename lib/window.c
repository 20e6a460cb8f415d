/* SPDX-License-Identifier: ISC */
#include "window.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"

/* As much as a disk that fails gives or refuses at once. */
enum { SECTOR = 4096, SIZE = 1 << 18 };

int window_open(struct window *window, int fd)
{
	struct stat st;

	*window = (struct window){.fd = fd};
	if (fstat(fd, &st) < 0)
		return PAT_E_IO;
	window->size = (uint64_t)st.st_size;
	window->buf = malloc(SIZE);
	return window->buf ? PAT_OK : PAT_E_NOMEM;
}

void window_close(struct window *window)
{
	if (window->buf != NULL)
		sodium_memzero(window->buf, SIZE);
	free(window->buf);
	window->buf = NULL;
}

/* Reads up to the end of the file or of the buffer; a sector that fails is zeros. */
static void fill(struct window *window)
{
	window->len = 0;
	while (window->len < SIZE) {
		size_t want = SIZE - window->len;
		ssize_t got = pread(window->fd, window->buf + window->len, want,
				    (off_t)(window->at + window->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return;
		if (got < 0) {
			uint64_t left = window->size - (window->at + window->len);

			if (window->at + window->len >= window->size)
				return;
			want = SECTOR - window->len % SECTOR;
			got = (ssize_t)(want < left ? want : left);
			memset(window->buf + window->len, 0, (size_t)got);
			window->unreadable += (uint64_t)got;
		}
		window->len += (size_t)got;
	}
}

const unsigned char *window_get(struct window *window, uint64_t at, size_t len)
{
	if (at > window->size || len > window->size - at)
		return NULL;
	if (at < window->at || at + len > window->at + window->len) {
		window->at = at & ~(uint64_t)(SECTOR - 1);
		fill(window);
		if (at + len > window->at + window->len)
			return NULL;
	}
	return window->buf + (at - window->at);
}

void window_forget(struct window *window)
{
	window->at = window->len = 0;
}
