/* SPDX-License-Identifier: ISC */
#include "rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "pat/error.h"
#include "pat/text.h"
#include "store_private.h"

/* Records in a chain, after a rebuild at most. */
#define FILL 2

/* How long an attempt that is not the first waits for the writers that are before it. */
#define AGAIN_MS 10000

static void tell(struct rebuild *rebuild, const struct pat_rebuild_told *told)
{
	rebuild->result->faults += told->news == PAT_NEWS_FAULT;
	rebuild->result->lost += told->news == PAT_NEWS_LOST;
	rebuild->result->back += told->news == PAT_NEWS_BACK;
	if (rebuild->order->tell != NULL && rebuild->told++ >= rebuild->tell_from)
		rebuild->order->tell(rebuild->order->data, told);
}

void rebuild_tell_file(struct rebuild *rebuild, enum pat_rebuild_news news, const char *which,
		       const char *text)
{
	tell(rebuild, &(struct pat_rebuild_told){.news = news, .file = which, .text = text});
}

void rebuild_tell_owned(struct rebuild *rebuild, enum pat_rebuild_news news,
			const struct pat_key *key, uint32_t uid, const char *text)
{
	tell(rebuild,
	     &(struct pat_rebuild_told){
		     .news = news, .key = *key, .has_uid = true, .uid = uid, .text = text});
}

void rebuild_tell(struct rebuild *rebuild, enum pat_rebuild_news news, const struct pat_key *key,
		  const char *text)
{
	const struct ledger_token *token = NULL;

	if (key->len == 1 + PAT_ID_LEN && (key->bytes[0] == 't' || key->bytes[0] == 'u'))
		token = ledger_find(&rebuild->ledger, key->bytes + 1);
	if (token != NULL && (token->has & (LEDGER_GRANT | LEDGER_OWNED)))
		rebuild_tell_owned(rebuild, news, key, token->uid, text);
	else
		tell(rebuild, &(struct pat_rebuild_told){.news = news, .key = *key, .text = text});
}

static void tell_number(struct rebuild *rebuild, enum pat_rebuild_news news, const char *which,
			uint64_t number, const char *text)
{
	char line[200];

	snprintf(line, sizeof(line), "%llu %s", (unsigned long long)number, text);
	rebuild_tell_file(rebuild, news, which, line);
}

/* What is wrong with a file as such. */
static void tell_structure(struct rebuild *rebuild, struct source *source)
{
	const char *which = source->is_store ? "the file" : "the backup";
	const struct salvage *salvage = &source->salvage;

	if (salvage->window.unreadable > 0)
		tell_number(rebuild, PAT_NEWS_FAULT, which, salvage->window.unreadable,
			    "bytes cannot be read from the disk");
	if (salvage->header_fault != NULL && salvage->count > 0)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, which, salvage->header_fault);
	if (salvage->window.size > UINT32_MAX)
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, which,
				  "it is longer than a store can be: nobody can use it");
	if (salvage->found.chains > 0)
		tell_number(rebuild, PAT_NEWS_FAULT, which, salvage->found.chains,
			    "of its hash chains lead nowhere: tokens are not found");
	if (salvage->found.untailed > 0)
		tell_number(rebuild, PAT_NEWS_FAULT, which, salvage->found.untailed,
			    "records have a damaged length");
	source->distrusted = salvage->found.chains > 0 || !salvage->header_good;
}

static int open_salvage(struct rebuild *rebuild, struct source *source)
{
	int error;

	if (!source->is_open)
		return PAT_OK;
	error = salvage_open(&source->salvage, source->fd);
	if (!error)
		tell_structure(rebuild, source);
	/* A store of which nothing is left does not keep a backup from coming back. */
	if (error == PAT_E_DAMAGED && source->is_store && rebuild->merging) {
		rebuild_tell_file(rebuild, PAT_NEWS_FAULT, "the file", "nothing of it can be read");
		return PAT_OK;
	}
	return error;
}

/* What no chain leads to, but stands in step, is gone through again once one of them was a victim.
 */
static int take_unreached(struct rebuild *rebuild, struct source *source)
{
	bool distrusted = source->distrusted;
	int error = rebuild_take(rebuild, source, SALVAGE_IN_STEP);

	if (error || source->distrusted == distrusted)
		return error;
	source->left_over = 0;
	return rebuild_take(rebuild, source, SALVAGE_IN_STEP);
}

