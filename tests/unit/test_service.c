/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "pat/error.h"
#include "pat/service.h"

/* A list of its own for each test. */
struct list {
	char text[PAT_SERVICES_MAX + 1];
};

static struct list list_of(const char *text)
{
	struct list list = {""};

	assert_int_equal(pat_services_add(list.text, text), 0);
	return list;
}

/* Adding fails with `error` and leaves the list as it was. */
static void refused(const char *before, const char *text, int error)
{
	struct list list;

	memset(&list, 0, sizeof(list));
	strcpy(list.text, before);
	assert_int_equal(pat_services_add(list.text, text), error);
	assert_string_equal(list.text, before);
}

static void names_are_kept_in_the_order_given(void **state)
{
	struct list list = list_of("sshd");

	(void)state;
	assert_string_equal(list.text, "sshd");
	assert_int_equal(pat_services_add(list.text, "sudo,login"), 0);
	assert_string_equal(list.text, "sshd,sudo,login");
	assert_int_equal(pat_services_add(list.text, "cron"), 0);
	assert_string_equal(list.text, "sshd,sudo,login,cron");
}

static void names_are_normalised(void **state)
{
	(void)state;
	assert_string_equal(list_of("SSHD").text, "sshd");
	assert_string_equal(list_of(" sshd").text, "sshd");
	assert_string_equal(list_of("sshd\t").text, "sshd");
	assert_string_equal(list_of(" sshd ,\tSudo-I , su\t ").text, "sshd,sudo-i,su");
}

static void doubles_are_passed_over(void **state)
{
	struct list list = list_of("sshd,sshd");

	(void)state;
	assert_string_equal(list.text, "sshd");
	assert_int_equal(pat_services_add(list.text, "SSHD, sshd"), 0);
	assert_string_equal(list.text, "sshd");
	assert_int_equal(pat_services_add(list.text, "sudo,sshd,su"), 0);
	assert_string_equal(list.text, "sshd,sudo,su");
}

static void names_that_only_begin_alike_are_no_doubles(void **state)
{
	(void)state;
	assert_string_equal(list_of("sudo,su").text, "sudo,su");
	assert_string_equal(list_of("su,sudo").text, "su,sudo");
	assert_string_equal(list_of("sshd,ssh,shd,sshd2").text, "sshd,ssh,shd,sshd2");
	assert_string_equal(list_of("sudo,sudo-i").text, "sudo,sudo-i");
}

static void empty_names_are_refused(void **state)
{
	static const char *const empty[] = {
		"", " ", ",", "sshd,", ",sshd", "sshd,,sudo", "sshd, ,sudo", "\t\n", "sudo, ",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++) {
		refused("", empty[i], PAT_E_INVALID);
		refused("login,su", empty[i], PAT_E_INVALID);
	}
}

static bool may_begin(unsigned c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool may_follow(unsigned c)
{
	return may_begin(c) || c == '.' || c == '+' || c == '-';
}

static void each_byte_is_allowed_or_refused_as_documented(void **state)
{
	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		char first[] = {(char)byte, 'b', 'c', '\0'};
		char middle[] = {'a', (char)byte, 'c', '\0'};
		char last[] = {'a', 'b', (char)byte, '\0'};
		struct list list = {""};
		bool space = byte < 128 && strchr(" \t\n\r\f\v", (int)byte);

		if (byte == ',')
			continue;
		if (may_begin(byte))
			assert_int_equal(pat_services_add(list.text, first), 0);
		else if (!space)
			refused("sudo", first, PAT_E_INVALID);
		if (may_follow(byte)) {
			assert_int_equal(pat_services_add(list.text, middle), 0);
			assert_int_equal(pat_services_add(list.text, last), 0);
		} else {
			refused("sudo", middle, PAT_E_INVALID);
			if (!space)
				refused("sudo", last, PAT_E_INVALID);
		}
	}
}

static void a_name_may_have_63_bytes_and_no_more(void **state)
{
	char name[PAT_SERVICE_MAX + 2], spaced[PAT_SERVICE_MAX + 4];

	(void)state;
	unit_word(name, PAT_SERVICE_MAX);
	assert_string_equal(list_of(name).text, name);
	snprintf(spaced, sizeof(spaced), " %s ", name);
	assert_string_equal(list_of(spaced).text, name);
	unit_word(name, PAT_SERVICE_MAX + 1);
	refused("sudo", name, PAT_E_INVALID);
	refused("", name, PAT_E_INVALID);
}

/* 511 bytes: seven names of 63 with their commas, and one of 63 that ends there. */
static void fill(char text[PAT_SERVICES_MAX + 1])
{
	text[0] = '\0';
	for (int i = 0; i < 8; i++) {
		char name[PAT_SERVICE_MAX + 1];

		snprintf(text + strlen(text), PAT_SERVICES_MAX + 1 - strlen(text), "%s%s",
			 i ? "," : "", unit_word(name, PAT_SERVICE_MAX));
	}
	assert_int_equal(strlen(text), PAT_SERVICES_MAX);
}

