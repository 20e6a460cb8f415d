/* SPDX-License-Identifier: ISC */
#include "survey.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pat/error.h"
#include "pat/text.h"

/* A walk in progress. The index is too large for the stack of a callback. */
struct walk {
	struct pat_store *store;
	int64_t now;
	survey_fault *report;
	struct survey *survey;
	struct pat_index index;
};

static void fault(struct walk *walk, const char *record, const char *text)
{
	walk->survey->faults++;
	walk->report(record, text);
}

static bool index_has(struct walk *walk, uint32_t uid, const char *id)
{
	if (pat_store_get_index(walk->store, uid, &walk->index) != 0)
		return false;
	for (uint32_t i = 0; i < walk->index.count; i++)
		if (memcmp(walk->index.ids[i], id, PAT_ID_LEN) == 0)
			return true;
	return false;
}

static void see_grant(struct walk *walk, const char *record, const unsigned char *value, size_t len)
{
	struct pat_grant grant;
	struct pat_use use;
	int error = pat_grant_decode(record + 1, value, len, &grant);

	if (error) {
		fault(walk, record, pat_error_text(error));
		return;
	}
	error = pat_store_get_use(walk->store, grant.id, &use);
	if (error == PAT_E_NOTFOUND)
		fault(walk, record, "it has no use record");
	walk->survey->by_status[pat_grant_status(&grant, error ? NULL : &use, walk->now)]++;
	if (!index_has(walk, grant.uid, grant.id))
		fault(walk, record, "it is not in the index of its uid");
}

static void see_use(struct walk *walk, const char *record, const unsigned char *value, size_t len)
{
	struct pat_grant grant;
	struct pat_use use;
	int error = pat_use_decode(record + 1, value, len, &use);

	/* It may be half of a stamp that was being written: this waits for that. */
	if (error == PAT_E_DAMAGED)
		error = pat_store_get_use(walk->store, record + 1, &use);
	if (error) {
		fault(walk, record, pat_error_text(error));
		return;
	}
	if (memcmp(record + 1, PAT_STRANGERS_ID, PAT_ID_LEN) == 0) {
		walk->survey->strangers += use.refused_unproved;
		return;
	}
	walk->survey->uses += use.uses;
	walk->survey->refused_proved += use.refused_proved;
	walk->survey->refused_unproved += use.refused_unproved;
	if (pat_store_get_grant(walk->store, record + 1, &grant) == PAT_E_NOTFOUND)
		fault(walk, record, "it belongs to no token");
}

static void see_index(struct walk *walk, const char *record, const unsigned char *value, size_t len)
{
	uint32_t uid = (uint32_t)strtoul(record + 1, NULL, 16);
	struct pat_grant grant;
	int error = pat_index_decode(uid, value, len, &walk->index);

	if (error) {
		fault(walk, record, pat_error_text(error));
		return;
	}
	walk->survey->users++;
	for (uint32_t i = 0; i < walk->index.count; i++) {
		error = pat_store_get_grant(walk->store, walk->index.ids[i], &grant);
		if (error == PAT_E_NOTFOUND)
			fault(walk, record, "it names a token that there is not");
		else if (!error && grant.uid != uid)
			fault(walk, record, "it names a token of another uid");
	}
}

static void see_meta(struct walk *walk, const char *record, const unsigned char *value, size_t len)
{
	struct pat_meta meta;
	int error = pat_meta_decode(value, len, &meta);

	if (error)
		fault(walk, record, pat_error_text(error));
}

static int see(const unsigned char *key, size_t key_len, const unsigned char *value,
	       size_t value_len, void *data)
{
	static const struct {
		char first;
		size_t len;
		void (*see)(struct walk *walk, const char *record, const unsigned char *value,
			    size_t len);
	} kinds[] = {
		{'t', 9, see_grant}, {'u', 9, see_use}, {'i', 9, see_index}, {'m', 1, see_meta}};
	char record[PAT_KEY_MAX + 1] = "", shown[64];
	struct walk *walk = data;

	if (key_len <= PAT_KEY_MAX)
		memcpy(record, key, key_len);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (record[0] != kinds[i].first || key_len != kinds[i].len)
			continue;
		if (pat_text_valid(record, key_len, key_len)) {
			kinds[i].see(walk, record, value, value_len);
			return 0;
		}
	}
	fault(walk, pat_escape(shown, sizeof(shown), record), "not a record of ours");
	return 0;
}

int survey_run(struct pat_store *store, int64_t now, survey_fault *report, struct survey *survey)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	struct pat_meta meta;
	int error;

	if (walk == NULL)
		return PAT_E_NOMEM;
	*survey = (struct survey){0};
	walk->store = store;
	walk->now = now;
	walk->report = report;
	walk->survey = survey;
	if (pat_store_get_meta(store, &meta) == PAT_E_NOTFOUND)
		fault(walk, "m", "the record of the store itself is missing");
	error = pat_store_each(store, see, walk);
	free(walk);
	return error;
}
