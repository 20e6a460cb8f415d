/* SPDX-License-Identifier: ISC */
#include "pat/source.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "list.h"
#include "pat/error.h"

/* Of one source as text: the longest address, `/128` and the NUL. */
#define SOURCE_SIZE (INET6_ADDRSTRLEN + 4)

_Static_assert(PAT_SOURCES_MAX == LIST_MAX && SOURCE_SIZE <= LIST_NAME_MAX + 1,
	       "a list of sources is a list");

/* ::ffff:0:0/96, RFC 4291, 2.5.5.2. */
static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* A network, or no remote host at all. The address is in network order, zero beyond `bits`. */
struct source {
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC for `local` */
	unsigned bits;
	unsigned char address[16];
};

static unsigned width(const struct source *source)
{
	return source->family == AF_INET ? 32 : 128;
}

/* An IPv4-mapped IPv6 address or network becomes the IPv4 one that it stands for. */
static void unmap(struct source *source)
{
	if (source->family != AF_INET6 || source->bits < 96 ||
	    memcmp(source->address, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	source->family = AF_INET;
	source->bits -= 96;
	memmove(source->address, source->address + 12, 4);
	memset(source->address + 4, 0, 12);
}

/* A numeric address without anything around it. */
static bool parse_address(const char *text, struct source *source)
{
	memset(source, 0, sizeof(*source));
	if (inet_pton(AF_INET, text, source->address) == 1)
		source->family = AF_INET;
	else if (inet_pton(AF_INET6, text, source->address) == 1)
		source->family = AF_INET6;
	else
		return false;
	source->bits = width(source);
	return true;
}

/* A prefix length: digits alone, and none too many. */
static bool parse_bits(const char *text, unsigned most, unsigned *bits)
{
	size_t len = strlen(text);

	if (len == 0 || len > 3 || (text[0] == '0' && len > 1))
		return false;
	*bits = 0;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(*text - '0');
	}
	return *bits <= most;
}

/* The mask of the byte at `i` in a prefix of `bits`. */
static unsigned char mask(unsigned bits, unsigned i)
{
	if (bits >= 8 * (i + 1))
		return 0xff;
	return bits <= 8 * i ? 0 : (unsigned char)(0xff00 >> (bits - 8 * i));
}

static bool is_network(const struct source *source)
{
	for (unsigned i = 0; i < sizeof(source->address); i++)
		if (source->address[i] & (unsigned char)~mask(source->bits, i))
			return false;
	return true;
}

/* One source, of `len` bytes. */
static bool parse(const char *text, size_t len, struct source *source)
{
	char copy[SOURCE_SIZE], *slash;

	text = list_trim(text, &len);
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strcasecmp(copy, PAT_SOURCE_LOCAL) == 0) {
		*source = (struct source){.family = AF_UNSPEC};
		return true;
	}
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (!parse_address(copy, source) ||
	    (slash != NULL && !parse_bits(slash, width(source), &source->bits)) ||
	    !is_network(source))
		return false;
	unmap(source);
	return true;
}

/* Writes one source, of `len` bytes, as lists have it. */
static int normalise(char text[SOURCE_SIZE], const char *given, size_t len)
{
	struct source source;
	size_t used;

	if (!parse(given, len, &source))
		return PAT_E_INVALID;
	if (source.family == AF_UNSPEC) {
		memcpy(text, PAT_SOURCE_LOCAL, sizeof(PAT_SOURCE_LOCAL));
		return PAT_OK;
	}
	inet_ntop(source.family, source.address, text, SOURCE_SIZE);
	used = strlen(text);
	if (source.bits < width(&source))
		snprintf(text + used, SOURCE_SIZE - used, "/%u", source.bits);
	return PAT_OK;
}

/* True if `inner` lies within `outer`. */
static bool holds(const struct source *outer, const struct source *inner)
{
	if (outer->family != inner->family || outer->bits > inner->bits)
		return false;
	for (unsigned i = 0; i < sizeof(outer->address); i++)
		if ((inner->address[i] & mask(outer->bits, i)) != outer->address[i])
			return false;
	return true;
}

/* True if `inner` lies within one source of the list. */
static bool list_holds(const char *list, const struct source *inner)
{
	struct source outer;

	for (; *list != '\0'; list = list_next(list))
		if (parse(list, list_len(list), &outer) && holds(&outer, inner))
			return true;
	return false;
}

int pat_sources_add(char list[PAT_SOURCES_MAX + 1], const char *text)
{
	return list_add_all(list, text, normalise);
}

/* PAM_RHOST as a source. A zone id only says through which interface the peer was reached. */
static bool parse_rhost(const char *rhost, struct source *source)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(rhost, "%");

	if (len >= sizeof(address) || (rhost[len] == '%' && rhost[len + 1] == '\0'))
		return false;
	memcpy(address, rhost, len);
	address[len] = '\0';
	if (!parse_address(address, source) || (rhost[len] == '%' && source->family != AF_INET6))
		return false;
	unmap(source);
	return true;
}

enum pat_source_match pat_sources_match(const char *list, const char *rhost)
{
	struct source source = {.family = AF_UNSPEC};

	if (list[0] == '\0')
		return PAT_SOURCE_IN;
	if (rhost != NULL && rhost[0] != '\0' && !parse_rhost(rhost, &source))
		return PAT_SOURCE_UNKNOWN;
	return list_holds(list, &source) ? PAT_SOURCE_IN : PAT_SOURCE_OUT;
}

bool pat_sources_within(const char *inner, const char *outer)
{
	struct source source;

	if (outer[0] == '\0')
		return true;
	if (inner[0] == '\0')
		return false;
	for (; *inner != '\0'; inner = list_next(inner))
		if (!parse(inner, list_len(inner), &source) || !list_holds(outer, &source))
			return false;
	return true;
}
