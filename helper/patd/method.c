/* SPDX-License-Identifier: ISC */
#include "method.h"

#include <signal.h>
#include <string.h>

#include "bound.h"
#include "hold.h"
#include "owner.h"
#include "pat/text.h"

#define SHOWN 100

static const struct method *look_up(const char *name)
{
	for (const struct method *method = methods; method < methods + methods_count; method++)
		if (strcmp(method->name, name) == 0)
			return method;
	return NULL;
}

static void refuse_name(struct session *session, const char *name)
{
	char shown[SHOWN];

	session_error(session, ERROR_VARLINK("MethodNotFound"), NULL,
		      json_pack("{s:s}", "method", pat_escape(shown, sizeof(shown), name)));
}

/* Who calls, and whom it is about. 0, or anything else once the error was sent. */
static int admit(struct session *session, const struct method *method, const json_t *parameters)
{
	if (method->needs & (NEED_ACCOUNT | NEED_OWNER) && !session->caller.exists)
		return session_error(session, ERROR_OWN("PermissionDenied"),
				     "your uid has no account on this machine", NULL);
	if (method->needs & NEED_OWNER)
		return owner_find(session, parameters);
	return 0;
}

/* What whoever is not root has to bring: right parameters first, and then a fresh authentication,
 * which is used up. 0, or anything else once the error was sent. Root hears what is wrong from the
 * method itself. */
static int check(struct session *session, const struct method *method, const json_t *parameters)
{
	if (session->peer.uid == 0)
		return 0;
	if (method->check != NULL && method->check(session, parameters) != 0)
		return -1;
	if (!(method->needs & NEED_FRESH))
		return 0;
	if (!session->fresh)
		return session_error(session, ERROR_OWN("AuthenticationRequired"),
				     "this needs fresh authentication", NULL);
	session->fresh = false;
	return 0;
}

/* A list may be as long as it is, and is in nobody's way. */
static void act(struct session *session, const struct method *method, const json_t *parameters)
{
	const bool changes = method->needs & NEED_WHOLE;
	/* Whether many replies are wanted is the caller's word, and may be another's behind the
	 * act. */
	const bool bounded = changes || !session->more;

	if (changes)
		hold_begin();
	if (bounded)
		bound_begin(SIG_DFL);
	(void)method->act(session, parameters);
	if (bounded)
		bound_end();
	if (changes)
		hold_end();
}

void method_call(struct session *session, const char *name, json_t *parameters)
{
	const struct method *method = look_up(name);

	if (method == NULL) {
		refuse_name(session, name);
		return;
	}
	if (parameters_check(session, method->parameters, parameters) == 0 &&
	    admit(session, method, parameters) == 0 && check(session, method, parameters) == 0)
		act(session, method, parameters);
}
