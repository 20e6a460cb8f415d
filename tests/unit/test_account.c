/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <pwd.h>
#include <shadow.h>

#include "pat/account.h"
#include "pat/error.h"

#define NO_SUCH_USER "no-such-user-here"
#define NO_SUCH_UID 4242424242U

static void fill(struct pat_account *account)
{
	memset(account, 0xff, sizeof(*account));
	account->exists = true;
	account->locked = true;
}

static void a_locked_hash_is_an_exclamation_mark_and_something_after_it(void **state)
{
	static const struct {
		const char *hash;
		bool locked;
	} table[] = {
		{"", false},
		{"x", false},
		{"*", false},
		{"!", false},
		{"!!", false},
		{"!*", true},
		{"!x", true},
		{"*!", false},
		{"*LK*", false},
		{"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317", false},
		{"!$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317", true},
		{"!!$6$rounds=5000$saltsalt$hash", true},
		{"$6$saltsalt$ha!sh", false},
		{"!$6$saltsalt$hash", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		if (pat_account_hash_locked(table[i].hash) != table[i].locked)
			fail_msg("\"%s\"", table[i].hash);
}

static void root_is_found_by_name_and_by_uid(void **state)
{
	const struct passwd *entry = getpwuid(0);
	struct pat_account account;
	char name[PAT_USER_MAX + 1];

	(void)state;
	assert_non_null(entry);
	snprintf(name, sizeof(name), "%s", entry->pw_name);

	fill(&account);
	assert_int_equal(pat_account_by_uid(0, false, &account), 0);
	assert_true(account.exists);
	assert_false(account.locked);
	assert_int_equal(account.uid, 0);
	assert_string_equal(account.name, name);

	fill(&account);
	assert_int_equal(pat_account_by_name(name, false, &account), 0);
	assert_true(account.exists);
	assert_false(account.locked);
	assert_int_equal(account.uid, 0);
	assert_string_equal(account.name, name);
}

static void every_account_is_found_both_ways(void **state)
{
	struct passwd *entry;

	(void)state;
	setpwent();
	for (int i = 0; i < 50 && (entry = getpwent()); i++) {
		struct pat_account account;
		char name[PAT_USER_MAX + 1];
		uint32_t uid = entry->pw_uid;

		snprintf(name, sizeof(name), "%s", entry->pw_name);
		fill(&account);
		assert_int_equal(pat_account_by_name(name, false, &account), 0);
		assert_true(account.exists);
		assert_string_equal(account.name, name);
		assert_int_equal(account.uid, uid);
		fill(&account);
		assert_int_equal(pat_account_by_uid(uid, false, &account), 0);
		assert_true(account.exists);
		assert_int_equal(account.uid, uid);
	}
	endpwent();
}

static void an_account_that_does_not_exist_is_no_error(void **state)
{
	static const char *const names[] = {
		NO_SUCH_USER, "",           " root", "root ", "root\n",
		"root:x",     "root:x:0:0", "/etc",  "..",    "\xff\xfe",
	};
	struct pat_account account;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		fill(&account);
		assert_int_equal(pat_account_by_name(names[i], false, &account), 0);
		assert_false(account.exists);
		assert_false(account.locked);
	}
	if (getpwuid(NO_SUCH_UID))
		unit_skip("uid 4242424242 is somebody");
	fill(&account);
	assert_int_equal(pat_account_by_uid(NO_SUCH_UID, false, &account), 0);
	assert_false(account.exists);
	assert_false(account.locked);
}

static void the_uid_that_means_nobody_is_no_account(void **state)
{
	struct pat_account account;

	(void)state;
	fill(&account);
	assert_int_equal(pat_account_by_uid(UINT32_MAX, false, &account), 0);
	assert_false(account.exists);
	assert_false(account.locked);
}

static void a_name_of_256_bytes_is_too_long_and_one_of_255_is_only_unknown(void **state)
{
	struct pat_account account;
	char name[2 * PAT_USER_MAX];

	(void)state;
	unit_word(name, PAT_USER_MAX);
	fill(&account);
	assert_int_equal(pat_account_by_name(name, false, &account), 0);
	assert_false(account.exists);

	unit_word(name, PAT_USER_MAX + 1);
	assert_int_equal(pat_account_by_name(name, false, &account), PAT_E_TOOBIG);
	unit_word(name, sizeof(name) - 1);
	assert_int_equal(pat_account_by_name(name, false, &account), PAT_E_TOOBIG);
}

static void root_can_tell_which_accounts_are_locked(void **state)
{
	struct passwd *entry;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to read shadow(5)");
	setpwent();
	for (int i = 0; i < 50 && (entry = getpwent()); i++) {
		struct pat_account account;
		char name[PAT_USER_MAX + 1];
		uint32_t uid = entry->pw_uid;
		const struct spwd *shadow;
		bool locked;

		snprintf(name, sizeof(name), "%s", entry->pw_name);
		shadow = getspnam(name);
		locked = pat_account_hash_locked(shadow ? shadow->sp_pwdp : entry->pw_passwd);
		fill(&account);
		assert_int_equal(pat_account_by_name(name, true, &account), 0);
		assert_int_equal(account.locked, locked);
		fill(&account);
		assert_int_equal(pat_account_by_uid(uid, true, &account), 0);
		if (!strcmp(account.name, name))
			assert_int_equal(account.locked, locked);
	}
	endpwent();
}

static void an_account_that_does_not_exist_is_not_locked(void **state)
{
	struct pat_account account;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root to read shadow(5)");
	fill(&account);
	assert_int_equal(pat_account_by_name(NO_SUCH_USER, true, &account), 0);
	assert_false(account.exists);
	assert_false(account.locked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_locked_hash_is_an_exclamation_mark_and_something_after_it),
		cmocka_unit_test(root_is_found_by_name_and_by_uid),
		cmocka_unit_test(every_account_is_found_both_ways),
		cmocka_unit_test(an_account_that_does_not_exist_is_no_error),
		cmocka_unit_test(the_uid_that_means_nobody_is_no_account),
		cmocka_unit_test(a_name_of_256_bytes_is_too_long_and_one_of_255_is_only_unknown),
		cmocka_unit_test(root_can_tell_which_accounts_are_locked),
		cmocka_unit_test(an_account_that_does_not_exist_is_not_locked),
	};

	return unit_run(tests);
}
