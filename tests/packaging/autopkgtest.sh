#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# debian/tests, as Debian runs them: in a tree that has the packages, and nothing of the source but
# the tests.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tree.sh
. "$SRC/tests/lib/tree.sh"
tree_enter
command -v autopkgtest >/dev/null || skip_all 'needs autopkgtest'

tree_fresh
# All that they need is there, and there is no network.
rm -f $T/etc/apt/sources.list $T/etc/apt/sources.list.d/*
mkdir $S/source
tar -C $S/source --strip-components=1 -xf "$PAT_PACKAGES"/pam-pat_*.tar.xz
# What we were started with is none of its business.
run env -i PATH="$PATH" HOME=/root timeout 800 autopkgtest --no-built-binaries --output-dir $S/output \
	$S/debs/libpam-pat_*.deb $S/debs/patctl_*.deb $S/source/ -- chroot $T
for suite in logins profile; do
	like "the suites of $suite pass" "$out" "$suite +PASS"
	is "and leave nothing out: $suite" "$(grep -h '# SKIP' $S/output/"$suite"-stdout)" ''
	diag "$(grep -c '^ok' $S/output/"$suite"-stdout) checks"
done
[ "$rc" -eq 0 ] || diag "$(grep -hA12 '^not ok\|^Bail' $S/output/*-stdout; tail -n 40 $S/output/log)"

done_testing