static void a_list_may_have_511_bytes_and_no_more(void **state)
{
	char full[PAT_SERVICES_MAX + 1], text[2 * PAT_SERVICES_MAX];
	struct list list;

	(void)state;
	fill(full);
	list = list_of(full);
	assert_string_equal(list.text, full);
	refused(full, "a", PAT_E_TOOBIG);

	/* One byte less than full: no room for a comma and a name. */
	list = list_of("x");
	full[PAT_SERVICES_MAX - 1] = '\0';
	refused(full, "a", PAT_E_TOOBIG);

	/* Just enough room for a comma and a name of one character. */
	full[PAT_SERVICES_MAX - 2] = '\0';
	strcpy(list.text, full);
	assert_int_equal(pat_services_add(list.text, "a"), 0);
	assert_int_equal(strlen(list.text), PAT_SERVICES_MAX);
	refused(full, "ab", PAT_E_TOOBIG);

	fill(full);
	snprintf(text, sizeof(text), "%s,a", full);
	refused("", text, PAT_E_TOOBIG);
}

static void a_double_fits_into_a_full_list(void **state)
{
	char full[PAT_SERVICES_MAX + 1], name[PAT_SERVICE_MAX + 1];
	struct list list;

	(void)state;
	fill(full);
	list = list_of(full);
	snprintf(name, sizeof(name), "%.*s", PAT_SERVICE_MAX, full);
	assert_int_equal(pat_services_add(list.text, name), 0);
	assert_string_equal(list.text, full);
}

static void an_error_leaves_the_list_unchanged_even_after_good_names(void **state)
{
	(void)state;
	refused("sshd", "sudo,login,b@d", PAT_E_INVALID);
	refused("sshd", "sudo,,login", PAT_E_INVALID);
	refused("", "sudo,-i", PAT_E_INVALID);
	refused("sshd", "sshd,.hidden", PAT_E_INVALID);
	refused("sshd", "sudo,ss hd", PAT_E_INVALID);
	refused("sshd", "sudo,../../etc/passwd", PAT_E_INVALID);
}

