/* SPDX-License-Identifier: ISC */
#include "process.h"

#include <unistd.h>

bool process_is_root(void)
{
	uid_t real, effective, saved;

	return getresuid(&real, &effective, &saved) == 0 && real == 0 && effective == 0 &&
	       saved == 0;
}