static int take_sure(struct rebuild *rebuild, struct source *source)
{
	int error;

	if (!source->is_open)
		return PAT_OK;
	error = rebuild_take(rebuild, source, SALVAGE_REACHED);
	/* A store that was changed has tokens, but for one that was swept empty. */
	source->distrusted |= !rebuild->has_meta ||
			      (rebuild->ledger.token_count <= 1 && rebuild->meta.generation > 0);
	return error ? error : take_unreached(rebuild, source);
}

static int take_all(struct rebuild *rebuild)
{
	const bool backing_up = rebuild->order->task == PAT_REBUILD_BACKUP;
	int error = PAT_OK;

	if (rebuild->order->task != PAT_REBUILD_REPLACE)
		error = take_sure(rebuild, &rebuild->store);
	if (!error)
		error = take_sure(rebuild, &rebuild->backup);
	/* A backup is for what is certain. */
	if (!error && rebuild->store.is_open && !backing_up &&
	    rebuild->order->task != PAT_REBUILD_REPLACE)
		error = rebuild_take(rebuild, &rebuild->store, SALVAGE_STRAY);
	if (!error && rebuild->backup.is_open)
		error = rebuild_take(rebuild, &rebuild->backup, SALVAGE_STRAY);
	if (!error)
		error = rebuild_finish(rebuild);
	if (!error && rebuild->order->task == PAT_REBUILD_REPLACE)
		error = rebuild_compare(rebuild);
	if (!error && rebuild->order->thorough)
		error = rebuild_look_further(rebuild);
	if (!error && rebuild->store.left_over > 0)
		tell_number(rebuild, PAT_NEWS_NOTE, "the file", rebuild->store.left_over,
			    "records are left over from changes that were cut off");
	return error;
}

static uint32_t choose_hash_size(size_t records)
{
	uint32_t size = STORE_HASH_SIZE;

	while (records / FILL > size && size < 1U << 24)
		size *= 2;
	return size;
}

/* The new file is made beside what it will replace; for a descriptor, beside the store. One that a
 * killed process left is in the way. */
