/* SPDX-License-Identifier: ISC */

/*
 * A whole session of a Varlink client with patd. Lines of the input: `m` a message, `M` a piece of
 * one, `q` the uid of the client, `a` what the PAM stack `patd` does, a letter each (see
 * pam_authenticate() in session_pam.h), `c` what its account phase answers, `f` what fails.
 *
 * What must hold: the session ends; each answer is a JSON object that holds no secret but that of a
 * token just minted; nobody but root mints more tokens than they proved their password; other
 * people's tokens change only by the token itself; a token that has ended stays so, none gets more
 * than it had; what was resumed was authenticated; records are whole; nothing is left behind.
 */

#include "world.h"

#include "session_pam.h"
#if __has_include("../../helper/patd/calls.h")
#include "session_reader.h"
#endif
#include "../../helper/patd/session.h"
#include "pat/error.h"
#include "pat/store.h"

static char stream[16384], faults[64], policy_path[192];
static size_t stream_len;
static uid_t peer_uid;
static bool presented[TOKENS]; /* in a parameter `secret` */

/* ---- The input ----------------------------------------------------------------------------------
 */

static void add_message(const char *text, bool ends)
{
	static const char parameter[] = "\"secret\":\"$";
	char whole[4096];
	unsigned all = 0, known = 0;
	size_t len = strlen(expand(whole, sizeof(whole), text)) + ends;

	for (const char *at = text; (at = strchr(at, '$')) != NULL; at++)
		all += at[1] != '\0' && strchr(token_letters, at[1]) != NULL;
	for (const char *at = text; (at = strstr(at, parameter)) != NULL; known++) {
		const char *name = strchr(token_letters, *(at += strlen(parameter)));

		if (name != NULL && *name != '\0')
			presented[name - token_letters] = true;
	}
	world.told = world.told || has_secret(text, strlen(text)) ||
		     strstr(text, "for bob") != NULL ||
		     (all > known && strstr(text, "\"responses\":[\"$X\"") == NULL);
	if (stream_len + len < sizeof(stream)) {
		memcpy(stream + stream_len, whole, len);
		stream_len += len;
	}
}

static void setting(char kind, const char *text)
{
	switch (kind) {
	case 'm':
	case 'M':
		add_message(text, kind == 'm');
		break;
	case 'q':
		peer_uid = (uid_t)atoi(text);
		break;
	case 'a':
		snprintf(script, sizeof(script), "%s", text);
		break;
	case 'c':
		account_answer = atoi(text);
		break;
	case 'f':
		snprintf(faults, sizeof(faults), "%s", text);
		break;
	}
}

static void read_input(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char line[4096];

	memset(&world, 0, sizeof(world));
	world.peer = -1;
	memset(presented, 0, sizeof(presented));
	stream_len = 0;
	peer_uid = ALICE;
	account_answer = PAM_SUCCESS;
	proofs = 0;
	faults[0] = script[0] = '\0';
	while (input_line(&input, line, sizeof(line)))
		setting(line[0], line[0] && line[1] ? line + 2 : "");
	world_faults(faults);
}

/* ---- What comes of it ---------------------------------------------------------------------------
 */

static void look_at_answers(int fd)
{
	static char answers[1 << 19];
	size_t used = 0, len;
	ssize_t got;

	while ((got = recv(fd, answers + used, sizeof(answers) - used, MSG_DONTWAIT)) > 0)
		used += (size_t)got;
	HOLDS(world.told || !has_secret(answers, used));
	if (peer_uid != 0 && peer_uid != BOB && !presented[B] && !world.told)
		HOLDS(memmem(answers, used, "for bob's", 9) == NULL);
	for (const char *at = answers; used > 0; at += len + 1, used -= len + 1) {
		json_error_t why;
		json_t *answer;

		len = strnlen(at, used);
		if (len == used) /* the client did not take all of it */
			break;
		answer = json_loadb(at, len, JSON_REJECT_DUPLICATES, &why);
		HOLDS(json_is_object(answer));
		json_decref(answer);
	}
}

struct count {
	unsigned grants;
};

static int count_one(const unsigned char *key, size_t key_len, const unsigned char *value,
		     size_t value_len, void *data)
{
	struct pat_grant grant;

	if (key_len != 1 + PAT_ID_LEN || key[0] != 't')
		return 0;
	HOLDS(pat_grant_decode((const char *)key + 1, value, value_len, &grant) == 0);
	HOLDS(is_printable(grant.name, strlen(grant.name)) &&
	      is_printable(grant.description, strlen(grant.description)));
	((struct count *)data)->grants++;
	return 0;
}

static void look_at_token(struct pat_store *store, enum token_name name)
{
	bool ended = name == R || name == E || name == O;
	struct pat_grant grant;
	enum pat_status status;
	char id[PAT_ID_LEN + 1];

	pat_token_id(&tokens[name], id);
	if (pat_store_get_grant(store, id, &grant) != 0) {
		HOLDS(ended); /* a mint clears away what has ended */
		return;
	}
	status = pat_grant_status(&grant, NULL, WORLD_NOW);
	HOLDS(!ended || !pat_status_live(status));
	HOLDS(name != S || status != PAT_STATUS_ACTIVE || peer_uid == 0 || proofs > 0);
	HOLDS(pat_services_within(grant.services, "sshd,sudo"));
	HOLDS(name != C || (pat_sources_within(grant.sources, "192.0.2.0/24") &&
			    grant.max_uses >= 1 && grant.max_uses <= 3));
	if (peer_uid != 0 && peer_uid != grant.uid && !presented[name])
		HOLDS(grant.revoked_at == (ended && name != E ? 1700000001 : 0) &&
		      (grant.suspended_at != 0) == (name == S) &&
		      grant.name[6] == token_letters[name]);
}

static void look_at_store(void)
{
	struct count count = {0};
	struct pat_store *store;

	HOLDS(pat_store_open(&store, place.path, PAT_STORE_READ, pat_deadline_in(2000)) == 0);
	HOLDS(pat_store_each(store, count_one, &count) == 0);
	HOLDS(peer_uid == 0 || count.grants <= X + proofs);
	for (enum token_name name = 0; name < X; name++)
		look_at_token(store, name);
	pat_store_close(store);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *file;

	(void)argc;
	(void)argv;
	json_object_seed(1);
	pat_varlink_wipe_json();
	make_store();
	snprintf(policy_path, sizeof(policy_path), "%s/pat.conf", place.dir);
	file = fopen(policy_path, "w");
	HOLDS(file != NULL && fputs("allow_root = yes\nmax_tokens = 8\n", file) >= 0 &&
	      fclose(file) == 0);
	world_watch_memory();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct settings settings = {.store = place.path, .policy = policy_path};
	int fd = next_descriptor(), ends[2], room = 1 << 18;
	struct peer peer = {.pid = 4242};

	reset_store();
	read_input(data, size);
	peer.uid = peer_uid;
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	HOLDS(stream_len == 0 || send(ends[0], stream, stream_len, 0) == (ssize_t)stream_len);
	HOLDS(shutdown(ends[0], SHUT_WR) == 0);
	world_arm();
	session_serve(ends[1], &peer, &settings);
	world_disarm();
	HOLDS(world.told || !world.freed_secret);
	close(ends[1]);
	look_at_answers(ends[0]);
	close(ends[0]);
	look_at_store();
	HOLDS(next_descriptor() == fd);
	return 0;
}
