/* SPDX-License-Identifier: ISC */
#ifndef SESSION_PAM_H
#define SESSION_PAM_H

/* libpam as patd calls it for fresh authentication: a part of fuzz_session.c. */

#include "world.h"

#include <security/pam_appl.h>

static char script[16]; /* what the stack does, a letter each */
static int account_answer;
static unsigned proofs; /* how often it was the password */

struct pam_handle {
	const struct pam_conv *conv;
	const char *user;
};
static pam_handle_t handle;

int pam_start(const char *service, const char *user, const struct pam_conv *conv,
	      pam_handle_t **pamh)
{
	HOLDS(strcmp(service, "patd") == 0);
	handle = (pam_handle_t){.conv = conv, .user = user};
	*pamh = &handle;
	return fails() ? PAM_ABORT : PAM_SUCCESS;
}

int pam_set_item(pam_handle_t *pamh, int type, const void *item)
{
	(void)pamh;
	(void)type;
	(void)item;
	return PAM_SUCCESS;
}

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	HOLDS(type == PAM_USER);
	*item = strchr(script, 'u') ? "bob" : pamh->user;
	return PAM_SUCCESS;
}

/* One exchange; whether the password was among the answers, which is the token X. */
static int exchange(int style, int count)
{
	const struct pam_message message = {.msg_style = style, .msg = "Pass\xff word: "};
	const struct pam_message *messages[4] = {&message, &message, &message, &message};
	struct pam_response *responses = NULL;
	int answer = handle.conv->conv(count, messages, &responses, handle.conv->appdata_ptr);
	bool right = false;

	if (answer != PAM_SUCCESS)
		return answer;
	for (int i = 0; i < count; i++) {
		char *text = responses[i].resp;

		if (text == NULL)
			continue;
		right = right || strcmp(text, tokens[X].text) == 0;
		explicit_bzero(text, strlen(text));
		free(text);
	}
	free(responses);
	return right || style == PAM_TEXT_INFO ? PAM_SUCCESS : PAM_AUTH_ERR;
}

/* `p` asks for the password, `e` for something with echo, `3` for three at once, `i` says
 * something, `x` refuses, `w` is a strange style; the rest succeeds. */
int pam_authenticate(pam_handle_t *pamh, int flags)
{
	int answer = PAM_SUCCESS;
	bool asked = false;

	(void)pamh;
	(void)flags;
	for (const char *step = script; *step != '\0' && answer == PAM_SUCCESS; step++) {
		asked = asked || strchr("pe3i", *step) != NULL;
		answer = *step == 'p'   ? exchange(PAM_PROMPT_ECHO_OFF, 1)
			 : *step == 'e' ? exchange(PAM_PROMPT_ECHO_ON, 1)
			 : *step == '3' ? exchange(PAM_PROMPT_ECHO_OFF, 3)
			 : *step == 'i' ? exchange(PAM_TEXT_INFO, 2)
			 : *step == 'w' ? exchange(77, 1)
			 : *step == 'x' ? PAM_PERM_DENIED
					: PAM_SUCCESS;
	}
	proofs += answer == PAM_SUCCESS && asked && account_answer == PAM_SUCCESS &&
		  strchr(script, 'u') == NULL;
	return answer;
}

int pam_acct_mgmt(pam_handle_t *pamh, int flags)
{
	(void)pamh;
	(void)flags;
	return account_answer;
}

int pam_end(pam_handle_t *pamh, int status)
{
	(void)pamh;
	(void)status;
	return PAM_SUCCESS;
}

const char *pam_strerror(pam_handle_t *pamh, int error)
{
	(void)pamh;
	return error == PAM_SUCCESS ? "success" : "refused";
}

#endif
