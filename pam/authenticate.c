/* SPDX-License-Identifier: ISC */

/*
 * The authentication phase.
 *
 * MUST:
 *  - never return PAM_IGNORE: beside a module that always succeeds, that would let anyone in;
 *  - return PAM_AUTHINFO_UNAVAIL for what is not token-shaped, at once, without touching the store;
 *  - return PAM_AUTH_ERR for what is token-shaped and wrong, whatever is wrong with it, and log
 * why;
 *  - refuse every token in the service `patd`, by which tokens are minted;
 *  - open the store only where real, effective and saved uid are all 0: whoever may stop or starve
 *    the process must not hold a lock of the store in it;
 *  - change nothing of the process, keep no secret, and wait no longer than WAIT_MS.
 */

#include <errno.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "ask.h"
#include "export.h"
#include "mark.h"
#include "options.h"
#include "pat/error.h"
#include "pat/text.h"
#include "pat/token.h"
#include "pat/verify.h"
#include "process.h"

#define WAIT_MS 2000
#define MINT_SERVICE "patd"

static const char *item(pam_handle_t *pamh, int type)
{
	const void *value = NULL;

	return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value != NULL ? value : "";
}

static void log_verdict(pam_handle_t *pamh, const struct pat_attempt *attempt,
			const struct pat_verdict *verdict, const char *behind)
{
	char line[PAT_LOG_LINE_MAX];

	pam_syslog(pamh, pat_verdict_priority(verdict), "%s%s",
		   pat_verdict_line(line, sizeof(line), attempt, verdict), behind);
}

/* What was decided here is logged here. */
static int decided(pam_handle_t *pamh, const struct pat_attempt *attempt,
		   const struct pat_verdict *verdict, struct mark *mark)
{
	log_verdict(pamh, attempt, verdict, "");
	mark->expires_at = verdict->grant.expires_at;
	memcpy(mark->name, verdict->grant.name, sizeof(mark->name));
	return verdict->outcome == PAT_ACCEPTED ? PAM_SUCCESS : PAM_AUTH_ERR;
}

/*
 * Has patd decide. It logs the decision with its reason, which it tells nobody; what is for us to
 * log is that there was none. `direct` is why we did not decide ourselves.
 */
static int verify_through_patd(pam_handle_t *pamh, const struct options *options,
			       const struct pat_attempt *attempt, pat_deadline deadline,
			       struct pat_verdict *direct, struct mark *mark)
{
	struct pat_wire_reply reply = {0};
	char behind[200], why[100];
	int error = PAT_E_BUSY, saved;

	/* Not with a deadline that has passed: patd would accept, and log, a login that is refused.
	 */
	if (!pat_deadline_passed(deadline))
		error = ask_patd(options->socket, attempt, deadline, &reply);
	saved = errno;
	if (!error && reply.result == PAT_WIRE_ACCEPTED) {
		mark->expires_at = reply.expires_at;
		memcpy(mark->name, reply.name, sizeof(mark->name));
		return PAM_SUCCESS;
	}
	if (!error && reply.result == PAT_WIRE_REFUSED)
		return PAM_AUTH_ERR;
	if (error == PAT_E_TOOBIG) {
		direct->outcome = PAT_REFUSED_NO_USER;
		log_verdict(pamh, attempt, direct, " detail=\"user or service too long\"");
		return PAM_AUTH_ERR;
	}
	/* patd could have stamped it, where only this process sees the file system read-only. */
	if (pat_verdict_read_only(direct) && !pat_deadline_passed(deadline)) {
		struct pat_verdict unstamped;

		pat_verify_read_only(options->store, attempt, (int64_t)time(NULL), deadline,
				     &unstamped);
		if (unstamped.outcome != PAT_UNAVAILABLE)
			return decided(pamh, attempt, &unstamped, mark);
	}
	(void)snprintf(behind, sizeof(behind), " patd=\"%s%s%s\"",
		       error ? pat_error_text(error) : "cannot verify either",
		       error == PAT_E_IO ? ": " : "",
		       error == PAT_E_IO ? strerror_r(saved, why, sizeof(why)) : "");
	log_verdict(pamh, attempt, direct, behind);
	return PAM_SYSTEM_ERR;
}

