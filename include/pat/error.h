/* SPDX-License-Identifier: ISC */
#ifndef PAT_ERROR_H
#define PAT_ERROR_H

/* What a function of ours returns when it did not do its work: 0 is success, a failure is one of
 * these, negative. The message is made once, by whoever knows the reader. */
enum pat_error {
	PAT_OK = 0,
	PAT_E_NOMEM = -1,    /* out of memory */
	PAT_E_IO = -2,       /* a system call failed; errno says why */
	PAT_E_BUSY = -3,     /* a lock or an answer did not come before the deadline */
	PAT_E_NOSTORE = -4,  /* there is no store at that path */
	PAT_E_ACCESS = -5,   /* the store may not be opened or written from here; errno says why */
	PAT_E_UNSAFE = -6,   /* wrong owner, mode or kind of file: not to be trusted */
	PAT_E_DAMAGED = -7,  /* a record, or the file around it, is not what was written */
	PAT_E_VERSION = -8,  /* written by a later version of this program */
	PAT_E_NOTFOUND = -9, /* no such record */
	PAT_E_EXISTS = -10,  /* it is there already */
	PAT_E_TOOBIG = -11,  /* more than the format, or the caller's buffer, can hold */
	PAT_E_INVALID = -12, /* the argument is not of the documented form */
	PAT_E_PEER = -13,    /* the other end of the socket is not who it must be */
	PAT_E_CLOSED = -14,  /* the other end of the socket has gone away */
	PAT_E_SPENT = -15,   /* all uses that were allowed have been made */
	PAT_E_SHADOW =
		-16, /* whether an account is locked cannot be told: shadow(5) does not have it */
	PAT_E_FULL = -17,  /* the store is as large as its format allows */
	PAT_E_STALE = -18, /* what was decided by has changed meanwhile: once more */
};

/* One of the above as a short English phrase without a full stop, for logs. Never NULL. */
const char *pat_error_text(int error);

#endif
