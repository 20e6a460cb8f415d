/* SPDX-License-Identifier: ISC */

/* Groups of PAM services, `@name`, and what lists of services have in common. */

#include <stdio.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"
#include "policy_private.h"

#define SHOWN 100

/* Which hold unless pat.conf has others of these names. sudo and polkit-1 are in neither: what
 * makes somebody root is to be asked for by its own name. */
static const struct {
	const char *name;
	const char *services;
} predefined[] = {
	{"remote", "sshd,remote,cockpit,vsftpd,ftp,proftpd,pure-ftpd,dovecot,imap,pop3,smtp,sieve,"
		   "nginx,apache2,httpd,postgresql,xrdp-sesman,openvpn"},
	{"local", "login,su,gdm-password,lightdm,lightdm-greeter,sddm,lxdm,xdm,wdm,greetd,kde,"
		  "gnome-screensaver,cinnamon-screensaver,mate-screensaver,xfce4-screensaver,"
		  "light-locker,xscreensaver,i3lock,swaylock,hyprlock,vlock,physlock,xlock"},
};

/* What `@name` stands for; NULL if there is no such group. */
static const char *find_group(const struct policy *policy, const char *name)
{
	for (unsigned i = 0; i < policy->service_groups_count; i++)
		if (strcmp(policy->service_groups[i].name, name) == 0)
			return policy->service_groups[i].services;
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++)
		if (strcmp(predefined[i].name, name) == 0)
			return predefined[i].services;
	return NULL;
}

int policy_service_groups(const struct policy *policy,
			  int (*each)(const struct policy_service_group *group, void *data),
			  void *data)
{
	struct policy_service_group group = {0};
	int answer = 0;

	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]) && !answer; i++) {
		if (find_group(policy, predefined[i].name) != predefined[i].services)
			continue;
		snprintf(group.name, sizeof(group.name), "%s", predefined[i].name);
		snprintf(group.services, sizeof(group.services), "%s", predefined[i].services);
		answer = each(&group, data);
	}
	for (unsigned i = 0; i < policy->service_groups_count && !answer; i++)
		answer = each(&policy->service_groups[i], data);
	return answer;
}

/* The name of a group follows the rules for those of services. */
static int group_name(const char *text, char name[PAT_SERVICE_MAX + 1])
{
	char list[PAT_SERVICES_MAX + 1] = "";
	int error = strchr(text, ',') ? PAT_E_INVALID : pat_services_add(list, text);

	if (!error)
		memcpy(name, list, strlen(list) + 1);
	return error;
}

/* Adds one name of `len` bytes, that of a service or of a group, which is left in `group`. */
static int add_one(const struct policy *policy, const char *text, size_t len,
		   char list[PAT_SERVICES_MAX + 1], char group[PAT_SERVICE_MAX + 1])
{
	char item[PAT_SERVICE_MAX + 2];
	const char *services = item;

	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	if (len >= sizeof(item))
		return PAT_E_INVALID;
	memcpy(item, text, len);
	item[len] = '\0';
	if (item[0] == '@') {
		int error = group_name(item + 1, group);

		if (error)
			return error;
		services = find_group(policy, group);
		if (services == NULL)
			return PAT_E_NOTFOUND;
	}
	return pat_services_add(list, services);
}

int policy_services(const struct policy *policy, const char *text, char list[PAT_SERVICES_MAX + 1],
		    char missing[PAT_SERVICE_MAX + 1])
{
	char sum[PAT_SERVICES_MAX + 1], group[PAT_SERVICE_MAX + 1];

	memcpy(sum, list, strlen(list) + 1);
	for (;;) {
		size_t len = strcspn(text, ",");
		int error = add_one(policy, text, len, sum, group);

		if (error == PAT_E_NOTFOUND && missing != NULL)
			memcpy(missing, group, strlen(group) + 1);
		if (error)
			return error;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	memcpy(list, sum, strlen(sum) + 1);
	return PAT_OK;
}

static int is_forbidden(const char *service, void *data)
{
	(void)data;
	return pat_service_forbidden(service);
}

void policy_define_services(struct policy *policy, unsigned line, const char *name,
			    const char *value, struct policy_complaint *complaint)
{
	struct policy_service_group group = {.line = line};
	char shown[SHOWN];

	pat_escape(shown, sizeof(shown), name);
	if (group_name(name, group.name) != PAT_OK) {
		policy_complain(complaint, line, "\"@%s\" is no name for a group of services",
				shown);
		return;
	}
	for (unsigned i = 0; i < policy->service_groups_count; i++)
		if (strcmp(policy->service_groups[i].name, group.name) == 0) {
			policy_complain(complaint, line, "@%s is defined in line %u already", shown,
					policy->service_groups[i].line);
			return;
		}
	if (strchr(value, '@') != NULL)
		policy_complain(complaint, line, "@%s must hold services, not groups of them",
				shown);
	else if (pat_services_add(group.services, value) != PAT_OK ||
		 pat_services_each(group.services, is_forbidden, NULL) != 0)
		policy_complain(complaint, line,
				"@%s must be PAM services with commas between, none of those that "
				"no token may be for",
				shown);
	else if (policy->service_groups_count == POLICY_SERVICE_GROUPS_MAX)
		policy_complain(complaint, line, "there are more than %d groups of services",
				POLICY_SERVICE_GROUPS_MAX);
	else
		policy->service_groups[policy->service_groups_count++] = group;
}

/* A list being made of the names of another that `outer` covers. */
struct cover {
	const char *outer;
	char *list;
};

static int add_if_covered(const char *service, void *data)
{
	const struct cover *cover = data;

	/* One that does not fit is left out, which allows less. */
	if (pat_services_cover(cover->outer, service))
		(void)pat_services_add(cover->list, service);
	return 0;
}

void policy_services_common(const char *one, const char *other, char both[PAT_SERVICES_MAX + 1])
{
	struct cover first = {.outer = other, .list = both};
	struct cover second = {.outer = one, .list = both};

	both[0] = '\0';
	pat_services_each(one, add_if_covered, &first);
	pat_services_each(other, add_if_covered, &second);
}

void policy_allow_common(struct policy_rules *rules, const struct policy_rules *other)
{
	char both[PAT_SERVICES_MAX + 1];

	if (other->any_service)
		return;
	if (rules->any_service)
		memcpy(both, other->allowed_services, sizeof(both));
	else
		policy_services_common(rules->allowed_services, other->allowed_services, both);
	rules->any_service = false;
	memcpy(rules->allowed_services, both, sizeof(both));
}
