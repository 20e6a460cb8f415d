/* SPDX-License-Identifier: ISC */

/* patctl doctor's parts: what it takes for a line and a word, what it makes of answers, and what it
 * thinks that modules answer. */

#include "unit.h"

#include "../../helper/patctl/doctor_models.h"
#include "../../helper/patctl/doctor_walk.h"

/* --- lines, words and controls */

/* All lines of a text, each with its number, and what ended it. */
static void lines_are(const char *text, const char *wanted)
{
	struct pamd_lines lines = pamd_lines_of(text, strlen(text));
	char line[PAMD_LINE_MAX], shown[8192] = "";
	unsigned first, cut;
	int got;

	while ((got = pamd_next_line(&lines, line, &first, &cut)) > 0) {
		size_t used = strlen(shown);
		char *rest = line, *word;

		used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%u", first);
		while ((word = pamd_next_word(&rest)) != NULL)
			used += (size_t)snprintf(shown + used, sizeof(shown) - used, "<%s>", word);
		if (cut > 0)
			snprintf(shown + used, sizeof(shown) - used, " cut %u", cut);
	}
	snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "=%d", got);
	assert_string_equal(shown, wanted);
}

static void test_lines_end_where_libpam_ends_them(void **state)
{
	(void)state;
	lines_are("", "=0");
	lines_are("\n \t\n# none\n", "=0");
	lines_are("a b\nc", "1<a><b>2<c>=0");
	lines_are("a # b\n", "1<a>=0");
	lines_are("a#b", "1<a>=0");
	lines_are("a \\\n b\nc\n", "1<a><b>3<c>=0");
	lines_are("a\\\nb\n", "1<a><b>=0");
	/* A comment does not end a line that goes on, nor does it go on itself. */
	lines_are("a \\\n# none\n\nb\nc\n", "1<a><b>5<c>=0");
	lines_are("a # \\\nb\n", "1<a>2<b>=0");
	lines_are("a \\ \t \nb\n", "1<a><b>=0");
	/* Before a comment, a backslash is a word. */
	lines_are("a \\ # none\nb\n", "1<a><\\>2<b>=0");
	lines_are("a \\", "=-1");
	lines_are("a\nb \\\n\n", "1<a>=-1");
}

static void test_words_are_libpam_s(void **state)
{
	(void)state;
	lines_are("[a b] c\n", "1<a b><c>=0");
	lines_are("[a \\] b]c\n", "1<a ] b><c>=0");
	lines_are("[] x", "1<><x>=0");
	lines_are("[a b", "1<a b>=0");
	lines_are("a[b c]", "1<a[b><c]>=0");
}

static void test_long_lines_are_cut(void **state)
{
	char text[3000], wanted[3000];
	const int room = PAMD_LINE_MAX - 1;

	(void)state;
	/* Just what there is room for. */
	snprintf(text, sizeof(text), "%0*d\nb\n", room - 1, 0);
	snprintf(wanted, sizeof(wanted), "1<%0*d>2<b>=0", room - 1, 0);
	lines_are(text, wanted);
	snprintf(text, sizeof(text), "%0*d b\nc\n", room, 0);
	snprintf(wanted, sizeof(wanted), "1<%0*d> cut 11<b>2<c>=0", room, 0);
	lines_are(text, wanted);
	/* Joined, there is no room at all. */
	snprintf(text, sizeof(text), "%0*d\\\n%0*d\\\nc", 600, 0, 421, 0);
	lines_are(text, "=-1");
}

static void control_is(const char *control, bool right, int success, int auth_err, int ignore)
{
	int actions[PAMD_CODES];

	assert_int_equal(pamd_parse_control(control, actions), right);
	assert_int_equal(actions[PAMD_SUCCESS], success);
	assert_int_equal(actions[PAMD_AUTH_ERR], auth_err);
	assert_int_equal(actions[PAMD_IGNORE], ignore);
}

static void test_controls_say_what_they_say_to_libpam(void **state)
{
	(void)state;
	control_is("required", true, PAMD_DO_OK, PAMD_DO_BAD, PAMD_DO_IGNORE);
	control_is("REQUISITE", true, PAMD_DO_OK, PAMD_DO_DIE, PAMD_DO_IGNORE);
	control_is("sufficient", true, PAMD_DO_DONE, PAMD_DO_IGNORE, PAMD_DO_IGNORE);
	control_is("optional", true, PAMD_DO_OK, PAMD_DO_IGNORE, PAMD_DO_IGNORE);
	control_is("success=done default=die", true, PAMD_DO_DONE, PAMD_DO_DIE, PAMD_DO_DIE);
	/* What is not said is a failure; the first that is said for it, counts. */
	control_is("success=ok", true, PAMD_DO_OK, PAMD_DO_BAD, PAMD_DO_BAD);
	control_is("default=die auth_err=reset default=ok", true, PAMD_DO_DIE, PAMD_DO_RESET,
		   PAMD_DO_DIE);
	control_is("success = 12default=ignore", true, 12, PAMD_DO_IGNORE, PAMD_DO_IGNORE);
	control_is("", true, PAMD_DO_BAD, PAMD_DO_BAD, PAMD_DO_BAD);
	control_is("success=ok nonsense=ok", false, PAMD_DO_BAD, PAMD_DO_BAD, PAMD_DO_BAD);
	control_is("success=0", false, PAMD_DO_BAD, PAMD_DO_BAD, PAMD_DO_BAD);
	control_is("success=", false, PAMD_DO_BAD, PAMD_DO_BAD, PAMD_DO_BAD);
	control_is("sufficiently", false, PAMD_DO_BAD, PAMD_DO_BAD, PAMD_DO_BAD);
	/* A number that overflows passes over everything, and is no other number. */
	control_is("success=4294967297 default=die", true, 429496, PAMD_DO_DIE, PAMD_DO_DIE);
}

