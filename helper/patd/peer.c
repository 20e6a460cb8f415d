/* SPDX-License-Identifier: ISC */
#include "peer.h"

#include <sys/socket.h>

#include "pat/error.h"

int peer_get(int fd, struct peer *peer)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0 ||
	    len != sizeof(credentials))
		return PAT_E_IO;
	peer->uid = credentials.uid;
	peer->pid = credentials.pid;
	return PAT_OK;
}
