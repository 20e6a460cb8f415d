#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Callers in units of systemd that may write nothing, reach no network and gain no privilege, and patd as
# its own units start and confine it. systemd is a real one, booted by systemd-nspawn on the /usr of this
# world, with a copy of its /etc, and a network that has nothing in it.
#
# With PAT_SECONDS in the environment, patd is also left alone until it leaves.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
# shellcheck source=SCRIPTDIR/../lib/box.sh
. "$SRC/tests/lib/box.sh"
[ -x "$BUILD/tests/tools/pamdrive" ] || skip_all 'needs the program pamdrive: make tools'
world_furnish
service callers 'auth  required  pam_pat.so' 'account  required  pam_pat.so'
verify_for www-data floating

ACCEPTED='auth=success acct=success cred=success '

# --- without systemd: what it would do, by hand

patd_start
give alice here --service callers
install -m 755 "$BUILD/tests/tools/pamdrive" "$W/pamdrive"

# confined [AS...] USER: a login in a process that sees /var read-only and has no network.
confined() {
	local user=${*: -1}
	# shellcheck disable=SC2016
	run timeout 20 unshare --mount --net bash -c '
		mount -o remount,bind,ro /var && exec setpriv --no-new-privs "$@"' confined \
		"${@:1:$#-1}" "$W/pamdrive" callers "$user" <<<"$TOKEN"
}

log_mark
confined alice
like 'root that sees the store read-only lets a token in' "$out" "^$ACCEPTED.* id=$ID"
logged 'by way of patd' "patd\[[0-9]+\]: accepted token id=$ID .* peer=\"uid=0 "
confined --reuid=alice --clear-groups alice
like 'so does a process of its owner' "$out" "^$ACCEPTED.* id=$ID"
confined --reuid=bob --clear-groups alice
is 'and not one of somebody else' "$out" 'auth=auth_err id=none'
HERE=$TOKEN HERE_ID=$ID
give alice counted --service callers --uses 3
USES=$(field uses "$HERE_ID")
patd_stop
log_mark
TOKEN=$HERE confined alice
like 'without patd it is let in by what can be read there' "$out" "^$ACCEPTED.* id=$HERE_ID"
logged 'which tells that the use was not stamped' \
	"^<84>.*pam_pat\(callers:auth\): accepted token id=$HERE_ID .*could not be stamped"
confined alice
is 'and one whose uses must be counted is not' "$out" 'auth=system_err id=none'
TOKEN=$HERE confined --reuid=alice --clear-groups alice
is 'nor is any for who may not read the store' "$out" 'auth=system_err id=none'
run "$W/pamdrive" callers alice <<<"$HERE"
like 'where the store can be written, the use is counted' "$out" "^$ACCEPTED.* id=$HERE_ID"
patd_start
is 'and no other' "$(field uses "$HERE_ID")" $((USES + 1))
patd_stop

# --- with systemd

if ! command -v systemd-nspawn >/dev/null; then
	skip 'units of systemd' 'needs systemd-nspawn'
	end
fi

STRICT='ProtectSystem=strict
PrivateNetwork=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX'
# What patd.service itself has, and more.
HARDENED="$STRICT
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
CapabilityBoundingSet=
RestrictSUIDSGID=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
IPAddressDeny=any"

# caller NAME SETTINGS...: a unit that logs alice in with the first line of /opt/in.
caller() {
	local name=$1
	shift
	{
		printf '[Service]\nType=oneshot\nTimeoutStartSec=20\n'
		printf 'ExecStart=/opt/pamdrive callers alice\n'
		printf 'StandardInput=file:/opt/in\nStandardOutput=truncate:/opt/out/%s\n' "$name%i"
		printf '%s\n' StandardError=null "$@"
	} >"$ROOT/etc/systemd/system/caller-$name.service"
}

callers_make() {
	mkdir "$ROOT/opt/out" && install -m 755 "$BUILD/tests/tools/pamdrive" "$ROOT/opt/pamdrive" || return
	: >"$ROOT/opt/in"
	caller plain
	caller strict "$STRICT"
	caller strict@ "$STRICT"
	caller writer "$STRICT" ReadWritePaths=/var/lib/pat
	caller looker "$STRICT" InaccessiblePaths=/run/pat
	caller blind "$STRICT" 'InaccessiblePaths=/run/pat /var/lib/pat'
	caller hardened "$HARDENED"
	caller alice "$HARDENED" User=alice
	caller bob "$HARDENED" User=bob
	caller server "$HARDENED" User=www-data
	caller floating "$STRICT" DynamicUser=yes User=floating
	caller stranger "$STRICT" DynamicUser=yes User=stranger
}

