/* SPDX-License-Identifier: ISC */
#ifndef UNIT_VERIFY_H
#define UNIT_VERIFY_H

#include "unit_store.h"

#include "pat/verify.h"

/* A token, its grant and its owner, for the tests of what is decided and what is said of it. */

#define NOW INT64_C(1795280000)

/* A token and the grant of it that a user of this machine holds. */
static struct pat_token token UNUSED;
static struct pat_grant grant UNUSED;
static struct pat_account owner UNUSED;

static UNUSED struct pat_grant grant_for(const struct pat_token *of,
					 const struct pat_account *account)
{
	struct pat_grant made = {
		.algorithm = PAT_ALGORITHM_BLAKE2B,
		.uid = account->uid,
		.created_by = account->uid,
		.created_at = NOW - 1000,
		.expires_at = NOW + 1000,
		.services = "sshd,sudo",
		.name = "ci",
	};

	pat_token_id(of, made.id);
	pat_token_hash(of, made.hash);
	snprintf(made.user, sizeof(made.user), "%s", account->name);
	return made;
}

/* What the sweep makes of a token that has ended. */
static UNUSED void leave_a_trace(struct pat_grant *of)
{
	unsigned char trace[PAT_HASH_LEN];

	pat_token_trace(of->hash, trace);
	memcpy(of->hash, trace, PAT_HASH_LEN);
	of->algorithm = PAT_ALGORITHM_TRACE;
}

static UNUSED int prepare(void **state)
{
	(void)state;
	if (pat_token_generate(&token) != 0)
		return -1;
	owner = (struct pat_account){.exists = true, .uid = 1000, .name = "alice"};
	grant = grant_for(&token, &owner);
	return 0;
}

#define unit_verify_test(test) cmocka_unit_test_setup(test, prepare)

static UNUSED struct pat_attempt attempt(void)
{
	return (struct pat_attempt){
		.token = &token,
		.user = owner.name,
		.service = "sshd",
		.rhost = "192.0.2.1",
		.tty = "ssh",
	};
}

/* The store of this test has `grant`, which nobody has used. */
static UNUSED int unit_put_grant(void)
{
	static const struct pat_use unused;
	struct pat_store *store;
	int error;

	if (pat_store_open(&store, place.path, PAT_STORE_CREATE, soon()) != 0)
		return -1;
	error = pat_store_put_grant(store, &grant);
	if (!error)
		error = pat_store_put_use(store, grant.id, &unused);
	if (!error)
		error = pat_store_commit(store);
	pat_store_close(store);
	return error;
}

#endif
