/* SPDX-License-Identifier: ISC */
#include "pat/service.h"

#include <string.h>

#include "list.h"
#include "pat/error.h"

_Static_assert(PAT_SERVICES_MAX == LIST_MAX && PAT_SERVICE_MAX == LIST_NAME_MAX,
	       "a list of services is a list");

/* Debian's and Fedora's tools that change accounts, and our own door. */
static const char *const forbidden[] = {
	"patd", "passwd", "chpasswd", "chfn", "chsh", "useradd", "usermod", "userdel", "chage",
};

/* A scope that people mean to hold for a second service of the same program. */
static const struct {
	const char *scope;
	const char *also;
} families[] = {
	{"sudo", "sudo-i"},
	{"su", "su-l"},
};

static int name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '+' || c == '-';
}

/* Copies one name of `len` bytes in lower case, without the white space around it. */
static int normalise(char name[PAT_SERVICE_MAX + 1], const char *text, size_t len)
{
	text = list_trim(text, &len);
	if (len == 0 || len > PAT_SERVICE_MAX)
		return PAT_E_INVALID;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!name_character(c))
			return PAT_E_INVALID;
		name[i] = c;
	}
	name[len] = '\0';
	if (name[0] == '.' || name[0] == '+' || name[0] == '-')
		return PAT_E_INVALID;
	return PAT_OK;
}

int pat_services_add(char list[PAT_SERVICES_MAX + 1], const char *text)
{
	return list_add_all(list, text, normalise);
}

bool pat_services_cover(const char *list, const char *service)
{
	if (*service == '\0')
		return false;
	if (list_has(list, service))
		return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(service, families[i].also) == 0)
			return list_has(list, families[i].scope);
	return false;
}

int pat_services_each(const char *list, int (*each)(const char *service, void *data), void *data)
{
	char name[PAT_SERVICE_MAX + 1];

	for (; *list != '\0'; list = list_next(list)) {
		size_t len = list_len(list);
		int answer;

		if (len > PAT_SERVICE_MAX)
			return PAT_E_TOOBIG;
		memcpy(name, list, len);
		name[len] = '\0';
		answer = each(name, data);
		if (answer != 0)
			return answer;
	}
	return 0;
}

static int is_outside(const char *service, void *data)
{
	const char *const *outer = data;

	return !pat_services_cover(*outer, service);
}

bool pat_services_within(const char *inner, const char *outer)
{
	return pat_services_each(inner, is_outside, &outer) == 0;
}

bool pat_service_forbidden(const char *service)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (strcmp(service, forbidden[i]) == 0)
			return true;
	return false;
}