/* --- ways through a chain */

#define MOST 16

struct line {
	const char *control;
	const char *module;
	int level;
};

static char *no_arguments[1];

static void make_chain(struct pamd_chain *chain, const struct line *lines, size_t count)
{
	chain->list = calloc(count, sizeof(*chain->list));
	chain->count = count;
	for (size_t i = 0; i < count; i++) {
		struct pamd_handler *handler = &chain->list[i];

		handler->kind = lines[i].module != NULL ? PAMD_MODULE : PAMD_SUBSTACK;
		handler->module = (char *)(uintptr_t)lines[i].module;
		handler->arguments = no_arguments;
		handler->level = lines[i].level;
		assert_true(pamd_parse_control(lines[i].control, handler->actions));
	}
}

/* What may come of something typed, as the set of codes. */
static struct pamd_outcome outcome_of(const struct line *lines, size_t count, enum pamd_typed typed,
				      bool called[MOST])
{
	bool there[MOST];
	pamd_codes answers[MOST];
	struct pamd_outcome outcome;
	struct pamd_chain chain;

	memset(there, true, sizeof(there));
	make_chain(&chain, lines, count);
	pamd_answers(&chain, typed, there, false, answers);
	pamd_walk(&chain, answers, NULL, &outcome);
	memcpy(called, outcome.called, count * sizeof(*called));
	free(outcome.called);
	free(chain.list);
	return outcome;
}
#define OUTCOME(lines, typed, called) outcome_of(lines, COUNT(lines), typed, called)

static bool lets_in(struct pamd_outcome outcome)
{
	return (outcome.codes & PAMD_CODE(PAMD_SUCCESS)) != 0;
}

#define DOCUMENTED "success=done authinfo_unavail=ignore default=die"

static void test_the_documented_line_keeps_tokens_from_all_others(void **state)
{
	static const struct line lines[] = {{DOCUMENTED, "pam_pat.so", 0},
					    {"success=1 default=ignore", "pam_unix.so", 0},
					    {"requisite", "pam_deny.so", 0},
					    {"required", "pam_permit.so", 0}};
	bool called[MOST];

	(void)state;
	assert_true(lets_in(OUTCOME(lines, PAMD_GOOD_TOKEN, called)));
	assert_true(called[0] && !called[1] && !called[3]);
	assert_true(OUTCOME(lines, PAMD_BAD_TOKEN, called).codes == PAMD_CODE(PAMD_AUTH_ERR));
	assert_false(called[1]);
	assert_true(OUTCOME(lines, PAMD_UNCHECKED_TOKEN, called).codes ==
		    PAMD_CODE(PAMD_SYSTEM_ERR));
	assert_false(called[1]);
	assert_true(lets_in(OUTCOME(lines, PAMD_RIGHT_PASSWORD, called)));
	assert_true(called[1] && called[2] && called[3]);
	assert_false(lets_in(OUTCOME(lines, PAMD_WRONG_PASSWORD, called)));
	assert_true(called[1] && called[2] && !called[3]);
}

static void test_success_counts_for_nothing_after_a_refusal(void **state)
{
	static const struct line lines[] = {{"required", "pam_deny.so", 0},
					    {DOCUMENTED, "pam_pat.so", 0},
					    {"sufficient", "pam_unix.so", 0}};
	bool called[MOST];

	(void)state;
	assert_false(lets_in(OUTCOME(lines, PAMD_GOOD_TOKEN, called)));
	assert_true(called[2]);
}

