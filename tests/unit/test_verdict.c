/* SPDX-License-Identifier: ISC */
#include "unit_verify.h"

#include <syslog.h>

#include "pat/text.h"

/* What the log says of a verdict, and how loud. */

static struct pat_verdict verdict_of(enum pat_outcome outcome)
{
	struct pat_verdict verdict = {.outcome = outcome, .found = true, .proved = true};

	strcpy(verdict.id, grant.id);
	verdict.grant = grant;
	return verdict;
}

static char *line_of(const struct pat_attempt *of, const struct pat_verdict *verdict)
{
	static char line[PAT_LOG_LINE_MAX];

	memset(line, 'x', sizeof(line));
	assert_ptr_equal(pat_verdict_line(line, sizeof(line), of, verdict), line);
	assert_non_null(memchr(line, '\0', sizeof(line)));
	return line;
}

static void an_accepted_token_is_logged_with_all_that_is_known(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_ACCEPTED);
	struct pat_attempt good = attempt();
	char want[512];

	(void)state;
	snprintf(want, sizeof(want),
		 "accepted token id=%s name=\"ci\" user=\"alice\" service=\"sshd\" "
		 "rhost=\"192.0.2.1\" tty=\"ssh\"",
		 grant.id);
	assert_string_equal(line_of(&good, &verdict), want);
}

static void a_refused_token_is_logged_with_its_reason(void **state)
{
	static const enum pat_outcome outcomes[] = {
		PAT_REFUSED_CHECKSUM,   PAT_REFUSED_UNKNOWN,     PAT_REFUSED_SECRET,
		PAT_REFUSED_REVOKED,    PAT_REFUSED_EXPIRED,     PAT_REFUSED_NO_USER,
		PAT_REFUSED_OTHER_USER, PAT_REFUSED_FORMER_USER, PAT_REFUSED_LOCKED,
		PAT_REFUSED_SERVICE,    PAT_REFUSED_DAMAGED,     PAT_REFUSED_PEER,
		PAT_REFUSED_ROTATED,    PAT_REFUSED_SUSPENDED,   PAT_REFUSED_SPENT,
		PAT_REFUSED_SOURCE,     PAT_REFUSED_HOST_NAME,   PAT_UNAVAILABLE,
	};
	struct pat_attempt good = attempt();

	(void)state;
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		struct pat_verdict verdict = verdict_of(outcomes[i]);
		char reason[64], start[64];
		const char *line, *found;

		verdict.error = PAT_E_BUSY;
		snprintf(reason, sizeof(reason), " reason=%s", pat_outcome_text(outcomes[i]));
		snprintf(start, sizeof(start), "refused token id=%s ", grant.id);
		line = line_of(&good, &verdict);
		assert_memory_equal(line, start, strlen(start));
		found = strstr(line, reason);
		assert_non_null(found);
		assert_true(found[strlen(reason)] == '\0' || found[strlen(reason)] == ' ');
	}
}

static void the_scope_is_told_to_who_reads_the_log(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_REFUSED_SERVICE);
	struct pat_attempt wrong = attempt();

	(void)state;
	wrong.service = "login";
	assert_non_null(
		strstr(line_of(&wrong, &verdict), "reason=service detail=\"scope is sshd,sudo\""));
}

/* The times in `grant` below, as RFC 3339 has them. */
static void set_times(void)
{
	grant.expires_at = 1795280000;
	grant.revoked_at = 1795280061;
	grant.suspended_at = 1795283600;
	grant.max_uses = 4000000000;
	strcpy(grant.successor, "Ab3dE9xZ");
	strcpy(grant.sources, "192.0.2.0/24,local");
}

