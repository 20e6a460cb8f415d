#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# patd without systemd: by OpenRC, runit, s6, and as the second process of a container, each as
# `make install-...` installs it. What supervises it starts it, knows when it answers, starts it again
# when it dies, ends it, and has its log.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

# patd_pid: who listens, by what the kernel says of the other end.
patd_pid() {
	/usr/bin/python3 -c '
import socket, struct
peer = socket.socket(socket.AF_UNIX)
peer.connect("/run/pat/io.pampat.Tokens")
print(struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])' 2>/dev/null
}

answers() {
	patctl policy >/dev/null 2>&1
}

replaced() {
	[ "$(patd_pid || echo "$1")" != "$1" ] && answers
}

use() {
	as alice sudo -k
	as alice timeout 20 sudo -S -p '' id -un <<<"$TOKEN"
}

# supervised NAME STOP...: what patd does under each of them; the command stops it.
supervised() {
	local name=$1 pid
	shift
	mint alice "$name" --service sudo
	log_mark
	run use
	is "$name: a token is minted, and sudo takes it by way of patd" "$out" root
	logged "$name: patd's log goes to syslog" "accepted token id=$ID .*peer"

	pid=$(patd_pid)
	ok "$name: the process that listens is found" test "$pid" -gt 1
	kill -KILL "$pid"
	ok "$name: patd is started again when it dies" wait_for 10 replaced "$pid"
	run use
	is "$name: and the token works again" "$out" root

	pid=$(patd_pid)
	ok "$name: it is stopped" "$@"
	ok "$name: and gone" wait_for 10 gone "$pid"
	is "$name: with its sockets" "$(ls /run/pat)" ''
	run as alice patctl list
	exited "$name: and is not started again" 6
}

# Long enough for a supervisor that starts again what it was told to stop.
stays_gone() {
	sleep 1.5
	! answers
}

text='patd is not started again'

# --- OpenRC

if command -v openrc-run >/dev/null && command -v supervise-daemon >/dev/null; then
	ok 'OpenRC: make install-openrc' install_to '' install-openrc
	mkdir -p /run/openrc/{daemons,exclusive,failed,inactive,options,scheduled,started,starting,stopping,tmp}
	: >/run/openrc/softlevel
	run timeout 30 rc-service patd start
	exited 'OpenRC: it starts' 0
	ok 'OpenRC: and answers as soon as that is said' answers
	run rc-service patd status
	like 'OpenRC: which the status says' "$out$err" 'started'
	supervised OpenRC timeout 30 rc-service patd stop
	run rc-service patd status
	like 'OpenRC: which the status says, too' "$out$err" 'stopped'
	ok "OpenRC: $text" stays_gone
	mkdir -p /run/pat && chmod 777 /run/pat
	sed -i 's/tries=100/tries=5/' /etc/init.d/patd
	timeout 30 rc-service patd start >"$W/tmp/openrc" 2>&1
	like 'OpenRC: a patd that does not start is told of' "$(<"$W/tmp/openrc")" 'does not answer'
	like 'OpenRC: and why' "$(cat /var/log/patd.log)" 'cannot listen in /run/pat'
	timeout 30 rc-service patd stop >/dev/null 2>&1
	rm -rf /run/pat
else
	skip 'OpenRC' 'needs openrc'
fi

# --- runit

if command -v runsvdir >/dev/null; then
	ok 'runit: make install-runit' install_to '' install-runit
	mkdir "$W/service"
	ln -s /etc/sv/patd "$W/service/patd"
	runsvdir -P "$W/service" >/dev/null 2>&1 &
	scanner=$!
	wait_for 5 test -p "$W/service/patd/supervise/ok"
	ok 'runit: it starts' env SVDIR="$W/service" sv -w 10 start patd
	ok 'runit: and answers as soon as that is said' answers
	supervised runit env SVDIR="$W/service" sv -w 10 down patd
	ok "runit: $text" stays_gone
	mv /dev/log /dev/log.away
	ok 'runit: it starts again' env SVDIR="$W/service" sv -w 10 start patd
	as alice patctl revoke runit >/dev/null 2>&1
	ok 'runit: without syslog its own log has what patd says' \
		wait_for 5 grep -q 'patd.*revoked' /var/log/patd/current
	mv /dev/log.away /dev/log
	kill -HUP $scanner
	ok 'runit: and all of it ends' wait_for 10 gone $scanner
	rm -rf /var/log/patd
