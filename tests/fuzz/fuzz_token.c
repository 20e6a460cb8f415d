/* SPDX-License-Identifier: ISC */

/*
 * The token parser. The first byte says what is done with the rest before it is parsed: `r`
 * nothing,
 * `#` each `#` becomes the prefix of a token, `!` the same, and the checksum is made right.
 *
 * What must hold: what is accepted is exactly `lnxpat_`, 57 characters of the alphabet and their
 * CRC-32, alone or in white space and one wrapper; it comes out unchanged; with any one character
 * changed it is accepted no more; and nothing is read past the end.
 */

#include "support.h"

#include <sodium.h>

#include "pat/crc32.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char wrapper[] = "secret-token:";

static void right_checksum(char text[PAT_CHECKSUM_LEN], const char *token)
{
	uint32_t sum = pat_crc32(token, PAT_TOKEN_LEN - PAT_CHECKSUM_LEN);

	for (int i = PAT_CHECKSUM_LEN - 1; i >= 0; i--, sum /= 62)
		text[i] = digits[sum % 62];
}

/* The input as it is presented, alone in memory. */
static char *present(const uint8_t *data, size_t size, char mode)
{
	char *text = malloc(size * PAT_TOKEN_PREFIX_LEN + 1), *end = text, *token;

	for (size_t i = 0; i < size; i++)
		if (data[i] == '#' && mode != 'r')
			end = mempcpy(end, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN);
		else
			*end++ = (char)data[i];
	*end = '\0';
	token = strstr(text, PAT_TOKEN_PREFIX);
	if (mode == '!' && token != NULL && strlen(token) >= PAT_TOKEN_LEN)
		right_checksum(token + PAT_TOKEN_LEN - PAT_CHECKSUM_LEN, token);
	return realloc(text, strlen(text) + 1);
}

static enum pat_token_form expected(const char *text, char token[PAT_TOKEN_LEN + 1])
{
	static const char space[] = " \t\n\v\f\r";
	char sum[PAT_CHECKSUM_LEN];
	size_t len = strlen(text);

	if (len > PAT_TOKEN_INPUT_MAX)
		return PAT_FORM_OTHER;
	text += strspn(text, space);
	len = strlen(text);
	while (len > 0 && strchr(space, text[len - 1]) != NULL)
		len--;
	if (len == strlen(wrapper) + PAT_TOKEN_LEN &&
	    strncmp(text, wrapper, strlen(wrapper)) == 0) {
		text += strlen(wrapper);
		len -= strlen(wrapper);
	}
	if (strncmp(text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) != 0 || len != PAT_TOKEN_LEN ||
	    strspn(text + PAT_TOKEN_PREFIX_LEN, digits) < PAT_TOKEN_LEN - PAT_TOKEN_PREFIX_LEN)
		return PAT_FORM_OTHER;
	memcpy(token, text, PAT_TOKEN_LEN);
	token[PAT_TOKEN_LEN] = '\0';
	right_checksum(sum, token);
	return memcmp(token + PAT_TOKEN_LEN - sizeof(sum), sum, sizeof(sum)) == 0
		       ? PAT_FORM_TOKEN
		       : PAT_FORM_BAD_CHECKSUM;
}

/* One character of it changed, chosen by the input. */
static void change_one(struct pat_token token, const uint8_t *data, size_t size)
{
	unsigned at = (size > 1 ? data[1] : 0) % PAT_TOKEN_LEN;
	struct pat_token other;
	char id[PAT_ID_LEN + 1];

	pat_token_id(&token, id);
	HOLDS(pat_id_valid(id));
	for (size_t i = size % 2; i < sizeof(digits) - 1; i += 2) {
		char before = token.text[at];

		token.text[at] = digits[i];
		HOLDS((pat_token_parse(token.text, &other) == PAT_FORM_TOKEN) ==
		      (digits[i] == before));
		token.text[at] = before;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pat_token token = {""};
	char wanted[PAT_TOKEN_LEN + 1] = "", *text;

	if (size == 0)
		return 0;
	text = present(data + 1, size - 1, (char)data[0]);
	HOLDS(pat_token_parse(text, &token) == expected(text, wanted));
	HOLDS(strcmp(token.text, wanted) == 0);
	if (wanted[0] != '\0' && pat_token_parse(wanted, &token) == PAT_FORM_TOKEN)
		change_one(token, data, size);
	free(text);
	return 0;
}
