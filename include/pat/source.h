/* SPDX-License-Identifier: ISC */
#ifndef PAT_SOURCE_H
#define PAT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Lists of where a token may be presented from: IPv4 and IPv6 addresses and networks, and `local`
 * for no remote host at all. As text, with commas between, each in its one canonical form, in the
 * order given, without doubles: "192.0.2.0/24,2001:db8::/32,local". An empty list is anywhere.
 */

#define PAT_SOURCES_MAX 511 /* bytes of a list */
#define PAT_SOURCE_LOCAL "local"

/*
 * Adds the comma-separated sources in `text` to `list` (NUL-terminated, PAT_SOURCES_MAX + 1 bytes).
 * White space around one is taken off. An address is its own network (/32, /128, which are not
 * written); bits beyond the prefix length must be zero; an IPv4-mapped IPv6 address or network (RFC
 * 4291, 2.5.5.2; /96 or longer) becomes the IPv4 one; a zone id is refused, because it means
 * something else on another interface. PAT_E_INVALID for what is none; PAT_E_TOOBIG. `list` is then
 * unchanged.
 */
int pat_sources_add(char list[PAT_SOURCES_MAX + 1], const char *text);

enum pat_source_match {
	PAT_SOURCE_IN,      /* from one of them, or the list is empty */
	PAT_SOURCE_OUT,     /* from elsewhere */
	PAT_SOURCE_UNKNOWN, /* a host name, or anything but an address: it cannot be told, so no */
};

/*
 * Whether `rhost`, as PAM_RHOST has it (NULL or "": no remote host), is in the list. It must be a
 * numeric address, with a zone id or without, mapped or not; a name is never looked up.
 */
enum pat_source_match pat_sources_match(const char *list, const char *rhost);

/* True if each source of `inner` lies within one of `outer`: what narrowing means. An empty `outer`
 * holds everything; an empty `inner` lies only in that. */
bool pat_sources_within(const char *inner, const char *outer);

#endif
