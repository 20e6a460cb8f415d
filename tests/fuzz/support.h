/* SPDX-License-Identifier: ISC */
#ifndef SUPPORT_H
#define SUPPORT_H

/*
 * What the fuzzers share: taking an input apart, saying that a promise was broken, and a store with
 * known tokens in it. A fuzzer is one file, fuzz_NAME.c, that opens with what must hold.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pat/record.h"
#include "pat/token.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNUSED __attribute__((unused))

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A promise: libFuzzer takes the end of the process for a crash, and keeps the input. */
#define HOLDS(condition) ((condition) ? (void)0 : broken(#condition, __FILE__, __LINE__))
void broken(const char *promise, const char *file, int line) __attribute__((noreturn));

/* ---- The input ----------------------------------------------------------------------------------
 */

struct input {
	const uint8_t *at;
	size_t left;
};

/* Zeros where the input has ended. */
uint8_t input_byte(struct input *input);
uint64_t input_number(struct input *input, unsigned width); /* little endian */

/* The next line, without its end, as text, cut to `size` with the NUL. False at the end. */
bool input_line(struct input *input, char *line, size_t size);

/*
 * The same text with `\n`, `\e`, `\\` and `\xHH` (not 00) for what they stand for, and `$` and a
 * letter for the token of that name, so that no input has a token in it. Returns dst.
 */
char *expand(char *dst, size_t size, const char *text);

/* A copy of the bytes that ends with a NUL and lies alone in memory. For free(). */
char *input_text(const uint8_t *data, size_t size);

/* Bytes without line ends, control characters, bidirectional controls, characters that nobody sees
 * or broken UTF-8: what include/pat/text.h promises, written without a look at lib/text.c. */
bool is_printable(const char *text, size_t len);

/* ---- Tokens and a store -------------------------------------------------------------------------
 */

#define ALICE 1000
#define BOB 1001

/* Always the same ones. Live: A (sshd and sudo) and C (three uses, from 192.0.2.0/24) of alice, B
 * (sshd) of bob. Not live: R revoked, E expired, S suspended, O rotated. X is in no store. */
enum token_name { A, B, C, R, E, S, O, X, TOKENS };
extern const char token_letters[TOKENS + 1];
extern struct pat_token tokens[TOKENS];

/* The name of the token, or TOKENS. */
enum token_name token_named(const char *text);

/* Whether a part of the secret of a token is in these bytes. */
bool has_secret(const void *bytes, size_t len);

/* Makes the tokens, a directory for this process alone, removed at its end, and the store in it. */
void make_tokens(void);
void make_store(void);
void reset_store(void); /* as it was made */

struct place {
	char dir[128];  /* 0700 */
	char path[160]; /* of the store */
	unsigned char *image;
	size_t size;
};
extern struct place place;

#endif
