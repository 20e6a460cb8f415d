/* SPDX-License-Identifier: ISC */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>

#include "listeners.h"
#include "settings.h"

/*
 * The parent: accepts, counts connections by uid, forks, and reads nothing from anybody. Each
 * connection has a process of its own; that of each socket's next waits for it (spare.h).
 *
 * MUST:
 *  - let nobody be kept out by another (crowd.h), nor the log be flooded by one;
 *  - never wait for a peer, nor for a child;
 *  - end every child, which bounds itself, by an alarm at the latest.
 */

/* Serves until SIGTERM or SIGINT, or, if `leave_when_idle`, until a minute without connections. 0,
 * or a negative error when it cannot go on. */
int server_run(const struct listeners *listeners, const struct settings *settings,
	       bool leave_when_idle);

#endif
