/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <limits.h>

#include "pat/error.h"
#include "pat/text.h"

static void every_error_has_a_phrase_of_its_own_without_a_full_stop(void **state)
{
	(void)state;
	for (int error = PAT_E_FULL; error <= PAT_OK; error++) {
		const char *phrase = pat_error_text(error);

		assert_true(pat_text_valid(phrase, 2, 80));
		assert_int_not_equal(phrase[strlen(phrase) - 1], '.');
		for (int other = PAT_E_FULL; other < error; other++)
			assert_string_not_equal(phrase, pat_error_text(other));
	}
}

static void a_number_that_is_no_error_has_a_phrase_too(void **state)
{
	static const int numbers[] = {PAT_E_FULL - 1, -1000, INT_MIN, 1, INT_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		assert_non_null(pat_error_text(numbers[i]));
		assert_true(pat_text_valid(pat_error_text(numbers[i]), 2, 80));
	}
}

static void what_a_token_or_an_account_lacks_is_said_in_words_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(pat_error_text(PAT_E_SPENT), "all its uses were made");
	assert_string_equal(pat_error_text(PAT_E_SHADOW),
			    "shadow does not tell whether the account is locked");
	assert_string_equal(
		pat_error_text(PAT_E_UNSAFE),
		"wrong owner, mode or kind of the store, its lock file or its directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_a_phrase_of_its_own_without_a_full_stop),
		cmocka_unit_test(a_number_that_is_no_error_has_a_phrase_too),
		cmocka_unit_test(what_a_token_or_an_account_lacks_is_said_in_words_of_its_own),
	};

	return unit_run(tests);
}
