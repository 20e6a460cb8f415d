#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patstore backup, restore and rebuild, as they are typed, and the growth that patd does by itself.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

STORE=/var/lib/pat/tokens.tdb
TOOLS=${PAT_SANITIZED:-$BUILD}/tests/tools
service probe "auth required pam_pat.so"

# lets_in TOKEN: whether alice logs in with it.
lets_in() {
	local said
	said=$(login_as probe alice "$1")
	[ "${said%%$'\n'*}" = PAM_SUCCESS ]
}

# hurt ID: the token's record in the store becomes unreadable.
hurt() {
	/usr/bin/python3 - $STORE "t$1" <<'END'
import struct, sys
MAGIC = struct.pack("=I", 0x26011999)
key = sys.argv[2].encode()
with open(sys.argv[1], "r+b") as store:
    data = store.read()
    # One is the record; others may be old copies of it.
    at = data.find(MAGIC + key)
    while at >= 0:
        store.seek(at + 4 + len(key) + 5)
        store.write(b"\xff\xff\xff")
        at = data.find(MAGIC + key, at + 1)
END
}

give alice kept --service probe
KEPT=$TOKEN
give alice ended --service probe
ENDED=$TOKEN ENDED_ID=$ID
give alice lost --service probe
LOST=$TOKEN LOST_ID=$ID
give alice thrice --service probe --uses 3
THRICE=$TOKEN

# --- backup

run patstore backup "$W/backup"
exited 'a backup is made while patd runs' 0
is 'it says how much it has' "$out" '4 tokens'
is 'nobody else can read it' "$(stat -c %a "$W/backup")" 600
is 'nothing else is left of it' "$(echo "$W"/backup* $STORE*)" "$W/backup $STORE $STORE.lock"
run patstore check --store "$W/backup"
exited 'it is a store itself' 0
rm -f "$W/backup.lock"
cp "$W/backup" "$W/before"
run patstore backup "$W/backup"
exited 'a file that is there is not replaced' 1
like 'and the message says what would replace it' "$err" 'exists already.*--force'
ok 'it is as it was' cmp "$W/backup" "$W/before"
run patstore backup --force "$W/backup"
exited 'but it is when that is asked for' 0
patstore backup - >"$W/piped" 2>"$W/piped.err"
is 'a backup to the standard output' $? 0
ok 'is the same' cmp "$W/piped" "$W/backup"
run patstore backup /nonexistent/backup
exited 'a place that there is not' 1
like 'is named' "$err" 'No such file|no token store'
run "$LIB/pty.exp" patstore backup - <<<""
unlike 'nothing of it comes to a terminal' "$out" 'TDB file'
run patstore backup
exited 'without a file' 2
run patstore backup one two
exited 'with two' 2
run patstore check --force
exited 'what is for another command is wrong usage' 2
run patstore rebuild --replace
exited 'here, too' 2

# --- restore

patctl revoke "$ENDED_ID" --user alice >"$W/out" 2>&1
lets_in "$THRICE" || bail 'a counted token does not work'
hurt "$LOST_ID"
not 'a token whose record is damaged does not work' lets_in "$LOST"
run patstore check
exited 'a check finds the damage' 1
like 'and names the token and whose it is' "$out" "^token $LOST_ID of alice: damaged"
like 'in all that it says of it' "$out" "token $LOST_ID of alice: LOST: cannot be read"
like 'and what knows of it' "$out" "the list of the tokens of uid $(id -u alice), alice: it names"
like 'and what to do' "$out" 'patstore restore'
run patstore restore "$W/backup"
exited 'a restore brings it back' 0
like 'and says so' "$out" "token $LOST_ID: back from the backup, active: \"lost\" of alice"
ok 'it works again' lets_in "$LOST"
ok 'the others still do' lets_in "$KEPT"
not 'what was revoked since the backup stays so' lets_in "$ENDED"
is 'a use that was made since the backup was made' "$(patstore check >"$W/out"; lets_in "$THRICE" &&
	lets_in "$THRICE" && ! lets_in "$THRICE" && echo thrice)" thrice
run patstore check
exited 'nothing is wrong any more' 0

head -c 3000 /dev/urandom | dd of=$STORE conv=notrunc status=none
run patstore restore "$W/backup"
ok 'a store whose beginning is gone is mended' test "$rc" -le 1
ok 'and lets in' lets_in "$KEPT"
not 'but not by what was revoked' lets_in "$ENDED"
rm $STORE
run patstore restore "$W/backup"
exited 'a store that is gone comes back from the backup' 0
ok 'and lets in' lets_in "$KEPT"
patctl revoke "$ENDED_ID" --user alice >"$W/out" 2>&1
give alice later --service probe
LATER=$TOKEN LATER_ID=$ID
run patstore restore --replace "$W/backup"
exited 'the store becomes what the backup was' 0
like 'what that loses is told' "$out" "token $LATER_ID: not in the backup, gone now: \"later\" of alice"
like 'and what it undoes' "$out" "token $ENDED_ID: it was revoked, and is active again"
not 'what came later is gone' lets_in "$LATER"
ok 'what was revoked works again' lets_in "$ENDED"

# not_restored WHAT FILE
not_restored() {
	run patstore restore "$2"
	exited "$1 is refused" 1
	like 'because of that' "$err" "^patstore: $2: it is no file of root's"
	unlike 'with no word of the store, which is as it should be' "$err" "$STORE|patctl doctor"
}
ln -s backup "$W/link"
not_restored 'a link to a backup' "$W/link"
not_restored 'a directory' "$W"
chmod 622 "$W/backup"
not_restored 'a backup that others may write' "$W/backup"
chmod 600 "$W/backup"
chown alice "$W/backup"
not_restored 'a backup that is a user'\''s' "$W/backup"
run patstore restore "$W/nothing"
exited 'one that is not there' 1
like 'is said to be so' "$err" 'No such file'
echo 'no store' >"$W/rubbish"
run patstore restore "$W/rubbish"
exited 'what is no backup brings nothing' 1
ok 'and harms nothing' lets_in "$KEPT"

