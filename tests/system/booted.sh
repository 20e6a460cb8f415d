#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# pam_pat on a machine that systemd has booted: what starts when, what the verbs of systemctl do, logins while
# patd dies and while everything is replaced by another version, and what stands in the journal.
# `callers/unit` has the confinement.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/box.sh
. "$SRC/tests/lib/box.sh"
[ -x "$BUILD/tests/tools/pamdrive" ] || skip_all 'needs the program pamdrive: make tools'
command -v systemd-nspawn >/dev/null || skip_all 'needs systemd-nspawn'
world_furnish
service probe 'auth  required  pam_pat.so'

# sshd's own unit, and ours, enabled before the boot.
box_prepare() {
	box_make || return
	install -m 755 "$BUILD/tests/tools/pamdrive" "$ROOT/opt/pamdrive" || return
	sed -i '/^ListenAddress/d' "$ROOT/etc/ssh/sshd_config" 2>/dev/null
	systemctl --root="$ROOT" enable ssh.service patd.socket patd-sweep.timer
}

if ! { box_prepare && box_boot; } >"$W/box.err" 2>&1; then
	diag "$(cat "$W/box.err" "$W/boot" 2>/dev/null | tail -n 20)"
	box_end
	skip_all 'needs the right to boot a systemd of its own'
fi

# began UNIT: when it was up, in microseconds since the boot.
began() {
	state_of ActiveEnterTimestampMonotonic "$1"
}

# ssh_in SECRET: whether alice gets into the box.
ssh_in() {
	box_as alice sshpass -d 0 ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no \
		alice@127.0.0.1 true <<<"$1"
}

# logins COUNT FILE: one after the other, as a user's own processes, so by way of patd; a line for each.
logins() {
	# shellcheck disable=SC2016
	box_as alice timeout 50 bash -c 'for ((n = 0; n < $1; n++)); do /opt/pamdrive probe alice <<<"$2"; done' \
		logins "$1" "$TOKEN" >"$2" 2>/dev/null
}

journal() {
	box journalctl -q -o cat
}

# in_journal UNIT REGEX
in_journal() {
	box journalctl -q -o cat -u "$1" | grep -qE -- "$2"
}

gone_down() {
	[ "$(state_of ActiveState)" != active ]
}

# --- the boot

is 'after a boot the sockets are there' "$(state_of ActiveState patd.socket)" active
is 'the timer of the sweep runs' "$(state_of ActiveState patd-sweep.timer)" active
is 'patd does not, before it is asked' "$(state_of ActiveState)" inactive
ok 'sshd is up' wait_for 10 box systemctl is-active ssh.service
ok 'the sockets were there before sshd let anybody in' \
	test "$(began patd.socket)" -gt 0 -a "$(began patd.socket)" -lt "$(began ssh.service)"
is 'that is so by order, not by chance' "$(box systemctl list-dependencies --after --plain ssh.service |
	grep -cE '^ *(sockets\.target|patd\.socket)$' | sed 's/^[1-9].*/yes/')" yes
is 'they are where they should be, and root'\''s' \
	"$(box stat -c '%n %a %U' /run/pat /run/pat/verify /run/pat/io.pampat.Tokens | xargs)" \
	'/run/pat 755 root /run/pat/verify 666 root /run/pat/io.pampat.Tokens 666 root'

TOKEN=$(box_as alice patctl create --password-stdin -s probe,sshd ci <<<"${PASSWORD[alice]}" 2>"$W/mint.err")
ID=${TOKEN:7:8}
like 'a user mints' "$TOKEN $(<"$W/mint.err")" '^lnxpat_'
is 'by that patd was started' "$(state_of ActiveState)" active
ok 'and the token opens ssh' ssh_in "$TOKEN"
not 'another does not' ssh_in "$(mistyped "$TOKEN")"

# --- what the verbs do

box systemctl stop patd.service 2>/dev/null
is 'a patd that was stopped' "$(state_of ActiveState)" inactive
logins 1 "$W/one"
like 'is back with the next login' "$(<"$W/one")" "^auth=success.* id=$ID"
before=$(state_of MainPID)
box systemctl restart patd.service
unlike 'restarted, it is another process' "$(state_of MainPID)" "^($before|0)$"
box systemctl stop patd.socket patd.service
is 'with the socket stopped, the sockets are gone' "$(box find /run/pat -type s)" ''
logins 1 "$W/one"
is 'tokens of those who need it are refused' "$(<"$W/one")" 'auth=system_err id=none'
ok 'tokens for sshd are not' ssh_in "$TOKEN"
box systemctl start patd.socket
logins 1 "$W/one"
like 'started again, all is as before' "$(<"$W/one")" "^auth=success.* id=$ID"
box systemctl kill --signal=SEGV --kill-whom=main patd.service
wait_for 5 gone_down
is 'a crash is a failure that systemctl shows' "$(state_of Result)" 'signal'
logins 1 "$W/one"
like 'and is over with the next login' "$(<"$W/one")" "^auth=success.* id=$ID"
is 'nothing of ours is left as failed' "$(box systemctl list-units --failed --plain --no-legend 'patd*')" ''

