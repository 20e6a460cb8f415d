#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# bench.sh [SECTION...]: what `make bench` runs, in a private world (tests/lib/world.sh). Of that, nothing that is
# measured lies on an overlay or in memory: /etc, the modules and the stores are copies on the disk of the build
# directory, and libraries are the machine's.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SRC=$(dirname "$HERE")
# shellcheck source=SCRIPTDIR/../tests/lib/world.sh
. "$SRC/tests/lib/world.sh"

if [ "${PAT_WORLD-}" != "$SRC" ]; then
	if ! why=$(world_possible); then
		echo "make bench $why" >&2
		exit 1
	fi
	mkdir -p "$BUILD/bench"
fi
world_enter "$@"
world_furnish

OUT=$W/keep/build/bench
DISK=$OUT/disk

# on_disk DIRECTORY: a copy of it, with what the world has put there, on a disk.
on_disk() {
	mkdir -p "$DISK$1" && cp -a "$1/." "$DISK$1" && mount --bind "$DISK$1" "$1"
}

without_overlays() {
	local modules libraries
	modules=$(dirname "$(find /usr/lib -name pam_permit.so | head -n 1)")
	libraries=$(dirname "$modules")
	mkdir "$W/root" /var/lib/peers || return
	# The machine's root without what is mounted on it.
	mount --bind / "$W/root" && cp -a "$modules" "$W/modules" || return
	if [ -d "$W/root$libraries" ]; then mount --bind "$W/root$libraries" "$libraries" || return; fi
	mkdir -p "$DISK/modules" && cp -a "$W/modules/." "$DISK/modules" || return
	mount --bind "$DISK/modules" "$modules" || return
	[[ $BUILD/ = $SRC/* ]] || mount --bind "$W/keep/build" "$BUILD" || return
	on_disk /etc && on_disk /var/lib/pat && on_disk /var/lib/peers
}

rm -rf "$DISK"
trap 'rm -rf "$DISK"/var/lib/*/* "$DISK"/etc/*' EXIT
without_overlays || bail 'no disk for what is measured'

# A log that is read as fast as it is written, by something smaller than Python.
rm /dev/log
"$BUILD/bench/sink" /dev/log &
wait_for 5 test -S /dev/log

# shellcheck disable=SC2119
patd_start
LIB=$LIB /usr/bin/python3 -B "$HERE/main.py" --build "$BUILD" --out "$OUT/RESULTS.md" --rounds "${ROUNDS:-9}" \
	${PAT_QUICK:+--quick} "$@"