static const struct {
	enum pat_outcome outcome;
	const char *detail;
} details[] = {
	{PAT_ACCEPTED, ""},
	{PAT_REFUSED_CHECKSUM, ""},
	{PAT_REFUSED_UNKNOWN, ""},
	{PAT_REFUSED_SECRET, ""},
	{PAT_REFUSED_REVOKED, "since 2026-11-21T16:54:21Z"},
	{PAT_REFUSED_EXPIRED, "since 2026-11-21T16:53:20Z"},
	{PAT_REFUSED_NO_USER, ""},
	{PAT_REFUSED_OTHER_USER, "it belongs to alice"},
	{PAT_REFUSED_FORMER_USER, "uid 1000 was alice when it was minted"},
	{PAT_REFUSED_LOCKED, ""},
	{PAT_REFUSED_SERVICE, "scope is sshd,sudo"},
	{PAT_REFUSED_DAMAGED, ""},
	{PAT_REFUSED_PEER, ""},
	{PAT_REFUSED_ROTATED, "token Ab3dE9xZ took its place: this one was kept, or has leaked"},
	{PAT_REFUSED_SUSPENDED, "since 2026-11-21T17:53:20Z"},
	{PAT_REFUSED_SPENT, "it was good for 4000000000"},
	{PAT_REFUSED_SOURCE, "good from 192.0.2.0/24,local"},
	{PAT_REFUSED_HOST_NAME,
	 "rhost is no address (for sshd, set UseDNS no); good from 192.0.2.0/24,local"},
	{PAT_UNAVAILABLE, ""},
};

static void each_outcome_has_its_detail(void **state)
{
	char detail[300];

	(void)state;
	set_times();
	for (size_t i = 0; i < COUNT(details); i++) {
		memset(detail, 'x', sizeof(detail));
		assert_ptr_equal(
			pat_outcome_detail(detail, sizeof(detail), details[i].outcome, &grant),
			detail);
		assert_string_equal(detail, details[i].detail);
	}
	/* Of what a later version has noted, nothing is said. */
	assert_string_equal(
		pat_outcome_detail(detail, sizeof(detail), (enum pat_outcome)99, &grant), "");
}

/* What was noted of a token then is told now: it may have been resumed, or narrowed, since. */
static void no_detail_tells_of_a_time_that_never_was(void **state)
{
	static const enum pat_outcome outcomes[] = {PAT_REFUSED_SUSPENDED, PAT_REFUSED_REVOKED,
						    PAT_REFUSED_EXPIRED};
	char detail[300];

	(void)state;
	grant.suspended_at = grant.revoked_at = grant.expires_at = 0;
	for (size_t i = 0; i < COUNT(outcomes); i++)
		assert_string_equal(pat_outcome_detail(detail, sizeof(detail), outcomes[i], &grant),
				    "");
}

static void the_line_has_the_same_detail(void **state)
{
	struct pat_attempt wrong = attempt();

	(void)state;
	set_times();
	for (size_t i = 0; i < COUNT(details); i++) {
		struct pat_verdict verdict = verdict_of(details[i].outcome);
		char want[1024], reason[400] = "";

		if (details[i].outcome == PAT_ACCEPTED || details[i].outcome == PAT_UNAVAILABLE ||
		    details[i].outcome == PAT_REFUSED_DAMAGED)
			continue;
		if (details[i].detail[0] != '\0')
			snprintf(reason, sizeof(reason), " detail=\"%s\"", details[i].detail);
		snprintf(want, sizeof(want),
			 "refused token id=%s name=\"ci\" user=\"alice\" service=\"sshd\" "
			 "rhost=\"192.0.2.1\" tty=\"ssh\" reason=%s%s",
			 grant.id, pat_outcome_text(details[i].outcome), reason);
		assert_string_equal(line_of(&wrong, &verdict), want);
	}
}

static void what_went_wrong_on_the_way_is_told_in_the_line(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_REFUSED_DAMAGED);
	struct pat_attempt good = attempt();

	(void)state;
	verdict.error = PAT_E_DAMAGED;
	assert_non_null(strstr(line_of(&good, &verdict),
			       " reason=damaged detail=\"the token store is damaged\""));
	verdict.outcome = PAT_UNAVAILABLE;
	verdict.error = PAT_E_SHADOW;
	assert_non_null(strstr(line_of(&good, &verdict),
			       " reason=unavailable detail=\"shadow does not tell whether the "
			       "account is locked\""));
	verdict.error = PAT_E_IO;
	verdict.system_error = ENOSPC;
	assert_non_null(strstr(line_of(&good, &verdict), ": No space left on device\""));
	verdict.outcome = PAT_ACCEPTED;
	verdict.stamp_error = PAT_E_BUSY;
	assert_null(strstr(line_of(&good, &verdict), "reason="));
	assert_non_null(
		strstr(line_of(&good, &verdict), " detail=\"its use could not be stamped: "));
}