# call NAME SECRET: starts that unit; $out is what its login came to.
call() {
	printf '%s\n' "$2" >"$ROOT/opt/in"
	rm -f "$ROOT/opt/out/$1"
	run box systemctl start "caller-$1.service"
	[ "$rc" -eq 0 ] || diag "caller-$1: $err $(box journalctl -q -n 5 -u "caller-$1.service")"
	out=$(cat "$ROOT/opt/out/$1" 2>&1)
}

# lets_in TEXT NAME, keeps_out TEXT NAME ANSWER: about alice's token.
lets_in() {
	call "$2" "$ALICE"
	like "$1" "$out" "^$ACCEPTED.* id=${ALICE:7:8}$"
}

keeps_out() {
	call "$2" "${4:-$ALICE}"
	is "$1" "$out" "auth=$3 id=none"
}

# journal PATTERN: a line of patd or of the module; it takes a moment to come.
journal() {
	wait_for 5 in_journal "$1"
}

in_journal() {
	box journalctl -q -o cat SYSLOG_FACILITY=10 | grep -qE -- "$1"
}

# probe: what confined.py can do where patd would be.
probe() {
	install -m 755 "$SRC/tests/callers/confined.py" "$ROOT/opt/confined.py"
	{
		sed -n '/^\[Service\]/,/^\[Install\]/p' /usr/lib/systemd/system/patd.service |
			grep -v '^\[Install\]\|^Type=\|^ExecStart='
		printf '%s\n' Type=oneshot ExecStart=/opt/confined.py StandardOutput=truncate:/opt/out/probe
	} >"$ROOT/etc/systemd/system/probe.service"
	box systemctl daemon-reload
	box systemctl start probe.service
	cat "$ROOT/opt/out/probe"
}

if ! { box_make && callers_make && box_boot; } >"$W/box.err" 2>&1; then
	skip 'units of systemd' 'needs the right to boot a systemd of its own'
	diag "$(cat "$W/box.err" "$W/boot" 2>/dev/null | tail -n 20)"
	box_end
	end
fi

# --- patd, started by its socket

run box systemctl enable --now patd.socket patd-sweep.timer
exited 'the units can be enabled and started' 0
is 'patd does not run before it is needed' "$(state_of ActiveState)" inactive
ALICE=$(box_as alice patctl create --password-stdin --service callers strict \
	<<<"${PASSWORD[alice]}" 2>"$W/mint.err")
like 'a user mints by fresh authentication, within the confines of patd.service' \
	"$ALICE $(<"$W/mint.err")" '^lnxpat_'
is 'that started it' "$(state_of ActiveState)" active
is 'the store is there, and its owner'\''s alone' \
	"$(stat -c '%a %U' "$ROOT/var/lib/pat" "$ROOT/var/lib/pat/tokens.tdb" | xargs)" '700 root 600 root'
run box_as alice patctl create --password-stdin again <<<'not her password'
exited 'a wrong password mints nothing there' 4
pid=$(state_of MainPID)
# shellcheck disable=SC2016
is 'it is confined: no new privileges, a system call filter, three capabilities' \
	"$(box awk '/^(NoNewPrivs|Seccomp|CapBnd):/ { print $2 }' "/proc/$pid/status" | xargs)" \
	"$(printf '%016x' $((1 << 29 | 1 << 1 | 1 << 0))) 1 2"
unlike 'and a network of its own' "$(box readlink "/proc/$pid/ns/net")" \
	"^$(box readlink /proc/1/ns/net | sed 's/[][]/\\&/g')$"

is 'what its unit forbids is forbidden, and what it needs is not' "$(probe | sort | xargs)" \
	"chown done etc EROFS home ENOENT internet EAFNOSUPPORT memory EPERM namespace EPERM netlink done $(
	)nice EPERM set-user-id EPERM setuid done store done unix done var EROFS"

# --- callers

