/* SPDX-License-Identifier: ISC */

/* A PAM module, for stacks of the tests: whatever is answered, it has been bob, as the map of names
 * of a directory may have it. */

#include <dlfcn.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))
/* libpam's, of the program that has loaded this. */
#define PAM(name) ((__typeof__(&name))dlsym(RTLD_DEFAULT, #name))

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *answer;

	(void)flags;
	(void)argc;
	(void)argv;
	if (PAM(pam_get_authtok)(pamh, PAM_AUTHTOK, &answer, NULL) != PAM_SUCCESS)
		return PAM_AUTH_ERR;
	return PAM(pam_set_item)(pamh, PAM_USER, "bob");
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