# --- under load

# Between two turns: patd is there again a moment after it has died.
PAUSE=0.7
# under LOAD COMMAND...: runs the command again and again while logins are made; what they came to in $W/load.*.
under() {
	local load=$1 pids=() pid n=0
	shift
	logins "$load" "$W/load.1" &
	pids+=($!)
	logins "$load" "$W/load.2" &
	pids+=($!)
	turns=0
	while ! { gone "${pids[0]}" && gone "${pids[1]}"; } && [ $((n++)) -lt 5000 ]; do
		"$@" >/dev/null 2>&1 && turns=$((turns + 1))
		sleep "$PAUSE"
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
}

LOAD=50
[ -z "${PAT_SECONDS-}" ] || LOAD=$((PAT_SECONDS * 50))

crash() {
	local pid
	pid=$(state_of MainPID)
	[ "${pid:-0}" -ne 0 ] && box kill -KILL "$pid"
}

under $LOAD crash
let_in=$(cat "$W"/load.? | grep -c "^auth=success.* id=$ID")
refused=$(cat "$W"/load.? | grep -c '^auth=system_err')
echo "# figure: patd killed $turns times: $let_in logins by way of it, $refused refused with it"
ok 'patd is killed under load, and back each time' test "$turns" -ge 2
is 'each login was let in, or went down with the patd that had it' $((let_in + refused)) $((2 * LOAD))
ok 'no more than that' test "$refused" -le $((2 * turns))

PAUSE=0.1
under $LOAD box systemctl restart patd.service
is 'restarted under load, no login is refused' \
	"$(cat "$W"/load.? | grep -vc "^auth=success.* id=$ID") of $((2 * LOAD)), $((turns > 2 ? 1 : 0))" "0 of $((2 * LOAD)), 1"

# What a package does: files are replaced, and what runs is told. The world's /usr is the box's.
upgrade() {
	install_to '' && box systemctl daemon-reload && box systemctl try-restart patd.service patd-sweep.timer
}

under $LOAD upgrade
is 'everything is replaced while users log in, and nobody is refused' \
	"$(cat "$W"/load.? | grep -vc "^auth=success.* id=$ID") of $((2 * LOAD)), $((turns > 0 ? 1 : 0))" "0 of $((2 * LOAD)), 1"
ok 'ssh goes on, too' ssh_in "$TOKEN"
is 'each use is in its record' \
	"$(box_as alice patctl list --all --json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["uses"] > 0)')" True

# --- the journal

ok 'what patd did is in the journal under its unit' \
	in_journal patd.service "^created token id=$ID name=\"ci\" user=\"alice\""
ok 'a login by way of it, too' in_journal patd.service "^accepted token id=$ID "
ok 'what the module did is there under the service that it was in' \
	in_journal ssh.service "pam_pat\(sshd:auth\): accepted token id=$ID "
is 'lines of both have the facility of authentication' \
	"$(box journalctl -q -o json SYSLOG_FACILITY=10 | grep -c "accepted token id=$ID" | sed 's/^[1-9].*/yes/')" yes
unlike 'no line has the token' "$(box journalctl -q)" "${TOKEN:20:20}"

# words: the names in front of `=` in the lines of a kind.
words() {
	journal | grep -E "(^|: )$1 token" | sed 's/"[^"]*"//g' | grep -oE '[a-z_]+=' | tr -d = | sort -u
}

# The names that pam_pat(8) promises.
documented() {
	sed -n '/^Who collects logs/,/^The reasons are/ { s/^\.It Cm //p; s/^\.Cm //p }' "$SRC/man/pam_pat.8" |
		grep -oE '[a-z_]+' | sort -u
}

box patctl create --user alice -s probe extra >"$W/extra" 2>/dev/null
logins 1 "$W/one"
TOKEN=$(mistyped "$TOKEN") logins 1 "$W/one"
box patctl edit --user alice extra --expires 1d >/dev/null
box patctl revoke --user alice extra >/dev/null
for kind in accepted refused created edited revoked; do words $kind; done | sort -u >"$W/words"
is 'each field that is logged is one that pam_pat(8) promises' "$(comm -23 "$W/words" <(documented) | xargs)" ''
ok 'and most of those were logged' test "$(wc -l <"$W/words")" -ge 12

box_end
end
