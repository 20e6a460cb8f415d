/* SPDX-License-Identifier: ISC */
#include "mark.h"

#include <stdint.h>
#include <stdio.h>

#include "pat/token.h"

#define DATA_NAME "pam_pat_by_token"
#define ENV_NAME "PAM_PAT_ID"

/* Only its address counts: no memory to free, in whichever process the handle ends. */
static const char by_token;

bool mark_set(pam_handle_t *pamh, const char *id)
{
	char setting[sizeof(ENV_NAME) + 1 + PAT_ID_LEN];

	(void)snprintf(setting, sizeof(setting), ENV_NAME "=%s", id);
	return pam_putenv(pamh, setting) == PAM_SUCCESS &&
	       pam_set_data(pamh, DATA_NAME, (void *)(uintptr_t)&by_token, NULL) == PAM_SUCCESS;
}

void mark_clear(pam_handle_t *pamh)
{
	/* libpam logs an error when asked to delete what is not there. */
	if (mark_in_environment(pamh))
		(void)pam_putenv(pamh, ENV_NAME);
	if (mark_is_set(pamh))
		(void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
}

bool mark_is_set(pam_handle_t *pamh)
{
	const void *data;

	return pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS && data == &by_token;
}

bool mark_in_environment(pam_handle_t *pamh)
{
	return pam_getenv(pamh, ENV_NAME) != NULL;
}
