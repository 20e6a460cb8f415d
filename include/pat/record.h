/* SPDX-License-Identifier: ISC */
#ifndef PAT_RECORD_H
#define PAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pat/account.h"
#include "pat/service.h"
#include "pat/source.h"
#include "pat/token.h"

/*
 * The records of the store as C structures, and as the bytes that are kept. Integers are little
 * endian, times seconds since the epoch, 0 for "never" or "not". Every record begins with its
 * version and carries a checksum (BLAKE2b-128, personalised) over its key and all its bytes: TDB
 * has none, and a record that was damaged, or copied to another key, must be told from a good one.
 *
 * MUST: check the whole length and the checksum before any field is used; never read past `len`.
 */

#define PAT_NAME_CHARS 100
#define PAT_NAME_MAX (4 * PAT_NAME_CHARS) /* bytes */
#define PAT_DESCRIPTION_CHARS 250
#define PAT_DESCRIPTION_MAX (4 * PAT_DESCRIPTION_CHARS)

enum pat_algorithm {
	PAT_ALGORITHM_NONE = 0,    /* nothing to compare with */
	PAT_ALGORITHM_BLAKE2B = 1, /* pat_token_hash() */
	/* What is left of a token that has ended: pat_token_trace() of its hash. It opens nothing;
	 * it only tells the token that was from one that never was, when somebody presents it. */
	PAT_ALGORITHM_TRACE = 2,
};

/* A token record: what was granted to whom. Changed only inside a transaction. */
struct pat_grant {
	char id[PAT_ID_LEN + 1];
	uint8_t algorithm;
	unsigned char hash[PAT_HASH_LEN];
	uint32_t uid;
	uint32_t created_by;
	uint32_t revoked_by;
	int64_t created_at;
	int64_t expires_at;
	int64_t revoked_at;
	int64_t suspended_at;
	int64_t gone_at;                /* when the sweep first found no such account */
	uint32_t max_uses;              /* 0: no limit */
	char successor[PAT_ID_LEN + 1]; /* the token that took its place by rotation, or "" */
	char user[PAT_USER_MAX + 1];
	char services[PAT_SERVICES_MAX + 1];
	char sources[PAT_SOURCES_MAX + 1];
	char name[PAT_NAME_MAX + 1];
	char description[PAT_DESCRIPTION_MAX + 1];
};

/* In this order: a token that is several of these is the last of them. */
enum pat_status {
	PAT_STATUS_ACTIVE,
	PAT_STATUS_SUSPENDED, /* until it is resumed */
	PAT_STATUS_SPENT,     /* all its uses were made */
	PAT_STATUS_EXPIRED,
	PAT_STATUS_REVOKED, /* by somebody, by rotation, or by the sweep */
};

struct pat_use;

/*
 * What the grant is worth at `now`, its scope apart. Expired from the second expires_at on. Whether
 * it is spent its use record says; without one (NULL) that is left out.
 */
enum pat_status pat_grant_status(const struct pat_grant *grant, const struct pat_use *use,
				 int64_t now);

/* Active or suspended: it works, or may come to work again. The others never do. */
bool pat_status_live(enum pat_status status);
const char *pat_status_text(enum pat_status status);

/* One use or refusal. Longer names of services and hosts are cut. */
#define PAT_EVENT_SERVICE_MAX 23
#define PAT_EVENT_RHOST_MAX 40
struct pat_event {
	int64_t time;
	uint8_t outcome; /* enum pat_outcome, pat/verify.h */
	char service[PAT_EVENT_SERVICE_MAX + 1];
	char rhost[PAT_EVENT_RHOST_MAX + 1];
};

/*
 * A use record: fixed size, made with the token, and rewritten in place by every authentication. A
 * refusal that did not prove the secret only counts, so that a stranger who knows an id cannot
 * push the history out of the ring.
 *
 * A write in place can be cut off by a power failure between any two sectors, so all but the ring
 * is there twice, each with its own checksum: a stamp rewrites the older copy, and leaves the other
 * as it is. Each entry of the ring has a checksum of its own, too.
 */
#define PAT_USE_RING 5
struct pat_use {
	uint64_t uses;
	uint64_t refused_proved;   /* the secret was right, something else was not */
	uint64_t refused_unproved; /* the secret was wrong, or could not be compared any more */
	int64_t refused_unproved_at;
	struct pat_event last;               /* the last use; time 0: never */
	uint8_t ring_next;                   /* where the next event goes */
	struct pat_event ring[PAT_USE_RING]; /* time 0: none */
	uint8_t copy;                        /* which of the two this is, set by decoding */
	bool cut; /* the other copy is not whole: a use was begun that perhaps was made */
};

