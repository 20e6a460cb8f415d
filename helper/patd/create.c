/* SPDX-License-Identifier: ISC */
#include "create.h"

#include "grants.h"
#include "grow.h"
#include "pat/error.h"
#include "plan.h"
#include "report.h"

static int plan(struct session *session, const json_t *parameters, struct plan *plan_of_it)
{
	struct request request;
	int error = request_read(session, parameters, &request);

	return error ? error : plan_make(session, &request, false, plan_of_it);
}

int create_check(struct session *session, const json_t *parameters)
{
	struct grant_census census;
	struct plan it;
	int error = plan(session, parameters, &it);

	if (error)
		return error;
	error = grants_census(session->settings->store, &session->owner, it.grant.name,
			      it.grant.created_at, &census);
	if (error)
		return report_store_failure(session, error);
	if (census.name_taken)
		return report_name_taken(session, it.grant.name);
	return census.live >= it.max_tokens ? plan_refuse_count(session, &it) : 0;
}

int create_act(struct session *session, const json_t *parameters)
{
	struct pat_varlink_text reply = {NULL, 0};
	struct pat_token token;
	struct plan it;
	int error = plan(session, parameters, &it);

	if (error)
		return error;
	/* Nor is a store made for it. */
	if (it.max_tokens == 0)
		return plan_refuse_count(session, &it);
	error = grants_create(session->settings->store, it.max_tokens, &it.grant, &token);
	if (error == PAT_E_EXISTS)
		return report_name_taken(session, it.grant.name);
	if (error == PAT_E_TOOBIG)
		return plan_refuse_count(session, &it);
	if (error)
		return report_store_failure(session, error);
	grow_note_mint();
	(void)plan_reply(&token, &it.grant, &reply);
	return plan_deliver(session, &token, &it.grant, &reply);
}
