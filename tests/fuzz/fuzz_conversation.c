/* SPDX-License-Identifier: ISC */

/*
 * The module below a real libpam, talking to an application whose conversation is hostile. Lines of
 * the input: `s` the service, `u` the user (or the first prompt is for that), `h` the host; then
 * what the conversation does, call for call: `r` replies, `l` replies with so many bytes, `n`
 * replies with nothing in it, `N` has no reply, `e` fails so; `2` authenticates once more; `f` what
 * fails.
 *
 * What must hold: the module never answers PAM_IGNORE; libpam lets in only who gave a good token of
 * the user that it was told of, for that service; no memory, descriptor or secret is left behind.
 */

#include "world.h"

#include <security/pam_appl.h>

#include "shim.h"

#define SERVICES 5
static const char *const services[SERVICES] = {"sshd", "sudo", "login", "su", "patd"};
static const char *const words[SERVICES] = {"", "prompt=Token:", "try_first_pass", "use_first_pass",
					    "debug"};

static char service[64], user[512], rhost[512], faults[64], last_reply[2048];
static bool has_user, again;
static struct input script;
static int module_status;

int shim_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return module_status = pam_sm_authenticate(pamh, flags, argc, argv);
}

int shim_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return pam_sm_setcred(pamh, flags, argc, argv);
}

int shim_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return pam_sm_acct_mgmt(pamh, flags, argc, argv);
}

/* What comes next in the script. False: the conversation fails, as *answer says. */
static bool next_reply(char **reply, int *answer)
{
	char line[1024];
	unsigned len = 0;

	*reply = NULL;
	*answer = PAM_CONV_ERR;
	if (!input_line(&script, line, sizeof(line)) || line[0] == 'e') {
		*answer = line[0] == 'e' ? atoi(line + 1) & 63 : PAM_CONV_ERR;
		return false;
	}
	last_reply[0] = '\0';
	if (line[0] == 'n')
		return true;
	if (line[0] == 'l' && sscanf(line + 1, "%4u", &len) == 1)
		memset(last_reply, 'x', len % sizeof(last_reply)),
			last_reply[len % sizeof(last_reply)] = '\0';
	else
		expand(last_reply, sizeof(last_reply), line[0] && line[1] ? line + 2 : "");
	*reply = strdup(last_reply);
	return true;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	struct pam_response *made;
	bool armed = world.armed;
	int answer = PAM_SUCCESS;

	(void)data;
	(void)messages;
	world.armed = false; /* the application's own business */
	made = calloc((size_t)count, sizeof(*made));
	for (int i = 0; i < count; i++)
		if (!next_reply(&made[i].resp, &answer)) {
			while (i-- > 0)
				free(made[i].resp);
			free(made);
			world.armed = armed;
			return answer;
		}
	world.armed = armed;
	*responses = made;
	return PAM_SUCCESS;
}

static void read_input(const uint8_t *data, size_t size)
{
	char line[1024];

	script = (struct input){data, size};
	memset(&world, 0, sizeof(world));
	world.peer = -1;
	world.connect_error = ENOENT;
	has_user = again = false;
	rhost[0] = faults[0] = last_reply[0] = '\0';
	snprintf(service, sizeof(service), "%s", services[0]);
	while (script.left > 0 && strchr("suh2f", script.at[0]) != NULL && script.at[0] != '\0') {
		input_line(&script, line, sizeof(line));
		if (line[0] == '2')
			again = true;
		else if (line[0] == 'f')
			snprintf(faults, sizeof(faults), "%s", line + 1);
		else if (line[1] == '\0')
			continue;
		else if (line[0] == 's')
			snprintf(service, sizeof(service), "%s",
				 services[(unsigned char)line[2] % SERVICES]);
		else if (line[0] == 'u')
			has_user = expand(user, sizeof(user), line + 2) != NULL;
		else
			expand(rhost, sizeof(rhost), line + 2);
	}
	world.named =
		has_secret(user, strlen(user)) || has_secret(rhost, strlen(rhost)) || !has_user;
	world_faults(faults);
}

/* Without white space around it; `secret-token:` may be in front. */
static enum token_name given(void)
{
	char *text = last_reply + strspn(last_reply, " \t\n\v\f\r");

	for (size_t len = strlen(text); len > 0 && strchr(" \t\n\v\f\r", text[len - 1]); len--)
		text[len - 1] = '\0';
	return token_named(strncmp(text, "secret-token:", 13) == 0 ? text + 13 : text);
}

static void check_success(pam_handle_t *pamh)
{
	enum token_name name = given();
	const void *item = NULL;

	HOLDS(pam_get_item(pamh, PAM_USER, &item) == PAM_SUCCESS && item != NULL);
	HOLDS(strcmp(item, name == B ? "bob" : "alice") == 0);
	HOLDS(name == A || name == B || (name == C && strncmp(rhost, "192.0.2.", 8) == 0));
	HOLDS(strcmp(service, "sshd") == 0 || strcmp(service, "sudo") == 0);
	HOLDS(pam_acct_mgmt(pamh, 0) == PAM_SUCCESS && pam_setcred(pamh, 0) == PAM_SUCCESS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[512], *slash;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);

	(void)argc;
	(void)argv;
	make_store();
	HOLDS(len > 0);
	path[len] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash, 16, "/shim.so");
	for (int i = 0; i < SERVICES; i++) {
		char file[256];
		FILE *stream;

		snprintf(file, sizeof(file), "%s/%s", place.dir, services[i]);
		stream = fopen(file, "w");
		HOLDS(stream != NULL);
		fprintf(stream, "auth required %s store=%s %s\naccount required %s\n", path,
			place.path, words[i], path);
		fclose(stream);
	}
	/* Once loaded, it stays: libpam then only counts. */
	HOLDS(dlopen(path, RTLD_NOW | RTLD_NODELETE) != NULL);
	world_watch_memory();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pam_conv conversation = {.conv = converse};
	int fd = next_descriptor(), status;
	pam_handle_t *pamh = NULL;

	reset_store();
	read_input(data, size);
	world.armed = true;
	world.faults_count = 0;
	HOLDS(pam_start_confdir(service, has_user ? user : NULL, &conversation, place.dir, &pamh) ==
	      PAM_SUCCESS);
	HOLDS(pam_set_item(pamh, PAM_RHOST, rhost) == PAM_SUCCESS);
	do {
		world_faults(faults);
		world.step = 0;
		module_status = PAM_ABORT;
		status = pam_authenticate(pamh, PAM_SILENT);
		world.faults_count = 0;
		HOLDS(module_status != PAM_IGNORE);
		if (status == PAM_SUCCESS)
			check_success(pamh);
		else
			HOLDS(module_status != PAM_SUCCESS);
	} while (status != PAM_SUCCESS && again-- > 0);
	pam_end(pamh, status);
	world_disarm();
	explicit_bzero(last_reply, sizeof(last_reply));
	HOLDS(world.named || !world.freed_secret);
	HOLDS(next_descriptor() == fd);
	return 0;
}