static void a_detail_stays_within_its_buffer(void **state)
{
	char detail[PAT_LOG_LINE_MAX];

	(void)state;
	set_times();
	memset(grant.user, '"', PAT_USER_MAX);
	memset(grant.services, '\n', PAT_SERVICES_MAX);
	memset(grant.sources, 0xff, PAT_SOURCES_MAX);
	for (size_t i = 0; i < COUNT(details); i++)
		for (size_t size = 1; size < 400; size++) {
			memset(detail, 0x5a, sizeof(detail));
			pat_outcome_detail(detail, size, details[i].outcome, &grant);
			assert_non_null(memchr(detail, '\0', size));
			for (size_t k = size; k < sizeof(detail); k++)
				assert_int_equal(detail[k], 0x5a);
		}
}

static void an_unstamped_use_is_said_to_be_unstamped(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_ACCEPTED);
	struct pat_attempt good = attempt();
	char plain[PAT_LOG_LINE_MAX];

	(void)state;
	strcpy(plain, line_of(&good, &verdict));
	verdict.stamp_error = PAT_E_BUSY;
	assert_true(strlen(line_of(&good, &verdict)) > strlen(plain));
	assert_memory_equal(line_of(&good, &verdict), "accepted token ", 15);
}

static void missing_strings_are_logged_as_empty(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_REFUSED_UNKNOWN);
	struct pat_attempt bare = {.token = &token};
	const char *line;

	(void)state;
	verdict.found = false;
	memset(&verdict.grant, 0, sizeof(verdict.grant));
	line = line_of(&bare, &verdict);
	assert_non_null(strstr(line, "user=\"\""));
	assert_non_null(strstr(line, "service=\"\""));
	assert_non_null(strstr(line, "rhost=\"\""));
	assert_null(strstr(line, "null"));
}

static void no_line_holds_a_secret(void **state)
{
	struct pat_attempt good = attempt();

	(void)state;
	memset(grant.hash, 'H', PAT_HASH_LEN);
	for (int outcome = 0; outcome <= PAT_UNAVAILABLE; outcome++) {
		struct pat_verdict verdict = verdict_of((enum pat_outcome)outcome);
		const char *line = line_of(&good, &verdict);

		/* No 8 characters of the secret, nor of the hash. */
		for (size_t at = 15; at + 8 <= PAT_TOKEN_LEN; at++)
			assert_null(memmem(line, strlen(line), token.text + at, 8));
		assert_null(strstr(line, PAT_TOKEN_PREFIX));
		assert_null(strstr(line, "HHHH"));
		assert_null(strstr(line, "48484848"));
	}
}

static const char *const hostile[] = {
	"root\" reason=none detail=\"",
	"alice\nNov 21 12:00:00 host sshd[1]: accepted token id=00000000",
	"\x1b]0;title\x07\x1b[2J",
	"\xe2\x80\xae\xe2\x80\xa8",
	"\xff\xfe\x80%s%n%99999d",
	"\\\" \\",
};

/* The line without what stands between double quotes, as who parses a log sees its structure. */
static const char *unquoted(const char *line)
{
	static char out[PAT_LOG_LINE_MAX];
	bool quoted = false;
	size_t len = 0;

	for (; *line; line++) {
		if (quoted && *line == '\\' && line[1])
			line++;
		else if (*line == '"')
			quoted = !quoted;
		else if (!quoted)
			out[len++] = *line;
	}
	out[len] = '\0';
	assert_false(quoted);
	return out;
}

