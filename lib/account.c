/* SPDX-License-Identifier: ISC */
#include "pat/account.h"

#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"

/* The first buffer holds any ordinary entry and is on the stack; a name service with longer ones
 * makes us ask again with more, up to this. */
#define SMALL 1024
#define LARGE (256 * 1024)

bool pat_account_hash_locked(const char *hash)
{
	if (*hash != '!')
		return false;
	return hash[strspn(hash, "!")] != '\0';
}

/* passwd(5): the hash is in shadow(5). */
static const char in_shadow[] = "x";

/* One try of getpwnam_r(), getpwuid_r() or getspnam_r(): its return value, the entry in `account`.
 */
struct query {
	const char *name;
	uint32_t uid;
	struct pat_account *account;
	bool shadowed; /* the entry says that the hash is in shadow */
	bool told;     /* and shadow has one */
	bool found;
	int (*ask)(struct query *query, char *buf, size_t size);
};

static int keep_passwd(struct query *query, const struct passwd *pw)
{
	struct pat_account *account = query->account;
	size_t len;

	if (pw == NULL)
		return 0;
	query->found = true;
	len = strlen(pw->pw_name);
	if (len > PAT_USER_MAX)
		return ENAMETOOLONG;
	memcpy(account->name, pw->pw_name, len + 1);
	account->uid = pw->pw_uid;
	account->locked = pw->pw_passwd != NULL && pat_account_hash_locked(pw->pw_passwd);
	account->exists = true;
	query->shadowed = pw->pw_passwd != NULL && strcmp(pw->pw_passwd, in_shadow) == 0;
	return 0;
}

static int ask_name(struct query *query, char *buf, size_t size)
{
	struct passwd pw, *found = NULL;
	int error = getpwnam_r(query->name, &pw, buf, size, &found);

	return error ? error : keep_passwd(query, found);
}

static int ask_uid(struct query *query, char *buf, size_t size)
{
	struct passwd pw, *found = NULL;
	int error = getpwuid_r(query->uid, &pw, buf, size, &found);

	return error ? error : keep_passwd(query, found);
}

static int ask_shadow(struct query *query, char *buf, size_t size)
{
	struct spwd sp, *found = NULL;
	int error = getspnam_r(query->account->name, &sp, buf, size, &found);

	query->found = found != NULL;
	if (error == 0 && found != NULL && found->sp_pwdp != NULL) {
		query->account->locked |= pat_account_hash_locked(found->sp_pwdp);
		query->told = true;
	}
	return error;
}

/*
 * glibc's "files" says that there is no such entry when it could not open the file, or had no
 * memory to; and the service behind it takes the errno away that would tell. So absence is asked
 * for twice: to whom it is told, it means that the account is gone.
 */
static int ask(struct query *query, char *buf, size_t size)
{
	int error = 0;

	query->found = false;
	for (unsigned tries = 0; tries < 2 && error == 0 && !query->found; tries++) {
		errno = 0;
		error = query->ask(query, buf, size);
		if (error == 0 && !query->found &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			return errno;
	}
	return error;
}

/* Asks with a buffer that is large enough, and wipes it: a password hash may be in it. */
static int run(struct query *query)
{
	char small[SMALL], *large;
	int error = ask(query, small, sizeof(small));

	sodium_memzero(small, sizeof(small));
	for (size_t size = 4 * SMALL; error == ERANGE && size <= LARGE; size *= 4) {
		large = malloc(size);
		if (large == NULL)
			return PAT_E_NOMEM;
		error = ask(query, large, size);
		sodium_memzero(large, size);
		free(large);
	}
	/* getpwnam(3): "not found" may also come as one of these. */
	if (error == 0 || error == ENOENT || error == ESRCH)
		return PAT_OK;
	if (error == ENAMETOOLONG)
		return PAT_E_TOOBIG;
	errno = error;
	return error == ENOMEM ? PAT_E_NOMEM : PAT_E_IO;
}

static int look_up(struct query *query, bool shadow)
{
	int error;

	memset(query->account, 0, sizeof(*query->account));
	error = run(query);
	if (error || !shadow || !query->account->exists)
		return error;
	query->ask = ask_shadow;
	error = run(query);
	/* A file that may not be read can come out as one without an entry (nsswitch.conf(5)). */
	if (!error && query->shadowed && !query->told)
		error = PAT_E_SHADOW;
	return error;
}

int pat_account_by_name(const char *name, bool shadow, struct pat_account *account)
{
	struct query query = {.name = name, .account = account, .ask = ask_name};

	if (strnlen(name, PAT_USER_MAX + 1) > PAT_USER_MAX) {
		memset(account, 0, sizeof(*account));
		return PAT_E_TOOBIG;
	}
	return look_up(&query, shadow);
}

int pat_account_by_uid(uint32_t uid, bool shadow, struct pat_account *account)
{
	struct query query = {.uid = uid, .account = account, .ask = ask_uid};

	return look_up(&query, shadow);
}
