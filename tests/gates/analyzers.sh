#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What gcc -fanalyzer, clang-tidy and cppcheck say of the product's sources: nothing. tests/README.md
# tells which of their checks are switched off, and why.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
BUILD=${BUILD:-$SRC/build}
cd "$SRC" || exit

SOURCES=(lib/*.c pam/*.c helper/*/*.c)
eval "FLAGS=($(make -s show-flags))"
ok 'the flags are known' test ${#FLAGS[@]} -gt 3

# each_source COMMAND...: runs it for each source, whose name is put at its end; its words are in
# $TAP_DIR/said afterwards.
each_source() {
	printf '%s\0' "${SOURCES[@]}" | xargs -0 -n 1 -P "$(nproc)" "$@" >"$TAP_DIR/said" 2>&1
}

# silent TOOL PATTERN: no line of what was said matches, for any source.
silent() {
	local source
	for source in "${SOURCES[@]}"; do
		is "$source: $1 finds nothing" "$(grep -E "(^|/)$source:.*$2" "$TAP_DIR/said")" ''
	done
	is "$1 finds nothing in headers" "$(grep -E "\.h:.*$2" "$TAP_DIR/said")" ''
}

# missing TOOL: true, after a skip, where the tool is not installed.
missing() {
	if command -v "$1" >/dev/null; then return 1; fi
	skip "$1 finds nothing" "needs $1"
}

# A compiler that reads no file at all would find nothing either.
cat >"$TAP_DIR/bad.c" <<'END'
#include <stdlib.h>
int bad(int n);
int bad(int n)
{
	int *p = malloc(sizeof(*p)), a[2] = {n, 0};

	if (p == NULL)
		return 0;
	*p = a[1];
	free(p);
	return *p + a[2];
}
END

if ! missing gcc; then
	# It loses sight of what the elements of an array point to; clang-tidy looks for leaks, too.
	analyze=(gcc "${FLAGS[@]}" -O1 -fanalyzer -Wno-analyzer-malloc-leak -c -o /dev/null)
	like 'gcc -fanalyzer works' "$("${analyze[@]}" "$TAP_DIR/bad.c" 2>&1)" 'Wanalyzer-use-after-free'
	each_source "${analyze[@]}"
	silent 'gcc -fanalyzer' 'warning:'
fi
if ! missing clang-tidy; then
	tidy=("${FLAGS[@]/#/--extra-arg=}")
	cp .clang-tidy "$TAP_DIR"
	like 'clang-tidy works' "$(clang-tidy --quiet "${tidy[@]}" "$TAP_DIR/bad.c" -- 2>&1)" \
		'clang-analyzer-unix.Malloc'
	# A path with `--` behind it is read without a compilation database.
	# shellcheck disable=SC2016
	each_source sh -c 'clang-tidy --quiet "$@" --' - "${tidy[@]}"
	silent clang-tidy '(warning|error):'
fi
if ! missing cppcheck; then
	checks=(cppcheck --quiet --std=c11 "--enable=warning,performance,portability" --inline-suppr
		--template='{file}:{line}: {id}: {message}' --include="$TAP_DIR/macros.h")
	# Of jansson, whose headers it does not read.
	echo '#define json_array_foreach(a, i, v) for (i = 0; (v = json_array_get(a, i)); i++)' \
		>"$TAP_DIR/macros.h"
	echo '#define json_object_foreach_safe(o, n, k, v) for (k = 0, n = 0; (v = json_object_get(o, k)); )' \
		>>"$TAP_DIR/macros.h"
	like 'cppcheck works' "$("${checks[@]}" "$TAP_DIR/bad.c" 2>&1)" arrayIndexOutOfBounds
	each_source "${checks[@]}" -Iinclude
	silent cppcheck ''
fi
done_testing
