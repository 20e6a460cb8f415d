/* SPDX-License-Identifier: ISC */
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "bound.h"
#include "grow.h"
#include "log.h"
#include "pat/account.h"
#include "pat/error.h"
#include "pat/text.h"
#include "pat/when.h"
#include "policy.h"
#include "report.h"
#include "shelf.h"

/* Less than a day by an hour: a timer is not exact. */
#define GONE_FOR (23 * 3600)

enum action { KEEP, TRACE, REMOVE, REVOKE_UNUSED, MARK_GONE, UNMARK_GONE, REVOKE_GONE };

static const char *const done[] = {
	[KEEP] = NULL,
	[TRACE] = NULL, /* nothing that anybody could notice */
	[REMOVE] = "removed",
	[REVOKE_UNUSED] = "revoked, because nobody used it:",
	[MARK_GONE] = "has no account any more:",
	[UNMARK_GONE] = "has its account back:",
	[REVOKE_GONE] = "revoked, because its account is gone:",
};

struct sweep {
	const char *store;
	const struct policy *policy;
	int64_t now;
	bool answers; /* the name service knows root, at least */
	unsigned long counts[REVOKE_GONE + 1];
};

/* True if `span` has passed since `since`; never for "none". */
static bool passed(const struct sweep *sweep, const char *span, int64_t since)
{
	int64_t end;

	return strcmp(span, "none") != 0 && pat_span_add(span, since, &end) == PAT_OK &&
	       sweep->now >= end;
}

/* When a token that is not live came to its end. */
static int64_t ended_at(const struct grant_view *view)
{
	const struct pat_grant *grant = &view->grant;

	if (grant->revoked_at != 0)
		return grant->revoked_at;
	if (grant->expires_at != 0 && grant->expires_at <= view->use.last.time)
		return grant->expires_at;
	return grant->max_uses != 0 && view->use.uses >= grant->max_uses ? view->use.last.time
									 : grant->expires_at;
}

/* Who has a uid now, as far as that is sure. */
struct holder {
	bool known;
	struct pat_account account;
};

/*
 * Whether the account of a token is surely not there any more. Several names may share a uid, so
 * one that is not the first is asked for by name, too.
 */
static bool account_gone(const struct pat_grant *grant, const struct holder *holder)
{
	struct pat_account named;

	if (!holder->known)
		return false;
	if (holder->account.exists && strcmp(holder->account.name, grant->user) == 0)
		return false;
	return pat_account_by_name(grant->user, false, &named) == PAT_OK &&
	       (!named.exists || named.uid != grant->uid);
}

static enum action decide(const struct sweep *sweep, const struct grant_view *view,
			  const struct holder *holder)
{
	const struct pat_grant *grant = &view->grant;
	int64_t last =
		view->use.last.time > grant->created_at ? view->use.last.time : grant->created_at;

	if (!shelf_live(view, sweep->now)) {
		if (passed(sweep, sweep->policy->keep_revoked, ended_at(view)))
			return REMOVE;
		return grant->algorithm == PAT_ALGORITHM_BLAKE2B ? TRACE : KEEP;
	}
	if (passed(sweep, sweep->policy->expire_unused, last))
		return REVOKE_UNUSED;
	if (!account_gone(grant, holder))
		return grant->gone_at != 0 ? UNMARK_GONE : KEEP;
	/* A login since then found the account there. */
	if (grant->gone_at == 0 || view->use.last.time > grant->gone_at)
		return MARK_GONE;
	return sweep->now - grant->gone_at >= GONE_FOR ? REVOKE_GONE : KEEP;
}

/* Its hash gives way to the trace of it, but it is not revoked: it ended by itself. */
static void trace(struct pat_grant *grant)
{
	struct pat_grant ended = *grant;

	grant_end(&ended, 0, 0);
	memcpy(grant->hash, ended.hash, sizeof(grant->hash));
	grant->algorithm = ended.algorithm;
}

