/* SPDX-License-Identifier: ISC */
#ifndef HOLD_H
#define HOLD_H

/*
 * What has been begun is done, and told of, also when patd is told to leave: who stops or replaces
 * it while users log in takes no login from them, and no token that was made and not yet shown. To
 * be held for a moment only, in a process of one thread.
 */

/* From here on SIGTERM waits, and then ends the process. */
void hold_begin(void);
void hold_end(void);

#endif
