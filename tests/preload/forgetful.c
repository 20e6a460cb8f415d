/* SPDX-License-Identifier: ISC */

/* For LD_PRELOAD: a libpam whose function of the name in $PAT_FORGETS finds no memory. */

#include <dlfcn.h>
#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static bool forgets(const char *name)
{
	const char *which = getenv("PAT_FORGETS");

	return which != NULL && strcmp(which, name) == 0;
}

EXPORT int pam_putenv(pam_handle_t *pamh, const char *name_value)
{
	static __typeof__(&pam_putenv) next;

	if (forgets("pam_putenv"))
		return PAM_BUF_ERR;
	if (next == NULL)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "pam_putenv");
	return next(pamh, name_value);
}

EXPORT int pam_set_data(pam_handle_t *pamh, const char *name, void *data,
			void (*cleanup)(pam_handle_t *pamh, void *data, int status))
{
	static __typeof__(&pam_set_data) next;

	/* Others may keep what they want: it is asked for by the module under test alone. */
	if (forgets("pam_set_data") && data != NULL)
		return PAM_BUF_ERR;
	if (next == NULL)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "pam_set_data");
	return next(pamh, name, data, cleanup);
}
