#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The same sources give the same bytes, whoever builds them, where and when: the tarball, what
# `make install` installs, and the packages.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
chmod 755 "$D"

# here COMMAND..., elsewhere COMMAND...: by another user, of another country, in the year after next,
# with another umask. They are called by `ok`, which shellcheck does not see.
# shellcheck disable=SC2317
here() (
	umask 022
	cd "$D/one" && env -i PATH="$PATH" HOME=/ LC_ALL=C TZ=UTC "$@"
)
# shellcheck disable=SC2317
elsewhere() (
	local as=()
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	umask 077
	cd "$D/another/place" && "${as[@]}" env -i PATH="$PATH" HOME="$D/another" LC_ALL=C.UTF-8 \
		TZ=Asia/Kathmandu LANG=C.UTF-8 faketime -f +700d "$@"
)
mkdir -p "$D/one" "$D/another/place"
if ! command -v faketime >/dev/null; then
	skip_all 'needs faketime'
fi

run make -C "$SRC" --no-print-directory BUILD="$D/one" dist
exited 'make dist' 0
tarball=$(echo "$D"/one/pam_pat-*.tar.xz)
name=$(basename "$tarball" .tar.xz)
here tar -xf "$tarball"
tar -C "$D/another/place" -xf "$tarball"
[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$D/another"
ok 'make dist of an unpacked tarball' elsewhere make -C "$name" dist
ok 'gives the same tarball' cmp "$tarball" "$D/another/place/$name/build/$name.tar.xz"

ok 'it builds' here make -s -j2 -C "$name" all BUILD=b
ok 'it builds elsewhere' elsewhere make -s -j2 -C "$name" all
ok 'it installs' here make -s -C "$name" install BUILD=b DESTDIR="$D/one/root" PAMDIR=/lib/security
ok 'it installs elsewhere' elsewhere make -s -C "$name" install DESTDIR="$D/another/root" PAMDIR=/lib/security
modes() {
	(cd "$1" && find . -printf '%p %m %y %l\n' | sort)
}
is 'the same files are installed' "$(diff -r "$D/one/root" "$D/another/root" 2>&1)" ''
is 'with the same modes' "$(modes "$D/another/root")" "$(modes "$D/one/root")"
is 'which do not say where they were built' "$(grep -rlF "$D" "$D/one/root" "$D/another/root")" ''
rm -rf "$D/one/root" "$D/another/root" "$D/another/place/$name/build"

if ! command -v dh >/dev/null; then
	skip 'the packages are the same' 'needs debhelper'
else
	rm -rf "$D/one/$name/b"
	for where in here elsewhere; do
		ok "the packages build $where" $where sh -c \
			"cd $name && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc"
	done
	for file in "$D"/one/*.deb "$D"/one/*.dsc "$D"/one/pam-pat_*.tar.xz; do
		ok "the same ${file##*/}" cmp "$file" "$D/another/place/${file##*/}"
	done
fi

done_testing
