/* SPDX-License-Identifier: ISC */
#ifndef WINDOW_H
#define WINDOW_H

#include <stddef.h>
#include <stdint.h>

/*
 * A large file, read through a buffer that moves along it: fast for who goes forward. Not mmap(2):
 * a disk that fails, or a file that is cut short, would be a SIGBUS. What cannot be read is zeros.
 */
struct window {
	int fd;
	uint64_t size; /* of the file, when it was opened */
	unsigned char *buf;
	uint64_t at; /* what the buffer has */
	size_t len;
	uint64_t unreadable; /* bytes that the disk did not give */
};

/* 0, PAT_E_IO or PAT_E_NOMEM. The descriptor stays the caller's. window_close() is allowed. */
int window_open(struct window *window, int fd);
void window_close(struct window *window);

/* So many bytes, not more than 64 KiB, until the next call; NULL where the file has none. */
const unsigned char *window_get(struct window *window, uint64_t at, size_t len);

/* Forgets what the buffer has: the file was written. */
void window_forget(struct window *window);

#endif
