/* SPDX-License-Identifier: ISC */

/* Whether patd is there, is root's, and can use its policy. */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "doctor.h"
#include "pat/deadline.h"
#include "pat/wire.h"
#include "tell.h"

#define CONNECT_MS 2000

/* Before this program was written, 2026-01-01, no clock was right. */
#define NO_EARLIER 1767225600

enum peer { ROOT, NOT_ROOT, NOBODY };

static int connect_in_time(int fd, const struct sockaddr_un *address)
{
	pat_deadline deadline = pat_deadline_in(CONNECT_MS);
	unsigned tries = 0;

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		if ((errno != EAGAIN && errno != EINTR) || !pat_deadline_retry(deadline, &tries))
			return errno;
	return 0;
}

/* Who listens there; *error says why nobody does. */
static enum peer knock(const char *path, int type, int *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	int fd;

	*error = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return NOBODY;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*error = fd < 0 ? errno : connect_in_time(fd, &address);
	if (*error == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		*error = errno;
	if (fd >= 0)
		close(fd);
	if (*error != 0)
		return NOBODY;
	return peer.uid == 0 ? ROOT : NOT_ROOT;
}

static bool judge_socket(struct doctor *doctor, const char *path, int type, const char *harm)
{
	int error;
	enum peer peer = knock(path, type, &error);

	if (peer == NOBODY)
		doctor_find(&doctor->findings, "patd/unreachable", NULL, path, 0,
			    doctor_text("patd cannot be reached: %s. %s", strerror(error), harm),
			    doctor_text("systemctl enable --now patd.socket, or see that whatever "
					"supervises your services runs: patd --listen %s",
					PAT_RUN_DIR));
	else if (peer == NOT_ROOT)
		doctor_find(&doctor->findings, "patd/unsafe", NULL, path, 0,
			    doctor_text("It is not root who listens there: somebody plays patd. %s",
					harm),
			    doctor_text("Find out whose process it is (ss -xlp), end it, and see "
					"who may write %s.",
					PAT_RUN_DIR));
	return peer == ROOT;
}

/* Who may replace the sockets may play patd. */
static void judge_directory(struct doctor *doctor, const char *socket)
{
	char *dir = strdup(socket), *why;

	if (dir == NULL)
		out_of_memory();
	if (dir[0] == '/' && strrchr(dir, '/') > dir)
		*strrchr(dir, '/') = '\0';
	why = dir[0] == '/' ? doctor_why_writable(doctor, dir) : NULL;
	if (why != NULL)
		doctor_find(&doctor->findings, "patd/unsafe", NULL, dir, 0,
			    doctor_text("%s: who can write there can keep patd from being reached.",
					why),
			    doctor_text("chown root:root %s; chmod 755 %s", dir, dir));
	free(why);
	free(dir);
}

static void judge_policy(struct doctor *doctor)
{
	static const char *const expected[] = {CLIENT_INTERFACE "PolicyUnusable", NULL};
	struct client client;
	json_t *answer = NULL, *parameters;
	int met = -1;

	if (client_open(&client, doctor->options) != STATUS_OK)
		return;
	parameters = json_object();
	if (parameters == NULL)
		out_of_memory();
	if (client_call_but(&client, "Policy", parameters, expected, &met, &answer) == STATUS_OK &&
	    met < 0)
		json_decref(answer);
	json_decref(parameters);
	client_close(&client);
	if (met == 0)
		doctor_find(&doctor->findings, "policy/wrong", NULL, PAT_POLICY_PATH, 0,
			    doctor_text("patd cannot use it: nobody can mint a token."),
			    doctor_text("This says which line is wrong: patd --check-config %s",
					PAT_POLICY_PATH));
}

static void judge_clock(struct doctor *doctor)
{
	if (time(NULL) < NO_EARLIER)
		doctor_find(&doctor->findings, "clock/not-set", NULL, NULL, 0,
			    doctor_text("The clock is years behind: tokens that have expired are "
					"good again."),
			    doctor_text("Set it, and keep it right with NTP."));
}

void doctor_judge_patd(struct doctor *doctor)
{
	const char *path = value(doctor->options, OPTION_SOCKET);

	if (path == NULL)
		path = PAT_VARLINK_SOCKET;
	judge_clock(doctor);
	judge_directory(doctor, path);
	(void)judge_socket(doctor, PAT_VERIFY_SOCKET, SOCK_SEQPACKET,
			   "sudo, su and services that are not root's refuse all tokens.");
	if (judge_socket(doctor, path, SOCK_STREAM, "Nothing can be minted, listed or revoked."))
		judge_policy(doctor);
}
