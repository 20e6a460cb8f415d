/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/verify.h"
#include "pat/when.h"

/* What the fields of a line are cut to: hostile ones must not push the reason out of it. */
#define SHOWN 200

const char *pat_outcome_text(enum pat_outcome outcome)
{
	switch (outcome) {
	case PAT_ACCEPTED:
		return "accepted";
	case PAT_REFUSED_CHECKSUM:
		return "checksum";
	case PAT_REFUSED_UNKNOWN:
		return "unknown";
	case PAT_REFUSED_SECRET:
		return "secret";
	case PAT_REFUSED_REVOKED:
		return "revoked";
	case PAT_REFUSED_EXPIRED:
		return "expired";
	case PAT_REFUSED_NO_USER:
		return "no-user";
	case PAT_REFUSED_OTHER_USER:
		return "other-user";
	case PAT_REFUSED_FORMER_USER:
		return "former-user";
	case PAT_REFUSED_LOCKED:
		return "locked";
	case PAT_REFUSED_SERVICE:
		return "service";
	case PAT_REFUSED_DAMAGED:
		return "damaged";
	case PAT_REFUSED_PEER:
		return "peer";
	case PAT_REFUSED_ROTATED:
		return "rotated";
	case PAT_REFUSED_SUSPENDED:
		return "suspended";
	case PAT_REFUSED_SPENT:
		return "spent";
	case PAT_REFUSED_SOURCE:
		return "source";
	case PAT_REFUSED_HOST_NAME:
		return "host-name";
	case PAT_UNAVAILABLE:
		break;
	}
	return "unavailable";
}

int pat_verdict_priority(const struct pat_verdict *verdict)
{
	switch (verdict->outcome) {
	case PAT_ACCEPTED:
		return verdict->stamp_error ? LOG_WARNING : LOG_INFO;
	case PAT_REFUSED_DAMAGED:
	case PAT_UNAVAILABLE:
		return LOG_CRIT;
	case PAT_REFUSED_ROTATED:
		return LOG_WARNING;
	default:
		return LOG_NOTICE;
	}
}

/* Since when, where that is still known: a token may have been resumed. */
static void since(char *dst, size_t size, int64_t when)
{
	char time[PAT_RFC3339_MAX];

	if (when != 0)
		snprintf(dst, size, "since %s", pat_rfc3339(time, when));
}

char *pat_outcome_detail(char *dst, size_t size, enum pat_outcome outcome,
			 const struct pat_grant *grant)
{
	char text[SHOWN];

	dst[0] = '\0';
	switch (outcome) {
	case PAT_REFUSED_REVOKED:
		since(dst, size, grant->revoked_at);
		break;
	case PAT_REFUSED_EXPIRED:
		since(dst, size, grant->expires_at);
		break;
	case PAT_REFUSED_ROTATED:
		snprintf(dst, size, "token %s took its place: this one was kept, or has leaked",
			 grant->successor);
		break;
	case PAT_REFUSED_SUSPENDED:
		since(dst, size, grant->suspended_at);
		break;
	case PAT_REFUSED_SPENT:
		snprintf(dst, size, "it was good for %u", (unsigned)grant->max_uses);
		break;
	case PAT_REFUSED_OTHER_USER:
		snprintf(dst, size, "it belongs to %s",
			 pat_escape(text, sizeof(text), grant->user));
		break;
	case PAT_REFUSED_FORMER_USER:
		snprintf(dst, size, "uid %u was %s when it was minted", (unsigned)grant->uid,
			 pat_escape(text, sizeof(text), grant->user));
		break;
	case PAT_REFUSED_SERVICE:
		snprintf(dst, size, "scope is %s", pat_escape(text, sizeof(text), grant->services));
		break;
	case PAT_REFUSED_SOURCE:
		snprintf(dst, size, "good from %s", pat_escape(text, sizeof(text), grant->sources));
		break;
	case PAT_REFUSED_HOST_NAME:
		snprintf(dst, size, "rhost is no address (for sshd, set UseDNS no); good from %s",
			 pat_escape(text, sizeof(text), grant->sources));
		break;
	default:
		break;
	}
	return dst;
}

/* The same for what only the log has: a verdict also tells what went wrong on the way. */
static void explain(char *dst, size_t size, const struct pat_verdict *verdict)
{
	char text[SHOWN];

	dst[0] = '\0';
	switch (verdict->outcome) {
	case PAT_ACCEPTED:
		if (verdict->stamp_error)
			snprintf(dst, size, "its use could not be stamped: %s",
				 pat_error_text(verdict->stamp_error));
		break;
	case PAT_REFUSED_DAMAGED:
		snprintf(dst, size, "%s", pat_error_text(verdict->error));
		break;
	case PAT_UNAVAILABLE:
		snprintf(dst, size, "%s%s%s", pat_error_text(verdict->error),
			 verdict->system_error ? ": " : "",
			 verdict->system_error
				 ? strerror_r(verdict->system_error, text, sizeof(text))
				 : "");
		break;
	default:
		pat_outcome_detail(dst, size, verdict->outcome, &verdict->grant);
	}
}

/* What came from outside. Some type their token where their name is asked for. */
static const char *input(char dst[SHOWN], const char *text)
{
	return text ? pat_escape_part(dst, SHOWN, text, pat_token_public_part(text)) : "";
}

char *pat_verdict_line(char *dst, size_t size, const struct pat_attempt *attempt,
		       const struct pat_verdict *verdict)
{
	char name[SHOWN], user[SHOWN], service[SHOWN], rhost[SHOWN], tty[SHOWN];
	char detail[2 * SHOWN], why[3 * SHOWN] = "";
	bool accepted = verdict->outcome == PAT_ACCEPTED;
	size_t used = 0;

	explain(detail, sizeof(detail), verdict);
	/* Of an id that there is not, pat_store_look_up() has made up a name: the work is the same.
	 */
	pat_escape(name, sizeof(name), verdict->grant.name);
	if (!verdict->found)
		name[0] = '\0';
	if (!accepted)
		used = (size_t)snprintf(why, sizeof(why), " reason=%s",
					pat_outcome_text(verdict->outcome));
	if (detail[0] != '\0')
		snprintf(why + used, sizeof(why) - used, " detail=\"%s\"", detail);
	snprintf(dst, size,
		 "%s token id=%s name=\"%s\" user=\"%s\" service=\"%s\" rhost=\"%s\" tty=\"%s\"%s",
		 accepted ? "accepted" : "refused", verdict->id, name, input(user, attempt->user),
		 input(service, attempt->service), input(rhost, attempt->rhost),
		 input(tty, attempt->tty), why);
	return dst;
}
