#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Four threads that log in within one process, under valgrind's helgrind, which also sees what libraries
# that were not built for ThreadSanitizer do.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
if ! command -v valgrind >/dev/null; then
	echo '1..0 # SKIP needs valgrind'
	exit 0
fi
exec env PAT_THREADS=4 PAT_THREADS_LOGINS=20 \
	PAT_THREADS_UNDER="valgrind --quiet --tool=helgrind --suppressions=$SRC/tests/callers/helgrind.supp --error-exitcode=9" \
	bash "$SRC/tests/callers/threads.sh"
