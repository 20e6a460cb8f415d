/* SPDX-License-Identifier: ISC */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/*
 * Large tables that are gone into at random: half of what a step into one costs is that the page of
 * it must be found first, unless pages are large. To ask for such is all that is done; without them
 * it only takes longer.
 */
static inline void table_wants_large_pages(void *table, size_t len)
{
	enum { PAGE = 4096, WORTH_IT = 4 << 20 };
	uintptr_t from = ((uintptr_t)table + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	uintptr_t to = ((uintptr_t)table + len) & ~(uintptr_t)(PAGE - 1);

	if (table != NULL && len >= WORTH_IT)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

#endif
