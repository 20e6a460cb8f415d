/* SPDX-License-Identifier: ISC */

/*
 * The whole module, with a hostile user, line of the stack, terminal, host, environment, patd and
 * libpam, in a process whose system calls and allocations fail. A line of the input is a letter and
 * a text: see setting().
 *
 * What must hold: authenticate never answers PAM_IGNORE; it answers PAM_SUCCESS only for a token
 * that is good for that user there, or that a patd of root's vouches for, and always for the
 * former when nothing fails; nothing but a token ever reaches store or patd, and patd only if it is
 * root's; a mark is left exactly by success; no call takes longer than it may; no descriptor,
 * memory, secret or change of the process is left behind; no line of the log can be forged.
 */

#include "fakepam.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include "pat/wire.h"

static struct run {
	struct pam_handle pamh;
	char items[5][1024], reply[1024], options[8][256], faults[64];
	const char *argv[9];
	int argc, flags;
	bool own_store, twice;
	struct pat_wire_reply answer; /* of patd */
	size_t answer_len;
} run;

static void answer(int peer)
{
	if (run.answer_len > 0)
		(void)!REAL(send)(peer, &run.answer, run.answer_len, MSG_NOSIGNAL);
}

static void set_answer(const char *text)
{
	unsigned result = 0, wrong = 0;

	(void)sscanf(text, "%3u %u", &result, &wrong);
	run.answer.magic = PAT_WIRE_MAGIC ^ (wrong & 1);
	run.answer.result = result;
	memset(run.answer.name, wrong & 2 ? 'x' : 0, sizeof(run.answer.name));
	run.answer_len = sizeof(run.answer) - ((wrong & 4) != 0);
}

static void setting(char kind, const char *text)
{
	char whole[1024];
	static const char kinds[] = "usrtR";
	static const int types[] = {PAM_USER, PAM_SERVICE, PAM_RHOST, PAM_TTY, PAM_RUSER};
	const char *at = strchr(kinds, kind);

	if (kind != 'p' && has_secret(expand(whole, sizeof(whole), text), strlen(whole)))
		*(kind == 'o' ? &world.told : &world.named) = true;
	if (kind != '\0' && at != NULL)
		run.pamh.items[types[at - kinds]] =
			expand(run.items[at - kinds], sizeof(run.items[0]), text);
	else if (kind == 'p')
		run.pamh.reply = expand(run.reply, sizeof(run.reply), text);
	else if (kind == 'o' && run.argc < (int)COUNT(run.options)) {
		run.own_store = run.own_store && strncmp(text, "store", 5) != 0;
		run.argv[run.argc] = expand(run.options[run.argc], sizeof(run.options[0]), text);
		run.argc++;
	} else if (kind == 'f')
		snprintf(run.faults, sizeof(run.faults), "%s", text);
	else if (kind == 'g')
		run.pamh.user_answer = atoi(text);
	else if (kind == 'a')
		run.pamh.authtok_answer = atoi(text);
	else if (kind == 'n')
		world.nobody_is_root = true;
	else if (kind == 'l')
		world.locked = true;
	else if (kind == 'q')
		world.peer_uid = (uid_t)atoi(text);
	else if (kind == 'c')
		world.connect_error = atoi(text) & 127;
	else if (kind == 'w')
		set_answer(text);
	else if (kind == 'e')
		snprintf(run.pamh.environment, sizeof(run.pamh.environment), "%s", text);
	else if (kind == 'F')
		run.flags = atoi(text);
	else if (kind == '2')
		run.twice = true;
}

static void read_input(const uint8_t *data, size_t size)
{
	static char store[192];
	struct input input = {data, size};
	char line[1024];

	memset(&run, 0, sizeof(run));
	memset(&world, 0, sizeof(world));
	world.peer = -1;
	world.connected = answer;
	run.own_store = true;
	while (input_line(&input, line, sizeof(line)))
		setting(line[0], line[0] && line[1] ? line + 2 : "");
	snprintf(store, sizeof(store), "store=%s", place.path);
	if (run.own_store)
		run.argv[run.argc++] = store;
	world_faults(run.faults);
}

static const char *item(int type)
{
	return run.pamh.items[type] ? run.pamh.items[type] : "";
}

/* The token in the reply, if there is nothing but white space, or one wrapper, around it. */
static enum token_name presented(void)
{
	static const char wrapper[] = "secret-token:", space[] = " \t\n\v\f\r";
	char text[sizeof(run.reply)], *begin = text;
	size_t len;

	snprintf(text, sizeof(text), "%s", run.pamh.reply ? run.pamh.reply : "");
	if (strlen(text) > PAT_TOKEN_INPUT_MAX)
		return TOKENS;
	begin += strspn(begin, space);
	for (len = strlen(begin); len > 0 && strchr(space, begin[len - 1]); len--)
		begin[len - 1] = '\0';
	if (strncmp(begin, wrapper, strlen(wrapper)) == 0)
		begin += strlen(wrapper);
	return token_named(begin);
}

