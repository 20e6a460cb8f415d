/* SPDX-License-Identifier: ISC */
#ifndef CROWD_VERIFY_H
#define CROWD_VERIFY_H

/* Verifications, by the library and by the module, and whether they ended as they must. */

#include <security/pam_appl.h>

#include "crowd_shared.h"

/* What a verification came to. */
struct finding {
	enum { ACCEPTED, WAS_REFUSED, NO_ANSWER } answer;
	bool stamp_known, stamped;
	char text[100];
};

static struct finding verify_in_store(const struct slot *slot)
{
	struct pat_token token;
	struct pat_verdict verdict;
	struct pat_attempt attempt = {.token = &token,
				      .user = users[slot->owner].name,
				      .service = SERVICE,
				      .rhost = "192.0.2.1"};
	struct finding finding = {.stamp_known = true};

	memcpy(token.text, slot->token, sizeof(token.text));
	pat_verify(store, &attempt, (int64_t)time(NULL), pat_deadline_in(2000), &verdict);
	finding.answer = verdict.outcome == PAT_ACCEPTED      ? ACCEPTED
			 : verdict.outcome == PAT_UNAVAILABLE ? NO_ANSWER
							      : WAS_REFUSED;
	finding.stamped = verdict.stamp_error == 0;
	snprintf(finding.text, sizeof(finding.text), "%s, %s", pat_outcome_text(verdict.outcome),
		 pat_error_text(verdict.error));
	return finding;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out,
		    void *data)
{
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	if (replies == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			replies[i].resp = strdup(data);
	*out = replies;
	return PAM_SUCCESS;
}

static struct finding verify_by_module(const struct slot *slot)
{
	char token[PAT_TOKEN_LEN + 1];
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = token};
	struct finding finding = {.answer = NO_ANSWER};
	pam_handle_t *pamh = NULL;
	int answer;

	memcpy(token, slot->token, sizeof(token));
	answer = pam_start(SERVICE, users[slot->owner].name, &conversation, &pamh);
	if (answer != PAM_SUCCESS)
		die("pam_start");
	(void)pam_set_item(pamh, PAM_RHOST, "192.0.2.1");
	answer = pam_authenticate(pamh, 0);
	pam_end(pamh, answer);
	if (answer == PAM_SUCCESS)
		finding.answer = ACCEPTED;
	else if (answer == PAM_AUTH_ERR)
		finding.answer = WAS_REFUSED;
	else if (answer != PAM_SYSTEM_ERR)
		wrong(LATE, "the module answers %s", pam_strerror(NULL, answer));
	snprintf(finding.text, sizeof(finding.text), "module: %s", pam_strerror(NULL, answer));
	return finding;
}

static void count(struct slot *slot, const struct finding *finding)
{
	switch (finding->answer) {
	case ACCEPTED:
		atomic_fetch_add(&slot->accepted, 1);
		if (finding->stamp_known && !finding->stamped)
			atomic_fetch_add(&slot->unstamped, 1);
		if (slot->max_uses != 0 && atomic_load(&slot->accepted) > slot->max_uses)
			wrong(OVERSPENT, "token %s was accepted more than %u times", slot->id,
			      slot->max_uses);
		break;
	case WAS_REFUSED:
		atomic_fetch_add(&slot->refused, 1);
		if (!finding->stamp_known || !finding->stamped)
			atomic_fetch_add(&slot->refused_unstamped, 1);
		break;
	case NO_ANSWER:
		atomic_fetch_add(&slot->unknown, 1);
	}
}

static void verify(enum path path, struct slot *slot)
{
	unsigned serial = atomic_load(&slot->serial), state = atomic_load(&slot->state);
	struct finding finding;
	bool settled, was_spent;
	int64_t began = now_ns();

	if (state == FREE)
		return;
	was_spent = slot->max_uses != 0 && atomic_load(&slot->accepted) >= slot->max_uses;
	atomic_fetch_add(&slot->begun, 1);
	finding = path == IN_STORE ? verify_in_store(slot) : verify_by_module(slot);
	note_slowest(path, now_ns() - began);
	count(slot, &finding);
	atomic_fetch_add(&shared->done[path], 1);
	/* What was told before this began, and stood until it was over, is true. */
	settled = serial % 2 == 0 && atomic_load(&slot->serial) == serial;
	if (!settled)
		atomic_fetch_add(&shared->unsure, 1);
	if (finding.answer == NO_ANSWER) {
		atomic_fetch_add(&shared->gave_up[path], 1);
		if (atomic_load(&shared->phase) == 0)
			atomic_fetch_add(&shared->quiet_gave_up, 1);
	} else if (finding.answer == ACCEPTED) {
		/* An end stands whatever comes after it. */
		if (serial % 2 == 0 && (state == ENDED || (settled && state == SUSPENDED)))
			wrong(LATE, "token %s, %s, was accepted (%s)", slot->id,
			      state == ENDED ? "ended" : "suspended", path_names[path]);
		if (was_spent)
			wrong(OVERSPENT, "token %s was accepted after its last use", slot->id);
	} else if (settled && state == LIVE &&
		   (slot->max_uses == 0 || atomic_load(&slot->begun) <= slot->max_uses)) {
		wrong(LATE, "token %s, live, was refused (%s)", slot->id, finding.text);
	}
}

/* One of the tokens of the user that this process is. */
static struct slot *own_slot(void)
{
	unsigned owner = 0;

	while (owner < USERS - 1 && users[owner].uid != getuid())
		owner++;
	return &shared->slots[roll(SLOTS / USERS) * USERS + owner];
}

static void verify_some(enum path path)
{
	struct slot *slot = &shared->slots[roll(SLOTS)];

	/* For users patd verifies only their own. */
	if (path == AS_USER)
		slot = own_slot();
	atomic_fetch_add(&slot->users, 1);
	verify(path, slot);
	atomic_fetch_sub(&slot->users, 1);
}

#endif
