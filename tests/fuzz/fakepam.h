/* SPDX-License-Identifier: ISC */
#ifndef FAKEPAM_H
#define FAKEPAM_H

/*
 * libpam as a module sees it, quick, without files, and failing where the input says so.
 * Definitions: a fuzzer includes this once, and is then linked with no other.
 */

#include "world.h"

#include <security/pam_ext.h>
#include <security/pam_modules.h>

/* What pam_start() would make. */
struct pam_handle {
	char *items[PAM_AUTHTOK_TYPE + 1]; /* freed by who made them */
	const char *reply;                 /* to the prompt; NULL: none */
	int user_answer, authtok_answer;   /* of pam_get_user(), pam_get_authtok() */
	char environment[64];
	void *data;
	void (*cleanup)(pam_handle_t *pamh, void *data, int status);
	char said[512]; /* to the user */
};

static UNUSED void fakepam_end(struct pam_handle *pamh)
{
	if (pamh->data != NULL)
		pamh->cleanup(pamh, pamh->data, 0);
	pamh->data = NULL;
}

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	*item = NULL;
	if (fails() || type < 0 || type > PAM_AUTHTOK_TYPE)
		return PAM_SYSTEM_ERR;
	*item = pamh->items[type];
	return PAM_SUCCESS;
}

int pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt)
{
	(void)prompt;
	if (fails())
		return PAM_CONV_ERR;
	if (pamh->user_answer == PAM_SUCCESS)
		*user = pamh->items[PAM_USER];
	return pamh->user_answer;
}

int pam_get_authtok(pam_handle_t *pamh, int item, const char **authtok, const char *prompt)
{
	(void)prompt;
	HOLDS(item == PAM_AUTHTOK);
	if (fails())
		return PAM_AUTHTOK_ERR;
	if (pamh->authtok_answer == PAM_SUCCESS)
		*authtok = pamh->reply;
	return pamh->authtok_answer;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data,
		 void (*cleanup)(pam_handle_t *pamh, void *data, int status))
{
	HOLDS(strcmp(name, "pam_pat_mark") == 0);
	/* Taking away what is there cannot fail. */
	if (data != NULL && fails())
		return PAM_BUF_ERR;
	fakepam_end(pamh);
	pamh->data = data;
	pamh->cleanup = cleanup;
	return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **data)
{
	(void)name;
	if (pamh->data == NULL || fails())
		return PAM_NO_MODULE_DATA;
	*data = pamh->data;
	return PAM_SUCCESS;
}

int pam_putenv(pam_handle_t *pamh, const char *setting)
{
	static const char name[] = "PAM_PAT_ID";

	HOLDS(strncmp(setting, name, strlen(name)) == 0);
	setting += strlen(name);
	if (setting[0] != '\0' && fails())
		return PAM_BUF_ERR;
	HOLDS(setting[0] == '\0' || (setting[0] == '=' && pat_id_valid(setting + 1)));
	snprintf(pamh->environment, sizeof(pamh->environment), "%s", setting[0] ? setting + 1 : "");
	return PAM_SUCCESS;
}

const char *pam_getenv(pam_handle_t *pamh, const char *name)
{
	HOLDS(strcmp(name, "PAM_PAT_ID") == 0);
	return pamh->environment[0] ? pamh->environment : NULL;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	va_list arguments;

	(void)pamh;
	(void)priority;
	va_start(arguments, format);
	look_at_log(format, arguments);
	va_end(arguments);
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list arguments;

	HOLDS(style == PAM_TEXT_INFO && response == NULL);
	if (fails())
		return PAM_CONV_ERR;
	va_start(arguments, format);
	HOLDS(vsnprintf(pamh->said, sizeof(pamh->said), format, arguments) > 0);
	va_end(arguments);
	HOLDS(is_printable(pamh->said, strlen(pamh->said)));
	return PAM_SUCCESS;
}

#endif