static void test_a_substack_ends_for_itself(void **state)
{
	static const struct line lines[] = {{"required", NULL, 0},
					    {"requisite", "pam_deny.so", 1},
					    {"required", "pam_permit.so", 1},
					    {"optional", "pam_permit.so", 0}};
	static const struct line undone[] = {{"required", "pam_permit.so", 0},
					     {"required", NULL, 0},
					     {"required", "pam_deny.so", 1},
					     {"default=reset", "pam_permit.so", 1}};
	/* And what ends the whole ends what is in it. */
	static const struct line whole[] = {{"sufficient", "pam_permit.so", 0},
					    {"required", NULL, 0},
					    {"required", "pam_deny.so", 1},
					    {"required", "pam_deny.so", 0}};
	bool called[MOST];

	(void)state;
	assert_true(lets_in(OUTCOME(whole, PAMD_WRONG_PASSWORD, called)));
	assert_true(!called[2] && !called[3]);
	assert_false(lets_in(OUTCOME(lines, PAMD_WRONG_PASSWORD, called)));
	assert_true(!called[0] && called[1] && !called[2] && called[3]);
	assert_true(lets_in(OUTCOME(undone, PAMD_WRONG_PASSWORD, called)));
}

static void test_a_jump_over_more_than_there_is_fails(void **state)
{
	static const struct line right[] = {{"success=2 default=die", "pam_permit.so", 0},
					    {"required", "pam_deny.so", 0},
					    {"required", NULL, 0},
					    {"required", "pam_deny.so", 1},
					    {"required", "pam_permit.so", 0}};
	static const struct line wrong[] = {{"required", "pam_permit.so", 0},
					    {"success=2 default=die", "pam_permit.so", 0},
					    {"required", "pam_deny.so", 0}};
	struct pamd_outcome outcome;
	bool called[MOST];

	(void)state;
	outcome = OUTCOME(right, PAMD_WRONG_PASSWORD, called);
	assert_true(lets_in(outcome) && outcome.bad_jump == -1 && outcome.grantor == 4);
	assert_true(!called[1] && !called[3]);
	outcome = OUTCOME(wrong, PAMD_WRONG_PASSWORD, called);
	assert_true(!lets_in(outcome) && outcome.bad_jump == 1);
}

static void test_nothing_at_all_refuses(void **state)
{
	static const struct line ignored[] = {{"optional", "pam_deny.so", 0}};
	const struct pamd_chain none = {NULL, 0};
	struct pamd_outcome outcome;
	pamd_codes answers[1] = {0};
	bool called[MOST];

	(void)state;
	pamd_walk(&none, answers, NULL, &outcome);
	assert_true(outcome.codes == PAMD_CODE(PAMD_PERM_DENIED));
	free(outcome.called);
	assert_true(OUTCOME(ignored, PAMD_WRONG_PASSWORD, called).codes ==
		    PAMD_CODE(PAMD_PERM_DENIED));
}

/* Whoever wrote `sufficient` before such a module meant to let somebody in. */
static void test_a_shortcut_is_no_open_door(void **state)
{
	static const struct line meant[] = {{"sufficient", "pam_succeed_if.so", 0},
					    {DOCUMENTED, "pam_pat.so", 0},
					    {"required", "pam_unix.so", 0}};
	static const struct line jump[] = {{"success=2 default=ignore", "pam_succeed_if.so", 0},
					   {DOCUMENTED, "pam_pat.so", 0},
					   {"requisite", "pam_unix.so", 0},
					   {"required", "pam_permit.so", 0}};
	static const struct line not_meant[] = {{"required", "pam_succeed_if.so", 0},
						{DOCUMENTED, "pam_pat.so", 0}};
	bool called[MOST];

	(void)state;
	assert_false(lets_in(OUTCOME(meant, PAMD_WRONG_PASSWORD, called)));
	assert_false(lets_in(OUTCOME(jump, PAMD_WRONG_PASSWORD, called)));
	assert_true(lets_in(OUTCOME(not_meant, PAMD_WRONG_PASSWORD, called)));
}

static void test_too_much_is_not_judged(void **state)
{
	struct pamd_chain chain = {calloc(2000, sizeof(struct pamd_handler)), 2000};
	pamd_codes *answers = calloc(2000, sizeof(*answers));
	struct pamd_outcome outcome;

	(void)state;
	for (size_t i = 0; i < chain.count; i++)
		answers[i] = PAMD_CODE(PAMD_SUCCESS);
	pamd_walk(&chain, answers, NULL, &outcome);
	assert_true(outcome.unknown);
	free(outcome.called);
	free(answers);
	free(chain.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_end_where_libpam_ends_them),
		cmocka_unit_test(test_words_are_libpam_s),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_controls_say_what_they_say_to_libpam),
		cmocka_unit_test(test_the_documented_line_keeps_tokens_from_all_others),
		cmocka_unit_test(test_success_counts_for_nothing_after_a_refusal),
		cmocka_unit_test(test_a_substack_ends_for_itself),
		cmocka_unit_test(test_a_jump_over_more_than_there_is_fails),
		cmocka_unit_test(test_nothing_at_all_refuses),
		cmocka_unit_test(test_a_shortcut_is_no_open_door),
		cmocka_unit_test(test_too_much_is_not_judged),
	};

	return unit_run(tests);
}
