/* SPDX-License-Identifier: ISC */
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pat/crc32.h"
#include "pat/error.h"

/* How long a writer may keep new readers out while it waits for the old ones: less than a login
 * waits. */
#define TURN_MS 500

static int open_unseen(struct gate *gate, const char *path, int how)
{
	int fd = open(path, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0) {
		if (errno == ENOENT && !(how & O_CREAT))
			return PAT_E_NOSTORE;
		if (errno == EACCES || errno == EPERM || errno == EROFS)
			return PAT_E_ACCESS;
		return errno == ELOOP || errno == ENXIO ? PAT_E_UNSAFE : PAT_E_IO;
	}
	/* Where standard error was closed, what a program complains of would be written into it. */
	if (fd <= STDERR_FILENO) {
		close(fd);
		errno = EBADF;
		return PAT_E_ACCESS;
	}
	gate->fd = fd;
	gate->path = path;
	gate->has_pen = gate->has_notes = gate->in = gate->holds = false;
	gate->looks = (how & O_ACCMODE) == O_RDONLY;
	gate->fresh = true;
	return PAT_OK;
}

/* Looks which file was opened, and closes it if it is not ours. */
static int look(struct gate *gate, struct stat *st)
{
	int error = fstat(gate->fd, st) < 0 ? PAT_E_IO : PAT_OK, saved = errno;

	/* Whoever can open it can lock it, and so keep others out. */
	if (!error &&
	    (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || (st->st_mode & 077) != 0))
		error = PAT_E_UNSAFE;
	if (error) {
		gate_close(gate);
		errno = saved;
		return error;
	}
	gate->dev = st->st_dev;
	gate->ino = st->st_ino;
	return PAT_OK;
}

static int open_file(struct gate *gate, const char *path, int how)
{
	struct stat st;
	int error = open_unseen(gate, path, how);

	return error ? error : look(gate, &st);
}

int gate_open(struct gate *gate, const char *path)
{
	return open_file(gate, path, O_RDWR | O_CREAT | O_APPEND);
}

int gate_open_old(struct gate *gate, const char *path)
{
	return open_file(gate, path, O_RDWR | O_APPEND);
}

int gate_open_to_look(struct gate *gate, const char *path)
{
	return open_file(gate, path, O_RDONLY);
}

static int lock(struct gate *gate, short type, off_t byte, pat_deadline deadline)
{
	struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	unsigned tries = 0;

	gate->holds = true;
	while (fcntl(gate->fd, F_OFD_SETLK, &range) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return PAT_E_IO;
		if (!pat_deadline_retry(deadline, &tries))
			return PAT_E_BUSY;
	}
	return PAT_OK;
}

bool gate_is_locked(const struct gate *gate, off_t byte)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	/* Where that cannot be told, what is done for somebody who may be there does no harm. */
	return fcntl(gate->fd, F_OFD_GETLK, &range) < 0 || range.l_type != F_UNLCK;
}

void gate_unlock(const struct gate *gate, off_t byte)
{
	struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	(void)fcntl(gate->fd, F_OFD_SETLK, &range);
}

/* Long enough for everybody who polls for the turnstile to look at it. */
static bool let_pass(void)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	(void)nanosleep(&pause, NULL);
	return true;
}

/* `size`: how much is noted in it. */
static bool is_current(const struct gate *gate, off_t *size)
{
	struct stat named;

	if (lstat(gate->path, &named) < 0)
		return false;
	*size = named.st_size;
	return gate->dev == named.st_dev && gate->ino == named.st_ino;
}

bool gate_is_current(const struct gate *gate)
{
	off_t size;

	return is_current(gate, &size);
}

/* The lock file again, which has another file behind its name now. */
static int open_again(struct gate *gate)
{
	gate_close(gate);
	return open_file(gate, gate->path, gate->looks ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND);
}

/* Whether nobody waits in the turnstile that keeps readers out of the room. */
static bool turnstile_is_free(const struct gate *gate)
{
	struct flock range = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = GATE_TURNSTILE, .l_len = 1};

	return fcntl(gate->fd, F_OFD_GETLK, &range) == 0 && range.l_type == F_UNLCK;
}

/* `waited`: perhaps so, or somebody else may have in between. */
static int enter_once(struct gate *gate, short type, pat_deadline deadline, bool *waited)
{
	int error;

	/* Out of the room first: two that both want to stay in and be alone would wait in vain. */
	if (gate->in)
		gate_unlock(gate, GATE_ROOM);
	gate->in = true;
	*waited = !gate->fresh;
	gate->fresh = false;
	/* Who need not wait need not be in the turnstile: it is for those behind. */
	if (type == F_RDLCK && turnstile_is_free(gate) && lock(gate, type, GATE_ROOM, 0) == PAT_OK)
		return PAT_OK;
	*waited = true;
	error = lock(gate, type, GATE_TURNSTILE, deadline);
	if (error)
		return error;
	error = lock(gate, type, GATE_ROOM, deadline);
	gate_unlock(gate, GATE_TURNSTILE);
	return error;
}