# --- rebuild

hurt "$LOST_ID"
run patstore rebuild
exited 'a rebuild says by its status that something was lost' 1
like 'and what' "$out" "token $LOST_ID of alice: LOST: cannot be read"
ok 'all else is there' lets_in "$KEPT"
run patstore check
exited 'and nothing is wrong any more' 0
: >$STORE.new
run patstore check
exited 'what a killed rebuild left is no fault' 0
like 'and told of' "$out" '\.new'
run patstore rebuild
exited 'a rebuild clears it away' 0
not 'so that nothing is left' test -e $STORE.new
run patstore restore /etc/passwd
exited 'what is no backup is not restored' 1
like 'and it is that of which it is told' "$err" '^patstore: /etc/passwd: it is no backup'
run patstore backup "$W/nowhere/backup"
exited 'a backup into a directory that is not there' 1
like 'is told of by its name' "$err" "^patstore: $W/nowhere/backup: .*No such file"
run patstore check --store "$W/nowhere/tokens.tdb"
like 'where there is no store, it says what makes one' "$err" 'first token.*patstore restore'
mkdir "$W/full"
mount -t tmpfs -o size=16k tmpfs "$W/full"
run patstore backup "$W/full/backup"
exited 'a backup that does not fit' 1
like 'is told of by its name, and why' "$err" "^patstore: $W/full/backup: No space left on device\$"
is 'and leaves nothing' "$(ls -A "$W/full")" ''
umount "$W/full"
chmod 666 $STORE
run patstore check
exited 'a store that others may write' 1
like 'is a fault, too, and told of with what mends it' "$out" 'others may write it.*chmod 600'
unlike 'which is no backup' "$out" 'patstore restore'
run patstore rebuild
exited 'and nothing to be rebuilt' 1
like 'which says who tells why' "$err" 'patctl doctor'
chmod 600 $STORE
patd_stop

# --- a disk that is full

mount -t tmpfs -o size=4m,mode=700 tmpfs "${STORE%/*}"
patd_start
for name in lost lent long; do give alice "$name" --service probe --expires 1y; done
run patstore rebuild
exited 'a rebuild on a small disk' 0
is 'leaves a file that ends with a page' $(($(stat -c %s $STORE) % $(getconf PAGESIZE))) 0
area=$(od -An -tu4 -j44 -N4 $STORE)
ok 'and a recovery area' test "$area" -gt 0
is 'which shares no page with a record' $((area % $(getconf PAGESIZE))) 0
head -c 4M /dev/zero >"${STORE%/*}/filler" 2>"$W/nothing"
for i in {1..40}; do
	run patctl create --user alice "more$i"
	if [ "$rc" -ne 0 ]; then break; fi
done
exited 'on a full disk no token is minted after it, once what is free in the file is used up' 1
like 'and why is said' "$err" 'No space left on device'
run patctl revoke --user alice lost
exited 'but one is revoked' 0
run as alice patctl suspend lent
exited 'or suspended' 0
run as alice patctl edit long --expires 1d
exited 'or shortened' 0
run patctl revoke --all --user alice
exited 'or all of them are' 0
run patstore check
exited 'and the store is sound' 0
patd_stop
umount "${STORE%/*}"

# --- growth

rm -f $STORE
"$TOOLS/pour" -b 7 -n 30 -g alice -u "$(id -u alice)" $STORE >"$W/poured"
POURED=$(head -n 1 "$W/poured")
patd_start
log_mark
ok 'a store with long chains works' lets_in "$POURED"
(
	while [ ! -e "$W/stop" ]; do
		lets_in "$POURED" || echo refused
	done >"$W/refused" 2>&1
) &
LOGINS=$!
give alice grown --service probe
logged 'a mint has patd give it more of them' 'written anew in'
run patstore stats
like 'it has them' "$out" 'buckets +10007'
for i in {1..5}; do
	patstore rebuild >"$W/out" || echo rebuild
	give bob "beside $i" --service probe
	patctl revoke "$ID" --user bob >"$W/out" 2>&1 || echo revoke
done >"$W/failed"
is 'rebuilds, mints and revocations beside logins all succeed' "$(cat "$W/failed")" ''
touch "$W/stop"
wait $LOGINS
is 'and no login failed' "$(cat "$W/refused")" ''
log_mark
give alice again --service probe
sleep 0.5
not_logged 'a store that has grown is left alone' 'anew'
run patstore check
exited 'it is sound' 0

patd_stop
rm -f $STORE
"$TOOLS/pour" -b 7 -n 30 -g alice -u "$(id -u alice)" $STORE >"$W/poured"
/usr/bin/python3 - $STORE <<'END'
import sys
with open(sys.argv[1], "r+b") as store:
    at = store.read().index(b"poured 3")
    store.seek(at)
    store.write(b"P")
END
cp $STORE "$W/hurt"
patd_start
log_mark
give alice one --service probe
logged 'a damaged store is not rebuilt without being asked' 'could not be written anew.*patstore check'
give alice two --service probe
sleep 0.5
is 'which is logged once' "$(log_lines | grep -c anew)" 2
run patd --sweep
like 'the sweep does not touch it either' "$(patstore stats)" 'buckets +7'
run patstore rebuild
exited 'who asks for it gets it' 1
like 'then' "$(patstore stats)" 'buckets +10007'
give alice three --service probe
log_mark
run patd --sweep
exited 'a sweep after the next change' 0
not_logged 'does not write it anew once more' 'anew'

end
