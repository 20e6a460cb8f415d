#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# One user against all: who floods, starves, trickles, or never reads, keeps nobody else from logging in,
# minting or revoking. Meanwhile alice mints and revokes, carol is logged in to by su and by a program of her own,
# and root by itself, again and again: each of them succeeds. With PAT_SECONDS, so long.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens
VERIFY=/run/pat/verify
TRICKS=$LIB/adversary_peers.py
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so'
give carol hers --service su,probe
CAROLS=$TOKEN
MOMENT=${PAT_SECONDS:+$((PAT_SECONDS / 8))}
MOMENT=${MOMENT:-0}

fds() {
	find "/proc/$PATD_PID/fd" -type l | wc -l
}
# Not counting those that wait for the next question of the module and the next client, nor the sockets to them.
children() {
	grep -ls "^PPid:[[:space:]]*$PATD_PID\$" /proc/[0-9]*/status | xargs -r grep -Ls '^Name:[[:space:]]*patd-spare$' | wc -l
}
no_child_is_left() {
	[ "$(children)" -eq 0 ]
}
no_descriptor_is_left() {
	[ "$(fds)" -le $((FDS + 6)) ]
}
FDS=$(fds)

# served WHAT: for a moment everybody else is, each time, and soon.
served() {
	local end=$((SECONDS + MOMENT)) done=0 refused='' began longest=0 took
	while [ $SECONDS -lt $end ] || [ $done -lt 2 ]; do
		began=${EPOCHREALTIME/./}
		mint alice "job $done" || refused+=" minting"
		took=$((${EPOCHREALTIME/./} - began))
		[ $took -le $longest ] || longest=$took
		as alice timeout 20 patctl revoke -q "job $done" 2>>"$W/said" || refused+=" revoking"
		began=${EPOCHREALTIME/./}
		[ "$(as alice timeout 20 su carol -c 'id -un' <<<"$CAROLS" 2>>"$W/said")" = carol ] || refused+=" su"
		took=$((${EPOCHREALTIME/./} - began))
		[ $took -le $longest ] || longest=$took
		[[ $(as carol timeout 20 "$LIB/pam.py" probe carol <<<"$CAROLS" 2>>"$W/said") = PAM_SUCCESS* ]] || refused+=" own"
		[[ $(login_as probe carol "$CAROLS" 2>>"$W/said") = PAM_SUCCESS* ]] || refused+=" root"
		done=$((done + 1))
	done
	is "$1: $done times, nobody else was refused" "$refused" ''
	ok "$1: nor waited long" test $longest -lt 5000000
	echo "# figure: crowding, $1: $done rounds, $((longest / 1000)) ms at most"
}

# against WHAT COMMAND...: bob does that meanwhile, having announced it.
against() {
	local what=$1 pid
	shift
	announced "$W/tmp/announced" exec_as bob "$@" 2>/dev/null
	pid=$!
	served "$what"
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
}

served 'in peace'

for socket in $TOKENS $VERIFY; do
	against "a byte a second on 100 connections (${socket##*/})" "$TRICKS" trickle "$socket" 100 600
	against "100 half-closed connections (${socket##*/})" "$TRICKS" half "$socket" 100
done

# A call of 16 KiB and one of a byte more are tried by the suite peers.
# shellcheck disable=SC2016
against 'calls without end, whose answers are never read' bash -c \
	'echo begun; while :; do timeout 5 "$1" pipeline "$2" 100000; done' - "$TRICKS" $TOKENS
is '100000 calls on one connection, nothing read: it is ended' \
	"$(as bob timeout 60 "$TRICKS" pipeline $TOKENS 100000)" closed

# 10000 connections, one after the other and as many at once as there may be.
for socket in $TOKENS $VERIFY; do
	for width in 0 900; do
		as bob bash -c "ulimit -n 1024; exec timeout 250 '$TRICKS' storm $socket 10000 $width" >"$W/tmp/storm" &
		STORM=$!
		served "10000 connections of one user, $((width + 1)) at a time (${socket##*/})"
		wait $STORM
		ok "10000 connections, $((width + 1)) at a time: they were made (${socket##*/}: $(cat "$W/tmp/storm"))" \
			test "$(cat "$W/tmp/storm")" -ge 9000
	done
done

# Who has a range of uids of their own (subuid(5)) comes as 65536 users, each of them within bounds.
for socket in $TOKENS $VERIFY; do
	announced "$W/tmp/announced" "$TRICKS" swarm "$socket" 165536 65536 2>/dev/null
	SWARM=$!
	served "one user under 65536 uids (${socket##*/})"
	kill $SWARM
	wait $SWARM 2>/dev/null
done

ok 'when all is over no child is left' wait_for 15 no_child_is_left
ok 'nor a descriptor' wait_for 5 no_descriptor_is_left
run wait_for 10 as bob patctl list
is 'and who did it is served again' "$rc" 0
ok 'the log has a few lines about it, not thousands' test "$(grep -c 'makes too many' "$W/log")" -le 60
ok 'the store is whole' patstore check

# Those who wait for the next clients and questions, as patd(8) has them.
waiting() {
	grep -ls "^PPid:[[:space:]]*$PATD_PID\$" /proc/[0-9]*/status | xargs -r grep -ls '^Name:[[:space:]]*patd-spare$' | wc -l
}
all_wait() { [ "$(waiting)" -eq 6 ]; }
as alice patctl list >/dev/null
as alice "$LIB/peers.py" verify /run/pat/verify alice sshd <<<lnxpat_ >/dev/null
ok 'three wait at each socket when all is quiet' wait_for 10 all_wait

end
