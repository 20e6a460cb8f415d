/* SPDX-License-Identifier: ISC */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "crowd.h"
#include "grow.h"
#include "log.h"
#include "pat/error.h"
#include "peer.h"
#include "session.h"
#include "spare.h"
#include "subuid.h"
#include "verify_service.h"

#define IDLE_MS 60000
#define PAUSE_MS 100
#define CALM 4
#define SUBUIDS "/etc/subuid"

/* Gives up rights. 0, or a negative error (errno): then the child serves nobody. */
typedef int confine_function(void);
/* What it returns is the exit status of the child. */
typedef int serve_function(int fd, const struct peer *peer, const struct settings *settings);
/* Does beforehand what serving takes, until something comes to `fd`. Returns a descriptor whose end
 * is the end of waiting, or -1. */
typedef int warm_up_function(const struct settings *settings, int fd);

/* One of the two sockets, and what is behind it. */
struct door {
	int listener;
	enum crowd_room room;
	confine_function *confine; /* NULL: serving begins with that */
	warm_up_function *warm_up;
	serve_function *serve;
	unsigned seconds;
	struct spares spares; /* for the next connections */
	bool lacks;           /* some of those, since one was served */
};

struct server {
	const struct listeners *listeners;
	struct door verify, varlink;
	const struct settings *settings;
	int signals;
	sigset_t old_mask;
	bool out_of_descriptors;
	struct crowd crowd;
	struct subuids subuids;
	struct grow grow;
};

/* What every child leaves behind, and with what it begins. */
static void become_child(struct server *server, const struct door *door)
{
	close(server->signals);
	close(server->listeners->verify);
	close(server->listeners->varlink);
	spare_leave(&server->verify.spares);
	spare_leave(&server->varlink.spares);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &server->old_mask, NULL);
	/* The end of the parent, which knows who is here, is the end of all. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	alarm(door->seconds);
	if (door->confine != NULL && door->confine() != 0) {
		log_line(LOG_ERR, "cannot give up rights: %s", strerror(errno));
		_exit(0);
	}
}

static _Noreturn void run_child(const struct server *server, int fd, const struct peer *peer,
				const struct door *door)
{
	int status = door->serve(fd, peer, server->settings);

	/* Its client waits for nothing any more. */
	close(fd);
	_exit(status != 0 ? status : grow_exit_status(server->settings));
}

static _Noreturn void run_spare(struct server *server, const struct door *door, int from)
{
	struct peer peer;
	int fd, other;

	become_child(server, door);
	other = door->warm_up(server->settings, from);
	/* So that who looks sees that it serves nobody; and nobody's time passes while it waits. */
	prctl(PR_SET_NAME, "patd-spare");
	alarm(0);
	fd = spare_wait(from, other);
	alarm(door->seconds);
	prctl(PR_SET_NAME, "patd");
	if (fd < 0 || peer_get(fd, &peer) != 0)
		_exit(0);
	run_child(server, fd, &peer, door);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* By whom a connection is counted. */
static uid_t counted_as(struct server *server, const struct peer *peer)
{
	return subuid_counted_as(&server->subuids, SUBUIDS, peer->uid);
}

/* Whether a connection may come in; who has to make place for it is told to go. */
static bool admit(struct server *server, const struct peer *peer, enum crowd_room room)
{
	unsigned long refused;
	pid_t evict;

	if (crowd_ask(&server->crowd, counted_as(server, peer), room, now_ns(), &evict, &refused) ==
	    CROWD_WELCOME) {
		if (evict != 0)
			kill(evict, SIGTERM);
		return true;
	}
	if (refused > 0)
		log_line(LOG_NOTICE, "closing connections of uid=%u, which makes too many: %lu",
			 (unsigned)peer->uid, refused);
	return false;
}

static struct door *door_of(struct server *server, enum crowd_room room)
{
	return room == CROWD_VERIFY ? &server->verify : &server->varlink;
}

/* Which door is to have one more wait for the next connection. */
static struct door *lacks_spare(struct server *server)
{
	if (server->verify.lacks)
		return &server->verify;
	/* Making those ready would cost a crowd more than it would win. */
	if (server->varlink.lacks && server->crowd.count < CALM)
		return &server->varlink;
	return NULL;
}

static void make_spare(struct server *server, struct door *door)
{
	bool made;
	int fd;

	made = spare_make(&door->spares, &fd);
	if (made && fd >= 0)
		run_spare(server, door, fd);
	door->lacks = made && spare_wanted(&door->spares);
}

static pid_t make_child(struct server *server, int fd, const struct peer *peer,
			const struct door *door)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	become_child(server, door);
	run_child(server, fd, peer, door);
}

static void serve(struct server *server, int fd, const struct peer *peer, struct door *door)
{
	pid_t pid = spare_give(&door->spares, fd);

	if (pid == 0)
		pid = make_child(server, fd, peer, door);
	if (pid < 0)
		log_line(LOG_ERR, "cannot fork: %s", strerror(errno));
	else if (!crowd_enter(&server->crowd, pid, counted_as(server, peer), door->room))
		kill(pid, SIGTERM);
}

