/* SPDX-License-Identifier: ISC */

/*
 * patd's side of the socket `verify`, on a good store. Lines of the input fill the struct: `k` the
 * token, `u` the user, `s` the service, `r` the host, `t` the terminal (what is too long for its
 * field leaves it without an end), `m` the magic number, `z` bytes too few or too many, `q` the uid
 * of the peer, `l` locks alice's account, `f` what fails.
 *
 * What must hold: it answers only a whole struct; it accepts only the right token of a user whom
 * this peer may ask about, always if nothing fails, and says no more than yes, no or neither; no
 * descriptor, memory or secret is left behind; it ends in time, and no line of its log can be
 * forged.
 */

#include "world.h"

#if __has_include("../../helper/patd/confine.h")
#include "../../helper/patd/confine.h"

/* The fuzzer goes on with its rights. */
int confine_alone(void)
{
	return 0;
}
#endif
#include "../../helper/patd/verify_service.h"
#include "pat/wire.h"

static struct pat_wire_request request;
static int surplus;
static uid_t peer_uid;
static char faults[64], policy_path[192];

static void fill(char *field, size_t size, const char *text)
{
	char whole[1024];
	size_t len = strlen(expand(whole, sizeof(whole), text));

	memset(field, 0, size);
	memcpy(field, whole, len < size ? len : size);
	if (field != request.token && has_secret(whole, len))
		world.named = true;
}

static void setting(char kind, const char *text)
{
	switch (kind) {
	case 'k':
		fill(request.token, sizeof(request.token), text);
		break;
	case 'u':
		fill(request.user, sizeof(request.user), text);
		break;
	case 's':
		fill(request.service, sizeof(request.service), text);
		break;
	case 'r':
		fill(request.rhost, sizeof(request.rhost), text);
		break;
	case 't':
		fill(request.tty, sizeof(request.tty), text);
		break;
	case 'm':
		request.magic = (uint32_t)strtoul(text, NULL, 16);
		break;
	case 'z':
		surplus = atoi(text) % (int)sizeof(request);
		break;
	case 'q':
		peer_uid = (uid_t)atoi(text);
		break;
	case 'l':
		world.locked = true;
		break;
	case 'f':
		snprintf(faults, sizeof(faults), "%s", text);
		break;
	}
}

static void read_input(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char line[1024];

	memset(&world, 0, sizeof(world));
	world.peer = -1;
	memset(&request, 0, sizeof(request));
	request.magic = PAT_WIRE_MAGIC;
	surplus = 0;
	peer_uid = 0;
	faults[0] = '\0';
	while (input_line(&input, line, sizeof(line)))
		setting(line[0], line[0] && line[1] ? line + 2 : "");
	world_faults(faults);
}

static bool ends(const char *field, size_t size)
{
	return memchr(field, '\0', size) != NULL;
}

static bool is_whole(void)
{
	return surplus == 0 && request.magic == PAT_WIRE_MAGIC &&
	       ends(request.token, sizeof(request.token)) &&
	       ends(request.user, sizeof(request.user)) &&
	       ends(request.service, sizeof(request.service)) &&
	       ends(request.rhost, sizeof(request.rhost)) && ends(request.tty, sizeof(request.tty));
}

static bool may_open(void)
{
	bool whole = is_whole();
	enum token_name name = whole ? token_named(request.token) : TOKENS;
	/* pat.conf lets bob ask about others. */
	bool asks = peer_uid == 0 || peer_uid == BOB || (peer_uid == ALICE && name != B);
	bool service = whole && (strcmp(request.service, "sshd") == 0 ||
				 strcmp(request.service, "sudo") == 0 ||
				 strcmp(request.service, "sudo-i") == 0);
	unsigned last = 256;
	int end = 0;

	if (name != A && name != B && name != C)
		return false;
	if (name == C && (sscanf(request.rhost, "192.0.2.%3u%n", &last, &end) != 1 || last > 255 ||
			  request.rhost[end] != '\0'))
		return false;
	return asks && service && !world.locked &&
	       strcmp(request.user, name == B ? "bob" : "alice") == 0;
}

/* What verify_serve() answers: the result, or 0 for nothing. */
static uint32_t serve(void)
{
	const struct settings settings = {.store = place.path, .policy = policy_path};
	const struct peer peer = {.uid = peer_uid, .pid = 4242};
	static char message[2 * sizeof(request)];
	size_t len = (size_t)((int)sizeof(request) + surplus);
	struct pat_wire_reply reply = {0};
	ssize_t got;
	int ends_of[2];

	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_of) == 0);
	memcpy(message, &request, sizeof(request));
	HOLDS(len == 0 || send(ends_of[0], message, len, 0) == (ssize_t)len);
	(void)wipe_stack();
	world_arm();
	verify_serve(ends_of[1], &peer, &settings);
	world_disarm();
	HOLDS(world.named || (!wipe_stack() && !world.freed_secret));
	got = recv(ends_of[0], &reply, sizeof(reply), MSG_DONTWAIT);
	HOLDS(got < 0 || (got == sizeof(reply) && reply.magic == PAT_WIRE_MAGIC));
	if (reply.result != PAT_WIRE_ACCEPTED)
		HOLDS(reply.expires_at == 0 && reply.name[0] == '\0');
	close(ends_of[0]);
	close(ends_of[1]);
	return reply.result;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *file;

	(void)argc;
	(void)argv;
	make_store();
	snprintf(policy_path, sizeof(policy_path), "%s/pat.conf", place.dir);
	file = fopen(policy_path, "w");
	HOLDS(file != NULL && fputs("verify_for = bob\n", file) >= 0 && fclose(file) == 0);
	world_watch_memory();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = next_descriptor();
	uint32_t result;

	reset_store();
	read_input(data, size);
	result = serve();
	HOLDS(result <= PAT_WIRE_UNAVAILABLE && (result == 0 || is_whole()));
	HOLDS(result != PAT_WIRE_ACCEPTED || may_open());
	if (world.faults_count == 0)
		HOLDS((result == PAT_WIRE_ACCEPTED) == may_open() &&
		      result != PAT_WIRE_UNAVAILABLE);
	HOLDS(world.waited <= INT64_C(2600000000) && next_descriptor() == fd);
	return 0;
}
