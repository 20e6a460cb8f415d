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

/* TDB's own check takes seconds for a million tokens; of some damaged files, for ever. Nothing can
 * be changed meanwhile. */
#define CHECK_SECONDS 3
#define BYTES_A_SECOND (64 << 20)

enum { SOUND = 0, UNSOUND = 1 };

static _Noreturn void check(const struct rebuild *rebuild)
{
	struct tdb_context *tdb;

	signal(SIGALRM, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	alarm(CHECK_SECONDS + (unsigned)(rebuild->result->bytes / BYTES_A_SECOND));
	/* Mapped, because that is quick, and an end by SIGBUS would be an answer, too. */
	tdb = tdb_open(rebuild->order->store, 0, TDB_NOLOCK | TDB_INCOMPATIBLE_HASH,
		       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	_exit(tdb != NULL && tdb_check(tdb, NULL, NULL) == 0 ? SOUND : UNSOUND);
}

/* In a child, of which the parent only waits for the end. */
static void check_by_tdb(struct rebuild *rebuild)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		check(rebuild);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		rebuild_tell_file(rebuild, PAT_NEWS_NOTE, "the file",
				  "its structure could not be checked");
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
				  "the check of its structure did not come to an end");
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != SOUND)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
				  "its structure is not whole");
}

/* What a killed rebuild left. It has hashes, and takes space. */
static void look_for_new(struct rebuild *rebuild)
{
	char name[NAME_MAX + 1];
	struct stat st;

	if (snprintf(name, sizeof(name), "%s.new", rebuild->place.base) < (int)sizeof(name) &&
	    fstatat(rebuild->place.dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file",
				  "beside it is another, .new, of a rebuild that was cut off");
}

void rebuild_look_further(struct rebuild *rebuild)
{
	const struct salvage *salvage = &rebuild->store.salvage;

	look_for_new(rebuild);
	/* What was found before explains whatever TDB would find. */
	if (rebuild->result->faults + rebuild->result->lost == 0 && salvage->found.unreached == 0 &&
	    salvage->found.gap_bytes == 0)
		check_by_tdb(rebuild);
}
