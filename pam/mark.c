/* SPDX-License-Identifier: ISC */
#include "mark.h"

#include <stdlib.h>
#include <string.h>

#include "pat/token.h"

#define DATA_NAME "pam_pat_mark"
#define ENV_NAME "PAM_PAT_ID"

static void release(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

bool mark_set(pam_handle_t *pamh, const struct mark *mark)
{
	char setting[sizeof(ENV_NAME) + 1 + PAT_ID_LEN] = ENV_NAME "=";
	struct mark *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		return false;
	*kept = *mark;
	if (pam_set_data(pamh, DATA_NAME, kept, release) != PAM_SUCCESS) {
		free(kept);
		return false;
	}
	memcpy(setting + sizeof(ENV_NAME), mark->id, PAT_ID_LEN);
	if (pam_putenv(pamh, setting) == PAM_SUCCESS)
		return true;
	/* The phases behind must not take for a login by token what failed. */
	(void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
	return false;
}

void mark_clear(pam_handle_t *pamh)
{
	/* libpam logs an error when asked to delete what is not there. */
	if (pam_getenv(pamh, ENV_NAME) != NULL)
		(void)pam_putenv(pamh, ENV_NAME);
	if (mark_get(pamh) != NULL)
		(void)pam_set_data(pamh, DATA_NAME, NULL, NULL);
}

const struct mark *mark_get(pam_handle_t *pamh)
{
	const void *data = NULL;

	return pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS ? data : NULL;
}

const char *mark_id_in_environment(pam_handle_t *pamh)
{
	const char *id = pam_getenv(pamh, ENV_NAME);

	return id != NULL && pat_id_valid(id) ? id : NULL;
}
