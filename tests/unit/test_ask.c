/* SPDX-License-Identifier: ISC */

/* How the module asks patd, where it can be looked at between sending and hearing. */

#include "unit.h"

#include "../../pam/ask.c"

static char dir[] = "/tmp/test_ask.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int listen_there(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/verify", dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Nobody answers, so that the deadline ends it. */
static void the_token_is_in_the_request_while_it_is_sent_and_no_longer(void **state)
{
	static const char token[PAT_TOKEN_LEN + 1] = "lnxpat_sesame";
	static const char zeros[sizeof(token)];
	struct pat_wire_request request = {.magic = PAT_WIRE_MAGIC}, heard;
	struct pat_wire_reply reply;
	int patd, fd;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root: a patd of nobody else is given a token");
	patd = listen_there();
	assert_int_equal(ask_once(address.sun_path, &request, token, pat_deadline_in(20), &reply),
			 PAT_E_BUSY);
	fd = accept(patd, NULL, NULL);
	assert_int_equal(recv(fd, &heard, sizeof(heard), 0), sizeof(heard));
	assert_string_equal(heard.token, token);
	assert_memory_equal(request.token, zeros, sizeof(request.token));
	close(fd);
	close(patd);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(address.sun_path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_token_is_in_the_request_while_it_is_sent_and_no_longer, setup,
			teardown),
	};

	return unit_run(tests);
}