/* Notes a use or refusal in the record. */
void pat_use_note(struct pat_use *use, const struct pat_event *event, bool accepted, bool proved);

/* An index record: the ids of the tokens of one uid, whoever owned that uid when they were minted.
 */
#define PAT_INDEX_MAX 1000
struct pat_index {
	uint32_t count;
	char ids[PAT_INDEX_MAX][PAT_ID_LEN];
};

/* The one record about the store itself. Its schema is that of every record, which has it, too:
 * what is not to be read as before needs it in each. */
#define PAT_SCHEMA 1
struct pat_meta {
	uint32_t schema;
	int64_t created_at;
	uint64_t generation; /* grows with every committed change of grants */
};

/* Keys: `t` and an id, `u` and an id, `i` and a uid in 8 hexadecimal digits, `m`. */
#define PAT_KEY_MAX 9
struct pat_key {
	size_t len;
	char bytes[PAT_KEY_MAX];
};
struct pat_key pat_key_grant(const char id[PAT_ID_LEN]);
struct pat_key pat_key_use(const char id[PAT_ID_LEN]);
struct pat_key pat_key_index(uint32_t uid);
struct pat_key pat_key_meta(void);

/*
 * The use record of nobody's token. A refusal of an id that does not exist is counted here, so that
 * it costs what the refusal of one that does costs. No id has these characters.
 */
#define PAT_STRANGERS_ID "--------"

#define PAT_GRANT_SIZE_MAX                                                        \
	(256 + PAT_USER_MAX + PAT_SERVICES_MAX + PAT_SOURCES_MAX + PAT_NAME_MAX + \
	 PAT_DESCRIPTION_MAX)
#define PAT_USE_SIZE 638
#define PAT_USE_COPY_SIZE 124 /* of each of the two copies that it begins with */
#define PAT_INDEX_SIZE_MAX (32 + PAT_INDEX_MAX * PAT_ID_LEN)
#define PAT_META_SIZE 48

/*
 * Encoding: *len is the size of `buf` on entry and what was written after. 0 or PAT_E_TOOBIG.
 * Decoding: 0; PAT_E_DAMAGED; or PAT_E_VERSION for a good record of a version that this program
 * does not know. The id of a grant is part of its key, and is filled in from there.
 */
int pat_grant_encode(const struct pat_grant *grant, unsigned char *buf, size_t *len);
int pat_grant_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		     struct pat_grant *grant);
int pat_use_encode(const char id[PAT_ID_LEN], const struct pat_use *use, unsigned char *buf,
		   size_t *len);
int pat_use_decode(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
		   struct pat_use *use);

/* The same without the history, which cannot be wrong but only missing. */
int pat_use_decode_counts(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
			  struct pat_use *use);

/* The same without telling whether a copy was cut: half of the work, and not for who goes on to
 * write what somebody counts on. */
int pat_use_decode_newest(const char id[PAT_ID_LEN], const unsigned char *buf, size_t len,
			  struct pat_use *use);

/*
 * Notes an event in a record that is `buf`, and of which *use was decoded, with history or without:
 * of the bytes there only those of the older copy, and of one entry of the history, change. *use is
 * that copy then.
 */
int pat_use_amend(const char id[PAT_ID_LEN], struct pat_use *use, const struct pat_event *event,
		  bool accepted, bool proved, unsigned char buf[PAT_USE_SIZE]);

int pat_index_encode(uint32_t uid, const struct pat_index *index, unsigned char *buf, size_t *len);
int pat_index_decode(uint32_t uid, const unsigned char *buf, size_t len, struct pat_index *index);
int pat_meta_encode(const struct pat_meta *meta, unsigned char *buf, size_t *len);
int pat_meta_decode(const unsigned char *buf, size_t len, struct pat_meta *meta);

/* Whether these bytes are a whole record of that key: 0, PAT_E_DAMAGED, or PAT_E_VERSION. Its
 * fields are not looked at. */
int pat_record_verify(const struct pat_key *key, const unsigned char *buf, size_t len);

/* The length of the longest record. */
#define PAT_RECORD_SIZE_MAX PAT_INDEX_SIZE_MAX

#endif
