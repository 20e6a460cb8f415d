/* SPDX-License-Identifier: ISC */

/*
 * Lists of addresses. The first line is added to one list, the second to another, and the third is
 * where somebody comes from.
 *
 * What must hold: a list is canonical, so that adding it to nothing gives it again; an address is
 * in it exactly if inet_pton(3) and a comparison of bits say so; what lies within another list
 * lets nobody in whom that one keeps out; nothing but an address or nothing is ever in.
 */

#include "support.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "pat/error.h"
#include "pat/source.h"

#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"

/* An address as 128 bits, IPv4 as mapped. A zone is for IPv6 alone, and says nothing. */
static bool address_of(const char *text, unsigned char bits[16])
{
	char copy[64];
	size_t len = strcspn(text, "%");

	if (len >= sizeof(copy) || (text[len] == '%' && text[len + 1] == '\0'))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memcpy(bits, MAPPED, 12);
	if (text[len] == '\0' && inet_pton(AF_INET, copy, bits + 12) == 1)
		return true;
	return inet_pton(AF_INET6, copy, bits) == 1;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* Whether the address, or NULL for no remote host, is in a list, which is canonical. */
static bool is_in(const char *list, const unsigned char *address)
{
	char item[PAT_SOURCES_MAX + 1], *slash;
	unsigned char network[16];

	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',') {
		unsigned bits = 128;

		snprintf(item, sizeof(item), "%.*s", (int)strcspn(list, ","), list);
		if (strcmp(item, "local") == 0) {
			if (address == NULL)
				return true;
			continue;
		}
		slash = strchr(item, '/');
		if (slash != NULL) {
			*slash = '\0';
			bits = (unsigned)atoi(slash + 1) + (strchr(item, ':') ? 0 : 96);
		}
		HOLDS(address_of(item, network) && bits <= 128);
		/* A network of IPv6 that holds the mapped ones does not hold those of IPv4. */
		if (address && same_bits(network, address, bits) &&
		    (bits >= 96 || memcmp(address, MAPPED, 12) != 0))
			return true;
	}
	return false;
}

static void check_list(const char *list)
{
	char again[PAT_SOURCES_MAX + 1] = "";

	HOLDS(strlen(list) <= PAT_SOURCES_MAX);
	HOLDS(list[0] == '\0' || pat_sources_add(again, list) == PAT_OK);
	HOLDS(strcmp(again, list) == 0 && pat_sources_within(list, list));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char one[PAT_SOURCES_MAX + 1] = "", other[PAT_SOURCES_MAX + 1] = "", line[1024] = "";
	struct input input = {data, size};
	enum pat_source_match match;
	unsigned char address[16];
	bool nobody, numeric;

	(void)(input_line(&input, line, sizeof(line)) && pat_sources_add(one, line));
	(void)(input_line(&input, line, sizeof(line)) && pat_sources_add(other, line));
	check_list(one);
	check_list(other);
	if (!input_line(&input, line, sizeof(line)))
		line[0] = '\0';
	nobody = line[0] == '\0';
	numeric = address_of(line, address);
	match = pat_sources_match(one, line);
	if (one[0] == '\0')
		HOLDS(match == PAT_SOURCE_IN);
	else if (!nobody && !numeric)
		HOLDS(match == PAT_SOURCE_UNKNOWN);
	else
		HOLDS((match == PAT_SOURCE_IN) == is_in(one, nobody ? NULL : address));
	if (pat_sources_within(one, other) && match == PAT_SOURCE_IN)
		HOLDS(pat_sources_match(other, line) == PAT_SOURCE_IN);
	HOLDS(pat_sources_match(one, nobody ? NULL : line) == match);
	return 0;
}
