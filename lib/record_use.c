/* SPDX-License-Identifier: ISC */

/* What a token was used for: written twice, so that a write that is cut off loses one of them. */

#include <string.h>

#include "pat/crc32.h"
#include "pat/error.h"
#include "record_private.h"

void pat_use_note(struct pat_use *use, const struct pat_event *event, bool accepted, bool proved)
{
	if (accepted) {
		use->uses++;
		use->last = *event;
	} else if (proved) {
		use->refused_proved++;
	} else {
		use->refused_unproved++;
		use->refused_unproved_at = event->time;
		return;
	}
	use->ring[use->ring_next] = *event;
	use->ring_next = (uint8_t)((use->ring_next + 1) % PAT_USE_RING);
}

static void put_event(struct bytes *b, const struct pat_event *event)
{
	bytes_put_uint(b, (uint64_t)event->time, 8);
	bytes_put_uint(b, event->outcome, 1);
	bytes_put_field(b, event->service, sizeof(event->service));
	bytes_put_field(b, event->rhost, sizeof(event->rhost));
}

static void get_event(struct bytes *b, struct pat_event *event)
{
	event->time = (int64_t)bytes_get_uint(b, 8);
	event->outcome = (uint8_t)bytes_get_uint(b, 1);
	bytes_get_field(b, event->service, sizeof(event->service));
	bytes_get_field(b, event->rhost, sizeof(event->rhost));
}

/* Where things are in a use record, by their lengths. */
enum {
	EVENT_LEN = 8 + 1 + PAT_EVENT_SERVICE_MAX + 1 + PAT_EVENT_RHOST_MAX + 1,
	ENTRY_LEN = EVENT_LEN + 4,
	COPY_LEN = PAT_USE_COPY_SIZE,
	RING_AT = 2 * COPY_LEN,
};
_Static_assert(VERSION_LEN + 4 * 8 + EVENT_LEN + 1 + SUM_LEN == COPY_LEN, "the size of a copy");
_Static_assert(RING_AT + PAT_USE_RING * ENTRY_LEN == PAT_USE_SIZE, "the size of a use record");

static int put_copy(const struct pat_key *key, const struct pat_use *use, unsigned char *buf)
{
	struct bytes b = bytes_for_writing(buf, COPY_LEN);
	size_t len = COPY_LEN;

	bytes_put_uint(&b, PAT_SCHEMA, VERSION_LEN);
	bytes_put_uint(&b, use->uses, 8);
	bytes_put_uint(&b, use->refused_proved, 8);
	bytes_put_uint(&b, use->refused_unproved, 8);
	bytes_put_uint(&b, (uint64_t)use->refused_unproved_at, 8);
	put_event(&b, &use->last);
	bytes_put_uint(&b, use->ring_next, 1);
	return record_seal(key, buf, &b, &len);
}

static int get_copy(const struct pat_key *key, const unsigned char *buf, struct pat_use *use)
{
	struct bytes b;
	int error = record_unseal(key, buf, COPY_LEN, &b);

	memset(use, 0, sizeof(*use));
	if (error)
		return error;
	use->uses = bytes_get_uint(&b, 8);
	use->refused_proved = bytes_get_uint(&b, 8);
	use->refused_unproved = bytes_get_uint(&b, 8);
	use->refused_unproved_at = (int64_t)bytes_get_uint(&b, 8);
	get_event(&b, &use->last);
	use->ring_next = (uint8_t)bytes_get_uint(&b, 1);
	if (use->ring_next >= PAT_USE_RING)
		return PAT_E_DAMAGED;
	return record_finish(&b);
}

/* An entry of the ring is history, not authority: a CRC tells whether it is whole. */
static uint32_t entry_sum(const struct pat_key *key, const unsigned char entry[EVENT_LEN])
{
	unsigned char all[PAT_KEY_MAX + EVENT_LEN];

	memcpy(all, key->bytes, key->len);
	memcpy(all + key->len, entry, EVENT_LEN);
	return pat_crc32(all, key->len + EVENT_LEN);
}

static void put_entry(const struct pat_key *key, const struct pat_event *event, unsigned char *buf)
{
	struct bytes b = bytes_for_writing(buf, ENTRY_LEN);

	put_event(&b, event);
	bytes_put_uint(&b, entry_sum(key, buf), 4);
}

