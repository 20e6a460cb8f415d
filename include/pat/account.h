/* SPDX-License-Identifier: ISC */
#ifndef PAT_ACCOUNT_H
#define PAT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#define PAT_USER_MAX 255 /* bytes of a user name: LOGIN_NAME_MAX of Linux, less the NUL */

/* What a decision about a token needs to know of an account. */
struct pat_account {
	bool exists;
	bool locked; /* `!` before a password hash, as passwd -l and usermod -L leave it */
	uint32_t uid;
	char name[PAT_USER_MAX + 1]; /* as the system spells it */
};

/*
 * Looks an account up by name, or by uid. That it does not exist is no error: `exists` is then
 * false and `locked` too. Reading whether it is locked needs root (shadow(5)) and is left out with
 * `shadow` false. PAT_E_SHADOW when passwd(5) says that the hash is in shadow, and
 * shadow has none to be seen; PAT_E_IO (errno) when the name service, or shadow, could not answer;
 * PAT_E_NOMEM; PAT_E_TOOBIG for a name that is longer than PAT_USER_MAX.
 */
int pat_account_by_name(const char *name, bool shadow, struct pat_account *account);
int pat_account_by_uid(uint32_t uid, bool shadow, struct pat_account *account);

/*
 * True if `hash`, the password field of passwd(5) or shadow(5), is locked: `!` and something after
 * it. A field of only `!` is an account that never had a password (useradd(8)), as is `*`: tokens
 * may be the one way into such an account, and are not refused there.
 */
bool pat_account_hash_locked(const char *hash);

#endif
