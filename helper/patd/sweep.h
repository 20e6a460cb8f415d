/* SPDX-License-Identifier: ISC */
#ifndef SWEEP_H
#define SWEEP_H

#include "settings.h"

/*
 * Goes once through the store, by the rules of pat.conf (keep_revoked, expire_unused), and prints
 * what it did, a line each:
 *  - of a token that has expired, or has no use left, the hash gives way to its trace;
 *  - a token that ended longer ago than keep_revoked is removed;
 *  - a live token that was not used for expire_unused is revoked;
 *  - so is one whose uid is nobody's now, or another's, and was a day ago too: a directory that
 * does not answer can make an account look deleted. Logins go on meanwhile: the store is taken for
 * one user at a time. Returns 0, or a negative error after printing what failed.
 */
int sweep_run(const struct settings *settings);

#endif