static void hostile_text_is_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct pat_verdict verdict = verdict_of(PAT_REFUSED_OTHER_USER);
		struct pat_attempt wrong = attempt();
		char escaped[PAT_ESCAPED(100)], want[PAT_ESCAPED(100) + 16];
		const char *line;

		wrong.user = wrong.service = wrong.rhost = wrong.tty = hostile[i];
		snprintf(verdict.grant.name, sizeof(verdict.grant.name), "%s", hostile[i]);
		snprintf(verdict.grant.user, sizeof(verdict.grant.user), "%s", hostile[i]);
		line = line_of(&wrong, &verdict);
		assert_true(pat_text_valid(line, 1, PAT_LOG_LINE_MAX));
		pat_escape(escaped, sizeof(escaped), hostile[i]);
		snprintf(want, sizeof(want), " user=\"%s\" ", escaped);
		assert_non_null(strstr(line, want));
		snprintf(want, sizeof(want), " rhost=\"%s\" ", escaped);
		assert_non_null(strstr(line, want));
		snprintf(want, sizeof(want), " service=\"%s\" ", escaped);
		assert_non_null(strstr(line, want));
		assert_non_null(strstr(line, " reason=other-user"));
		assert_non_null(strstr(unquoted(line), " reason=other-user"));
		assert_null(strstr(unquoted(line), "none"));
	}
}

static void a_token_in_place_of_a_name_is_logged_as_its_id(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_REFUSED_NO_USER);
	struct pat_attempt wrong = attempt();
	char text[200], want[100];

	(void)state;
	snprintf(want, sizeof(want), "user=\"%.15s...\" ", wrong.token->text);
	wrong.user = wrong.token->text;
	assert_non_null(strstr(line_of(&wrong, &verdict), want));
	assert_null(strstr(line_of(&wrong, &verdict), wrong.token->text + 15));

	snprintf(text, sizeof(text), "secret-token:%s@host", wrong.token->text);
	wrong.user = wrong.service = wrong.rhost = wrong.tty = text;
	snprintf(want, sizeof(want), " tty=\"secret-token:%.15s...\"", wrong.token->text);
	assert_non_null(strstr(line_of(&wrong, &verdict), want));
	assert_null(strstr(line_of(&wrong, &verdict), "@host"));
}

/* Whatever has got into a record: it stands between the quotes of the line, and in them alone. */
static void a_hostile_record_is_escaped_in_the_detail(void **state)
{
	static const enum pat_outcome outcomes[] = {
		PAT_REFUSED_OTHER_USER, PAT_REFUSED_FORMER_USER, PAT_REFUSED_SERVICE,
		PAT_REFUSED_SOURCE,     PAT_REFUSED_HOST_NAME,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++)
		for (size_t k = 0; k < COUNT(outcomes); k++) {
			struct pat_verdict verdict = verdict_of(outcomes[k]);
			struct pat_attempt wrong = attempt();
			char escaped[PAT_ESCAPED(100)], reason[64], detail[400];
			const char *line;

			snprintf(verdict.grant.user, PAT_USER_MAX, "%s", hostile[i]);
			snprintf(verdict.grant.services, PAT_SERVICES_MAX, "%s", hostile[i]);
			snprintf(verdict.grant.sources, PAT_SOURCES_MAX, "%s", hostile[i]);
			pat_escape(escaped, sizeof(escaped), hostile[i]);
			pat_outcome_detail(detail, sizeof(detail), outcomes[k], &verdict.grant);
			assert_true(pat_text_valid(detail, 1, sizeof(detail)));
			assert_non_null(strstr(detail, escaped));
			line = line_of(&wrong, &verdict);
			assert_true(pat_text_valid(line, 1, PAT_LOG_LINE_MAX));
			snprintf(reason, sizeof(reason),
				 " reason=%s detail=", pat_outcome_text(outcomes[k]));
			assert_non_null(strstr(unquoted(line), reason));
			assert_null(strstr(unquoted(line), "none"));
			assert_null(strstr(unquoted(line), "accepted"));
		}
}

static void long_text_cannot_push_the_reason_out_of_the_line(void **state)
{
	static const enum pat_outcome outcomes[] = {
		PAT_REFUSED_SERVICE, PAT_REFUSED_OTHER_USER, PAT_REFUSED_FORMER_USER,
		PAT_REFUSED_NO_USER, PAT_REFUSED_SOURCE,     PAT_REFUSED_HOST_NAME,
		PAT_REFUSED_ROTATED, PAT_REFUSED_SUSPENDED,  PAT_REFUSED_SPENT,
	};
	char longest[4000];

	(void)state;
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		struct pat_verdict verdict = verdict_of(outcomes[i]);
		struct pat_attempt wrong = attempt();
		char reason[64];
		const char *line;

		wrong.user = wrong.service = wrong.rhost = wrong.tty = longest;
		memset(verdict.grant.name, '"', PAT_NAME_MAX);
		memset(verdict.grant.user, '"', PAT_USER_MAX);
		memset(verdict.grant.services, 'a', PAT_SERVICES_MAX);
		memset(verdict.grant.sources, '\\', PAT_SOURCES_MAX);
		snprintf(reason, sizeof(reason), " reason=%s", pat_outcome_text(outcomes[i]));
		line = line_of(&wrong, &verdict);
		assert_true(pat_text_valid(line, 1, PAT_LOG_LINE_MAX));
		assert_non_null(strstr(line, reason));
		/* Nor cut a quote or an escape in two. */
		assert_non_null(strstr(unquoted(line), reason));
	}
}

