#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What can be said of the sources without running them. Any user may run this.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
cd "$SRC" || exit

# needs TOOL TEXT: false, after a skip, where the tool is not installed.
needs() {
	command -v "$1" >/dev/null && return
	skip "$2" "needs $1"
	return 1
}

text='the manual pages are right mdoc'
if needs mandoc "$text"; then
	for page in man/*.[1-8]; do
		run mandoc -T lint -W warning "$page"
		is "$page: $text" "$rc$out$err" 0
	done
fi

text='the C sources have the one formatting'
! needs clang-format "$text" || ok "$text" make -s check-format

text='the scripts are right'
if needs shellcheck "$text"; then
	mapfile -t scripts < <(grep -lE '^#!.*(bash|/sh)$|^# shellcheck shell=' -r tests bench packaging debian etc .ci/run)
	for script in "${scripts[@]}"; do
		ok "$script: $text" shellcheck -x "$script"
	done
fi

# Each option that a program knows is in its manual page, and in its help.
long_options() {
	grep -ohE '\{"[a-z-]+", (no|required)_argument' "$@" | sed 's/{"//; s/".*//' | sort -u
}
for program in patd patctl patstore; do
	page=$(echo man/$program.[18])
	for option in $(long_options helper/$program/*.c); do
		ok "$page tells of --$option" grep -q -- "-$option" "$page"
	done
done

# Each key of pat.conf likewise.
mapfile -t keys < <(sed -n 's/^\t{"\([a-z_]*\)", set_.*/\1/p' helper/patd/policy_file.c)
ok 'the keys of pat.conf are found' test "${#keys[@]}" -ge 7
for key in "${keys[@]}"; do
	ok "pat.conf(5) tells of $key" grep -q "$key" man/pat.conf.5
	ok "the installed pat.conf has $key" grep -q "^$key =" etc/pat.conf
done

# What is shown to people must not work anywhere.
shown=$(grep -rohE 'lnxpat_[0-9A-Za-z]{57}' README.md SECURITY.md CHANGELOG.md man etc | sort -u)
good=$(/usr/bin/python3 -c '
import sys, zlib
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
for token in sys.stdin.read().split():
    rest, checksum = zlib.crc32(token[:58].encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = DIGITS[digit] + checksum
    if token.endswith(checksum):
        print(token)' <<<"$shown")
is 'no token in the documentation has a right checksum' "$good" ''
is 'and there is one to see' "$([ "$shown" ] && echo yes)" yes

# Functions that cannot say how much they write.
is 'no unbounded string function is used' \
	"$(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|system|popen)\(' -r lib pam helper include)" ''

# The module lives in somebody else's process.
is 'the module calls nothing that changes its host' \
	"$(nm -D --undefined-only "${BUILD:-build}/pam_pat.so" | awk '{ print $2 }' | sed 's/@.*//' |
		grep -xE 'exit|_exit|abort|fork|vfork|execve?|signal|sigaction|umask|chdir|openlog|setlogmask|setlocale|set(e|re|res)?[ug]id|setrlimit|printf|puts|fputs|perror')" ''

done_testing
