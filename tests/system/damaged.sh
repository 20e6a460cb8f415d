#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# A damaged store in use: what nobody can do with it is refused, by whom it concerns with a word on
# what to do; what can be done is; and no change of it goes on for ever.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

STORE=/var/lib/pat/tokens.tdb

# spinning COMMAND...: with a TDB that comes to no end while there is $W/spin (tests/preload/spin.c).
spinning() {
	PAT_SPIN=$W/spin LD_PRELOAD=$BUILD/tests/preload/spin.so "$@"
}

# word AT [VALUE]: reads or writes 32 bits of the store.
word() {
	python3 - "$STORE" "$@" <<-'END'
		import struct, sys
		with open(sys.argv[1], 'r+b') as store:
		    store.seek(int(sys.argv[2]))
		    if len(sys.argv) > 3:
		        store.write(struct.pack('=I', int(sys.argv[3])))
		    else:
		        print(*struct.unpack('=I', store.read(4)))
	END
}

patd_start
service probe "auth required $BUILD/pam_pat.so"
give alice ci --service probe
GOOD=$TOKEN
give alice old --service probe
cp -a $STORE "$W/good.tdb"

# works TEXT, mends TEXT: of the store as it is.
works() {
	run login_as probe alice "$GOOD"
	is "$1" "${out%%$'\n'*}" PAM_SUCCESS
}
mends() {
	run patstore rebuild
	run patstore check
	exited "$1: a rebuild mends it" 0
	run patctl create new --user alice --service probe
	exited "$1: and the next mint succeeds" 0
	cp -a "$W/good.tdb" $STORE
}

# --- free space that is tied into a cycle

FREE=$(word 168)
word "$FREE" "$FREE"
run timeout 20 patctl create big --user alice --service probe
exited 'nothing is minted into free space that has no end' 1
like 'it is said why, and what to do' "$out$err" damaged
works 'a token goes on to work meanwhile'
run timeout 20 patctl revoke old --user alice
exited 'and can be revoked' 0
run timeout 30 patstore check
exited 'a check finds it' 1
run timeout 30 patd --sweep
exited 'a sweep comes to an end' 0
mends 'free space'

# --- a header that tells of another number of chains

word 36 7936
run timeout 20 patctl create lost --user alice --service probe
exited 'nothing is minted that nobody would find' 1
run patstore check
exited 'a check finds the wrong number of chains' 1
cp -a "$W/good.tdb" $STORE

# --- a header that does not tell the hash function

word 52 0
word 56 0
run timeout 20 patctl create lost --user alice --service probe
exited 'nothing is minted without the hash function' 1
works 'a token goes on to work without it'
run patstore check
exited 'a check finds that it is lost' 1
like 'says so' "$out" 'the hash function'
like 'and how to mend it' "$out" 'patstore rebuild'
mends 'the hash function'

# --- what no check before foresaw: TDB does not come to an end

patd_stop
touch "$W/spin"
log_mark
spinning patd --listen /run/pat 2>>"$W/patd.err" &
PATD_PID=$!
wait_for 5 patd_ready || bail 'patd does not start'
# The client asks for many replies, which is for lists, and lifts no bound.
run timeout 50 "$LIB/peers.py" call /run/pat/io.pampat.Tokens <<-'END'
	{"method":"io.pampat.Tokens.Create","parameters":{"name":"spin","user":"alice","services":["probe"]},"more":true}
END
unlike 'a mint that finds no end is ended, whatever the client wishes' "$rc $out" '^124 |"token"'
logged 'the log has it' 'signal 27'
works 'logins go on'
rm "$W/spin"
run timeout 20 patctl create after --user alice --service probe
exited 'and the next change succeeds' 0
if command -v faketime >/dev/null; then
	touch "$W/spin"
	export PAT_SPIN=$W/spin SPIN=$BUILD/tests/preload/spin.so
	# shellcheck disable=SC2016 # faketime has an LD_PRELOAD of its own
	run timeout 60 faketime -f +4000d sh -c 'LD_PRELOAD="$LD_PRELOAD:$SPIN" exec patd --sweep'
	refused 'a sweep that finds no end is ended'
	like 'and says what to do' "$err" 'patstore rebuild'
else
	skip 'a sweep that finds no end is ended' 'needs faketime'
fi
patd_stop
end
