/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <dlfcn.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <shadow.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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

/* If not 0, the C library says "not found", and leaves this in errno. */
static int left_in_errno;

int getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
	       struct passwd **result)
{
	int (*real)(const char *, struct passwd *, char *, size_t, struct passwd **);

	if (left_in_errno != 0) {
		errno = left_in_errno;
		*result = NULL;
		return 0;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getpwnam_r");
	return real(name, entry, buf, size, result);
}

/* That of glibc says so when it had no descriptor or no memory to look. */
static void an_account_that_could_not_be_looked_up_is_not_gone(void **state)
{
	struct pat_account account;

	(void)state;
	left_in_errno = EMFILE;
	assert_int_equal(pat_account_by_name("root", false, &account), PAT_E_IO);
	left_in_errno = ENFILE;
	assert_int_equal(pat_account_by_name("root", false, &account), PAT_E_IO);
	left_in_errno = ENOMEM;
	assert_int_equal(pat_account_by_name("root", false, &account), PAT_E_NOMEM);
	left_in_errno = ENOENT;
	assert_int_equal(pat_account_by_name("root", false, &account), 0);
	assert_false(account.exists);
	left_in_errno = 0;
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

/*
 * In a child that is root without the right to read what its mode forbids, with a shadow(5) of this
 * mode that has no entries: what asking about daemon says (for root and nobody a name service may
 * make an entry up). 77 if it cannot be had.
 */
static int asked_without_rights(mode_t mode, bool shadow)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct rights[2];
	const uint32_t reading = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
	char path[] = "/tmp/pat-unit-XXXXXX";
	int fd = mkstemp(path), result;
	pid_t child;

	if (fd < 0)
		return 77;
	fchmod(fd, mode);
	close(fd);
	child = unit_fork();
	if (child == 0) {
		struct pat_account account;

		if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
		    mount(path, "/etc/shadow", "none", MS_BIND, NULL) ||
		    syscall(SYS_capget, &header, rights))
			_exit(77);
		rights[0].effective &= ~reading;
		rights[0].permitted &= ~reading;
		if (syscall(SYS_capset, &header, rights))
			_exit(77);
		fill(&account);
		_exit(-pat_account_by_name("daemon", shadow, &account));
	}
	result = unit_wait(child);
	unlink(path);
	return result;
}

static void who_cannot_see_whether_an_account_is_locked_is_told_so(void **state)
{
	const struct passwd *entry = getpwnam("daemon");
	int unreadable;

	(void)state;
	if (geteuid() != 0 || !entry || strcmp(entry->pw_passwd, "x") != 0)
		unit_skip("needs root, and an account `daemon` with shadow(5)");
	unreadable = asked_without_rights(0000, true);
	if (unreadable == 77)
		unit_skip("needs a mount namespace");
	/* Which of the two is the name service switch's affair. */
	assert_true(unreadable == -PAT_E_SHADOW || unreadable == -PAT_E_IO);
	assert_int_equal(asked_without_rights(0600, true), -PAT_E_SHADOW);
	assert_int_equal(asked_without_rights(0000, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_locked_hash_is_an_exclamation_mark_and_something_after_it),
		cmocka_unit_test(an_account_that_could_not_be_looked_up_is_not_gone),
		cmocka_unit_test(root_is_found_by_name_and_by_uid),
		cmocka_unit_test(every_account_is_found_both_ways),
		cmocka_unit_test(an_account_that_does_not_exist_is_no_error),
		cmocka_unit_test(the_uid_that_means_nobody_is_no_account),
		cmocka_unit_test(a_name_of_256_bytes_is_too_long_and_one_of_255_is_only_unknown),
		cmocka_unit_test(root_can_tell_which_accounts_are_locked),
		cmocka_unit_test(an_account_that_does_not_exist_is_not_locked),
		cmocka_unit_test(who_cannot_see_whether_an_account_is_locked_is_told_so),
	};

	return unit_run(tests);
}