static int act(struct pat_store *store, const struct sweep *sweep, struct pat_grant *grant,
	       enum action action)
{
	switch (action) {
	case KEEP:
		return PAT_OK;
	case REMOVE:
		return pat_store_drop_grant(store, grant->id);
	case TRACE:
		trace(grant);
		break;
	case REVOKE_UNUSED:
	case REVOKE_GONE:
		grant_end(grant, 0, sweep->now);
		break;
	case MARK_GONE:
		grant->gone_at = sweep->now;
		break;
	case UNMARK_GONE:
		grant->gone_at = 0;
		break;
	}
	return pat_store_put_grant(store, grant);
}

/* Writes the index without those that were removed. */
static int shorten_index(struct pat_store *store, uint32_t uid, const struct shelf *shelf,
			 const enum action *actions)
{
	struct pat_index *index = calloc(1, sizeof(*index));
	unsigned seen = 0, kept = 0;
	int error = index ? pat_store_get_index(store, uid, index) : PAT_E_NOMEM;

	for (unsigned i = 0; !error && i < index->count; i++) {
		bool readable = seen < shelf->count &&
				memcmp(shelf->views[seen].grant.id, index->ids[i], PAT_ID_LEN) == 0;
		bool removed = readable && actions[seen] == REMOVE;

		seen += readable;
		if (!removed)
			memmove(index->ids[kept++], index->ids[i], PAT_ID_LEN);
	}
	if (!error) {
		index->count = kept;
		error = kept > 0 ? pat_store_put_index(store, uid, index)
				 : pat_store_drop_index(store, uid);
	}
	free(index);
	return error;
}

static void tell(struct sweep *sweep, const struct pat_grant *grant, enum action action)
{
	char name[200], user[200];

	sweep->counts[action]++;
	if (done[action] == NULL)
		return;
	pat_escape(name, sizeof(name), grant->name);
	pat_escape(user, sizeof(user), grant->user);
	printf("%s %s \"%s\" of %s (uid %u)\n", done[action], grant->id, name, user,
	       (unsigned)grant->uid);
	log_line(LOG_NOTICE, "sweep: %s token id=%s name=\"%s\" user=\"%s\" uid=%u", done[action],
		 grant->id, name, user, (unsigned)grant->uid);
}

/* Decides for all tokens on a shelf. Returns how many are to be changed. */
static unsigned decide_all(const struct sweep *sweep, const struct shelf *shelf,
			   const struct holder *holder, enum action *actions)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < shelf->count; i++) {
		actions[i] = decide(sweep, &shelf->views[i], holder);
		changes += actions[i] != KEEP;
	}
	return changes;
}

static int change_all(struct sweep *sweep, struct pat_store *store, uint32_t uid,
		      struct shelf *shelf, const enum action *actions)
{
	bool removed = false;
	int error = PAT_OK;

	for (unsigned i = 0; !error && i < shelf->count; i++) {
		removed |= actions[i] == REMOVE;
		error = act(store, sweep, &shelf->views[i].grant, actions[i]);
	}
	if (!error && removed)
		error = shorten_index(store, uid, shelf, actions);
	if (!error)
		error = pat_store_commit(store);
	for (unsigned i = 0; !error && i < shelf->count; i++)
		tell(sweep, &shelf->views[i].grant, actions[i]);
	return error;
}

/* One visit to the tokens of a uid. *changes says how many there are to make; made if `for_good`.
 */
static int visit(struct sweep *sweep, uint32_t uid, const struct holder *holder, bool for_good,
		 unsigned *changes)
{
	enum pat_store_mode mode = for_good ? PAT_STORE_CHANGE : PAT_STORE_LOOK;
	enum action *actions = calloc(PAT_INDEX_MAX, sizeof(*actions));
	struct pat_store *store = NULL;
	struct shelf shelf = {0};
	int error = actions ? pat_store_open(&store, sweep->store, mode, shelf_deadline())
			    : PAT_E_NOMEM;

	if (!error)
		error = shelf_load(store, uid, SHELF_USES_ALL, &shelf);
	if (!error) {
		*changes = decide_all(sweep, &shelf, holder, actions);
		if (for_good && *changes > 0)
			error = change_all(sweep, store, uid, &shelf, actions);
	}
	pat_store_close(store);
	shelf_free(&shelf);
	free(actions);
	return error;
}

struct uids {
	size_t count, size;
	uint32_t *list;
};

