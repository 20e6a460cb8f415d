/* SPDX-License-Identifier: ISC */
#ifndef DAMAGE_HARM_H
#define DAMAGE_HARM_H

#include "damage_good.h"

/* The kinds of damage. */

#define HARM_ROOM 262144 /* how much a file may grow */

struct harm {
	const struct good *good;
	unsigned char *data;
	uint64_t size, room;
	uint64_t sparse; /* how long the file is made behind its contents; 0: not */
	uint64_t seed;
	bool replayed; /* an old record was put back whole: what it says is true again */
};

static inline uint64_t any(struct harm *harm, uint64_t limit)
{
	return below(&harm->seed, limit);
}

static inline uint32_t get_word(const struct harm *harm, uint64_t at)
{
	struct reader_file file = {harm->data, harm->size};

	return reader_word(&file, at);
}

static inline void put_word(struct harm *harm, uint64_t at, uint32_t word)
{
	if (at + sizeof(word) <= harm->size)
		memcpy(harm->data + at, &word, sizeof(word));
}

static inline const struct good_record *any_record(struct harm *harm)
{
	return &harm->good->records[any(harm, harm->good->record_count)];
}

/* A record of this kind: `t`, `u`, `i` or `m`. */
static inline const struct good_record *any_of_kind(struct harm *harm, char kind)
{
	const struct good_record *record;

	do
		record = any_record(harm);
	while (record->key.bytes[0] != kind);
	return record;
}

static inline uint64_t value_at(const struct good_record *record)
{
	return record->at + sizeof(struct reader_record) + record->key.len;
}

/* A place where something is: in the header, a bucket, a head, a key, a value, or anywhere. */
static inline uint64_t any_place(struct harm *harm)
{
	const struct good_record *record = any_record(harm);

	switch (any(harm, 8)) {
	case 0:
		return any(harm, READER_HEADER);
	case 1:
		return READER_HEADER + any(harm, 4 * (uint64_t)harm->good->shape->buckets + 4);
	case 2:
	case 3:
		return record->at + any(harm, sizeof(struct reader_record));
	case 4:
		return record->at + sizeof(struct reader_record) + any(harm, record->key.len);
	case 5:
	case 6:
		return value_at(record) + any(harm, record->len);
	default:
		return any(harm, harm->size);
	}
}

/* A number that somebody may have forgotten to think of. */
static inline uint32_t odd_number(struct harm *harm)
{
	static const uint32_t odd[] = {
		0,
		1,
		2,
		3,
		8,
		23,
		24,
		168,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0xfffffff0,
		0xffffffe8,
		0xfffff000,
		0x40000000,
		READER_RECORD,
		READER_RECOVERY,
		0xd9fee666,
	};
	const struct good_record *record = any_record(harm);

	switch (any(harm, 5)) {
	case 0:
		return (uint32_t)(harm->size - 32 + any(harm, 64));
	case 1:
		return (uint32_t)record->at;
	case 2:
		return (uint32_t)(record->at - 24 + any(harm, 48));
	case 3:
		return (uint32_t)chance(&harm->seed);
	default:
		return odd[any(harm, sizeof(odd) / sizeof(odd[0]))];
	}
}

static void flip_bits(struct harm *harm)
{
	for (uint64_t i = 1 + any(harm, 8); i > 0; i--)
		harm->data[any_place(harm)] ^= (unsigned char)(1 << any(harm, 8));
}

static void overwrite_bytes(struct harm *harm)
{
	uint64_t at = any_place(harm), kind = any(harm, 3), len = 1 + any(harm, 1 << any(harm, 12));

	for (; len > 0 && at < harm->size; at++, len--)
		harm->data[at] = kind == 0   ? 0
				 : kind == 1 ? 0xff
					     : (unsigned char)chance(&harm->seed);
}

static void cut_short(struct harm *harm)
{
	harm->size = any(harm, 4) == 0 ? any(harm, 400) : any_place(harm);
}

static void append_garbage(struct harm *harm)
{
	uint64_t len = 1 + any(harm, 1 << any(harm, 17));

	while (len-- > 0 && harm->size < harm->room)
		harm->data[harm->size++] = (unsigned char)chance(&harm->seed);
}

static void make_sparse(struct harm *harm)
{
	static const uint64_t sizes[] = {
		UINT64_C(0x7fffffff),  UINT64_C(0xfffff000),  UINT64_C(0xffffffff),
		UINT64_C(0x100000000), UINT64_C(0x100001000), UINT64_C(0x200000000),
	};

	harm->sparse = sizes[any(harm, 6)];
	/* A length that only such a file has room for. */
	if (any(harm, 2) == 0)
		put_word(harm, any_record(harm)->at + 4 + 4 * any(harm, 3), odd_number(harm));
}