lets_in 'a unit that is not confined lets a token in' plain
ok 'by itself' journal 'pam_pat\(callers:auth\): accepted token'
lets_in 'ProtectSystem=strict, PrivateNetwork, NoNewPrivileges, AF_UNIX alone: so does that of root' strict
ok 'by way of patd' journal '^accepted token .* peer="uid=0 '
lets_in 'where the store may be written, too' writer
lets_in 'hardened in every way that patd.service is' hardened
lets_in 'as the owner of the token' alice
keeps_out 'not as another user' bob auth_err
lets_in 'as a server that verify_for names' server
lets_in 'as a DynamicUser= that verify_for names' floating
keeps_out 'not as one that it does not name' stranger auth_err
lets_in 'a unit that sees the store alone, and may not write it, lets a token in' looker
ok 'and says that the use was not stamped' journal "accepted token id=${ALICE:7:8} .*could not be stamped"
keeps_out 'a unit that sees neither store nor socket lets nobody in' blind system_err
ok 'and says so' journal 'reason=unavailable'
keeps_out 'a password is none of its business' blind authinfo_unavail 'some password'
box patctl create -u alice --service callers brief >"$W/brief" 2>/dev/null
call strict "$(<"$W/brief")"
like 'another token is let in by a confined unit' "$out" "^$ACCEPTED"
box patctl revoke --quiet --user alice brief
keeps_out 'and not when it is revoked' strict auth_err "$(<"$W/brief")"

# --- patd that dies

before=$(state_of MainPID) deaths=0
for _ in 1 2 3 4 5 6 7 8; do
	box kill -KILL "$(state_of MainPID)"
	call strict "$ALICE"
	[[ $out != "$ACCEPTED"* ]] || deaths=$((deaths + 1))
done
is 'killed again and again, patd is back with the next login' "$deaths" 8
unlike 'as another process' "$(state_of MainPID)" "^$before$"
box systemctl stop patd.service 2>/dev/null
printf '%s\n' "$ALICE" >"$ROOT/opt/in"
names=()
for n in 1 2 3 4 5 6 7 8; do names+=("caller-strict@$n.service"); done
box systemctl start "${names[@]}"
is 'stopped, it is there for 8 confined units that start at once' \
	"$(grep -l "^$ACCEPTED" "$ROOT"/opt/out/strict@* | wc -l)" 8

# --- patd that cannot start

# With somebody waiting all the time; who knows nothing of it is let in when it is mended.
DROPIN=$ROOT/etc/systemd/system/patd.service.d
box systemctl stop patd.service 2>/dev/null
mkdir "$DROPIN"
printf '[Service]\nExecStart=\nExecStart=+/bin/sh -c "date >>/opt/out/starts; exit 1"\n' >"$DROPIN/broken.conf"
box systemctl daemon-reload
began=$SECONDS
box_as alice patctl list >/dev/null 2>&1 &
waiting=$!
keeps_out 'while patd cannot start, nobody is let in by way of it' strict system_err
keeps_out 'nor later' strict system_err
starts=$(wc -l <"$ROOT/opt/out/starts") passed=$((SECONDS - began))
ok "it is tried again, and not more than five times a second ($starts in $passed s)" \
	test "$starts" -ge 2 -a "$starts" -le $((5 * passed + 7))
is 'the sockets stay' "$(state_of ActiveState patd.socket)" active
rm -r "$DROPIN"
box systemctl daemon-reload
wait "$waiting"
is 'who waited all the time is served when that is mended' $? 0
lets_in 'and a login is let in' strict

# --- the others

run box systemctl start patd-sweep.service
is 'the sweep runs in its unit' "$rc $(state_of Result patd-sweep.service)" '0 success'
is 'its timer waits for the next' "$(state_of ActiveState patd-sweep.timer)" active
is 'no unit of ours has failed' \
	"$(box systemctl list-units --failed --plain --no-legend 'patd*' 'caller*')" ''
not 'nothing that patd did was forbidden to it' in_journal 'Operation not permitted'
if [ "${PAT_SECONDS-}" ]; then
	idle() { [ "$(state_of ActiveState)" = inactive ]; }
	ok 'left alone for a minute, patd leaves' wait_for 90 idle
	is 'of its own accord' "$(state_of Result)" success
	lets_in 'and is back with the next login' strict
fi

box_end
end
