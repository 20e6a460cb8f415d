/* SPDX-License-Identifier: ISC */
#ifndef PAT_SERVICE_H
#define PAT_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * PAM service names, and lists of them: what a token is scoped to. A list is names with commas
 * between them, in the order given, without doubles: "sshd,sudo".
 */

#define PAT_SERVICE_MAX 63   /* bytes of one name */
#define PAT_SERVICES_MAX 511 /* bytes of a list */

/*
 * Adds the comma-separated names in `text` to `list` (NUL-terminated, PAT_SERVICES_MAX + 1 bytes).
 * White space around a name is taken off, upper case becomes lower case, as libpam has it, and a
 * name that is in the list already is passed over. PAT_E_INVALID when a name is empty, longer
 * than PAT_SERVICE_MAX, or has other characters than [a-z0-9._+-] or begins with one of `.+-`;
 * PAT_E_TOOBIG when the list would be too long. `list` is then unchanged.
 */
int pat_services_add(char list[PAT_SERVICES_MAX + 1], const char *text);

/* True if `service` is in `list`. `sudo` covers sudo-i, and `su` covers su-l. */
bool pat_services_cover(const char *list, const char *service);

/* True if `outer` covers each name in `inner`: what narrowing means. */
bool pat_services_within(const char *inner, const char *outer);

/*
 * Calls `each` for every name in `list`, in order, until it returns other than 0; returns that, or
 * 0.
 */
int pat_services_each(const char *list, int (*each)(const char *service, void *data), void *data);

/*
 * True for the services that no token may ever open: those that change an account or its
 * password, and `patd`, by which tokens are minted.
 */
bool pat_service_forbidden(const char *service);

#endif