static void swap_values(struct harm *harm)
{
	char kind = "tui"[any(harm, 3)];
	const struct good_record *a = any_of_kind(harm, kind);
	const struct good_record *b = any(harm, 4) ? any_of_kind(harm, kind) : any_record(harm);
	uint32_t len = a->len < b->len ? a->len : b->len;

	for (uint32_t i = 0; i < len; i++) {
		unsigned char *one = harm->data + value_at(a) + i;
		unsigned char *other = harm->data + value_at(b) + i, kept = *one;

		*one = *other;
		*other = kept;
	}
}

static inline const struct good_token *token_of(const struct good *good,
						const struct good_record *record)
{
	for (unsigned i = 0; i < good->count; i++)
		if (memcmp(good->tokens[i].grant.id, record->key.bytes + 1, PAT_ID_LEN) == 0)
			return &good->tokens[i];
	return NULL;
}

/* A grant as it was before it ended, or a use record of an earlier time. */
static void replay(struct harm *harm)
{
	const struct good_record *record = any_of_kind(harm, "tu"[any(harm, 2)]);
	const struct good_token *token = token_of(harm->good, record);
	unsigned char buf[PAT_GRANT_SIZE_MAX];
	size_t len = sizeof(buf);
	struct pat_use use = {0};
	int error;

	if (token == NULL)
		return;
	if (record->key.bytes[0] == 't') {
		struct pat_grant grant = token->grant;

		grant.algorithm = PAT_ALGORITHM_BLAKE2B;
		grant.revoked_at = grant.suspended_at = 0;
		pat_token_hash(&token->token, grant.hash);
		error = pat_grant_encode(&grant, buf, &len);
	} else {
		error = pat_use_encode(token->grant.id, &use, buf, &len);
	}
	if (error || len != record->len)
		return;
	memcpy(harm->data + value_at(record), buf, len);
	harm->replayed = true;
}

/* Whether the ids of an index are those of an encoded one, in whatever order: no harm then. */
static bool has_all(const struct pat_index *index, const unsigned char *ids)
{
	for (uint32_t i = 0; i < index->count; i++) {
		uint32_t at = 0;

		while (at < index->count &&
		       memcmp(index->ids[at], ids + (size_t)i * PAT_ID_LEN, PAT_ID_LEN) != 0)
			at++;
		if (at == index->count)
			return false;
	}
	return true;
}

/* The index of one user in the place of another's: as it is, or with a checksum that is right. */
static void cross_indexes(struct harm *harm)
{
	const struct good_record *a = any_of_kind(harm, 'i'), *b = any_of_kind(harm, 'i');
	char digits[9] = "";
	static struct pat_index index;
	static unsigned char buf[PAT_INDEX_SIZE_MAX];
	size_t len = sizeof(buf);
	uint32_t uid;

	memcpy(digits, a->key.bytes + 1, 8);
	uid = (uint32_t)strtoul(digits, NULL, 16);
	memcpy(&index.count, harm->good->data + value_at(a) + 1, sizeof(index.count));
	for (uint32_t i = 0; i < index.count; i++)
		memcpy(index.ids[i], any_of_kind(harm, 't')->key.bytes + 1, PAT_ID_LEN);
	if (any(harm, 2) &&
	    !has_all(&index, harm->good->data + value_at(a) + 1 + sizeof(index.count)) &&
	    pat_index_encode(uid, &index, buf, &len) == 0 && len == a->len)
		memcpy(harm->data + value_at(a), buf, len);
	else
		memcpy(harm->data + value_at(a), harm->good->data + value_at(b),
		       a->len < b->len ? a->len : b->len);
}

static void tie_chain(struct harm *harm)
{
	const struct good_record *record = any_record(harm);
	uint64_t bucket = any(harm, harm->good->shape->buckets);

	switch (any(harm, 4)) {
	case 0:
		put_word(harm, record->at, (uint32_t)record->at);
		break;
	case 1:
		put_word(harm, record->at, (uint32_t)any_record(harm)->at);
		break;
	case 2:
		put_word(harm, reader_bucket_at((uint32_t)bucket), (uint32_t)record->at);
		break;
	default:
		put_word(harm, record->at, odd_number(harm));
	}
}

static void break_lengths(struct harm *harm)
{
	for (uint64_t i = 1 + any(harm, 3); i > 0; i--)
		put_word(harm, any_record(harm)->at + 4 * any(harm, 6), odd_number(harm));
}

