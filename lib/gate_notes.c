/* SPDX-License-Identifier: ISC */

/*
 * What is changed in the store while it is written anew, so that whoever does that need keep
 * nobody from it: a note for each key, in the lock file, which everybody has open who may change
 * anything, and which is empty otherwise. It begins with a note that is no key but tells whose
 * notes these are.
 *
 * MUST: note before the record is written; where that cannot be, have the reader know it, by a file
 * whose beginning is gone, or else have the record not written; keep nobody waiting.
 */

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate.h"
#include "pat/error.h"

struct note {
	uint8_t len; /* 0 in the first */
	char key[PAT_KEY_MAX];
	uint8_t filler[6];
};
_Static_assert(sizeof(struct note) == 16, "a page has a whole number of notes");

/* A million changes in the seconds of a rebuild: it had better begin again. */
#define SIZE_MAX_OF_NOTES (16 << 20)

static struct note first_note(uint64_t nonce)
{
	struct note note = {.len = 0};

	memcpy(note.key, &nonce, sizeof(nonce));
	return note;
}

/* With O_APPEND, so that nobody writes where another does. */
static bool append(const struct gate *gate, const struct note *note)
{
	ssize_t done;

	do
		done = write(gate->fd, note, sizeof(*note));
	while (done < 0 && errno == EINTR);
	return done == (ssize_t)sizeof(*note);
}

static bool forget(const struct gate *gate)
{
	return ftruncate(gate->fd, 0) == 0;
}

int gate_begin_notes(struct gate *gate)
{
	struct note first;

	randombytes_buf(&gate->nonce, sizeof(gate->nonce));
	first = first_note(gate->nonce);
	if (!forget(gate))
		return PAT_E_IO;
	if (append(gate, &first))
		return PAT_OK;
	(void)forget(gate);
	return PAT_E_IO;
}

void gate_end_notes(struct gate *gate)
{
	if (gate->nonce == 0)
		return;
	(void)forget(gate);
	gate->nonce = 0;
	gate_unlock(gate, GATE_NOTES);
}

/* To write past the limit of the process (setrlimit(2)) would be the end of it. */
static bool has_room(const struct gate *gate)
{
	struct rlimit limit;
	struct stat st;
	rlim_t end;

	if (fstat(gate->fd, &st) < 0 || getrlimit(RLIMIT_FSIZE, &limit) < 0)
		return false;
	end = (rlim_t)st.st_size + sizeof(struct note);
	return end <= SIZE_MAX_OF_NOTES &&
	       (limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur);
}

int gate_note(struct gate *gate, const struct pat_key *key)
{
	struct note note = {.len = (uint8_t)key->len};

	/* A rebuild that was killed leaves notes that nobody reads. */
	if (!gate->has_notes || !gate_is_locked(gate, GATE_NOTES))
		return PAT_OK;
	memcpy(note.key, key->bytes, key->len);
	if (has_room(gate) && append(gate, &note))
		return PAT_OK;
	return forget(gate) ? PAT_OK : PAT_E_IO;
}

int gate_read_notes(const struct gate *gate, uint64_t *from, struct pat_key *keys, unsigned room)
{
	struct note first = first_note(gate->nonce), notes[64];
	unsigned most = room < 64 ? room : 64;
	ssize_t got = pread(gate->fd, notes, sizeof(*notes), 0);

	if (got < 0)
		return PAT_E_IO;
	if (got != sizeof(*notes) || memcmp(notes, &first, sizeof(first)) != 0)
		return PAT_E_BUSY;
	got = pread(gate->fd, notes, most * sizeof(*notes), (off_t)((1 + *from) * sizeof(*notes)));
	if (got < 0)
		return PAT_E_IO;
	if (got % (ssize_t)sizeof(*notes) != 0)
		return PAT_E_BUSY;
	got /= (ssize_t)sizeof(*notes);
	for (ssize_t i = 0; i < got; i++) {
		if (notes[i].len < 1 || notes[i].len > PAT_KEY_MAX)
			return PAT_E_BUSY;
		keys[i] = (struct pat_key){.len = notes[i].len};
		memcpy(keys[i].bytes, notes[i].key, notes[i].len);
	}
	*from += (uint64_t)got;
	return (int)got;
}
