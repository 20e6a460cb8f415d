/* SPDX-License-Identifier: ISC */
#ifndef SHELF_H
#define SHELF_H

#include "grants.h"
#include "pat/store.h"

/* What minting, changing and listing share: the tokens of one uid, read from an open store. */

struct shelf {
	unsigned count;
	struct grant_view *views; /* oldest first; with their hashes */
	bool incomplete;          /* there are more, or may be, that cannot be read */
};

/* Of the use records, those that a status depends on, or all. What was not read is shown as unused.
 */
enum shelf_uses { SHELF_USES_NEEDED, SHELF_USES_ALL };

/* Reads them. A record that is damaged or gone is logged and passed over: the others are not worse
 * for it. The shelf is to be freed whatever this returns. */
int shelf_load(struct pat_store *store, uint32_t uid, enum shelf_uses uses, struct shelf *shelf);
void shelf_free(struct shelf *shelf);

/* Whether the token is the owner's by uid and by name, and whether it is live. */
bool shelf_owned(const struct grant_view *view, const struct pat_account *owner);
bool shelf_live(const struct grant_view *view, int64_t now);

/* Finds the token that a selector names, as grants_get() says: its place on the shelf. */
int shelf_choose(const struct shelf *shelf, const struct pat_account *owner, const char *selector,
		 int64_t now, unsigned *chosen, struct grant_choice *choice);

/* Counts, as grants_census() says. The token of the id `apart`, which may be NULL, is left out. */
void shelf_census(const struct shelf *shelf, const struct pat_account *owner, const char *name,
		  const char *apart, int64_t now, struct grant_census *census);

/* A grant with its use, and with its hash. A damaged use record is logged, and shown as unused: the
 * token does not become invisible by it. */
void shelf_view(struct pat_store *store, const struct pat_grant *grant, struct grant_view *view);

/* How long these wait for the store: longer than a login. */
pat_deadline shelf_deadline(void);

/*
 * A change, tried at first beside others and decided by what there is, and, where that was changed
 * in between, once more and alone; all of it within one deadline.
 *
 *	struct shelf_attempt attempt = shelf_attempt(path);
 *	do
 *		error = ...;
 *	while (shelf_try_again(&attempt, error, PAT_STORE_CHANGE));
 *
 * `sure` is how the store is opened then: PAT_STORE_CREATE also where there is none.
 */
struct shelf_attempt {
	const char *path;
	enum pat_store_mode mode;
	pat_deadline deadline;
};
struct shelf_attempt shelf_attempt(const char *path);
bool shelf_try_again(struct shelf_attempt *attempt, int error, enum pat_store_mode sure);

#endif
