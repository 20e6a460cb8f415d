/* SPDX-License-Identifier: ISC */
#include "pat/error.h"

const char *pat_error_text(int error)
{
	switch (error) {
	case PAT_OK:
		return "no error";
	case PAT_E_NOMEM:
		return "out of memory";
	case PAT_E_IO:
		return "input/output failed";
	case PAT_E_BUSY:
		return "no answer in time";
	case PAT_E_NOSTORE:
		return "there is no token store";
	case PAT_E_ACCESS:
		return "the token store may not be opened for writing from here";
	case PAT_E_UNSAFE:
		return "wrong owner, mode or kind of the store, its lock file or its directory";
	case PAT_E_DAMAGED:
		return "the token store is damaged";
	case PAT_E_VERSION:
		return "written by a later version";
	case PAT_E_NOTFOUND:
		return "not found";
	case PAT_E_EXISTS:
		return "it exists already";
	case PAT_E_TOOBIG:
		return "too large";
	case PAT_E_INVALID:
		return "not of the right form";
	case PAT_E_PEER:
		return "the other end of the socket is not root's";
	case PAT_E_CLOSED:
		return "the connection was closed";
	case PAT_E_SPENT:
		return "all its uses were made";
	case PAT_E_SHADOW:
		return "shadow does not tell whether the account is locked";
	case PAT_E_FULL:
		return "the token store is full";
	case PAT_E_STALE:
		return "it was changed meanwhile";
	}
	return "unknown error";
}