static int verify(pam_handle_t *pamh, const struct options *options,
		  const struct pat_attempt *attempt, struct mark *mark)
{
	struct pat_verdict verdict = {.outcome = PAT_UNAVAILABLE, .error = PAT_E_ACCESS};
	pat_deadline deadline = pat_deadline_in(WAIT_MS);

	if (process_is_root()) {
		pat_verify(options->store, attempt, (int64_t)time(NULL), deadline, &verdict);
		if (verdict.outcome != PAT_UNAVAILABLE)
			return decided(pamh, attempt, &verdict, mark);
	} else {
		pat_token_id(attempt->token, verdict.id);
	}
	if (options->debug)
		pam_syslog(pamh, LOG_DEBUG, "asking patd: %s", pat_error_text(verdict.error));
	return verify_through_patd(pamh, options, attempt, deadline, &verdict, mark);
}

/* Refuses without looking anything up. */
static int refuse(pam_handle_t *pamh, const struct pat_attempt *attempt, enum pat_outcome outcome,
		  const char *behind)
{
	struct pat_verdict verdict = {.outcome = outcome};

	pat_token_id(attempt->token, verdict.id);
	log_verdict(pamh, attempt, &verdict, behind);
	return PAM_AUTH_ERR;
}

static int judge(pam_handle_t *pamh, const struct options *options, const char *user,
		 const char *input)
{
	struct pat_token token;
	struct pat_attempt attempt = {
		.token = &token,
		.user = user,
		.service = item(pamh, PAM_SERVICE),
		.rhost = item(pamh, PAM_RHOST),
		.tty = item(pamh, PAM_TTY),
	};
	struct mark mark = {.expires_at = 0};
	int answer;

	switch (pat_token_parse(input, &token)) {
	case PAT_FORM_OTHER:
		if (options->debug)
			pam_syslog(pamh, LOG_DEBUG, "no token: left to the next module");
		return PAM_AUTHINFO_UNAVAIL;
	case PAT_FORM_BAD_CHECKSUM:
		answer = refuse(pamh, &attempt, PAT_REFUSED_CHECKSUM, "");
		break;
	default:
		if (strcmp(attempt.service, MINT_SERVICE) == 0)
			answer = refuse(pamh, &attempt, PAT_REFUSED_SERVICE,
					" detail=\"a token never mints a token\"");
		else
			answer = verify(pamh, options, &attempt, &mark);
	}
	if (answer == PAM_SUCCESS) {
		pat_token_id(&token, mark.id);
		if (!mark_set(pamh, &mark)) {
			pam_syslog(pamh, LOG_CRIT, "refused token id=%s after all: out of memory",
				   mark.id);
			answer = PAM_SYSTEM_ERR;
		}
	}
	pat_token_wipe(&token);
	return answer;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct options options;
	const char *user = NULL, *input = NULL;
	int answer;

	(void)flags;
	/* The same handle may authenticate more than once: sudo tries three times. */
	mark_clear(pamh);
	if (!options_parse(pamh, argc, argv, &options))
		return PAM_SERVICE_ERR;
	answer = pam_get_user(pamh, &user, NULL);
	if (answer == PAM_SUCCESS)
		answer = pam_get_authtok(pamh, PAM_AUTHTOK, &input, options.prompt);
	if (answer == PAM_CONV_AGAIN)
		return PAM_INCOMPLETE;
	if (answer == PAM_IGNORE)
		return PAM_AUTH_ERR;
	if (answer != PAM_SUCCESS)
		return answer;
	if (user == NULL || input == NULL)
		return PAM_AUTHINFO_UNAVAIL;
	return judge(pamh, &options, user, input);
}