/* Whether it is an address that the third token may come from, as such or mapped (RFC
 * 4291, 2.5.5.2). */
static bool is_near(const char *rhost)
{
	static const unsigned char net[] = {192, 0, 2};
	struct in6_addr address;
	struct in_addr old;

	if (inet_pton(AF_INET, rhost, &old) == 1)
		return memcmp(&old, net, sizeof(net)) == 0;
	return inet_pton(AF_INET6, rhost, &address) == 1 && IN6_IS_ADDR_V4MAPPED(&address) &&
	       memcmp(address.s6_addr + 12, net, sizeof(net)) == 0;
}

/* Whether the store lets this token in. */
static bool is_good(enum token_name name)
{
	const char *owner = name == B ? "bob" : "alice", *service = item(PAM_SERVICE);

	if ((name != A && name != B && name != C) || strcmp(item(PAM_USER), owner) != 0 ||
	    world.locked || !run.own_store)
		return false;
	if (strcmp(service, "sshd") != 0 && strcmp(service, "sudo") != 0 &&
	    strcmp(service, "sudo-i") != 0)
		return false;
	return name != C || is_near(item(PAM_RHOST));
}

/* Whether the other end of the socket says that it does. */
static bool is_vouched(enum token_name name)
{
	return name < TOKENS && world.peer_uid == 0 && world.connect_error == 0 &&
	       run.answer_len == sizeof(run.answer) && run.answer.magic == PAT_WIRE_MAGIC &&
	       run.answer.result == PAT_WIRE_ACCEPTED && run.answer.name[0] == '\0' &&
	       strcmp(item(PAM_SERVICE), "patd") != 0;
}

/* What patd was sent: a request with the token, and only if it is root's. */
static void look_at_request(enum token_name name)
{
	struct pat_wire_request request;
	ssize_t got = world.peer < 0
			      ? -1
			      : REAL(recv)(world.peer, &request, sizeof(request), MSG_DONTWAIT);

	if (got > 0)
		HOLDS(got == sizeof(request) && world.peer_uid == 0 && name < TOKENS &&
		      strcmp(request.token, tokens[name].text) == 0);
}

static void authenticate(void)
{
	int fd = next_descriptor(), status;
	enum token_name name = presented();
	bool good, usable = run.pamh.user_answer == PAM_SUCCESS &&
			    run.pamh.authtok_answer == PAM_SUCCESS &&
			    run.pamh.items[PAM_USER] != NULL && run.pamh.reply != NULL;

	(void)wipe_stack();
	world_arm();
	status = pam_sm_authenticate(&run.pamh, run.flags, run.argc, run.argv);
	world.armed = false;
	HOLDS(!wipe_stack() || world.told || world.named);
	HOLDS(!world.freed_secret || world.told || world.named);
	look_at_request(name);
	world_disarm();
	HOLDS(next_descriptor() == fd);
	HOLDS(world.waited <= INT64_C(2200000000));
	good = world.nobody_is_root ? is_vouched(name) : is_good(name) || is_vouched(name);
	HOLDS(status != PAM_IGNORE);
	HOLDS(status != PAM_SUCCESS || (usable && good));
	HOLDS((status == PAM_SUCCESS) == (run.pamh.data != NULL));
	if (status == PAM_SUCCESS)
		HOLDS(run.pamh.environment[0] == token_letters[name] && world.log_lines <= 2);
	if (status == PAM_AUTHINFO_UNAVAIL && usable)
		HOLDS(name == TOKENS);
	if (world.faults_count == 0 && run.argc == 1 && run.own_store && usable &&
	    !world.nobody_is_root)
		HOLDS((status == PAM_SUCCESS) == is_good(name));
}

/* The phases behind it. */
static void go_on(void)
{
	bool marked = run.pamh.data != NULL;
	int fd = next_descriptor();

	world_arm();
	world.faults_count = 0;
	HOLDS(pam_sm_acct_mgmt(&run.pamh, 0, run.argc, run.argv) ==
	      (marked ? PAM_SUCCESS : PAM_IGNORE));
	HOLDS(pam_sm_setcred(&run.pamh, PAM_ESTABLISH_CRED, run.argc, run.argv) ==
	      (marked || pat_id_valid(run.pamh.environment) ? PAM_SUCCESS : PAM_AUTHINFO_UNAVAIL));
	world_faults(run.faults);
	HOLDS(pam_sm_open_session(&run.pamh, run.flags, run.argc, run.argv) == PAM_SUCCESS);
	HOLDS(pam_sm_close_session(&run.pamh, 0, run.argc, run.argv) == PAM_SUCCESS);
	world_disarm();
	HOLDS(world.waited <= INT64_C(700000000) && next_descriptor() == fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_store();
	world_watch_memory();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mode_t mask = umask(077);

	reset_store();
	read_input(data, size);
	authenticate();
	if (run.twice && !run.pamh.data)
		authenticate();
	go_on();
	fakepam_end(&run.pamh);
	HOLDS(umask(mask) == 077);
	return 0;
}
