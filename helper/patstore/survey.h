/* SPDX-License-Identifier: ISC */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdint.h>

#include "pat/store.h"

/* What one walk over all records of a store finds. */
struct survey {
	uint64_t by_status[PAT_STATUS_REVOKED + 1]; /* tokens, by enum pat_status */
	uint64_t users;                             /* uids that have an index */
	uint64_t uses, refused_proved, refused_unproved;
	uint64_t strangers; /* refusals of ids that there are not */
	uint64_t faults;
};

/* Told of every fault: what record, and what is wrong with it. Both are fit to be shown. */
typedef void survey_fault(const char *record, const char *fault);

/*
 * Looks at every record, and at what each must have in another: a token its use record and its
 * place in the index, an index entry its token. 0, or a negative error when the walk itself
 * failed. `now` tells live tokens from expired ones.
 */
int survey_run(struct pat_store *store, int64_t now, survey_fault *report, struct survey *survey);

#endif