else
	skip 'runit' 'needs runit'
fi

# --- s6

if command -v s6-svscan >/dev/null; then
	ok 's6: make install-s6' install_to '' install-s6
	is 's6: the service directory is a longrun for s6-rc' "$(</etc/s6/sv/patd/type)" longrun
	mkdir "$W/scan"
	ln -s /etc/s6/sv/patd "$W/scan/patd"
	s6-svscan "$W/scan" >/dev/null 2>&1 &
	scanner=$!
	wait_for 5 s6-svok "$W/scan/patd"
	ok 's6: it starts, and is ready' timeout 10 s6-svwait -U "$W/scan/patd"
	ok 's6: and answers as soon as it is ready' answers
	supervised s6 timeout 10 s6-svc -wD -d "$W/scan/patd"
	ok "s6: $text" stays_gone
	mv /dev/log /dev/log.away
	ok 's6: it starts again' timeout 10 s6-svc -wU -u "$W/scan/patd"
	as alice patctl revoke s6 >/dev/null 2>&1
	ok 's6: without syslog its own log has what patd says' \
		wait_for 5 grep -q 'patd.*revoked' /var/log/patd/current
	mv /dev/log.away /dev/log
	s6-svscanctl -t "$W/scan"
	ok 's6: and all of it ends' wait_for 10 gone $scanner
	not 's6: as does patd' answers
else
	skip 's6' 'needs s6'
fi

# --- a container

ENTRYPOINT=$SRC/etc/container/entrypoint

# contain COMMAND...: as process 1 of its own, with what a container may by default.
contain() {
	# shellcheck disable=SC2094
	exec unshare --pid --fork --kill-child --mount --mount-proc setpriv \
		--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+mknod,+audit_write,+setfcap \
		"$ENTRYPOINT" "$@" >"$W/contained" 2>&1
}

# inside: process 1 of the container, as it is called outside.
inside() {
	pgrep -P "$1" | head -n 1
}

sshd_start
kill "$SSHD_PID"
wait_for 5 gone "$SSHD_PID"
: >"$W/ssh/log"
contain /usr/sbin/sshd -D -e -f "$W/ssh/config" &
container=$!
ok 'container: sshd starts when patd answers' \
	wait_for 15 grep -q 'Server listening' "$W/contained"
ok 'container: as it does then' answers
mint alice ssh --service sshd
run ssh_with password "$TOKEN" alice id -un
is 'container: a token logs in' "$out" alice
ok "container: patd's log is the container's" grep -q "patd.*created token id=$ID" "$W/contained"
mint alice contained --service sudo
run use
is 'container: and sudo takes one, by way of patd' "$out" root
pid=$(patd_pid)
kill -KILL "$pid"
ok 'container: patd is started again when it dies' wait_for 10 replaced "$pid"
ok 'container: which is told' grep -q 'entrypoint: patd ended with status 137' "$W/contained"
run use
is 'container: and the token works again' "$out" root
is 'container: no zombie is left' "$(pgrep --runstates Z -P "$(inside $container)")" ''
pid=$(patd_pid)
kill -TERM "$(inside $container)"
wait $container
is 'container: TERM ends it, with the status of sshd' "$?" 0
ok 'container: and patd' wait_for 5 gone "$pid"
is 'container: and its sockets' "$(ls /run/pat)" ''

(contain sh -c 'exit 7')
is "container: it ends with what the command ends with" "$?" 7
not 'container: and patd with it' answers
(contain sh -c 'kill -9 $$')
is 'container: killed, too' "$?" 137
(contain)
is 'container: without a command it says so' "$? $(<"$W/contained")" '2 entrypoint: which command?'
(PATD_ARGS=--wrong contain sh -c 'echo ran') &
container=$!
sleep 1
kill -TERM "$(inside $container)"
wait $container
is 'container: one that is to end before patd answers, ends' "$?" 1
unlike 'container: and runs nothing' "$(<"$W/contained")" 'ran'

end
