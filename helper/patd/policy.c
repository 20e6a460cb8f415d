/* SPDX-License-Identifier: ISC */
#include "policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"
#include "policy_private.h"

#define SHOWN 200

/* A decision in the making: where the answer goes. */
struct decision {
	const struct policy_limits *limits;
	const struct policy_wish *wish;
	struct policy_terms *terms;
	const char **rule;
	char *message;
};

static int invalid(const struct decision *d, const char *parameter, const char *message)
{
	*d->rule = parameter;
	snprintf(d->message, POLICY_MESSAGE_MAX, "%s", message);
	return PAT_E_INVALID;
}

static int forbid(const struct decision *d, enum policy_key key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuses by a rule, and says where that is written. */
static int forbid(const struct decision *d, enum policy_key key, const char *format, ...)
{
	va_list arguments;
	size_t used;

	*d->rule = policy_key_name(key);
	va_start(arguments, format);
	vsnprintf(d->message, POLICY_MESSAGE_MAX - POLICY_ORIGIN_MAX - SHOWN / 2, format,
		  arguments);
	va_end(arguments);
	used = strlen(d->message);
	snprintf(d->message + used, POLICY_MESSAGE_MAX - used, " (%s, %s)", *d->rule,
		 d->limits->origin[key]);
	return PAT_E_ACCESS;
}

static int decide_user(const struct decision *d)
{
	char group[SHOWN];

	if (d->wish->for_root && !d->limits->allow_root)
		return forbid(d, POLICY_ALLOW_ROOT, "root may have no tokens here");
	switch (d->limits->denied_by) {
	case POLICY_DENY_GROUPS:
		return forbid(d, POLICY_DENY_GROUPS,
			      "members of the group %s may have no tokens here",
			      pat_escape(group, sizeof(group), d->limits->denied_group));
	case POLICY_ALLOW_USERS:
		return forbid(d, POLICY_ALLOW_USERS, "only some users may have tokens here");
	case POLICY_ALLOW_GROUPS:
		return forbid(d, POLICY_ALLOW_GROUPS,
			      "only members of some groups may have tokens here");
	default:
		return PAT_OK;
	}
}

static int check_service(const char *service, void *data)
{
	const struct decision *d = data;
	const struct policy_rules *rules = &d->limits->rules;
	char shown[SHOWN];

	if (pat_service_forbidden(service)) {
		*d->rule = "forbidden_services";
		snprintf(d->message, POLICY_MESSAGE_MAX,
			 "no token may be for the service %s, by which accounts or tokens are made "
			 "(always refused, see pat.conf(5))",
			 service);
		return PAT_E_ACCESS;
	}
	if (rules->any_service || pat_services_cover(rules->allowed_services, service))
		return 0;
	if (rules->allowed_services[0] == '\0')
		return forbid(d, POLICY_ALLOWED_SERVICES,
			      "the rules for different groups leave no service for tokens");
	return forbid(d, POLICY_ALLOWED_SERVICES,
		      "tokens here may not be for the service %s, only for: %s", service,
		      pat_escape(shown, sizeof(shown), rules->allowed_services));
}

/* Nothing is left of default_services within what is allowed. */
static int forbid_default(const struct decision *d)
{
	const struct policy_rules *rules = &d->limits->rules;
	char shown[SHOWN];
	bool any = rules->any_service || rules->allowed_services[0] == '\0';

	return forbid(d, POLICY_DEFAULT_SERVICES,
		      "there is no service that tokens are for by default: say which with "
		      "--service%s%s",
		      any ? "" : ": ",
		      any ? "" : pat_escape(shown, sizeof(shown), rules->allowed_services));
}

static int decide_services(const struct decision *d)
{
	const char *wanted = d->wish->services;
	char *services = d->terms->services;
	struct decision copy = *d;
	int error;

	if (wanted == NULL)
		wanted = d->limits->rules.default_services;
	if (wanted[0] == '\0')
		return forbid_default(d);
	services[0] = '\0';
	error = pat_services_add(services, wanted);
	if (error)
		return invalid(
			d, "services",
			error == PAT_E_TOOBIG
				? "too many services for one token"
				: "a service is the name of a file in /etc/pam.d, such as sshd");
	return pat_services_each(services, check_service, &copy);
}

/* Whether one of the sources says as good as nothing: a few of them would make up all addresses. */
static bool too_wide(const char *sources)
{
	enum { NARROW_4 = 8U, NARROW_6 = 16U };

	while (*sources != '\0') {
		size_t len = strcspn(sources, ",");
		const char *slash = memchr(sources, '/', len);
		bool is_6 = memchr(sources, ':', len) != NULL;

		if (slash != NULL && strtoul(slash + 1, NULL, 10) < (is_6 ? NARROW_6 : NARROW_4))
			return true;
		sources += len + (sources[len] == ',');
	}
	return false;
}

static int decide_sources(const struct decision *d)
{
	const char *wanted = d->wish->sources;
	char *sources = d->terms->sources;
	int error;

	sources[0] = '\0';
	if (wanted != NULL && wanted[0] != '\0') {
		error = pat_sources_add(sources, wanted);
		if (error)
			return invalid(
				d, "sources",
				error == PAT_E_TOOBIG
					? "too many sources for one token"
					: "a source is an address or network, such as "
					  "192.0.2.7, 192.0.2.0/24 or 2001:db8::/32, or local");
	}
	if (!d->limits->rules.require_from)
		return PAT_OK;
	if (sources[0] == '\0')
		return forbid(d, POLICY_REQUIRE_FROM,
			      "a token here must say where it is used from: --from with an "
			      "address, a network, or local");
	if (too_wide(sources))
		return forbid(d, POLICY_REQUIRE_FROM,
			      "a token here must say where it is used from: a network is /8 or "
			      "narrower, or /16 with IPv6");
	return PAT_OK;
}

static int decide_description(const struct decision *d)
{
	if (!d->limits->rules.require_description || d->wish->has_description)
		return PAT_OK;
	return forbid(d, POLICY_REQUIRE_DESCRIPTION,
		      "a token here needs a description: say with --description what it is for");
}

/* The wish as a point of time. A span cannot be asked for here: it would be by patd's clock and
 * zone, not by those of the caller. */
static int parse_expiry(const struct decision *d, int64_t *when)
{
	const char *text = d->wish->expires_at;

	if (text == NULL)
		text = d->limits->rules.default_lifetime;
	else if (strcmp(text, "never") != 0 && strchr(text, ':') == NULL)
		text = "";
	if (pat_when_parse(text, d->wish->now, when) != PAT_OK)
		return invalid(d, "expires_at",
			       "expires_at must be a time such as 2027-01-31T18:00:00Z, or never");
	if (*when != PAT_NEVER && *when <= d->wish->now)
		return invalid(d, "expires_at", "the time of expiry is past already");
	return PAT_OK;
}

/* Months are counted in the zone of who counts: the caller's summer may be our winter. */
#define ZONES (2 * 3600)

static int decide_expiry(const struct decision *d)
{
	const char *most = d->limits->rules.max_lifetime;
	int64_t when, latest;
	char text[PAT_LOCALTIME_MAX];
	int error = parse_expiry(d, &when);

	if (error)
		return error;
	d->terms->expires_at = when;
	if (strcmp(most, "none") == 0)
		return PAT_OK;
	if (pat_span_add(most, d->wish->now, &latest) != PAT_OK)
		return forbid(d, POLICY_MAX_LIFETIME,
			      "the longest life of a token is out of range");
	if (when != PAT_NEVER && when <= latest + ZONES)
		return PAT_OK;
	if (d->wish->expires_at == NULL) {
		d->terms->expires_at = latest;
		return PAT_OK;
	}
	return forbid(d, POLICY_MAX_LIFETIME, "a token here may live for %s at most, so until %s",
		      most, pat_localtime(text, latest));
}

int policy_decide(const struct policy_limits *limits, const struct policy_wish *wish,
		  struct policy_terms *terms, const char **rule, char message[POLICY_MESSAGE_MAX])
{
	static int (*const parts[])(const struct decision *d) = {
		decide_user, decide_services, decide_sources, decide_expiry, decide_description,
	};
	const struct decision d = {
		.limits = limits, .wish = wish, .terms = terms, .rule = rule, .message = message};
	int error = PAT_OK;

	memset(terms, 0, sizeof(*terms));
	terms->max_uses = wish->max_uses;
	message[0] = '\0';
	*rule = "";
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !error; i++)
		error = parts[i](&d);
	return error;
}

bool policy_may_verify(const struct policy *policy, const char *user)
{
	return policy_names_have(policy->verify_for, user);
}
