#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The unit tests under valgrind's memcheck, which sees what is used before it was set; the sanitizers of
# the other runs do not. Not those that end processes at every system call or use random input for
# long: they would take minutes, and show nothing that the others do not.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
BUILD=${BUILD:-$SRC/build}

command -v valgrind >/dev/null || skip_all 'needs valgrind'
LONG='test_store_crash|test_store_spend|test_store_lock'
# A reader that has given up its rights is killed for what valgrind does in it.
CONFINED='test_reader|test_confine|test_fresh'

# Thousands of stacks in the real libpam, which Debian's patch has read what was not set where an included
# file is missing; and what is ours of it is in test_doctor_stack, too.
LIBPAM='test_doctor_libpam'

# under_valgrind PROGRAM: its exit status, and what memcheck says, are in files of its name.
# shellcheck disable=SC2317 # called by xargs
under_valgrind() {
	timeout 120 valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
		--child-silent-after-fork=yes --suppressions="$SRC/tests/gates/valgrind.supp" \
		--log-file="$TAP_DIR/${1##*/}.said" "$1" >/dev/null 2>&1
	echo $? >"$TAP_DIR/${1##*/}.status"
}
export -f under_valgrind
export SRC TAP_DIR

programs=()
for program in "$BUILD"/tests/unit/test_*; do
	if [[ $program == *.* || ${program##*/} =~ $LONG || ${program##*/} =~ $CONFINED || ${program##*/} =~ $LIBPAM ]]; then continue; fi
	programs+=("$program")
done
# shellcheck disable=SC2016 # expanded by the inner shell
printf '%s\0' "${programs[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'under_valgrind "$1"' under_valgrind
for program in "${programs[@]##*/}"; do
	# What fails or does not start has nothing to say either.
	is "$program: it passes under memcheck" "$(<"$TAP_DIR/$program.status")" 0
	is "$program: memcheck finds nothing" "$(grep -c '^==' "$TAP_DIR/$program.said")" 0
	[ ! -s "$TAP_DIR/$program.said" ] || diag "$(head -40 "$TAP_DIR/$program.said")"
done
done_testing
