/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/text.h"
#include "patstore.h"
#include "telling.h"

/* An administrator waits longer than a login. */
#define WAIT_MS 10000

/* What to do about it, where that can be said. */
static const char *advice(int error)
{
	switch (error) {
	case PAT_E_NOSTORE:
		return "The first token that is minted makes one. If there were tokens, bring them "
		       "back: patstore restore FILE\n";
	case PAT_E_UNSAFE:
		return "patctl doctor tells which it is, and how to mend it.\n";
	case PAT_E_DAMAGED:
		return "Bring a backup back: patstore restore FILE\n";
	default:
		return "";
	}
}

int fail(const char *path, int error)
{
	char shown[512];
	const char *text = error == PAT_E_BUSY ? "somebody else is using it, and did not come to "
						 "an end in time"
			   : error == PAT_E_IO && errno != 0 ? strerror(errno)
							     : pat_error_text(error);
	/* errno says more of this one alone. */
	const char *more = error == PAT_E_ACCESS && errno != 0 ? strerror(errno) : NULL;

	fprintf(stderr, "patstore: %s: %s%s%s\n%s", pat_escape(shown, sizeof(shown), path), text,
		more ? ": " : "", more ? more : "", advice(error));
	return EXIT_FAILED;
}

/* How many faults a change of owner or mode mends is added to *loose, if that is not NULL. */
static int go(const struct command_line *line, struct pat_rebuild *order, FILE *out,
	      struct pat_rebuild_result *result, uint64_t *loose)
{
	const bool notes = order->task == PAT_REBUILD_LOOK || order->task == PAT_REBUILD_REPLACE;
	struct telling telling = {.count = 0};
	int error, untold, saved;

	order->store = line->store;
	order->deadline = pat_deadline_in(WAIT_MS);
	order->tell = telling_keep;
	order->data = &telling;
	errno = 0;
	error = pat_rebuild(order, result);
	order->data = NULL;
	saved = errno;
	untold = telling_print(&telling, notes, out);
	if (loose != NULL)
		*loose += telling.loose;
	errno = saved;
	return error ? error : untold;
}

static uint64_t tokens_in(const struct pat_rebuild_result *result)
{
	uint64_t sum = 0;

	for (enum pat_status status = PAT_STATUS_ACTIVE; status <= PAT_STATUS_REVOKED; status++)
		sum += result->by_status[status];
	return sum;
}

int do_check(const struct command_line *line, FILE *out)
{
	struct pat_rebuild order = {.task = PAT_REBUILD_LOOK, .thorough = true};
	struct pat_rebuild_result result;
	uint64_t loose = 0;
	int error = go(line, &order, out, &result, &loose);
	uint64_t faults = result.faults + result.lost;

	if (error)
		return fail(line->store, error);
	fprintf(out, "%" PRIu64 " tokens, %" PRIu64 " faults\n", tokens_in(&result), faults);
	if (faults > loose)
		fputs("Bring back what is lost from a backup (patstore restore), or make do with "
		      "what is left (patstore rebuild).\n",
		      out);
	return faults == 0 ? EXIT_OK : EXIT_FAILED;
}

int do_stats(const struct command_line *line, FILE *out)
{
	struct pat_rebuild order = {.task = PAT_REBUILD_LOOK};
	struct pat_rebuild_result result;
	FILE *nowhere = fopen("/dev/null", "w");
	int error = nowhere ? go(line, &order, nowhere, &result, NULL) : PAT_E_IO;

	if (nowhere != NULL)
		fclose(nowhere);
	if (!error)
		error = stats_print(&result, line->form, out);
	return error ? fail(line->store, error) : EXIT_OK;
}

