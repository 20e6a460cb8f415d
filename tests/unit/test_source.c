/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <arpa/inet.h>

#include "pat/error.h"
#include "pat/source.h"

/* A list of its own for each test. */
struct list {
	char text[PAT_SOURCES_MAX + 1];
};

static struct list list_of(const char *text)
{
	struct list list = {""};

	assert_int_equal(pat_sources_add(list.text, text), 0);
	return list;
}

/* Adding fails with `error` and leaves the list as it was. */
static void refused(const char *before, const char *text, int error)
{
	struct list list;

	memset(&list, 0, sizeof(list));
	strcpy(list.text, before);
	assert_int_equal(pat_sources_add(list.text, text), error);
	assert_string_equal(list.text, before);
}

static void match(const char *list, const char *rhost, enum pat_source_match wanted)
{
	enum pat_source_match got = pat_sources_match(list, rhost);

	if (got != wanted)
		print_error("list %s, rhost %s\n", list, rhost ? rhost : "NULL");
	assert_int_equal(got, wanted);
}

static void each_source_has_one_canonical_form(void **state)
{
	static const char *const forms[][2] = {
		{"192.0.2.7", "192.0.2.7"},
		{"192.0.2.7/32", "192.0.2.7"},
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"128.0.0.0/1", "128.0.0.0/1"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:DB8::1", "2001:db8::1"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001/128", "2001:db8::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"fe80::/10", "fe80::/10"},
		{"::/0", "::/0"},
		{"::1", "::1"},
		{"::", "::"},
		{"local", "local"},
		{"LOCAL", "local"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++)
		assert_string_equal(list_of(forms[i][0]).text, forms[i][1]);
}

static void mapped_addresses_become_the_ipv4_ones(void **state)
{
	(void)state;
	assert_string_equal(list_of("::ffff:192.0.2.7").text, "192.0.2.7");
	assert_string_equal(list_of("::FFFF:c000:207").text, "192.0.2.7");
	assert_string_equal(list_of("::ffff:192.0.2.0/120").text, "192.0.2.0/24");
	assert_string_equal(list_of("::ffff:192.0.2.7/128").text, "192.0.2.7");
	assert_string_equal(list_of("::ffff:0:0/96").text, "0.0.0.0/0");
	assert_string_equal(list_of("192.0.2.7,::ffff:192.0.2.7").text, "192.0.2.7");
	/* Wider than all mapped addresses, it is an IPv6 network. */
	assert_string_equal(list_of("::/64").text, "::/64");
	assert_string_equal(list_of("::fffe:0:0/95").text, "::fffe:0:0/95");
}

static void sources_are_kept_in_the_order_given_without_doubles(void **state)
{
	struct list list = list_of(" 192.0.2.0/24 ,\tlocal, 2001:db8::/32\t");

	(void)state;
	assert_string_equal(list.text, "192.0.2.0/24,local,2001:db8::/32");
	assert_int_equal(pat_sources_add(list.text, "2001:DB8:0::/32,192.0.2.1,LOCAL"), 0);
	assert_string_equal(list.text, "192.0.2.0/24,local,2001:db8::/32,192.0.2.1");
	/* What only begins like another is another. */
	assert_string_equal(list_of("192.0.2.10,192.0.2.1,192.0.2.0/24,192.0.2.0").text,
			    "192.0.2.10,192.0.2.1,192.0.2.0/24,192.0.2.0");
}

static void what_is_no_source_is_refused(void **state)
{
	static const char *const none[] = {
		"",
		" ",
		",",
		"192.0.2.7,",
		",192.0.2.7",
		"192.0.2.7,,local",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.07",
		"192.0.2.0x7",
		"3221225991",
		"192.0.2.7.1",
		"192.0.2.7 8",
		"192.0.2.0 /24",
		"192.0.2.0/ 24",
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.0/+24",
		"192.0.2.0/-1",
		"192.0.2.0/024",
		"192.0.2.0/24/24",
		"192.0.2.0/255.255.255.0",
		"192.0.2.0/0x18",
		"192.0.2.0/4294967320",
		"192.0.2.*",
		"/24",
		"local/32",
		"locale",
		"localhost",
		"example.org",
		"2001:db8:::1",
		"2001:db8",
		"2001:db8::/129",
		"12345::",
		"[2001:db8::1]",
		"2001:db8::1 ::1",
		"::ffff:192.0.2.256",
		"any",
		"*",
		"all",
		"-",
		"\n192.0.2.7",
		"192.0.2.7\n",
		"192.0.2.7\r",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		refused("", none[i], PAT_E_INVALID);
		refused("local", none[i], PAT_E_INVALID);
	}
}

static void a_zone_id_is_refused_in_a_list(void **state)
{
	(void)state;
	refused("", "fe80::1%eth0", PAT_E_INVALID);
	refused("", "fe80::1%2", PAT_E_INVALID);
	refused("", "fe80::%eth0/64", PAT_E_INVALID);
	refused("", "fe80::/64%eth0", PAT_E_INVALID);
	refused("", "192.0.2.7%eth0", PAT_E_INVALID);
}

static void bits_beyond_the_prefix_are_refused(void **state)
{
	(void)state;
	refused("", "192.0.2.7/24", PAT_E_INVALID);
	refused("", "192.0.2.1/31", PAT_E_INVALID);
	refused("", "128.0.0.0/0", PAT_E_INVALID);
	refused("", "2001:db8::1/64", PAT_E_INVALID);
	refused("", "::1/127", PAT_E_INVALID);
	refused("", "::ffff:192.0.2.7/120", PAT_E_INVALID);
	refused("", "::ffff:192.0.2.0/95", PAT_E_INVALID);
	assert_string_equal(list_of("192.0.2.2/31").text, "192.0.2.2/31");
	assert_string_equal(list_of("::2/127").text, "::2/127");
}

static void an_error_leaves_the_list_unchanged_even_after_good_sources(void **state)
{
	(void)state;
	refused("192.0.2.7", "192.0.2.8,192.0.2.9,example.org", PAT_E_INVALID);
	refused("", "local,", PAT_E_INVALID);
}

static void a_list_may_have_511_bytes_and_no_more(void **state)
{
	char text[PAT_SOURCES_MAX + 64] = "";
	struct list list;
	int i;

	(void)state;
	/* 30 of 16 bytes and a comma are 509. */
	for (i = 0; i < 30; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s100.100.%d.100/32",
			 i ? "," : "", 100 + i);
	list = list_of(text);
	while (strlen(list.text) + strlen(",100.101.100.100") <= PAT_SOURCES_MAX) {
		snprintf(text, sizeof(text), "100.101.%d.100", 100 + i++);
		assert_int_equal(pat_sources_add(list.text, text), 0);
	}
	for (i = 0; strlen(list.text) + strlen(",::f") <= PAT_SOURCES_MAX; i++) {
		snprintf(text, sizeof(text), "::%x", i + 1);
		assert_int_equal(pat_sources_add(list.text, text), 0);
	}
	refused(list.text, "2001:db8::1", PAT_E_TOOBIG);
	/* A double needs no room. */
	assert_int_equal(pat_sources_add(list.text, "100.100.100.100"), 0);
}

static void text_of_any_length_harms_nothing(void **state)
{
	static char text[70000];

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	refused("", text, PAT_E_INVALID);
	memset(text, ' ', sizeof(text) - 1);
	refused("", text, PAT_E_INVALID);
	memset(text, ':', sizeof(text) - 1);
	refused("", text, PAT_E_INVALID);
	match("local", text, PAT_SOURCE_UNKNOWN);
	memcpy(text, "fe80::1%", 8);
	match("fe80::/10", text, PAT_SOURCE_IN);
}

static void an_empty_list_is_anywhere(void **state)
{
	(void)state;
	match("", NULL, PAT_SOURCE_IN);
	match("", "", PAT_SOURCE_IN);
	match("", "192.0.2.7", PAT_SOURCE_IN);
	match("", "some.host.example", PAT_SOURCE_IN);
}

static void local_is_no_remote_host_and_nothing_else(void **state)
{
	(void)state;
	match("local", NULL, PAT_SOURCE_IN);
	match("local", "", PAT_SOURCE_IN);
	match("192.0.2.7,local", "", PAT_SOURCE_IN);
	match("local", "127.0.0.1", PAT_SOURCE_OUT);
	match("local", "::1", PAT_SOURCE_OUT);
	match("192.0.2.7", "", PAT_SOURCE_OUT);
	match("0.0.0.0/0,::/0", NULL, PAT_SOURCE_OUT);
	/* A host that calls itself so. */
	match("local", "local", PAT_SOURCE_UNKNOWN);
}

static void a_network_holds_its_addresses_and_no_other(void **state)
{
	(void)state;
	match("192.0.2.0/24", "192.0.2.0", PAT_SOURCE_IN);
	match("192.0.2.0/24", "192.0.2.255", PAT_SOURCE_IN);
	match("192.0.2.0/24", "192.0.1.255", PAT_SOURCE_OUT);
	match("192.0.2.0/24", "192.0.3.0", PAT_SOURCE_OUT);
	match("192.0.2.8/29", "192.0.2.7", PAT_SOURCE_OUT);
	match("192.0.2.8/29", "192.0.2.8", PAT_SOURCE_IN);
	match("192.0.2.8/29", "192.0.2.15", PAT_SOURCE_IN);
	match("192.0.2.8/29", "192.0.2.16", PAT_SOURCE_OUT);
	match("192.0.2.7", "192.0.2.7", PAT_SOURCE_IN);
	match("192.0.2.7", "192.0.2.6", PAT_SOURCE_OUT);
	match("2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", PAT_SOURCE_IN);
	match("2001:db8::/33", "2001:db8:8000::", PAT_SOURCE_OUT);
	match("2001:db8::1", "2001:db8:0:0::0:1", PAT_SOURCE_IN);
	match("2001:db8::1", "2001:db8::2", PAT_SOURCE_OUT);
	match("10.0.0.0/8,2001:db8::/32,local", "2001:db8::5", PAT_SOURCE_IN);
	match("10.0.0.0/8,2001:db8::/32,local", "11.0.0.0", PAT_SOURCE_OUT);
}

static void mapped_hosts_are_the_ipv4_ones(void **state)
{
	(void)state;
	match("192.0.2.0/24", "::ffff:192.0.2.7", PAT_SOURCE_IN);
	match("192.0.2.0/24", "::ffff:c000:207", PAT_SOURCE_IN);
	match("192.0.2.0/24", "::ffff:192.0.3.7", PAT_SOURCE_OUT);
	/* No IPv6 network holds IPv4 hosts, and the other way about. */
	match("::/0", "::ffff:192.0.2.7", PAT_SOURCE_OUT);
	match("::/0", "192.0.2.7", PAT_SOURCE_OUT);
	match("0.0.0.0/0", "2001:db8::1", PAT_SOURCE_OUT);
	match("0.0.0.0/0", "::192.0.2.7", PAT_SOURCE_OUT);
	match("::/0", "::192.0.2.7", PAT_SOURCE_IN);
}

static void the_zone_id_of_a_host_does_not_count(void **state)
{
	(void)state;
	match("fe80::/10", "fe80::1%eth0", PAT_SOURCE_IN);
	match("fe80::1", "fe80::1%2", PAT_SOURCE_IN);
	match("fe80::1", "fe80::2%eth0", PAT_SOURCE_OUT);
	match("192.0.2.7", "::ffff:192.0.2.7%eth0", PAT_SOURCE_IN);
	match("fe80::/10", "fe80::1%", PAT_SOURCE_UNKNOWN);
	match("192.0.2.7", "192.0.2.7%eth0", PAT_SOURCE_UNKNOWN);
	match("fe80::/10", "%eth0", PAT_SOURCE_UNKNOWN);
}

static void what_is_no_address_is_never_in_a_list(void **state)
{
	static const char *const names[] = {
		"localhost",  "example.org", "192.0.2",      "192.0.2.7 ",
		" 192.0.2.7", "192.0.2.7.",  "192.0.2.7/32", "192.0.2.7,192.0.2.8",
		"0",          "3221225991",  "local",        "[::1]",
		"::1/128",    "unknown",     "\xff",         "192.0.2.7\n",
		"0xc0.0.2.7", "192.0.2.007",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		match("0.0.0.0/0,::/0,local", names[i], PAT_SOURCE_UNKNOWN);
}

static void within_is_narrower_or_the_same(void **state)
{
	(void)state;
	assert_true(pat_sources_within("192.0.2.0/24", "192.0.2.0/24"));
	assert_true(pat_sources_within("192.0.2.7", "192.0.2.0/24"));
	assert_true(pat_sources_within("192.0.2.128/25", "192.0.2.0/24"));
	assert_false(pat_sources_within("192.0.2.0/24", "192.0.2.128/25"));
	assert_false(pat_sources_within("192.0.2.0/23", "192.0.2.0/24"));
	assert_false(pat_sources_within("192.0.3.7", "192.0.2.0/24"));
	assert_true(pat_sources_within("2001:db8:1::/48", "2001:db8::/32"));
	assert_false(pat_sources_within("192.0.2.7", "::/0"));
	assert_false(pat_sources_within("::1", "0.0.0.0/0"));
	assert_true(pat_sources_within("local", "192.0.2.7,local"));
	assert_false(pat_sources_within("local", "0.0.0.0/0,::/0"));
	assert_true(pat_sources_within("local,192.0.2.7,::1", "::/0,192.0.2.0/24,local"));
	assert_false(pat_sources_within("local,192.0.2.7,192.0.3.7", "192.0.2.0/24,local"));
	/* Two halves are not told to be the whole. */
	assert_false(pat_sources_within("192.0.2.0/24", "192.0.2.0/25,192.0.2.128/25"));
}

static void nothing_narrows_to_anywhere_and_everything_is_within_it(void **state)
{
	(void)state;
	assert_true(pat_sources_within("", ""));
	assert_true(pat_sources_within("192.0.2.7,local", ""));
	assert_false(pat_sources_within("", "192.0.2.7"));
	assert_false(pat_sources_within("", "0.0.0.0/0,::/0,local"));
}

/* The first `bits` bits of an address, by another way than the code's. */
static void cut(unsigned char *address, size_t size, unsigned bits)
{
	for (size_t i = bits; i < 8 * size; i++)
		address[i / 8] &= (unsigned char)~(0x80 >> (i % 8));
}

static void a_random_network_holds_what_begins_like_it(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		int family = round % 2 ? AF_INET : AF_INET6;
		size_t size = family == AF_INET ? 4 : 16;
		unsigned bits = unit_below(8 * (unsigned)size + 1);
		unsigned char network[16], host[16], begin[16];
		char text[80], list[PAT_SOURCES_MAX + 1] = "", rhost[64], address[64];

		for (size_t i = 0; i < size; i++)
			network[i] = (unsigned char)unit_random();
		network[0] |= 0x20; /* none that is mapped */
		if (bits < 3)
			bits = 3;
		cut(network, size, bits);
		memcpy(host, network, size);
		for (unsigned i = unit_below(2) ? bits : 0; i < 8 * size; i++)
			host[i / 8] ^= (unsigned char)((unit_below(2) << 7) >> (i % 8));
		host[0] |= 0x20;
		inet_ntop(family, network, address, sizeof(address));
		snprintf(text, sizeof(text), "%s/%u", address, bits);
		assert_int_equal(pat_sources_add(list, text), 0);
		inet_ntop(family, host, rhost, sizeof(rhost));
		memcpy(begin, host, size);
		cut(begin, size, bits);
		match(list, rhost,
		      memcmp(begin, network, size) == 0 ? PAT_SOURCE_IN : PAT_SOURCE_OUT);
		/* Canonical text is its own canonical text. */
		strcpy(text, list);
		assert_string_equal(list_of(text).text, text);
	}
}

static void bytes_of_any_kind_are_refused_or_become_canonical(void **state)
{
	static const char letters[] = "0123456789abcdef::::....//,%lo \t";

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char text[48], list[PAT_SOURCES_MAX + 1] = "", again[PAT_SOURCES_MAX + 1] = "";
		size_t len = unit_below(sizeof(text));

		for (size_t i = 0; i < len; i++)
			text[i] = letters[unit_below(sizeof(letters) - 1)];
		text[len] = '\0';
		if (pat_sources_add(list, (char *)unit_at_edge(text, len + 1)) != 0) {
			assert_string_equal(list, "");
			continue;
		}
		assert_int_equal(pat_sources_add(again, list), 0);
		assert_string_equal(again, list);
		assert_true(pat_sources_within(list, again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_source_has_one_canonical_form),
		cmocka_unit_test(mapped_addresses_become_the_ipv4_ones),
		cmocka_unit_test(sources_are_kept_in_the_order_given_without_doubles),
		cmocka_unit_test(what_is_no_source_is_refused),
		cmocka_unit_test(a_zone_id_is_refused_in_a_list),
		cmocka_unit_test(bits_beyond_the_prefix_are_refused),
		cmocka_unit_test(an_error_leaves_the_list_unchanged_even_after_good_sources),
		cmocka_unit_test(a_list_may_have_511_bytes_and_no_more),
		cmocka_unit_test(text_of_any_length_harms_nothing),
		cmocka_unit_test(an_empty_list_is_anywhere),
		cmocka_unit_test(local_is_no_remote_host_and_nothing_else),
		cmocka_unit_test(a_network_holds_its_addresses_and_no_other),
		cmocka_unit_test(mapped_hosts_are_the_ipv4_ones),
		cmocka_unit_test(the_zone_id_of_a_host_does_not_count),
		cmocka_unit_test(what_is_no_address_is_never_in_a_list),
		cmocka_unit_test(within_is_narrower_or_the_same),
		cmocka_unit_test(nothing_narrows_to_anywhere_and_everything_is_within_it),
		cmocka_unit_test(a_random_network_holds_what_begins_like_it),
		cmocka_unit_test(bytes_of_any_kind_are_refused_or_become_canonical),
	};

	return unit_run(tests);
}
