#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# bench.sh [SECTION...]: what `make bench` runs, in a private world (tests/lib/world.sh). The stores of pam_pat and
# of its peers lie in the build directory, on a disk: what is in memory needs no sync.

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

# What is written here is on the disk of the build directory.
OUT=$W/keep/build/bench
DISK=$OUT/disk
rm -rf "$DISK"
trap 'rm -rf "$DISK"/*/*' EXIT
mkdir -p "$DISK/pat" "$DISK/peers" /var/lib/peers
chmod 700 "$DISK/pat"
mount --bind "$DISK/pat" /var/lib/pat && mount --bind "$DISK/peers" /var/lib/peers ||
	bail 'no disk for the stores'

# A log that is read as fast as it is written, by something smaller than Python.
rm /dev/log
"$BUILD/bench/sink" /dev/log &
wait_for 5 test -S /dev/log

patd_start
/usr/bin/python3 -B "$HERE/main.py" --build "$BUILD" --out "$OUT/RESULTS.md" --rounds "${ROUNDS:-9}" \
	${PAT_QUICK:+--quick} "$@"
