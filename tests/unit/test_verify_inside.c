/* SPDX-License-Identifier: ISC */
#include "unit_verify.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>

/*
 * The decision where nothing could be seen of the store from outside: the secret is proved in it,
 * and what is asked about the user is asked outside of it all the same.
 */

#define EXPORTED __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* How often the store cannot be opened, and what is to happen when the name service is asked. */
static unsigned closed_for;
static void (*meanwhile)(void);
static unsigned asked;

static bool is_closed(const char *path)
{
	if (closed_for == 0 || strcmp(path, "tokens.tdb") != 0)
		return false;
	closed_for--;
	errno = ENFILE;
	return true;
}

EXPORTED int openat(int dir, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	if (is_closed(path))
		return -1;
	va_start(rest, flags);
	mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return REAL(openat)(dir, path, flags, mode);
}

/* What it is called where the compiler fortifies it. */
EXPORTED int __openat_2(int dir, const char *path, int flags);
EXPORTED int __openat_2(int dir, const char *path, int flags)
{
	return is_closed(path) ? -1 : REAL(openat)(dir, path, flags);
}

EXPORTED int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size,
			struct passwd **result)
{
	void (*act)(void) = meanwhile;

	asked++;
	meanwhile = NULL;
	if (act != NULL)
		act();
	return REAL(getpwnam_r)(name, pw, buf, size, result);
}

static void put_grant(void)
{
	assert_int_equal(pat_store_put_grant(unit_opened(PAT_STORE_CHANGE), &grant), 0);
	assert_int_equal(pat_store_commit(place.store), 0);
	unit_closed();
}

static int setup(void **state)
{

	closed_for = 0;
	meanwhile = NULL;
	if (unit_place_setup(state) != 0 || prepare(state) != 0 ||
	    pat_account_by_name("nobody", geteuid() == 0, &owner) != 0 || !owner.exists)
		return -1;
	grant = grant_for(&token, &owner);
	if (unit_put_grant() != 0)
		return -1;
	asked = 0;
	return 0;
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, unit_place_teardown)

/* The outcome of the token's, where the store cannot be seen from outside. */
static enum pat_outcome verify_unseen(void)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	closed_for = 1;
	pat_verify(place.path, &good, NOW, soon(), &verdict);
	assert_int_equal(closed_for, 0);
	return verdict.outcome;
}

static void need_root(void)
{
	if (geteuid() != 0)
		unit_skip("needs root, to see whether accounts are locked");
}

static void be_alone_meanwhile(void)
{
	struct pat_store *store;

	assert_int_equal(pat_store_open(&store, place.path, PAT_STORE_CHANGE, pat_deadline_in(500)),
			 0);
	pat_store_close(store);
}

static void the_name_service_is_asked_outside_of_the_store(void **state)
{
	(void)state;
	need_root();
	meanwhile = be_alone_meanwhile;
	assert_int_equal(verify_unseen(), PAT_ACCEPTED);
	assert_null(meanwhile);
	assert_int_equal(asked, 1);
}

static void revoke_meanwhile(void)
{
	grant.revoked_at = NOW;
	put_grant();
}

static void replace_meanwhile(void)
{
	memset(grant.hash, 0x5a, PAT_HASH_LEN);
	put_grant();
}

static void what_was_proved_there_is_looked_at_again_after_that(void **state)
{
	(void)state;
	need_root();
	meanwhile = revoke_meanwhile;
	assert_int_equal(verify_unseen(), PAT_REFUSED_REVOKED);
	grant.revoked_at = 0;
	put_grant();
	assert_int_equal(verify_unseen(), PAT_ACCEPTED);
	meanwhile = replace_meanwhile;
	assert_int_equal(verify_unseen(), PAT_REFUSED_SECRET);
}

static void who_has_not_the_secret_is_nobody_to_ask_about_there_either(void **state)
{
	(void)state;
	token.text[20] = token.text[20] == 'a' ? 'b' : 'a';
	assert_int_equal(verify_unseen(), PAT_REFUSED_SECRET);
	assert_int_equal(asked, 0);
}

static void a_store_that_stays_closed_gives_no_answer(void **state)
{
	struct pat_attempt good = attempt();
	struct pat_verdict verdict;

	(void)state;
	closed_for = 1000;
	pat_verify(place.path, &good, NOW, soon(), &verdict);
	assert_int_equal(verdict.outcome, PAT_UNAVAILABLE);
	assert_int_equal(asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(the_name_service_is_asked_outside_of_the_store),
		with_store(what_was_proved_there_is_looked_at_again_after_that),
		with_store(who_has_not_the_secret_is_nobody_to_ask_about_there_either),
		with_store(a_store_that_stays_closed_gives_no_answer),
	};

	return unit_run(tests);
}
