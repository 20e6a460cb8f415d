/* SPDX-License-Identifier: ISC */
#ifndef DOCTOR_ROOT_H
#define DOCTOR_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * The files of the system that is looked at: this one, or one below a directory, such as the image
 * of a container, whose symbolic links then lead nowhere else. Paths are absolute. What fails
 * leaves the reason in errno.
 */
struct doctor_root {
	int fd;      /* -1: this system's own */
	bool remote; /* whether it is another one */
};

/* NULL or `/` is this system. */
bool doctor_root_open(struct doctor_root *root, const char *dir);
void doctor_root_close(struct doctor_root *root);

/* open(2), never waiting for anybody. */
int doctor_open(const struct doctor_root *root, const char *path, int flags);

/* What is there, links followed or (`link`) not. */
bool doctor_stat(const struct doctor_root *root, const char *path, bool link, struct stat *st);

/* What stands in a regular file of at most 1 MiB, with a NUL behind it, to free(); or NULL. */
char *doctor_read(const struct doctor_root *root, const char *path, size_t *len);

/* The names in a directory, sorted, and how many; NULL behind the last. To doctor_names_free().
 * NULL if it cannot be read. */
char **doctor_names(const struct doctor_root *root, const char *path, size_t *count);
void doctor_names_free(char **names);

#endif
