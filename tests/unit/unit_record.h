/* SPDX-License-Identifier: ISC */
#ifndef UNIT_RECORD_H
#define UNIT_RECORD_H

/* Grants and use records of every length, to be written, read and compared. */

#include "unit.h"

#include "pat/error.h"
#include "pat/record.h"
#include "pat/verify.h"

static const char ID[] UNUSED = "Ab3dE9xZ";
static const char OTHER_ID[] UNUSED = "Ab3dE9xY";

static UNUSED struct pat_grant small_grant(void)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = 1000,
		.created_by = 1000,
		.created_at = 1795280000,
		.expires_at = 1803056000,
		.user = "alice",
		.services = "sshd",
		.name = "ci",
	};

	strcpy(grant.id, ID);
	for (size_t i = 0; i < PAT_HASH_LEN; i++)
		grant.hash[i] = (unsigned char)unit_random();
	return grant;
}

static UNUSED struct pat_grant largest_grant(void)
{
	struct pat_grant grant = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = UINT32_MAX,
		.created_by = UINT32_MAX,
		.revoked_by = UINT32_MAX,
		.created_at = INT64_MAX,
		.expires_at = INT64_MAX,
		.revoked_at = INT64_MAX,
		.suspended_at = INT64_MAX,
		.gone_at = INT64_MAX,
		.max_uses = UINT32_MAX,
	};

	strcpy(grant.id, ID);
	strcpy(grant.successor, OTHER_ID);
	memset(grant.hash, 0xff, PAT_HASH_LEN);
	unit_word(grant.user, PAT_USER_MAX);
	unit_word(grant.services, PAT_SERVICES_MAX);
	unit_word(grant.sources, PAT_SOURCES_MAX);
	for (int i = 0; i < PAT_NAME_CHARS; i++)
		strcat(grant.name, "\xf0\x9f\x94\x91");
	for (int i = 0; i < PAT_DESCRIPTION_CHARS; i++)
		strcat(grant.description, "\xf0\x9f\x98\x80");
	return grant;
}

static UNUSED struct pat_event event_at(int64_t time, uint8_t outcome, const char *service,
					const char *rhost)
{
	struct pat_event event = {.time = time, .outcome = outcome};

	strcpy(event.service, service);
	strcpy(event.rhost, rhost);
	return event;
}

static UNUSED struct pat_use full_use(void)
{
	struct pat_use use = {
		.uses = UINT64_MAX,
		.refused_proved = UINT64_MAX,
		.refused_unproved = UINT64_MAX,
		.refused_unproved_at = INT64_MAX,
		.ring_next = PAT_USE_RING - 1,
	};
	char service[PAT_EVENT_SERVICE_MAX + 1], rhost[PAT_EVENT_RHOST_MAX + 1];

	use.last = event_at(INT64_MAX, 255, unit_word(service, PAT_EVENT_SERVICE_MAX),
			    unit_word(rhost, PAT_EVENT_RHOST_MAX));
	for (int i = 0; i < PAT_USE_RING; i++)
		use.ring[i] = event_at(INT64_MAX - i, (uint8_t)(255 - i),
				       unit_word(service, PAT_EVENT_SERVICE_MAX),
				       unit_word(rhost, PAT_EVENT_RHOST_MAX));
	return use;
}

static UNUSED void fill_index(struct pat_index *index, uint32_t count)
{
	memset(index, 0, sizeof(*index));
	index->count = count;
	for (uint32_t i = 0; i < count && i < PAT_INDEX_MAX; i++) {
		char id[PAT_ID_LEN + 1];

		memcpy(index->ids[i], unit_word(id, PAT_ID_LEN), PAT_ID_LEN);
	}
}

static UNUSED bool is_event(const struct pat_event *a, const struct pat_event *b)
{
	return a->time == b->time && a->outcome == b->outcome &&
	       strcmp(a->service, b->service) == 0 && strcmp(a->rhost, b->rhost) == 0;
}

static UNUSED void same_event(const struct pat_event *a, const struct pat_event *b)
{
	assert_int_equal(a->time, b->time);
	assert_true(is_event(a, b));
}

static UNUSED void same_use(const struct pat_use *a, const struct pat_use *b)
{
	assert_int_equal(a->uses, b->uses);
	assert_int_equal(a->refused_proved, b->refused_proved);
	assert_int_equal(a->refused_unproved, b->refused_unproved);
	assert_int_equal(a->refused_unproved_at, b->refused_unproved_at);
	assert_int_equal(a->ring_next, b->ring_next);
	same_event(&a->last, &b->last);
	for (int i = 0; i < PAT_USE_RING; i++)
		same_event(&a->ring[i], &b->ring[i]);
}

static UNUSED void use_comes_back(const struct pat_use *use)
{
	unsigned char bytes[PAT_USE_SIZE];
	size_t len = sizeof(bytes);
	struct pat_use back;

	memset(&back, 0xa5, sizeof(back));
	assert_int_equal(pat_use_encode(ID, use, bytes, &len), 0);
	assert_int_equal(len, PAT_USE_SIZE);
	assert_int_equal(pat_use_decode(ID, unit_at_edge(bytes, len), len, &back), 0);
	same_use(use, &back);
}

#endif
