/* SPDX-License-Identifier: ISC */
#include "policy_cache.h"

#include <stddef.h>

#include "pat/error.h"
#include "policy_private.h"

const struct policy *policy_current(const char *path, char fault[POLICY_FAULT_MAX])
{
	/* Larger than a stack should have, with all sections and groups that a file may have. */
	static struct policy policy;
	static struct policy_stamp stamp;

	return policy_reload(path, &stamp, &policy, fault) == PAT_OK ? &policy : NULL;
}