static int gather(const unsigned char *key, size_t key_len, const unsigned char *value,
		  size_t value_len, void *data)
{
	struct uids *uids = data;
	char digits[PAT_KEY_MAX + 1] = "";

	(void)value;
	(void)value_len;
	if (key_len != 9 || key[0] != 'i')
		return 0;
	if (uids->count == uids->size) {
		size_t size = uids->size ? 2 * uids->size : 1024;
		void *list = reallocarray(uids->list, size, sizeof(*uids->list));

		if (list == NULL)
			return PAT_E_NOMEM;
		uids->list = list;
		uids->size = size;
	}
	memcpy(digits, key + 1, 8);
	uids->list[uids->count++] = (uint32_t)strtoul(digits, NULL, 16);
	return 0;
}

static int gather_uids(const char *path, struct uids *uids)
{
	struct pat_store *store;
	int error = pat_store_open(&store, path, PAT_STORE_LOOK, shelf_deadline());

	if (error)
		return error;
	error = pat_store_each(store, gather, uids);
	pat_store_close(store);
	return error;
}

/* A signal handler. */
static void give_up(int number)
{
	static const char why[] = "patd: a change of the store does not come to an end: "
				  "patstore check tells more, patstore rebuild mends it\n";

	(void)number;
	_exit(write(STDERR_FILENO, why, sizeof(why) - 1) < 0 ? 3 : 1);
}

static int sweep_uid(struct sweep *sweep, uint32_t uid)
{
	struct holder holder;
	unsigned changes;
	int error;

	/* Asked before the store is taken: a name service may take its time. */
	holder.known = sweep->answers && pat_account_by_uid(uid, false, &holder.account) == PAT_OK;
	error = visit(sweep, uid, &holder, false, &changes);
	if (!error && changes > 0) {
		bound_begin(give_up);
		error = visit(sweep, uid, &holder, true, &changes);
		bound_end();
	}
	return error;
}

/* What went wrong, and why, where the system has told. Leaves errno as it is. */
static void tell_failure(const char *what, int error)
{
	char text[REPORT_ERROR_MAX];
	int why = errno;

	fprintf(stderr, "patd: %s: %s\n", what, report_error_text(text, error));
	errno = why;
}

/* The first error, of which errno tells more. */
static int sweep_all(struct sweep *sweep)
{
	struct uids uids = {0};
	int error = gather_uids(sweep->store, &uids), first = PAT_OK, why = errno;

	if (error == PAT_E_NOSTORE)
		return PAT_OK;
	/* The tokens that can be reached are swept all the same. */
	if (error == PAT_E_DAMAGED) {
		first = error;
		error = PAT_OK;
	}
	for (size_t i = 0; !error && i < uids.count; i++) {
		int fault = sweep_uid(sweep, uids.list[i]);
		char whose[48];

		snprintf(whose, sizeof(whose), "the tokens of uid %u", (unsigned)uids.list[i]);
		/* The others' tokens are not worse for it. */
		if (fault)
			tell_failure(whose, fault);
		if (fault && !first) {
			first = fault;
			why = errno;
		}
	}
	free(uids.list);
	errno = why;
	return error ? error : first;
}

int sweep_run(const struct settings *settings)
{
	struct policy *policy = malloc(sizeof(*policy));
	struct sweep sweep = {
		.store = settings->store, .policy = policy, .now = (int64_t)time(NULL)};
	char fault[POLICY_FAULT_MAX] = "out of memory";
	int error = policy ? policy_load(settings->policy, policy, fault) : PAT_E_NOMEM;

	struct pat_account root;

	sweep.answers = pat_account_by_uid(0, false, &root) == PAT_OK && root.exists;
	if (error) {
		fprintf(stderr, "patd: nothing was swept: %s\n", fault);
	} else {
		error = sweep_all(&sweep);
		if (error)
			tell_failure(pat_escape(fault, sizeof(fault), settings->store), error);
		printf("%lu revoked, %lu removed\n",
		       sweep.counts[REVOKE_UNUSED] + sweep.counts[REVOKE_GONE],
		       sweep.counts[REMOVE]);
		grow_now(settings);
	}
	free(policy);
	return error;
}