static void get_entry(const struct pat_key *key, const unsigned char *buf, struct pat_event *event)
{
	struct bytes b = bytes_for_reading(buf, ENTRY_LEN);

	get_event(&b, event);
	if (bytes_get_uint(&b, 4) != entry_sum(key, buf) || b.failed)
		memset(event, 0, sizeof(*event));
}

int pat_use_encode(const char id[PAT_ID_LEN], const struct pat_use *use, unsigned char *buf,
		   size_t *len)
{
	struct pat_key key = pat_key_use(id);
	int error;

	if (*len < PAT_USE_SIZE)
		return PAT_E_TOOBIG;
	*len = PAT_USE_SIZE;
	error = put_copy(&key, use, buf);
	memcpy(buf + COPY_LEN, buf, COPY_LEN);
	for (size_t i = 0; i < PAT_USE_RING; i++)
		put_entry(&key, &use->ring[i], buf + RING_AT + i * ENTRY_LEN);
	return error;
}

/* Every event is counted, so the copy in which more were is the newer one. The sum may go round. */
static bool is_newer(const struct pat_use *a, const struct pat_use *b)
{
	return (int64_t)(a->uses + a->refused_proved + a->refused_unproved - b->uses -
			 b->refused_proved - b->refused_unproved) > 0;
}

static int get_both(const struct pat_key *key, const unsigned char *buf, struct pat_use *use)
{
	struct pat_use other;
	int error = get_copy(key, buf, use);
	int error_of_other = get_copy(key, buf + COPY_LEN, &other);

	if (error == PAT_E_VERSION || error_of_other == PAT_E_VERSION)
		return PAT_E_VERSION;
	if (error_of_other == PAT_OK && (error || is_newer(&other, use))) {
		*use = other;
		use->copy = 1;
	}
	use->cut = error || error_of_other;
	return error && error_of_other ? PAT_E_DAMAGED : PAT_OK;
}

/* How many events a copy says that it counts, whether it is whole or not. */
static uint64_t events_in(const unsigned char *copy)
{
	struct bytes b = bytes_for_reading(copy + VERSION_LEN, 3 * 8);
	uint64_t events = bytes_get_uint(&b, 8);

	events += bytes_get_uint(&b, 8);
	return events + bytes_get_uint(&b, 8);
}

int pat_use_decode_counts(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
			  struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);

	if (len != PAT_USE_SIZE) {
		memset(use, 0, sizeof(*use));
		return PAT_E_DAMAGED;
	}
	return get_both(&key, buf, use);
}

int pat_use_decode_newest(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
			  struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	bool second;
	int error;

	if (len != PAT_USE_SIZE) {
		memset(use, 0, sizeof(*use));
		return PAT_E_DAMAGED;
	}
	if (buf[0] != PAT_SCHEMA || buf[COPY_LEN] != PAT_SCHEMA)
		return get_both(&key, buf, use);
	/* If the one that says that it is the newer one is whole, the other does not matter. */
	second = (int64_t)(events_in(buf + COPY_LEN) - events_in(buf)) > 0;
	error = get_copy(&key, second ? buf + COPY_LEN : buf, use);
	if (error) {
		second = !second;
		error = get_copy(&key, second ? buf + COPY_LEN : buf, use);
	}
	use->copy = second;
	return error;
}

int pat_use_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		   struct pat_use *use)
{
	struct pat_key key = pat_key_use(id);
	int error = pat_use_decode_counts(id, buf, len, use);

	if (len != PAT_USE_SIZE || error == PAT_E_VERSION)
		return error;
	for (size_t i = 0; i < PAT_USE_RING; i++)
		get_entry(&key, buf + RING_AT + i * ENTRY_LEN, &use->ring[i]);
	return error;
}

int pat_use_amend(const char id[PAT_ID_LEN], struct pat_use *use, const struct pat_event *event,
		  bool accepted, bool proved, unsigned char buf[PAT_USE_SIZE])
{
	struct pat_key key = pat_key_use(id);
	size_t entry = use->ring_next;

	pat_use_note(use, event, accepted, proved);
	use->copy = !use->copy;
	use->cut = false;
	if (use->ring_next != entry)
		put_entry(&key, &use->ring[entry], buf + RING_AT + entry * ENTRY_LEN);
	return put_copy(&key, use, buf + (use->copy ? COPY_LEN : 0));
}
