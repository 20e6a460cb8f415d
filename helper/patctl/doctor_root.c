/* SPDX-License-Identifier: ISC */
#include "doctor_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tell.h"

#define FILE_MAX_SIZE (1 << 20)

bool doctor_root_open(struct doctor_root *root, const char *dir)
{
	*root = (struct doctor_root){.fd = -1};
	if (dir == NULL || strcmp(dir, "/") == 0)
		return true;
	root->remote = true;
	root->fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root->fd >= 0;
}

void doctor_root_close(struct doctor_root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
}

int doctor_open(const struct doctor_root *root, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	if (!root->remote)
		return open(path, (int)how.flags);
	if ((flags & O_PATH) != 0)
		how.flags = (unsigned)(flags | O_CLOEXEC);
	return (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
}

bool doctor_stat(const struct doctor_root *root, const char *path, bool link, struct stat *st)
{
	int fd, error;

	if (!root->remote)
		return (link ? lstat(path, st) : stat(path, st)) == 0;
	fd = doctor_open(root, path, O_PATH | (link ? O_NOFOLLOW : 0));
	if (fd < 0)
		return false;
	error = fstat(fd, st);
	close(fd);
	return error == 0;
}

/* All of an open file, up to the limit. */
static char *slurp(int fd, size_t *len)
{
	char *text = malloc(FILE_MAX_SIZE + 1);
	ssize_t got = 1;

	if (text == NULL)
		out_of_memory();
	*len = 0;
	while (got > 0 && *len < FILE_MAX_SIZE) {
		got = read(fd, text + *len, FILE_MAX_SIZE - *len);
		if (got > 0)
			*len += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

char *doctor_read(const struct doctor_root *root, const char *path, size_t *len)
{
	int fd = doctor_open(root, path, O_RDONLY), error;
	char *text = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode) && st.st_size <= FILE_MAX_SIZE)
			text = slurp(fd, len);
		else
			errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
	}
	error = errno;
	close(fd);
	errno = error;
	return text;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **doctor_names(const struct doctor_root *root, const char *path, size_t *count)
{
	int fd = doctor_open(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char **names = NULL;
	size_t room = 0;

	*count = 0;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	do {
		if (*count == room) {
			room = room * 2 + 16;
			names = reallocarray(names, room, sizeof(*names));
			if (names == NULL)
				out_of_memory();
		}
		entry = readdir(dir);
		if (entry != NULL && entry->d_name[0] == '.')
			continue;
		names[*count] = entry != NULL ? strdup(entry->d_name) : NULL;
		if (entry != NULL && names[(*count)++] == NULL)
			out_of_memory();
	} while (entry != NULL);
	closedir(dir);
	qsort(names, *count, sizeof(*names), compare);
	return names;
}

void doctor_names_free(char **names)
{
	for (char **name = names; name != NULL && *name != NULL; name++)
		free(*name);
	free(names);
}
