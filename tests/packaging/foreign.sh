#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Other processors: the unit tests of 32 bits on i386, as root; the packages for arm64, and its unit tests
# under qemu. The trees for that are beside $PAT_TREE.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tree.sh
. "$SRC/tests/lib/tree.sh"
tree_enter

# foreign TREE: that one, with the sources in /src.
foreign() {
	PAT_TREE=$1
	tree_fresh
	mkdir $T/src
	tar -C $T/src --strip-components=1 -xf "$PAT_PACKAGES"/pam-pat_*.tar.xz || bail 'no sources'
	mkdir -p $T/dev/shm
}

# qemu knows no seccomp filters.
NOT_BY_QEMU='test_confine|test_reader'

# units TEXT COMMAND...: each unit test passes, started with the command, if there is one.
units() {
	local text=$1 test
	shift
	for test in "$T"/src/build/tests/unit/test_*; do
		if [ ! -x "$test" ] || [[ ${test##*/} = *.* ]]; then continue; fi
		if [ $# -gt 0 ] && [[ ${test##*/} =~ ^($NOT_BY_QEMU)$ ]]; then continue; fi
		run in_tree env CMOCKA_MESSAGE_OUTPUT=TAP "$@" "${test#"$T"}"
		is "$text: ${test##*/}" "$rc $(grep -A3 '^not ok' <<<"$out")" '0 '
	done
}

I386=$PAT_TREE-i386 ARM64=$PAT_TREE-arm64
if [ ! -d "$I386" ] || [ ! -d "$ARM64" ]; then skip_all 'no trees for other processors'; fi

foreign "$I386"
ok 'i386: it builds, without a warning' in_tree make -C /src -j2 WERROR=1 all unit
like 'i386: for 32 bits' "$(od -An -tx1 -j4 -N1 $T/src/build/patd)" ' 01'
units 'i386'

foreign "$ARM64"
run in_tree sh -c 'cd /src && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b -aarm64 -d'
exited 'arm64: the packages build on another processor' 0
is 'arm64: for that one' "$(dpkg-deb -f "$(echo $T/libpam-pat_*.deb)" Architecture)" arm64
like 'arm64: with the module where libpam looks' "$(dpkg-deb -c "$(echo $T/libpam-pat_*.deb)")" \
	'/lib/aarch64-linux-gnu/security/pam_pat.so'
ok 'arm64: the unit tests build' in_tree make -C /src -j2 CC=aarch64-linux-gnu-gcc \
	PKG_CONFIG=aarch64-linux-gnu-pkg-config all unit
units 'arm64, under qemu' qemu-aarch64-static

done_testing