/*
 * The same where nobody has waited: the name led to this file a moment ago, and whether it was
 * removed the file itself tells. What is put elsewhere under another name right then is not seen,
 * as it would not be a moment later.
 */
static bool is_still_current(const struct gate *gate, off_t *size)
{
	struct stat st;

	if (fstat(gate->fd, &st) < 0)
		return false;
	*size = st.st_size;
	return st.st_nlink > 0;
}

/* Somebody may have removed the file while we waited for it: then it keeps nobody out. */
static int enter(struct gate *gate, short type, pat_deadline deadline)
{
	for (;;) {
		bool had_pen = gate->has_pen, waited;
		int error = enter_once(gate, type, deadline, &waited);
		off_t size = 0;

		if (error)
			return error;
		if (waited ? is_current(gate, &size) : is_still_current(gate, &size)) {
			gate->has_notes = size > 0;
			return PAT_OK;
		}
		if (pat_deadline_passed(deadline))
			return PAT_E_BUSY;
		error = open_again(gate);
		if (!error && had_pen)
			error = gate_take_pen(gate, deadline);
		if (error)
			return error;
	}
}

/* Who has to wait says so. */
static int lock_pen(struct gate *gate, pat_deadline deadline)
{
	int error = lock(gate, F_WRLCK, GATE_PEN, 0);

	if (error != PAT_E_BUSY)
		return error;
	(void)lock(gate, F_RDLCK, GATE_WANTED, 0);
	error = lock(gate, F_WRLCK, GATE_PEN, deadline);
	gate_unlock(gate, GATE_WANTED);
	return error;
}

bool gate_pen_is_wanted(const struct gate *gate)
{
	return gate->has_pen && gate_is_locked(gate, GATE_WANTED);
}

int gate_take_pen(struct gate *gate, pat_deadline deadline)
{
	for (;;) {
		int error = lock_pen(gate, deadline);

		if (error)
			return error;
		gate->has_pen = true;
		if (gate_is_current(gate))
			return PAT_OK;
		if (pat_deadline_passed(deadline))
			return PAT_E_BUSY;
		error = open_again(gate);
		if (error)
			return error;
	}
}

void gate_put_pen(struct gate *gate)
{
	gate_unlock(gate, GATE_PEN);
	gate->has_pen = false;
}

void gate_leave(struct gate *gate)
{
	if (gate->in)
		gate_unlock(gate, GATE_ROOM);
	gate->in = false;
}

int gate_enter_shared(struct gate *gate, pat_deadline deadline)
{
	return enter(gate, F_RDLCK, deadline);
}

/* One look at the file, behind the lock, tells what it tells before and behind it. */
int gate_open_and_enter(struct gate *gate, const char *path, pat_deadline deadline)
{
	struct stat st;
	int error = open_unseen(gate, path, O_RDWR | O_APPEND);

	if (error)
		return error;
	gate->in = turnstile_is_free(gate) && lock(gate, F_RDLCK, GATE_ROOM, 0) == PAT_OK;
	error = look(gate, &st);
	if (error)
		return error;
	if (!gate->in || st.st_nlink == 0)
		return gate_enter_shared(gate, deadline);
	gate->fresh = false;
	gate->has_notes = st.st_size > 0;
	return PAT_OK;
}

int gate_enter_alone(struct gate *gate, pat_deadline deadline)
{
	int error;

	/*
	 * A reader who stays in the room, stopped perhaps, must not make those behind a patient
	 * writer wait as long as that: it lets them pass now and then.
	 */
	do {
		pat_deadline turn = pat_deadline_in(TURN_MS);

		error = enter(gate, F_WRLCK, turn < deadline ? turn : deadline);
	} while (error == PAT_E_BUSY && !pat_deadline_passed(deadline) && let_pass());
	return error;
}

static off_t record_byte(const char *key, size_t len)
{
	return GATE_FIRST_RECORD + (off_t)(pat_crc32(key, len) % GATE_RECORDS);
}

int gate_take_notes(struct gate *gate, pat_deadline deadline)
{
	return lock(gate, F_WRLCK, GATE_NOTES, deadline);
}

int gate_hold_record(struct gate *gate, const char *key, size_t len, pat_deadline deadline)
{
	return lock(gate, F_WRLCK, record_byte(key, len), deadline);
}

void gate_release_record(struct gate *gate, const char *key, size_t len)
{
	gate_unlock(gate, record_byte(key, len));
}

void gate_let_go(struct gate *gate)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (gate->holds)
		(void)fcntl(gate->fd, F_OFD_SETLK, &all);
	gate->in = gate->has_pen = gate->holds = false;
}

void gate_close(struct gate *gate)
{
	if (gate->fd >= 0) {
		gate_let_go(gate);
		close(gate->fd);
	}
	gate->fd = -1;
	gate->has_pen = false;
}
