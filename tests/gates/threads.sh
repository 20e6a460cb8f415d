#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Sixteen threads that log in within one process, and all of patd, under ThreadSanitizer.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$SRC/build}
if [ ! -d "$BUILD/threads" ]; then
	echo '1..0 # SKIP needs a build in BUILD/threads, made with SANITIZE=thread'
	exit 0
fi
exec env PAT_THREADS_BUILD="$BUILD/threads" PAT_THREADS_LOGINS=60 bash "$SRC/tests/callers/threads.sh"
