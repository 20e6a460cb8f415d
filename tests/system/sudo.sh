#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# A real sudo, whose real uid is the caller's, takes tokens by way of patd, and only those that are
# for sudo.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

# sudo_with SECRET [OPTIONS] COMMAND...: as alice, with no earlier sudo remembered.
sudo_with() {
	local secret=$1
	shift
	as alice sudo -k
	as alice timeout 20 sudo -S -p '' "$@" <<<"$secret"
}

# --- accepted

mint alice admin --service sudo
ADMIN=$TOKEN ADMIN_ID=$ID

log_mark
run sudo_with "$ADMIN" id -un
is 'sudo -S takes the token' "$out" root
is 'and says nothing' "$err" ''
logged 'one line says so' \
	"^<86>.*accepted token id=$ADMIN_ID name=\"admin\" user=\"alice\" service=\"sudo\""
not_logged 'pam_unix was not asked' 'pam_unix\(sudo:auth\)'
is 'the use is stamped' "$(field last_used_service "$ADMIN_ID") $(field uses "$ADMIN_ID")" 'sudo 1'

log_mark
run as alice bash -c 'sudo -k; sudo -S -p "" true; sudo -n id -un; sudo -k; sudo -n echo more' <<<"$ADMIN"
is 'what sudo remembers is remembered as ever, and forgotten by sudo -k' "$out" root
is 'and the token was looked at once' "$(log_lines | grep -c "accepted token id=$ADMIN_ID")" 1

install -m 755 /dev/stdin "$W/tmp/askpass" <<-END
	#!/bin/sh
	cat $W/tmp/askpass.token
END
install -m 600 -o alice /dev/stdin "$W/tmp/askpass.token" <<<"$ADMIN"
run as alice env SUDO_ASKPASS="$W/tmp/askpass" sudo -A id -un
is 'SUDO_ASKPASS brings it' "$out" root

log_mark
run sudo_with "$ADMIN" -i id -un
is 'sudo -i takes it, because the scope sudo covers sudo-i' "$out" root
logged 'and the service is sudo-i' "accepted token id=$ADMIN_ID .*service=\"sudo-i\""
is 'which the stamp says, too' "$(field last_used_service "$ADMIN_ID")" sudo-i

run sudo_with "$ADMIN" -u bob id -un
is 'sudo to another user asks for the token of the caller' "$out" bob

as alice sudo -k
run as alice "$LIB/pty.exp" sudo id -un <<<"$ADMIN"
like 'sudo on a terminal takes it' "$out" 'root'
unlike 'and does not show it' "$out" "$ADMIN"

# --- refused

# refuses WHAT TOKEN REASON
refuses() {
	log_mark
	run sudo_with "$2" id -un
	refused "$1 is refused"
	is "$1: nothing ran" "$out" ''
	logged "$1: the log says why" "^<85>.*refused token id=${2:7:8} .*service=\"sudo\".* reason=$3"
	not_logged "$1: it went to no other module" 'pam_unix\(sudo:auth\)'
}

mint alice ci
refuses 'a token for sshd' "$TOKEN" service
mint bob other --service sudo
refuses "another's token" "$TOKEN" other-user
refuses 'a wrong secret' "$("$LIB/forge.py" "$ADMIN_ID")" secret
refuses 'an unknown id' "$("$LIB/forge.py" 00000000)" unknown
mint alice gone --service sudo
ok 'a token is revoked' as alice patctl revoke gone
refuses 'a revoked token' "$TOKEN" revoked

log_mark
run sudo_with "$ADMIN" true
is 'the good one still works' "$rc" 0
run sudo_with "${PASSWORD[alice]}" id -un
is 'the password works through the same stack' "$out" root
run sudo_with "${PASSWORD[bob]}" id -un
refused "another's password is refused"

# --- without patd

patd_stop
log_mark
run sudo_with "${PASSWORD[alice]}" id -un
is 'without patd: the password works' "$out" root
not_logged 'without patd: and nobody is alarmed' '^<8[0-3]>'
run sudo_with "$ADMIN" id -un
refused 'without patd: a token does not'
logged 'without patd: which is critical' '^<82>.*pam_pat\(sudo:auth\).* reason=unavailable'
not_logged 'without patd: it went to no other module' 'pam_unix\(sudo:auth\): auth'
run as alice timeout 20 su bob -c 'id -un' <<<"${PASSWORD[bob]}"
is 'without patd: the password works at su' "$out" bob
mkdir -p /run/pat
patd_start
run sudo_with "$ADMIN" id -un
is 'with patd again: the token works again' "$out" root

end