/* Takes one connection, if there is one. */
static void take(struct server *server, struct door *door)
{
	int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
	struct peer peer;

	if (fd < 0) {
		bool out =
			errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;

		if (out && !server->out_of_descriptors)
			log_line(LOG_ERR, "cannot accept: %s", strerror(errno));
		server->out_of_descriptors = out;
		return;
	}
	server->out_of_descriptors = false;
	if (peer_get(fd, &peer) == 0 && admit(server, &peer, door->room))
		serve(server, fd, &peer, door);
	close(fd);
}

/*
 * Those who wait for the next connection are made when one was served, and not when one came, whose
 * answer would wait for that.
 */
static void note_served(const struct server *server, struct door *door)
{
	spare_tidy(&door->spares);
	door->lacks = !server->settings->no_spare && spare_wanted(&door->spares);
}

static void reap(struct server *server)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct crowd_member gone;

		if (grow_take_exit(&server->grow, pid, status, server->settings))
			continue;
		if (spare_ended(&server->verify.spares, pid)) {
			log_line(LOG_WARNING, "the child that waited for a question has ended");
			continue;
		}
		if (spare_ended(&server->varlink.spares, pid)) {
			log_line(LOG_WARNING, "the child that waited for a client has ended");
			continue;
		}
		gone = crowd_leave(&server->crowd, pid);
		if (gone.pid != 0)
			note_served(server, door_of(server, gone.room));
		if (gone.pid != 0 && gone.room == CROWD_VERIFY && WIFEXITED(status) &&
		    (WEXITSTATUS(status) == VERIFY_FOR_OTHERS ||
		     WEXITSTATUS(status) == VERIFY_FOR_NONE))
			crowd_note_server(&server->crowd, gone.uid,
					  WEXITSTATUS(status) == VERIFY_FOR_OTHERS);
		if (WIFSIGNALED(status) && gone.pid != 0 && !gone.leaving)
			log_line(LOG_WARNING, "a connection of uid=%u was ended by signal %d",
				 (unsigned)gone.uid, WTERMSIG(status));
	}
}

/* True if it is time to leave. */
static bool take_signals(struct server *server)
{
	struct signalfd_siginfo info;
	bool leave = false;

	while (read(server->signals, &info, sizeof(info)) == sizeof(info))
		leave |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
	reap(server);
	return leave;
}

static int serve_until_told(struct server *server, bool leave_when_idle)
{
	struct pollfd fds[] = {
		{.fd = server->signals, .events = POLLIN},
		{.fd = server->listeners->verify, .events = POLLIN},
		{.fd = server->listeners->varlink, .events = POLLIN},
	};

	for (;;) {
		bool idle = leave_when_idle && server->crowd.count == 0 && server->grow.pid == 0;
		/* Who waits at the door cannot be let in now: look at nothing else for a moment. */
		bool pause = server->out_of_descriptors;
		/* Who is there goes before who may come. */
		struct door *lacking = pause ? NULL : lacks_spare(server);
		int ready = poll(fds, pause ? 1 : sizeof(fds) / sizeof(fds[0]),
				 pause     ? PAUSE_MS
				 : lacking ? 0
				 : idle    ? IDLE_MS
					   : -1);

		/* What the kernel has no memory for now, it may have in a moment. */
		if (ready < 0 && errno == ENOMEM)
			usleep(PAUSE_MS * 1000);
		else if (ready < 0 && errno != EINTR)
			return PAT_E_IO;
		if (ready < 0)
			continue;
		if (ready == 0 && lacking != NULL)
			make_spare(server, lacking);
		else if (ready == 0 && idle && !pause)
			return PAT_OK;
		if (fds[0].revents != 0 && take_signals(server))
			return PAT_OK;
		/* One of each kind in turn: whoever connects in a loop keeps us from nothing. */
		if (pause || fds[1].revents != 0)
			take(server, &server->verify);
		if (pause || fds[2].revents != 0)
			take(server, &server->varlink);
	}
}

int server_run(const struct listeners *listeners, const struct settings *settings,
	       bool leave_when_idle)
{
	struct server *server = calloc(1, sizeof(*server));
	sigset_t signals;
	int error;

	if (server == NULL)
		return PAT_E_NOMEM;
	server->listeners = listeners;
	server->verify = (struct door){.listener = listeners->verify,
				       .room = CROWD_VERIFY,
				       .confine = confine_alone,
				       .warm_up = verify_warm_up,
				       .serve = verify_serve,
				       .seconds = VERIFY_SECONDS};
	server->varlink = (struct door){.listener = listeners->varlink,
					.room = CROWD_VARLINK,
					.warm_up = session_warm_up,
					.serve = session_serve,
					.seconds = SESSION_SECONDS};
	spare_begin(&server->verify.spares);
	spare_begin(&server->varlink.spares);
	server->settings = settings;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, &server->old_mask);
	server->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signals < 0) {
		free(server);
		return PAT_E_IO;
	}
	error = serve_until_told(server, leave_when_idle);
	close(server->signals);
	free(server);
	return error;
}
