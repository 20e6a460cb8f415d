/* SPDX-License-Identifier: ISC */
#ifndef SALVAGE_PRIVATE_H
#define SALVAGE_PRIVATE_H

#include "salvage.h"

/* The parts of a salvage: salvage.c walks along the file, salvage_look.c tells what is at a place
 * of it, salvage_chains.c goes along the hash chains. */

/* Flags in an entry's `at`. */
enum { REACHED = 1, SURE = 2, FLAGS = 3 };

enum salvage_thing { NOTHING, SPACE, RECORD };

static inline uint32_t salvage_at(const struct salvage_entry *entry)
{
	return entry->at & ~(uint32_t)FLAGS;
}

/* Finds out how many chains there are. 0 or PAT_E_DAMAGED. */
int salvage_read_header(struct salvage *salvage);

/* What is at an offset that lies at least a record's head before the end, and how long it is. */
enum salvage_thing salvage_look_at(struct salvage *salvage, uint64_t at,
				   struct tdbfile_record *record, uint64_t *len);

/* Whether the size of the whole stands where it must, which tells a length from a damaged one. */
bool salvage_has_tail(struct salvage *salvage, uint64_t at, const struct tdbfile_record *record);

/* The entry of the record at an offset, or NULL. */
struct salvage_entry *salvage_entry_at(struct salvage *salvage, uint32_t at);

/* An entry will be asked for soon: its page is fetched, and a little later what that tells of. */
void salvage_expect_page(const struct salvage *salvage, uint32_t at);
void salvage_expect(const struct salvage *salvage, uint32_t at);

/* Follows every chain, and marks what is reached. */
void salvage_follow_all(struct salvage *salvage);

/* A run is in step when a chain leads to any of its records, or when it begins where records do. */
void salvage_mark_runs(struct salvage *salvage);

/* What is left over from a change that was cut off may have no tail, and needs none. */
void salvage_count_untailed(struct salvage *salvage);

#endif
