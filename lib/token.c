/* SPDX-License-Identifier: ISC */
#include "pat/token.h"

#include <sodium.h>
#include <string.h>

#include "pat/crc32.h"
#include "pat/error.h"

#define BODY_LEN (PAT_TOKEN_LEN - PAT_CHECKSUM_LEN)

/* Each is exactly crypto_generichash_blake2b_PERSONALBYTES. */
static const unsigned char hash_personal[16] = "pam_pat token 1";
static const unsigned char trace_personal[16] = "pam_pat trace 1";

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define BASE 62

/* RFC 8959. */
static const char uri_scheme[] = "secret-token:";

/* Not isalnum(): that asks the locale, which in the module is somebody else's. */
static int in_alphabet(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int all_in_alphabet(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!in_alphabet(text[i]))
			return 0;
	return 1;
}

static int is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void checksum(const char *body, char out[PAT_CHECKSUM_LEN])
{
	uint32_t crc = pat_crc32(body, BODY_LEN);

	for (int i = PAT_CHECKSUM_LEN - 1; i >= 0; i--) {
		out[i] = alphabet[crc % BASE];
		crc /= BASE;
	}
}

enum pat_token_form pat_token_parse(const char *input, struct pat_token *token)
{
	size_t len = strnlen(input, PAT_TOKEN_INPUT_MAX + 1);
	char expected[PAT_CHECKSUM_LEN];

	if (len > PAT_TOKEN_INPUT_MAX)
		return PAT_FORM_OTHER;
	while (len > 0 && is_space(input[len - 1]))
		len--;
	while (len > 0 && is_space(*input)) {
		input++;
		len--;
	}
	if (len == PAT_TOKEN_LEN + sizeof(uri_scheme) - 1 &&
	    strncmp(input, uri_scheme, sizeof(uri_scheme) - 1) == 0) {
		input += sizeof(uri_scheme) - 1;
		len -= sizeof(uri_scheme) - 1;
	}
	if (len != PAT_TOKEN_LEN || strncmp(input, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN) != 0 ||
	    !all_in_alphabet(input + PAT_TOKEN_PREFIX_LEN, len - PAT_TOKEN_PREFIX_LEN))
		return PAT_FORM_OTHER;

	memcpy(token->text, input, PAT_TOKEN_LEN);
	token->text[PAT_TOKEN_LEN] = '\0';
	checksum(token->text, expected);
	if (memcmp(token->text + BODY_LEN, expected, PAT_CHECKSUM_LEN) != 0)
		return PAT_FORM_BAD_CHECKSUM;
	return PAT_FORM_TOKEN;
}

/* Bytes that are no less than the largest multiple of BASE would make some characters likelier than
 * others, and are passed over: 8 of 256. */
#define FAIR (256 - 256 % BASE)

/* Not a system call for each character. */
static void draw(char *text, size_t len)
{
	unsigned char bytes[PAT_TOKEN_LEN];

	while (len > 0) {
		randombytes_buf(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes) && len > 0; i++) {
			if (bytes[i] >= FAIR)
				continue;
			*text++ = alphabet[bytes[i] % BASE];
			len--;
		}
	}
	sodium_memzero(bytes, sizeof(bytes));
}

int pat_token_generate(struct pat_token *token)
{
	if (sodium_init() < 0)
		return PAT_E_IO;
	memcpy(token->text, PAT_TOKEN_PREFIX, PAT_TOKEN_PREFIX_LEN);
	draw(token->text + PAT_TOKEN_PREFIX_LEN, BODY_LEN - PAT_TOKEN_PREFIX_LEN);
	checksum(token->text, token->text + BODY_LEN);
	token->text[PAT_TOKEN_LEN] = '\0';
	return PAT_OK;
}

void pat_token_id(const struct pat_token *token, char id[PAT_ID_LEN + 1])
{
	memcpy(id, token->text + PAT_TOKEN_PREFIX_LEN, PAT_ID_LEN);
	id[PAT_ID_LEN] = '\0';
}

int pat_id_valid(const char *text)
{
	return strnlen(text, PAT_ID_LEN + 1) == PAT_ID_LEN && all_in_alphabet(text, PAT_ID_LEN);
}

size_t pat_token_public_part(const char *text)
{
	const char *prefix = strstr(text, PAT_TOKEN_PREFIX);
	size_t len = 0;

	if (prefix == NULL)
		return strlen(text);
	while (len < PAT_ID_LEN && in_alphabet(prefix[PAT_TOKEN_PREFIX_LEN + len]))
		len++;
	return (size_t)(prefix - text) + PAT_TOKEN_PREFIX_LEN + len;
}

void pat_token_hash(const struct pat_token *token, unsigned char hash[PAT_HASH_LEN])
{
	crypto_generichash_blake2b_salt_personal(hash, PAT_HASH_LEN,
						 (const unsigned char *)token->text, PAT_TOKEN_LEN,
						 NULL, 0, NULL, hash_personal);
}

void pat_token_trace(const unsigned char hash[PAT_HASH_LEN], unsigned char trace[PAT_HASH_LEN])
{
	crypto_generichash_blake2b_salt_personal(trace, PAT_HASH_LEN, hash, PAT_HASH_LEN, NULL, 0,
						 NULL, trace_personal);
}

void pat_token_wipe(struct pat_token *token)
{
	sodium_memzero(token, sizeof(*token));
}
