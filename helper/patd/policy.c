/* SPDX-License-Identifier: ISC */
#include "policy.h"

#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"

#define SHOWN 200

/* A decision in the making: where the answer goes. */
struct decision {
	const struct policy *policy;
	const struct policy_wish *wish;
	struct policy_terms *terms;
	const char **rule;
	char *message;
};

static int refuse(const struct decision *d, int error, const char *rule)
{
	*d->rule = rule;
	return error;
}

static int check_service(const char *service, void *data)
{
	const struct decision *d = data;
	const char *allowed = d->policy->allowed_services;
	char shown[SHOWN];

	if (pat_service_forbidden(service)) {
		snprintf(d->message, POLICY_MESSAGE_MAX,
			 "no token may be for the service %s, by which accounts or tokens are made",
			 service);
		return refuse(d, PAT_E_ACCESS, "forbidden_services");
	}
	if (allowed[0] != '\0' && !pat_services_cover(allowed, service)) {
		snprintf(d->message, POLICY_MESSAGE_MAX,
			 "tokens here may not be for the service %s, only for: %s", service,
			 pat_escape(shown, sizeof(shown), allowed));
		return refuse(d, PAT_E_ACCESS, "allowed_services");
	}
	return 0;
}

static int decide_services(struct decision *d)
{
	const char *wanted = d->wish->services;
	int error;

	if (wanted == NULL)
		wanted = d->policy->default_services;
	d->terms->services[0] = '\0';
	error = pat_services_add(d->terms->services, wanted);
	if (error) {
		snprintf(d->message, POLICY_MESSAGE_MAX,
			 error == PAT_E_TOOBIG
				 ? "too many services for one token"
				 : "a service is the name of a file in /etc/pam.d, such as sshd");
		return refuse(d, PAT_E_INVALID, "services");
	}
	return pat_services_each(d->terms->services, check_service, d);
}

/* The wish as a point of time. A span cannot be asked for here: it would be by patd's clock and
 * zone, not by those of the caller. */
static int parse_expiry(const struct decision *d, int64_t *when)
{
	const char *text = d->wish->expires_at;
	int error;

	if (text == NULL)
		text = d->policy->default_lifetime;
	else if (strcmp(text, "never") != 0 && strchr(text, ':') == NULL)
		text = "";
	error = pat_when_parse(text, d->wish->now, when);
	if (error) {
		snprintf(d->message, POLICY_MESSAGE_MAX,
			 "expires_at must be a time such as 2027-01-31T18:00:00Z, or never");
		return refuse(d, PAT_E_INVALID, "expires_at");
	}
	if (*when != PAT_NEVER && *when <= d->wish->now) {
		snprintf(d->message, POLICY_MESSAGE_MAX, "the time of expiry is past already");
		return refuse(d, PAT_E_INVALID, "expires_at");
	}
	return PAT_OK;
}

/* Months are counted in the zone of who counts: the caller's summer may be ours' winter. */
#define ZONES (2 * 3600)

static int decide_expiry(struct decision *d)
{
	const struct policy *policy = d->policy;
	int64_t when, latest;
	char text[PAT_LOCALTIME_MAX];
	int error = parse_expiry(d, &when);

	if (error)
		return error;
	d->terms->expires_at = when;
	if (strcmp(policy->max_lifetime, "none") == 0)
		return PAT_OK;
	error = pat_span_add(policy->max_lifetime, d->wish->now, &latest);
	if (error)
		return refuse(d, error, "max_lifetime");
	if (when != PAT_NEVER && when <= latest + ZONES)
		return PAT_OK;
	if (d->wish->expires_at == NULL) {
		d->terms->expires_at = latest;
		return PAT_OK;
	}
	snprintf(d->message, POLICY_MESSAGE_MAX,
		 "a token here may live for %s at most, so until %s", policy->max_lifetime,
		 pat_localtime(text, latest));
	return refuse(d, PAT_E_ACCESS, "max_lifetime");
}

int policy_decide(const struct policy *policy, const struct policy_wish *wish,
		  struct policy_terms *terms, const char **rule, char message[POLICY_MESSAGE_MAX])
{
	struct decision d = {
		.policy = policy, .wish = wish, .terms = terms, .rule = rule, .message = message};
	int error;

	memset(terms, 0, sizeof(*terms));
	message[0] = '\0';
	*rule = "";
	if (wish->for_root && !policy->allow_root) {
		snprintf(message, POLICY_MESSAGE_MAX,
			 "root may have no tokens here (allow_root in pat.conf)");
		return refuse(&d, PAT_E_ACCESS, "allow_root");
	}
	error = decide_services(&d);
	return error ? error : decide_expiry(&d);
}

bool policy_may_verify(const struct policy *policy, const char *user)
{
	size_t len = strlen(user);

	for (const char *name = policy->verify_for; *name != '\0';) {
		size_t n = strcspn(name, " ");

		if (n == len && strncmp(name, user, n) == 0)
			return true;
		name += n;
		name += *name == ' ';
	}
	return false;
}
