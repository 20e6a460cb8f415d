#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patstore, and others who only look: they keep nobody out, call nothing damaged that is not, and write
# nothing.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

STORE=/var/lib/pat/tokens.tdb
DRIVE=${PAT_SANITIZED:-$BUILD}/tests/tools/pamdrive
service probe "auth required ${PAT_SANITIZED:-$BUILD}/pam_pat.so"

give alice ci --service probe
GOOD=$TOKEN GOOD_ID=$ID

# --- beside others

# check_many COUNT: how many of so many found a fault.
check_many() {
	local i faults=0
	for ((i = 0; i < $1; i++)); do
		patstore check >"$W/check" || { faults=$((faults + 1)) && cp "$W/check" "$W/fault"; }
	done
	echo "$faults $(cat "$W/fault" 2>/dev/null)"
}

before=$(field uses "$GOOD_ID")
nice timeout 60 "$DRIVE" -n 1000000 probe alice <<<"$GOOD" >"$W/drive" 2>&1 &
ONE=$!
nice timeout 60 "$DRIVE" -n 1000000 probe alice <<<"$GOOD" >"$W/drive" 2>&1 &
TWO=$!
ROUNDS=300
[ -z "${PAT_SANITIZED-}" ] || ROUNDS=50
is "beside those who log in, no check of $ROUNDS finds a fault" "$(check_many $ROUNDS)" '0 '
kill $ONE $TWO
wait $ONE $TWO 2>/dev/null
ok 'they did log in meanwhile' test "$(field uses "$GOOD_ID")" -gt "$before"

announced "$W/held" "$LIB/holder.py" halves $STORE "$GOOD_ID"
HOLDER=$!
is 'a record that is half written is no fault' "$(check_many 40)" '0 '
ok 'it was all the time' kill -0 $HOLDER
kill $HOLDER
wait $HOLDER 2>/dev/null

# A reader that stays in the store is in the way of nothing but a change.
announced "$W/held" "$LIB/holder.py" shared $STORE
HOLDER=$!
run as bob timeout 20 patctl revoke --all
exited 'who has no token revokes all of them without waiting for anybody' 0
run timeout 20 patstore check
exited 'readers are together' 0
kill $HOLDER
wait $HOLDER 2>/dev/null

# --- output that nobody reads, of a store with many faults

for user in alice bob carol; do
	for i in {1..45}; do
		give $user "faulty $i" --service probe
	done
done
/usr/bin/python3 - $STORE <<'END'
import re, sys
with open(sys.argv[1], "r+b") as store:
    for found in re.finditer(rb"faulty", store.read()):
        store.seek(found.start())
        store.write(b"F")
END
run patstore check
exited 'a store with faults' 1
ok 'there are more of them than are printed at once' test "${#out}" -gt 4096
# stuck COMMAND...: its output goes to a pipe that is full and that nobody reads.
stuck() {
	exec /usr/bin/python3 -c '
import fcntl, os, sys
read, write = os.pipe()
os.write(write, bytes(fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)))
os.dup2(write, 1)
os.set_inheritable(read, True)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
stuck patstore check &
STUCK=$!
wait_for 10 grep -q pipe_write "/proc/$STUCK/stack" || sleep 0.5
run timeout 20 patctl create --user alice another --service probe
exited 'a check whose output nobody reads keeps no change out' 0
not 'and it is still there' gone $STUCK
kill $STUCK
wait $STUCK 2>/dev/null

# --- closed descriptors

cp $STORE "$W/before"
: >$STORE.lock
for command in check stats 'stats --json'; do
	# shellcheck disable=SC2086
	patstore $command <&- >&- 2>&-
	# shellcheck disable=SC2086
	patstore $command >&- 2>&-
	# shellcheck disable=SC2086
	patstore $command 2>&- >/dev/null
done
ok 'without standard descriptors, nothing is written into the store' cmp $STORE "$W/before"
is 'nor into its lock file' "$(stat -c %s $STORE.lock)" 0
# Damage of the structure, of which TDB itself complains.
/usr/bin/python3 - $STORE <<'END'
import sys
with open(sys.argv[1], "r+b") as store:
    at = store.read().rfind((0x26011999).to_bytes(4, sys.byteorder))
    store.seek(at)
    store.write(b"\0\0\0\0")
END
cp $STORE "$W/before"
patstore check <&- >&- 2>&-
is 'a check of a damaged one fails' $? 1
ok 'and writes nothing into it either' cmp $STORE "$W/before"
is 'nor into the lock file' "$(stat -c %s $STORE.lock)" 0

end
