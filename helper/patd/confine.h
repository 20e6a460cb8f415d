/* SPDX-License-Identifier: ISC */
#ifndef CONFINE_H
#define CONFINE_H

/*
 * What each of patd's processes may still do. All of it is given up by the process itself, before
 * it hears a word from outside, and cannot be had back; systemd's sandbox (patd.service) comes on
 * top, and is not needed.
 *
 * MUST:
 *  - go on with nothing that could not be given up: whoever calls serves nobody then;
 *  - leave PAM and NSS modules what they need. What it takes from them is refused with an error,
 *    but for what nobody honest does.
 *
 *                             capabilities           system calls
 *	the parent             those below, and to     the common filter
 *	                       become nobody
 *	a session              CAP_AUDIT_WRITE,         the same
 *	                       CAP_CHOWN,
 *	                       CAP_DAC_OVERRIDE, and
 *	                       those that patd was
 *	                       given as inheritable
 *	a reader               none, and nobody's uid   what reading takes
 *	a verification, --sweep,
 *	--check-config         CAP_DAC_READ_SEARCH      the common filter; no programs
 *
 * Capabilities are never more than patd was started with. No new privileges (prctl(2)) for all.
 */

/* At the start: looks at what rights there are, and makes the filters. 0 or a negative error. */
int confine_prepare(void);

/* Each of the following, in the process that it is about: 0, or a negative error (errno), after
 * which the process must end. confine_prepare() comes first, there or in its parent. */

/* The parent. What it gives up, no child has. */
int confine_service(void);

/* One that serves a Varlink client. It may run PAM modules, and end its reader. */
int confine_session(void);

/* One that answers a question of the module, or waits for it, or puts the store in order: it starts
 * no program. */
int confine_alone(void);

/*
 * The reader: of its descriptors, which are above 1, the two that are given are left, as those
 * below; or the second alone, without a client, which is then -1, and may come by the other as the
 * one descriptor for which there is room. The environment is gone; so is the process when its
 * parent is.
 */
enum { READER_CLIENT = 0, READER_SESSION = 1 };
int confine_reader(int client, int session);

#endif
