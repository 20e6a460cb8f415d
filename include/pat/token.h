/* SPDX-License-Identifier: ISC */
#ifndef PAT_TOKEN_H
#define PAT_TOKEN_H

#include <stddef.h>

/*
 * The text of a token: `lnxpat_`, an id of 8, a secret of 43 and a checksum of 6 characters of
 * [0-9A-Za-z]. The id is public; the secret is 43 uniform base62 digits (256.03 bits); the
 * checksum is CRC-32 of all that stands before it, in base62, and tells a typo from an attack.
 *
 * MUST:
 *  - never accept a text of which one character was changed;
 *  - draw ids and secrets uniformly, from libsodium only;
 *  - keep no copy of a token that its owner does not wipe.
 */

#define PAT_TOKEN_PREFIX "lnxpat_"
#define PAT_TOKEN_PREFIX_LEN 7
#define PAT_ID_LEN 8
#define PAT_SECRET_LEN 43
#define PAT_CHECKSUM_LEN 6
#define PAT_TOKEN_LEN (PAT_TOKEN_PREFIX_LEN + PAT_ID_LEN + PAT_SECRET_LEN + PAT_CHECKSUM_LEN)
#define PAT_HASH_LEN 32

/* A token in clear. Whoever holds one wipes it with pat_token_wipe() on every path. */
struct pat_token {
	char text[PAT_TOKEN_LEN + 1];
};

enum pat_token_form {
	PAT_FORM_OTHER,        /* not token-shaped: an ordinary password, for all that we know */
	PAT_FORM_BAD_CHECKSUM, /* prefix, length and alphabet are right, the checksum is not */
	PAT_FORM_TOKEN,
};

/*
 * Tells what `input` is. White space around it and an RFC 8959 `secret-token:` in front of it are
 * taken off first. *token is filled in unless the form is PAT_FORM_OTHER. Reads at most the first
 * PAT_TOKEN_INPUT_MAX bytes of the input; a longer one is PAT_FORM_OTHER.
 */
enum pat_token_form pat_token_parse(const char *input, struct pat_token *token);
#define PAT_TOKEN_INPUT_MAX 512

/* A fresh token. 0, or PAT_E_IO when libsodium cannot be initialised. */
int pat_token_generate(struct pat_token *token);

/* The public id inside a token, NUL-terminated. */
void pat_token_id(const struct pat_token *token, char id[PAT_ID_LEN + 1]);

/* True if `text` is `PAT_ID_LEN` characters of the token alphabet. */
int pat_id_valid(const char *text);

/*
 * How many bytes of a text may be told where it is told what somebody typed who may have taken one
 * prompt for another: all, or as far as the id of what begins as a token does, complete or not.
 */
size_t pat_token_public_part(const char *text);

/* BLAKE2b-256 of the whole token, personalised; what the store keeps as algorithm 1. */
void pat_token_hash(const struct pat_token *token, unsigned char hash[PAT_HASH_LEN]);

/* BLAKE2b-256 of such a hash, personalised otherwise: algorithm 2, for tokens that have ended. */
void pat_token_trace(const unsigned char hash[PAT_HASH_LEN], unsigned char trace[PAT_HASH_LEN]);

void pat_token_wipe(struct pat_token *token);

#endif
