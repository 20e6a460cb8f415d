/* SPDX-License-Identifier: ISC */

/*
 * A log that keeps nothing, and costs the machine as little as can be.
 *
 *	sink SOCKET
 */

#include <err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	static char buffers[64][64];
	struct mmsghdr messages[64] = {0};
	struct iovec vectors[64];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (argc != 2 || fd < 0)
		return 2;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(argv[1], 0666) < 0)
		err(1, "%s", argv[1]);
	for (unsigned i = 0; i < 64; i++) {
		vectors[i] = (struct iovec){.iov_base = buffers[i], .iov_len = sizeof(buffers[i])};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;)
		if (recvmmsg(fd, messages, 64, MSG_WAITFORONE, NULL) < 0)
			err(1, "recvmmsg");
}
