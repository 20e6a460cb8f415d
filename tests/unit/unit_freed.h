/* SPDX-License-Identifier: ISC */
#ifndef UNIT_FREED_H
#define UNIT_FREED_H

/* What is left in memory that was freed, which is not to be asked where AddressSanitizer keeps it.
 */

#include "unit.h"

/* malloc() hands out the block that was freed last, with its own marks in the front; not that of
 * valgrind, which keeps what was freed. */
static UNUSED void unit_nothing_is_left_of(const void *freed, size_t size, const char *secret)
{
	const char *preloaded = getenv("LD_PRELOAD");
	char *block;

	if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL)
		return;
	block = malloc(size);
	assert_ptr_equal(block, freed);
	assert_null(memmem(block, size, secret, strlen(secret)));
	free(block);
}

#endif
