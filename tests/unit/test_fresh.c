/* SPDX-License-Identifier: ISC */

/* What patd keeps of the password of who authenticates, beside a libpam that is played here. */

#include "unit_memory.h"

#include <security/pam_appl.h>
#include <sys/socket.h>

#include "../../helper/patd/confine.h"
#include "../../helper/patd/fresh.h"
#include "pat/varlink.h"

#define PASSWORD "open sesame, which nobody else is to read"

struct pam_handle {
	const struct pam_conv *conversation;
	const char *user;
};

static pam_handle_t handle;
static void (*stack)(void); /* what it does */

int pam_start(const char *service, const char *user, const struct pam_conv *conversation,
	      pam_handle_t **pamh)
{
	(void)service;
	handle = (pam_handle_t){.conversation = conversation, .user = user};
	*pamh = &handle;
	return PAM_SUCCESS;
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
	(void)type;
	*item = pamh->user;
	return PAM_SUCCESS;
}

int pam_authenticate(pam_handle_t *pamh, int flags)
{
	(void)pamh;
	(void)flags;
	stack();
	return PAM_SUCCESS;
}

int pam_acct_mgmt(pam_handle_t *pamh, int flags)
{
	(void)pamh;
	(void)flags;
	return PAM_SUCCESS;
}

int pam_end(pam_handle_t *pamh, int answer)
{
	(void)pamh;
	(void)answer;
	return PAM_SUCCESS;
}

static int ask_for(int count, struct pam_response **responses)
{
	const struct pam_message message = {.msg_style = PAM_PROMPT_ECHO_OFF, .msg = "Password: "};
	const struct pam_message *messages[] = {&message, &message};

	return handle.conversation->conv(count, messages, responses,
					 handle.conversation->appdata_ptr);
}

static bool is_kept(void)
{
	return unit_memory_holds(getpid(), &PASSWORD[20]);
}

static void one_that_the_stack_gets(void)
{
	struct pam_response *responses = NULL;

	assert_int_equal(ask_for(1, &responses), PAM_SUCCESS);
	assert_string_equal(responses[0].resp, PASSWORD);
	assert_true(is_kept());
	explicit_bzero(responses[0].resp, strlen(PASSWORD));
	free(responses[0].resp);
	free(responses);
	assert_false(is_kept());
}

static void one_beside_another_that_is_too_long(void)
{
	struct pam_response *responses = NULL;

	assert_int_equal(ask_for(2, &responses), PAM_CONV_ERR);
	assert_false(is_kept());
}

/* A session whose client has answered already. */
static void authenticate(const char *answers, void (*asks)(void))
{
	static const struct settings settings = {.store = "/nowhere/store", .policy = "/nowhere"};
	struct session session = {.settings = &settings, .caller = {.name = "alice"}};
	json_t *nothing = json_object();
	int ends[2];

#if defined(__SANITIZE_ADDRESS__)
	unit_skip("AddressSanitizer has more memory than can be searched");
#endif
	stack = asks;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(calls_begin(&session.calls, 60), 0);
	calls_serve(&session.calls, ends[0]);
	reply_queue_begin(&session.replies, ends[0]);
	assert_int_equal(send(ends[1], answers, strlen(answers) + 1, 0), strlen(answers) + 1);
	assert_int_equal(fresh_authenticate(&session, nothing), 0);
	calls_end(&session.calls);
	reply_queue_end(&session.replies);
	json_decref(nothing);
	close(ends[0]);
	close(ends[1]);
}

#define ANSWER                                                                                     \
	"{\"method\":\"io.pampat.Tokens.Authenticate\",\"parameters\":{\"responses\":[\"" PASSWORD \
	"\""

static void what_the_stack_gets_has_no_copy(void **state)
{
	(void)state;
	authenticate(ANSWER "]}}", one_that_the_stack_gets);
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
_Static_assert(PAM_MAX_RESP_SIZE <= 600, "what is too long is longer than that");

static void what_it_does_not_get_is_wiped(void **state)
{
	(void)state;
	authenticate(ANSWER ",\"" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "\"]}}",
		     one_beside_another_that_is_too_long);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_stack_gets_has_no_copy),
		cmocka_unit_test(what_it_does_not_get_is_wiped),
	};

	pat_varlink_wipe_json();
	if (confine_prepare() != 0)
		return 99;
	return unit_run(tests);
}