static int open_new(struct rebuild *rebuild)
{
	const struct pat_rebuild *order = rebuild->order;
	const bool to_descriptor = order->task == PAT_REBUILD_BACKUP && order->file == NULL;
	const bool to_file = order->task == PAT_REBUILD_BACKUP && order->file != NULL;
	size_t records = rebuild->store.salvage.count + rebuild->backup.salvage.count;
	struct statvfs fs;
	int error;

	if (order->task == PAT_REBUILD_REPLACE)
		records = rebuild->backup.salvage.count;
	error = to_descriptor
			? asprintf(&rebuild->new_path, "%s.%ld.out", order->store, (long)getpid())
		: to_file ? asprintf(&rebuild->new_path, "%s.unfinished", order->file)
			  : asprintf(&rebuild->new_path, "%s.new", order->store);
	if (error < 0) {
		rebuild->new_path = NULL;
		return PAT_E_NOMEM;
	}
	if (unlink(rebuild->new_path) < 0 && errno != ENOENT)
		return PAT_E_IO;
	error = tdbwrite_open(&rebuild->out, rebuild->new_path, choose_hash_size(records));
	/* What was begun of it is to be removed, too. */
	rebuild->writing = error != PAT_E_EXISTS;
	/* To fill a disk to the brim and fail then would harm others. */
	if (!error && fstatvfs(rebuild->out.fd, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize <
		    rebuild->store.salvage.window.size - rebuild->store.salvage.found.free_bytes) {
		errno = ENOSPC;
		error = PAT_E_IO;
	}
	if (!error && to_descriptor && unlink(rebuild->new_path) < 0)
		error = PAT_E_IO;
	return error;
}

/* From here on nothing is read that a change could spoil. What was repaired is another matter: what
 * others would make of the damage in the store could not be told from it. */
static void lend_pen(struct rebuild *rebuild)
{
	if (rebuild->order->task != PAT_REBUILD_STORE ||
	    rebuild->result->faults + rebuild->result->lost > 0)
		return;
	gate_put_pen(&rebuild->gate);
	rebuild->pen_lent = true;
}

/* Writes the new file, and puts it where it belongs. */
static int write_new(struct rebuild *rebuild)
{
	enum pat_rebuild_task task = rebuild->order->task;
	int error = open_new(rebuild), saved;

	if (!error)
		error = take_all(rebuild);
	if (!error && rebuild->order->whole_only &&
	    rebuild->result->faults + rebuild->result->lost > 0)
		error = PAT_E_DAMAGED;
	if (!error)
		error = tdbwrite_finish(&rebuild->out);
	if (!error)
		lend_pen(rebuild);
	if (!error)
		error = rebuild_verify(rebuild);
	if (!error && task != PAT_REBUILD_BACKUP)
		error = tdbwrite_reserve(&rebuild->out);
	if (!error)
		error = task == PAT_REBUILD_BACKUP ? rebuild_deliver(rebuild)
						   : rebuild_exchange(rebuild);
	saved = errno;
	if (rebuild->writing && rebuild->new_path != NULL && rebuild_new_is_ours(rebuild, true))
		(void)unlink(rebuild->new_path);
	errno = saved;
	return error;
}

static int run(struct rebuild *rebuild)
{
	const struct pat_rebuild *order = rebuild->order;
	const bool restoring =
		order->task == PAT_REBUILD_RESTORE || order->task == PAT_REBUILD_REPLACE;
	int error = PAT_OK;

	if (asprintf(&rebuild->lock_path, "%s.lock", order->store) < 0) {
		rebuild->lock_path = NULL;
		return PAT_E_NOMEM;
	}
	if (restoring)
		error = rebuild_open_backup(rebuild);
	if (!error)
		error = rebuild_open_store(rebuild);
	rebuild->merging = order->task == PAT_REBUILD_RESTORE && rebuild->store.is_open;
	if (!error)
		error = open_salvage(rebuild, &rebuild->store);
	if (!error)
		error = open_salvage(rebuild, &rebuild->backup);
	if (error)
		return error;
	rebuild->result->bytes = rebuild->store.salvage.window.size;
	rebuild->result->buckets = rebuild->store.salvage.hash_size;
	rebuild->result->free_bytes =
		rebuild->store.salvage.found.free_bytes + rebuild->store.salvage.found.gap_bytes;
	error = ledger_open(&rebuild->ledger,
			    rebuild->store.salvage.count / 2 + rebuild->backup.salvage.count / 2);
	if (error)
		return error;
	return order->task == PAT_REBUILD_LOOK ? take_all(rebuild) : write_new(rebuild);
}

static void begin(struct rebuild *rebuild, const struct pat_rebuild *order,
		  struct pat_rebuild_result *result)
{
	*result = (struct pat_rebuild_result){.faults = 0};
	rebuild->order = order;
	rebuild->result = result;
	rebuild->deadline = rebuild->attempt == 0 ? order->deadline : pat_deadline_in(AGAIN_MS);
	rebuild->place.dir = rebuild->gate.fd = rebuild->out.fd = -1;
	rebuild->store.fd = rebuild->store.live = rebuild->backup.fd = rebuild->backup.live = -1;
	rebuild->now = (int64_t)time(NULL);
	rebuild->patience = 400;
	/* Who replaces the store does not take over what happens in it. */
	rebuild->noting = order->task == PAT_REBUILD_STORE || order->task == PAT_REBUILD_RESTORE;
}

/* Clears away an attempt, all but what the next one has to know. */
static void end(struct rebuild *rebuild)
{
	struct rebuild next = {.attempt = rebuild->attempt + 1, .tell_from = rebuild->tell_from};

	if (rebuild->told > next.tell_from)
		next.tell_from = rebuild->told;
	next.repairs = rebuild->repairs || rebuild->result->faults + rebuild->result->lost > 0;
	rebuild_close(rebuild);
	sodium_memzero(rebuild, sizeof(*rebuild));
	*rebuild = next;
}

int pat_rebuild(const struct pat_rebuild *order, struct pat_rebuild_result *result)
{
	struct rebuild *rebuild;
	bool again;
	int error;

	*result = (struct pat_rebuild_result){.faults = 0};
	if (sodium_init() < 0)
		return PAT_E_IO;
	rebuild = calloc(1, sizeof(*rebuild));
	if (rebuild == NULL)
		return PAT_E_NOMEM;
	do {
		begin(rebuild, order, result);
		error = store_take_mutex(rebuild->deadline);
		if (!error) {
			error = run(rebuild);
			store_give_mutex();
		}
		again = error == PAT_E_BUSY && (rebuild->gave_way || rebuild->must_restart);
		end(rebuild);
		again = again && rebuild_tries_again(rebuild);
	} while (again);
	free(rebuild);
	return error;
}
