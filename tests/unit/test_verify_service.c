/* SPDX-License-Identifier: ISC */

/* How patd answers a question of the module: what it asks the name service, and when, for which
 * peer; and that whoever asked goes on first. */

#include "unit_verify.h"

#include <pwd.h>
#include <sched.h>
#include <shadow.h>
#include <sys/socket.h>
#include <syslog.h>

#include "../../helper/patd/hold.h"
#include "../../helper/patd/verify_service.h"
#include "pat/wire.h"

enum { ALICE = 1000, MALLORY = 1001, SERVER = 33, NOBODY_HERE = 4242 };

/* ---- A machine of our own, which notes what it is asked -----------------------------------------
 */

static const struct {
	uid_t uid;
	const char *name;
} accounts[] = {{ALICE, "alice"}, {MALLORY, "mallory"}, {SERVER, "www-data"}};

static char asked[256];

static void note(const char *what, const char *about)
{
	size_t used = strlen(asked);

	snprintf(asked + used, sizeof(asked) - used, "%s%s %s", used ? ", " : "", what, about);
}

static int answer(size_t found, struct passwd *pw, struct passwd **result)
{
	*result = NULL;
	if (found < COUNT(accounts)) {
		*pw = (struct passwd){.pw_name = (char *)(uintptr_t)accounts[found].name,
				      .pw_uid = accounts[found].uid};
		*result = pw;
	}
	return 0;
}

int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, struct passwd **result)
{
	size_t i = 0;

	(void)buf;
	(void)size;
	note("name", name);
	while (i < COUNT(accounts) && strcmp(accounts[i].name, name) != 0)
		i++;
	return answer(i, pw, result);
}

int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **result)
{
	char text[16];
	size_t i = 0;

	(void)buf;
	(void)size;
	snprintf(text, sizeof(text), "%u", (unsigned)uid);
	note("uid", text);
	while (i < COUNT(accounts) && accounts[i].uid != uid)
		i++;
	return answer(i, pw, result);
}

int getspnam_r(const char *name, struct spwd *sp, char *buf, size_t size, struct spwd **result)
{
	(void)name;
	(void)sp;
	(void)buf;
	(void)size;
	*result = NULL;
	return 0;
}

/* ---- Questions ----------------------------------------------------------------------------------
 */

static char policy_path[sizeof(place.base) + 16];
static int ends[2]; /* patd's, the module's */

/* What was there for the module when patd gave way to others, or -1 when it did not. */
static ssize_t there_when_it_gave_way;

int sched_yield(void)
{
	struct pat_wire_reply reply;

	there_when_it_gave_way =
		recv(ends[1], &reply, sizeof(reply), MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
	return 0;
}

static int set_up(void **state)
{
	static const char policy[] = "verify_for = www-data\n";

	/* None of the priorities: this machine's log is not for what happens here. */
	setlogmask(LOG_MASK(LOG_DEBUG + 1));
	if (unit_place_setup(state) != 0 || prepare(state) != 0)
		return -1;
	grant.expires_at = 0; /* patd's clock is the machine's */
	snprintf(policy_path, sizeof(policy_path), "%s/pat.conf", place.base);
	unit_write_file(policy_path, policy, strlen(policy));
	return unit_put_grant() || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0
		       ? -1
		       : 0;
}

static int tear_down(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return unit_place_teardown(state);
}

#define with_patd(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* A process of that uid asks whether this is a token of alice's: what it is told. */
static enum pat_wire_result ask(uid_t uid, const struct pat_token *whether,
				enum verify_status status)
{
	const struct settings settings = {.store = place.path, .policy = policy_path};
	const struct peer peer = {.uid = uid, .pid = getpid()};
	struct pat_wire_request request = {
		.magic = PAT_WIRE_MAGIC, .user = "alice", .service = "sshd", .rhost = "192.0.2.1"};
	struct pat_wire_reply reply;

	memcpy(request.token, whether->text, sizeof(request.token));
	assert_int_equal(send(ends[1], &request, sizeof(request), 0), sizeof(request));
	asked[0] = '\0';
	there_when_it_gave_way = -1;
	assert_int_equal(verify_serve(ends[0], &peer, &settings), status);
	hold_end();
	assert_int_equal(recv(ends[1], &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	return (enum pat_wire_result)reply.result;
}

/* What whoever asks has who has not the secret. */
static struct pat_token guess(void)
{
	struct pat_token wrong;

	assert_int_equal(pat_token_generate(&wrong), 0);
	return wrong;
}

static void root_needs_no_look_up_before_the_secret_is_proved(void **state)
{
	struct pat_token wrong = guess();

	(void)state;
	assert_int_equal(ask(0, &wrong, VERIFY_DONE), PAT_WIRE_REFUSED);
	assert_string_equal(asked, "");
	assert_int_equal(ask(0, &token, VERIFY_DONE), PAT_WIRE_ACCEPTED);
	assert_string_equal(asked, "name alice");
}

static void of_whom_a_server_asks_nothing_is_looked_up_before_the_secret_is_proved(void **state)
{
	struct pat_token wrong = guess();

	(void)state;
	assert_int_equal(ask(SERVER, &wrong, VERIFY_FOR_OTHERS), PAT_WIRE_REFUSED);
	assert_string_equal(asked, "uid 33");
	assert_int_equal(ask(SERVER, &token, VERIFY_FOR_OTHERS), PAT_WIRE_ACCEPTED);
	assert_string_equal(asked, "uid 33, name alice");
}

static void others_are_looked_up_to_tell_whether_they_ask_about_themselves(void **state)
{
	struct pat_token wrong = guess();

	(void)state;
	assert_int_equal(ask(ALICE, &wrong, VERIFY_DONE), PAT_WIRE_REFUSED);
	assert_string_equal(asked, "uid 1000, name alice");
	assert_int_equal(ask(ALICE, &token, VERIFY_DONE), PAT_WIRE_ACCEPTED);
	assert_string_equal(asked, "uid 1000, name alice, name alice");
}

/* Not even with the right secret, and with nothing in the store to tell of it. */
static void who_asks_about_another_learns_nothing(void **state)
{
	struct pat_use use;

	(void)state;
	assert_int_equal(ask(MALLORY, &token, VERIFY_FOR_NONE), PAT_WIRE_REFUSED);
	assert_string_equal(asked, "uid 1001, name alice");
	/* Whether there is no such account is asked twice (account.c). */
	assert_int_equal(ask(NOBODY_HERE, &token, VERIFY_FOR_NONE), PAT_WIRE_REFUSED);
	assert_string_equal(asked, "uid 4242, uid 4242, name alice");
	assert_int_equal(pat_store_get_use(unit_opened(PAT_STORE_READ), grant.id, &use), 0);
	unit_closed();
	assert_int_equal(use.uses + use.refused_proved + use.refused_unproved, 0);
}

static void who_asked_goes_on_before_this_process_ends(void **state)
{
	(void)state;
	ask(0, &token, VERIFY_DONE);
	assert_int_equal(there_when_it_gave_way, sizeof(struct pat_wire_reply));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_patd(root_needs_no_look_up_before_the_secret_is_proved),
		with_patd(of_whom_a_server_asks_nothing_is_looked_up_before_the_secret_is_proved),
		with_patd(others_are_looked_up_to_tell_whether_they_ask_about_themselves),
		with_patd(who_asks_about_another_learns_nothing),
		with_patd(who_asked_goes_on_before_this_process_ends),
	};

	return unit_run(tests);
}
