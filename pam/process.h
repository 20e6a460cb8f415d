/* SPDX-License-Identifier: ISC */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>

/* Whether real, effective and saved uid are all 0: nobody but root can stop, starve or trace the
 * process then, and it may open the store. */
bool process_is_root(void);

#endif