/* An area that TDB would write back, with offsets and lengths to everywhere. */
static void forge_recovery(struct harm *harm)
{
	uint64_t at = any(harm, 2) ? harm->size : any_record(harm)->at, place;
	uint32_t len = (uint32_t)any(harm, 4000), head[6];

	if (any(harm, 3) == 0)
		at = get_word(harm, READER_RECOVERY_AT);
	if (at + 8192 > harm->room || at < READER_HEADER)
		at = harm->size;
	while (harm->size < at + sizeof(head) + len)
		harm->data[harm->size++] = (unsigned char)chance(&harm->seed);
	put_word(harm, READER_RECOVERY_AT, (uint32_t)at);
	head[0] = odd_number(harm);
	head[1] = any(harm, 3) ? len : odd_number(harm);
	head[2] = any(harm, 3) ? (uint32_t)harm->size : odd_number(harm);
	head[3] = any(harm, 3) ? len : odd_number(harm);
	head[4] = odd_number(harm);
	head[5] = READER_RECOVERY;
	memcpy(harm->data + at, head, sizeof(head));
	for (place = at + sizeof(head); place + 8 < at + sizeof(head) + len;) {
		uint32_t to = any(harm, 2) ? (uint32_t)any_place(harm) : odd_number(harm);
		uint32_t many = any(harm, 4) ? (uint32_t)any(harm, 200) : odd_number(harm);

		put_word(harm, place, to);
		put_word(harm, place + 4, many);
		place += 8 + (many < 4000 ? many : 0);
	}
}

static void forge_header(struct harm *harm)
{
	for (uint64_t i = 1 + any(harm, 3); i > 0; i--)
		put_word(harm, any(harm, 5) ? 32 + 4 * any(harm, 16) : 4 * any(harm, 8),
			 odd_number(harm));
}

/* One token's record under the name of another's. */
static void rename_record(struct harm *harm)
{
	const struct good_record *a = any_of_kind(harm, 't'), *b = any_of_kind(harm, 't');
	TDB_DATA key = {.dptr = (unsigned char *)(uintptr_t)b->key.bytes, .dsize = b->key.len};
	uint32_t hash = tdb_jenkins_hash(&key);
	uint64_t bucket = reader_bucket_at(hash % harm->good->shape->buckets);

	if (any(harm, 2)) {
		/* In its own place, which comes first in the chain of the other then. */
		memcpy(harm->data + a->at + sizeof(struct reader_record), b->key.bytes, b->key.len);
		put_word(harm, a->at + 16, hash);
		put_word(harm, a->at, get_word(harm, bucket) == a->at ? 0 : get_word(harm, bucket));
		put_word(harm, bucket, (uint32_t)a->at);
	} else if (get_word(harm, b->at + 4) >= b->key.len + a->len) {
		put_word(harm, b->at + 12, a->len);
		memmove(harm->data + value_at(b), harm->data + value_at(a), a->len);
	}
}

static void break_free_list(struct harm *harm)
{
	uint64_t at = READER_HEADER;

	for (uint64_t steps = any(harm, 4); steps > 0 && get_word(harm, at) != 0; steps--)
		at = get_word(harm, at);
	switch (any(harm, 3)) {
	case 0:
		put_word(harm, at, at == READER_HEADER ? odd_number(harm) : (uint32_t)at);
		break;
	case 1:
		put_word(harm, at, (uint32_t)any_record(harm)->at);
		break;
	default:
		put_word(harm, at + 4 * any(harm, 6), odd_number(harm));
	}
}

static const struct harm_kind {
	const char *name;
	void (*apply)(struct harm *harm);
} harm_kinds[] = {
	{"flipped bits", flip_bits},
	{"overwritten bytes", overwrite_bytes},
	{"cut short", cut_short},
	{"garbage at the end", append_garbage},
	{"sparse", make_sparse},
	{"swapped values", swap_values},
	{"replayed records", replay},
	{"crossed indexes", cross_indexes},
	{"tied chains", tie_chain},
	{"odd lengths", break_lengths},
	{"hostile recovery", forge_recovery},
	{"hostile header", forge_header},
	{"records of another id", rename_record},
	{"broken free list", break_free_list},
};
#define HARM_SPARSE 4 /* costs much; one in some is enough */
#define HARM_KINDS (sizeof(harm_kinds) / sizeof(harm_kinds[0]))

/* Kind HARM_KINDS is several at once. */
static inline void do_harm(struct harm *harm, unsigned kind)
{
	uint64_t times = kind < HARM_KINDS ? 1 : 2 + any(harm, 2);

	for (; times > 0; times--) {
		unsigned one = kind < HARM_KINDS ? kind : (unsigned)any(harm, HARM_KINDS);

		if (kind != one && one == HARM_SPARSE)
			one = 0;
		/* The others write where the good store has something. */
		if (harm->size < harm->good->size)
			harm->size = harm->good->size;
		harm_kinds[one].apply(harm);
	}
}

#endif