static void text_of_any_length_harms_nothing(void **state)
{
	static char text[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 3 == 2 ? ',' : (char)('a' + unit_below(26));
	text[sizeof(text) - 2] = 'z';
	refused("sshd", text, PAT_E_TOOBIG);
	memset(text, 'a', sizeof(text) - 1);
	refused("sshd", text, PAT_E_INVALID);
}

static void a_list_covers_just_its_names(void **state)
{
	static const char list[] = "sshd,login,vsftpd";

	(void)state;
	assert_true(pat_services_cover(list, "sshd"));
	assert_true(pat_services_cover(list, "login"));
	assert_true(pat_services_cover(list, "vsftpd"));
	assert_false(pat_services_cover(list, "ssh"));
	assert_false(pat_services_cover(list, "shd"));
	assert_false(pat_services_cover(list, "sshd2"));
	assert_false(pat_services_cover(list, "ogin"));
	assert_false(pat_services_cover(list, "vsftp"));
	assert_false(pat_services_cover(list, "vsftpdx"));
	assert_false(pat_services_cover(list, "sshd-i"));
	assert_false(pat_services_cover(list, "login-l"));
	assert_false(pat_services_cover(list, "sudo"));
}

static void hostile_service_names_are_not_covered(void **state)
{
	(void)state;
	assert_false(pat_services_cover("sshd,sudo", ""));
	assert_false(pat_services_cover("sshd,sudo", ","));
	assert_false(pat_services_cover("sshd,sudo", "sshd,sudo"));
	assert_false(pat_services_cover("sshd,sudo", "sshd,"));
	assert_false(pat_services_cover("sshd,sudo", ",sudo"));
	assert_false(pat_services_cover("sshd,sudo", " sshd"));
	assert_false(pat_services_cover("sshd,sudo", "sshd\n"));
	assert_false(pat_services_cover("sshd", "*"));
}

static void an_empty_list_covers_nothing(void **state)
{
	(void)state;
	assert_false(pat_services_cover("", "sshd"));
	assert_false(pat_services_cover("", ""));
	assert_false(pat_services_cover("", "su-l"));
}

static void sudo_and_su_cover_their_login_forms_and_nothing_more(void **state)
{
	(void)state;
	assert_true(pat_services_cover("sudo", "sudo"));
	assert_true(pat_services_cover("sudo", "sudo-i"));
	assert_true(pat_services_cover("sshd,sudo,login", "sudo-i"));
	assert_false(pat_services_cover("sudo", "sudoers"));
	assert_false(pat_services_cover("sudo", "sudo-"));
	assert_false(pat_services_cover("sudo", "sudo-l"));
	assert_false(pat_services_cover("sudo", "sudo-ii"));
	assert_false(pat_services_cover("sudo-i", "sudo"));
	assert_true(pat_services_cover("sudo-i", "sudo-i"));

	assert_true(pat_services_cover("su", "su"));
	assert_true(pat_services_cover("su", "su-l"));
	assert_false(pat_services_cover("su", "sudo"));
	assert_false(pat_services_cover("su", "sudo-i"));
	assert_false(pat_services_cover("su", "su-i"));
	assert_false(pat_services_cover("su", "su-ll"));
	assert_false(pat_services_cover("su-l", "su"));
	assert_true(pat_services_cover("su-l", "su-l"));
	assert_false(pat_services_cover("xsu", "su-l"));
	assert_false(pat_services_cover("su1", "su-l"));
}

static void within_is_what_the_outer_list_covers(void **state)
{
	(void)state;
	assert_true(pat_services_within("sshd", "sshd"));
	assert_true(pat_services_within("sudo,sshd", "sshd,login,sudo"));
	assert_false(pat_services_within("sshd,sudo", "sshd"));
	assert_false(pat_services_within("sshd", "sudo,login"));
	assert_false(pat_services_within("sshd", ""));
	assert_true(pat_services_within("", "sshd"));
	assert_true(pat_services_within("", ""));
	/* sudo-i and su-l are narrower than sudo and su. */
	assert_true(pat_services_within("sudo-i,su-l", "su,sudo"));
	assert_false(pat_services_within("sudo", "sudo-i"));
	assert_false(pat_services_within("su", "su-l,sudo"));
}

/* Joins the names it is given; stops with 7 at the name in `stop`. */
struct walk {
	const char *stop;
	char seen[PAT_SERVICES_MAX + 64];
};

static int note(const char *service, void *data)
{
	struct walk *walk = data;

	strcat(walk->seen, service);
	strcat(walk->seen, "|");
	return walk->stop && !strcmp(service, walk->stop) ? 7 : 0;
}

static void each_name_is_visited_in_order(void **state)
{
	struct walk walk = {0};
	char full[PAT_SERVICES_MAX + 1];

	(void)state;
	assert_int_equal(pat_services_each("sshd,sudo,login", note, &walk), 0);
	assert_string_equal(walk.seen, "sshd|sudo|login|");

	memset(&walk, 0, sizeof(walk));
	assert_int_equal(pat_services_each("sshd", note, &walk), 0);
	assert_string_equal(walk.seen, "sshd|");

	memset(&walk, 0, sizeof(walk));
	assert_int_equal(pat_services_each("", note, &walk), 0);
	assert_string_equal(walk.seen, "");

	memset(&walk, 0, sizeof(walk));
	fill(full);
	assert_int_equal(pat_services_each(full, note, &walk), 0);
	assert_int_equal(strlen(walk.seen), PAT_SERVICES_MAX + 1);
}

static void a_visit_ends_at_the_first_answer_other_than_0(void **state)
{
	struct walk walk = {.stop = "sudo"};

	(void)state;
	assert_int_equal(pat_services_each("sshd,sudo,login", note, &walk), 7);
	assert_string_equal(walk.seen, "sshd|sudo|");
}

static void services_that_change_accounts_or_mint_are_forbidden(void **state)
{
	static const char *const forbidden[] = {"patd",    "passwd",  "chpasswd", "chfn", "chsh",
						"useradd", "usermod", "userdel",  "chage"};
	static const char *const open[] = {"sshd",  "sudo",    "sudo-i", "su",       "su-l",
					   "login", "patd2",   "pat",    "xpatd",    "",
					   "pass",  "passwd2", "vsftpd", "chpasswdx"};

	(void)state;
	for (size_t i = 0; i < COUNT(forbidden); i++)
		assert_true(pat_service_forbidden(forbidden[i]));
	for (size_t i = 0; i < COUNT(open); i++)
		assert_false(pat_service_forbidden(open[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_kept_in_the_order_given),
		cmocka_unit_test(names_are_normalised),
		cmocka_unit_test(doubles_are_passed_over),
		cmocka_unit_test(names_that_only_begin_alike_are_no_doubles),
		cmocka_unit_test(empty_names_are_refused),
		cmocka_unit_test(each_byte_is_allowed_or_refused_as_documented),
		cmocka_unit_test(a_name_may_have_63_bytes_and_no_more),
		cmocka_unit_test(a_list_may_have_511_bytes_and_no_more),
		cmocka_unit_test(a_double_fits_into_a_full_list),
		cmocka_unit_test(an_error_leaves_the_list_unchanged_even_after_good_names),
		cmocka_unit_test(text_of_any_length_harms_nothing),
		cmocka_unit_test(a_list_covers_just_its_names),
		cmocka_unit_test(hostile_service_names_are_not_covered),
		cmocka_unit_test(an_empty_list_covers_nothing),
		cmocka_unit_test(sudo_and_su_cover_their_login_forms_and_nothing_more),
		cmocka_unit_test(within_is_what_the_outer_list_covers),
		cmocka_unit_test(each_name_is_visited_in_order),
		cmocka_unit_test(a_visit_ends_at_the_first_answer_other_than_0),
		cmocka_unit_test(services_that_change_accounts_or_mint_are_forbidden),
	};

	return unit_run(tests);
}
