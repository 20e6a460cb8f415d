/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "policy_private.h"

int policy_read(const char *path, char **text, size_t *len, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	*why = "cannot be read";
	if (fd < 0)
		return PAT_E_IO;
	if (fstat(fd, &st) < 0)
		goto fail;
	*why = "is not a regular file of root's that nobody else may write";
	errno = 0;
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & 022) != 0)
		goto fail;
	*why = "is too large";
	if (st.st_size > POLICY_SIZE_MAX)
		goto fail;
	*why = "cannot be read";
	*text = calloc(1, POLICY_SIZE_MAX + 2);
	if (*text == NULL)
		goto fail;
	*len = 0;
	while ((got = read(fd, *text + *len, POLICY_SIZE_MAX + 1 - *len)) > 0)
		*len += (size_t)got;
	if (got < 0 || *len > POLICY_SIZE_MAX) {
		free(*text);
		goto fail;
	}
	close(fd);
	return PAT_OK;
fail:
	close(fd);
	return PAT_E_IO;
}