static void a_line_stays_within_its_buffer(void **state)
{
	struct pat_verdict verdict = verdict_of(PAT_REFUSED_SERVICE);
	struct pat_attempt good = attempt();
	char line[PAT_LOG_LINE_MAX];

	(void)state;
	for (size_t size = 1; size < 300; size++) {
		memset(line, 0x5a, sizeof(line));
		pat_verdict_line(line, size, &good, &verdict);
		assert_non_null(memchr(line, '\0', size));
		for (size_t i = size; i < sizeof(line); i++)
			assert_int_equal(line[i], 0x5a);
	}
}

static void what_needs_a_sysadmin_is_louder(void **state)
{
	struct pat_verdict accepted = verdict_of(PAT_ACCEPTED), unstamped = accepted;
	struct pat_verdict refused_one = verdict_of(PAT_REFUSED_SECRET);
	struct pat_verdict damaged = verdict_of(PAT_REFUSED_DAMAGED);
	struct pat_verdict none = verdict_of(PAT_UNAVAILABLE);
	struct pat_verdict rotated = verdict_of(PAT_REFUSED_ROTATED);

	(void)state;
	/* Somebody still has the old one, or has stolen it. */
	assert_int_equal(pat_verdict_priority(&rotated), LOG_WARNING);
	assert_true(pat_verdict_priority(&rotated) < pat_verdict_priority(&refused_one));
	for (int outcome = PAT_REFUSED_SUSPENDED; outcome <= PAT_REFUSED_HOST_NAME; outcome++) {
		struct pat_verdict other = verdict_of((enum pat_outcome)outcome);

		assert_int_equal(pat_verdict_priority(&other), LOG_NOTICE);
	}
	unstamped.stamp_error = PAT_E_BUSY;
	assert_int_equal(pat_verdict_priority(&none), LOG_CRIT);
	assert_true(pat_verdict_priority(&damaged) <= LOG_ERR);
	assert_in_range(pat_verdict_priority(&refused_one), LOG_WARNING, LOG_NOTICE);
	assert_in_range(pat_verdict_priority(&accepted), LOG_NOTICE, LOG_INFO);
	assert_true(pat_verdict_priority(&unstamped) < pat_verdict_priority(&accepted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_verify_test(an_accepted_token_is_logged_with_all_that_is_known),
		unit_verify_test(a_refused_token_is_logged_with_its_reason),
		unit_verify_test(the_scope_is_told_to_who_reads_the_log),
		unit_verify_test(each_outcome_has_its_detail),
		unit_verify_test(no_detail_tells_of_a_time_that_never_was),
		unit_verify_test(the_line_has_the_same_detail),
		unit_verify_test(what_went_wrong_on_the_way_is_told_in_the_line),
		unit_verify_test(a_detail_stays_within_its_buffer),
		unit_verify_test(an_unstamped_use_is_said_to_be_unstamped),
		unit_verify_test(missing_strings_are_logged_as_empty),
		unit_verify_test(no_line_holds_a_secret),
		unit_verify_test(hostile_text_is_escaped),
		unit_verify_test(a_token_in_place_of_a_name_is_logged_as_its_id),
		unit_verify_test(a_hostile_record_is_escaped_in_the_detail),
		unit_verify_test(long_text_cannot_push_the_reason_out_of_the_line),
		unit_verify_test(a_line_stays_within_its_buffer),
		unit_verify_test(what_needs_a_sysadmin_is_louder),
	};

	return unit_run(tests);
}
