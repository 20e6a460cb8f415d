/* SPDX-License-Identifier: ISC */
#ifndef PAT_WIRE_H
#define PAT_WIRE_H

#include <stdint.h>

#include "pat/account.h"
#include "pat/record.h"
#include "pat/service.h"
#include "pat/token.h"

/*
 * What the module and patd say to each other on the socket `verify`: one request, one reply, each a
 * SOCK_SEQPACKET message of exactly this size, both ends on one machine. Who asks is not in it:
 * that is SO_PEERCRED's to say. Text is NUL-terminated within its field.
 */

#ifndef PAT_RUN_DIR
#define PAT_RUN_DIR "/run/pat"
#endif
#define PAT_VERIFY_SOCKET PAT_RUN_DIR "/verify"
#define PAT_VARLINK_SOCKET PAT_RUN_DIR "/io.pampat.Tokens"

#define PAT_WIRE_MAGIC 0x32544150 /* "PAT2": other layouts get another number */
#define PAT_WIRE_RHOST_MAX 255
#define PAT_WIRE_TTY_MAX 63

struct pat_wire_request {
	uint32_t magic;
	char token[PAT_TOKEN_LEN + 1];
	char user[PAT_USER_MAX + 1];
	char service[PAT_SERVICE_MAX + 1];
	char rhost[PAT_WIRE_RHOST_MAX + 1];
	char tty[PAT_WIRE_TTY_MAX + 1];
};

enum pat_wire_result {
	PAT_WIRE_ACCEPTED = 1,
	PAT_WIRE_REFUSED = 2,
	PAT_WIRE_UNAVAILABLE = 3,
};

struct pat_wire_reply {
	uint32_t magic;
	uint32_t result; /* enum pat_wire_result: the reason stays in patd's log */
	/* Of an accepted token, for the notice at login; else zeros. */
	int64_t expires_at;
	char name[PAT_NAME_MAX + 1];
};

#endif
