#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Sources of tokens (--from) mean what another implementation of the same standards says. Any user may
# run this.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-$SRC/build}
exec /usr/bin/python3 "$SRC/tests/lib/sources.py" "${PAT_SANITIZED:-$BUILD}/tests/tools/sources"