/* The last lines of what wrote a store. */
static int sum_up(const struct pat_rebuild_result *result, FILE *out)
{
	fprintf(out, "%" PRIu64 " tokens", tokens_in(result));
	if (result->back > 0)
		fprintf(out, ", %" PRIu64 " of them back", result->back);
	if (result->faults > 0)
		fprintf(out, ", %" PRIu64 " faults mended", result->faults);
	if (result->lost > 0)
		fprintf(out, ", %" PRIu64 " records lost", result->lost);
	fputc('\n', out);
	return result->lost > 0 ? EXIT_FAILED : EXIT_OK;
}

/* Whether nothing can be made at that path, for want of space or because of its directory; errno
 * says why. */
static bool has_no_place(const char *path)
{
	char dir[PATH_MAX];

	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		return true;
	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return false;
	return access(dirname(dir), W_OK) < 0;
}

/* Whether the backup is what cannot be used: each begins as TDB's files do (tdb_private.h). */
static bool is_no_backup(const char *path)
{
	static const char magic[] = "TDB file\n";
	char found[sizeof(magic)] = "";
	FILE *file = fopen(path, "re");
	bool has_it = file != NULL && fread(found, sizeof(magic) - 1, 1, file) == 1 &&
		      strcmp(found, magic) == 0;

	if (file != NULL)
		(void)fclose(file);
	return !has_it;
}

/* Whether others may have written the backup, or it is a link to who knows what. */
static bool is_unsafe(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 &&
	       (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0);
}

int do_backup(const struct command_line *line, FILE *out)
{
	const bool to_stdout = strcmp(line->file, "-") == 0;
	struct pat_rebuild order = {.task = PAT_REBUILD_BACKUP,
				    .file = to_stdout ? NULL : line->file,
				    .out = STDOUT_FILENO,
				    .force = line->force};
	struct pat_rebuild_result result;
	char shown[512];
	int error;

	if (to_stdout && isatty(STDOUT_FILENO)) {
		fputs("patstore: a backup is nothing for a terminal\n", stderr);
		return EXIT_USAGE;
	}
	if (!to_stdout && !line->force && access(line->file, F_OK) == 0)
		error = PAT_E_EXISTS;
	else
		error = go(line, &order, to_stdout ? stderr : out, &result, NULL);
	if (error == PAT_E_EXISTS) {
		fprintf(stderr,
			"patstore: %s: it exists already: choose another name, or replace it with "
			"--force\n",
			pat_escape(shown, sizeof(shown), line->file));
		return EXIT_FAILED;
	}
	if (error == PAT_E_IO && !to_stdout && has_no_place(line->file))
		return fail(line->file, error);
	if (error)
		return fail(line->store, error);
	return sum_up(&result, to_stdout ? stderr : out);
}

int do_restore(const struct command_line *line, FILE *out)
{
	struct pat_rebuild order = {.task = line->replace ? PAT_REBUILD_REPLACE
							  : PAT_REBUILD_RESTORE,
				    .file = line->file};
	struct pat_rebuild_result result;
	char shown[512];
	int error;

	if (access(line->file, F_OK) < 0)
		return fail(line->file, PAT_E_IO);
	error = go(line, &order, out, &result, NULL);
	if (error == PAT_E_DAMAGED && is_no_backup(line->file)) {
		fprintf(stderr,
			"patstore: %s: it is no backup: there is no record in it that could be "
			"read\n",
			pat_escape(shown, sizeof(shown), line->file));
		return EXIT_FAILED;
	}
	if (error == PAT_E_UNSAFE && is_unsafe(line->file)) {
		fprintf(stderr,
			"patstore: %s: it is no file of root's that nobody else may write: who may "
			"could let anybody in by it\n",
			pat_escape(shown, sizeof(shown), line->file));
		return EXIT_FAILED;
	}
	return error ? fail(line->store, error) : sum_up(&result, out);
}

int do_rebuild(const struct command_line *line, FILE *out)
{
	struct pat_rebuild order = {.task = PAT_REBUILD_STORE};
	struct pat_rebuild_result result;
	int error = go(line, &order, out, &result, NULL);

	return error ? fail(line->store, error) : sum_up(&result, out);
}
