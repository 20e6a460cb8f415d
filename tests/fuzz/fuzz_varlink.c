/* SPDX-License-Identifier: ISC */

/*
 * The framing of Varlink. The first byte is how many bytes come at once (0: all), the rest is what
 * comes.
 *
 * What must hold: the same bytes give the same messages, however they are cut into pieces; each is
 * a JSON object, ends at its NUL, and is the same when it is written and read again; what is too
 * long, cut short or no object ends the row with the documented error; what was read is wiped.
 */

#include "support.h"

#include <jansson.h>
#include <sys/socket.h>

#include "pat/error.h"
#include "pat/varlink.h"

static const uint8_t *data_left;
static size_t size_left, piece;

/* The other end of the connection: as many bytes as fit, or come at once. */
static ssize_t receive(void *buffer, size_t room)
{
	size_t len = piece > 0 && piece < size_left ? piece : size_left;

	len = len < room ? len : room;
	((char *)buffer)[room - 1] = '\0'; /* it is there */
	memcpy(buffer, data_left, len);
	data_left += len;
	size_left -= len;
	return (ssize_t)len;
}

#define recv(fd, buffer, room, flags) ((void)(fd), (void)(flags), receive(buffer, room))
#define send(fd, text, len, flags) ((void)(fd), (void)(flags), keep(text, len))
static char written[PAT_VARLINK_MESSAGE_MAX];
static size_t written_len;

static ssize_t keep(const char *text, size_t len)
{
	size_t part = piece > 0 && piece < len ? piece : len;

	HOLDS(written_len + part <= sizeof(written));
	memcpy(written + written_len, text, part);
	written_len += part;
	return (ssize_t)part;
}

/* The code under test, with this other end. */
#include "../../lib/varlink.c"

static void begin(struct pat_varlink *link, const uint8_t *data, size_t size, size_t at_once)
{
	HOLDS(pat_varlink_begin(link, -1) == 0);
	memset(link->buffer, 0, PAT_VARLINK_MESSAGE_MAX);
	data_left = data;
	size_left = size;
	piece = at_once;
}

/* Writes it and reads it again. */
static void check_again(json_t *message)
{
	struct pat_varlink link;
	json_t *again;

	written_len = 0;
	HOLDS(pat_varlink_begin(&link, -1) == 0);
	if (pat_varlink_write(&link, message, pat_deadline_in(1000)) == PAT_OK) {
		HOLDS(written_len > 1 && strnlen(written, written_len) == written_len - 1);
		data_left = (const uint8_t *)written;
		size_left = written_len;
		HOLDS(pat_varlink_read(&link, pat_deadline_in(1000), &again) == PAT_OK);
		HOLDS(json_equal(message, again));
		json_decref(again);
	}
	pat_varlink_end(&link);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	pat_varlink_wipe_json();
	json_object_seed(1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	size_t at_once = input_byte(&input), whole_len[64], pieces_left;
	struct pat_varlink link;
	json_t *messages[COUNT(whole_len)], *message;
	unsigned count = 0, i;
	int last, error;

	begin(&link, input.at, input.left, 0);
	while ((last = pat_varlink_read(&link, pat_deadline_in(1000), &message)) == PAT_OK &&
	       count < COUNT(messages))
		messages[count++] = message;
	HOLDS(last == PAT_OK || last == PAT_E_CLOSED || last == PAT_E_TOOBIG ||
	      last == PAT_E_INVALID);
	if (last == PAT_OK)
		json_decref(message);
	for (i = link.used; last == PAT_E_CLOSED && i < PAT_VARLINK_MESSAGE_MAX; i++)
		HOLDS(count == 0 || link.buffer[i] == '\0');
	pat_varlink_end(&link);

	begin(&link, input.at, input.left, at_once ? at_once : 1);
	for (i = 0; i < count; i++) {
		HOLDS(pat_varlink_read(&link, pat_deadline_in(1000), &message) == PAT_OK);
		HOLDS(json_equal(messages[i], message));
		json_decref(message);
	}
	pieces_left = size_left;
	error = last == PAT_OK ? last : pat_varlink_read(&link, pat_deadline_in(1000), &message);
	HOLDS(error == last && size_left <= pieces_left);
	pat_varlink_end(&link);
	for (i = 0; i < count; i++) {
		check_again(messages[i]);
		json_decref(messages[i]);
	}
	return 0;
}
