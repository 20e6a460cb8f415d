/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* tdb.h wants some of the above before it. */
#include <tdb.h>

#include "pat/error.h"
#include "rebuild.h"

/*
 * TDB's own check takes a second for a million tokens; of some damaged files, for ever. Nobody is
 * kept from changing the store meanwhile: where the answer may be due to that, another attempt asks
 * it of a copy.
 */
#define GATE_MS 1000
#define CHECK_SECONDS 3
#define BYTES_A_SECOND (64 << 20)

enum { SOUND = 0, UNSOUND = 1, NOT_SEEN = 2 };

static _Noreturn void check(const struct rebuild *rebuild)
{
	const bool copy = rebuild->pen_lent;
	struct tdb_context *tdb;
	char path[64];

	signal(SIGALRM, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	alarm(CHECK_SECONDS + (unsigned)(rebuild->result->bytes / BYTES_A_SECOND));
	/* Mapped, because that is quick, and an end by SIGBUS would be an answer, too. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", rebuild->store.fd);
	tdb = tdb_open(copy ? path : rebuild->order->store, 0, TDB_NOLOCK | TDB_INCOMPATIBLE_HASH,
		       O_RDONLY | O_CLOEXEC | O_NONBLOCK | (copy ? 0 : O_NOFOLLOW), 0);
	/* Where there is no /proc. */
	if (tdb == NULL && copy)
		_exit(NOT_SEEN);
	_exit(tdb != NULL && tdb_check(tdb, NULL, NULL) == 0 ? SOUND : UNSOUND);
}

/* Whether the store is as it was when it was read. */
static bool is_unchanged(struct rebuild *rebuild)
{
	bool unchanged;

	if (rebuild->pen_lent || rebuild->gate.looks)
		return true;
	if (gate_take_pen(&rebuild->gate, pat_deadline_in(GATE_MS)) != 0)
		return false;
	unchanged = rebuild_store_is_same(rebuild);
	gate_put_pen(&rebuild->gate);
	return unchanged;
}

/* In a child, of which the parent only waits for the end. */
static int check_by_tdb(struct rebuild *rebuild)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		check(rebuild);
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SEEN)) {
		rebuild_tell_file(rebuild, PAT_NEWS_NOTE, "the file",
				  "its structure could not be checked");
		return PAT_OK;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == SOUND)
		return PAT_OK;
	if (!is_unchanged(rebuild)) {
		rebuild->must_restart = true;
		return PAT_E_BUSY;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
				  "the check of its structure did not come to an end");
	else
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
				  "its structure is not whole");
	return PAT_OK;
}

/* What a rebuild is writing, or what one that was killed has left: it has hashes, and takes space
 * until the next one takes it away. */
static void look_for_new(struct rebuild *rebuild)
{
	char name[NAME_MAX + 1];
	struct stat st;

	if (snprintf(name, sizeof(name), "%s.new", rebuild->place.base) < (int)sizeof(name) &&
	    fstatat(rebuild->place.dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		rebuild_tell_file(rebuild, PAT_NEWS_NOTE, "the file",
				  "beside it is another, .new, of a rebuild that is at work or was "
				  "cut off: the next one takes it away");
}

int rebuild_look_further(struct rebuild *rebuild)
{
	const struct salvage *salvage = &rebuild->store.salvage;

	gate_put_pen(&rebuild->gate);
	look_for_new(rebuild);
	/* What was found before explains whatever TDB would find. */
	if (rebuild->result->faults + rebuild->result->lost == 0 && salvage->found.unreached == 0 &&
	    salvage->found.gap_bytes == 0)
		return check_by_tdb(rebuild);
	return PAT_OK;
}
