#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Real su, su -l and login, on terminals.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

# su_with SECRET ARGUMENTS...: alice becomes somebody, on a terminal.
su_with() {
	local secret=$1
	shift
	as alice "$LIB/pty.exp" su "$@" <<<"$secret"
}

mint bob desk --service su
DESK=$TOKEN DESK_ID=$ID

# --- accepted

log_mark
run su_with "$DESK" bob -c 'id -un'
is 'su takes the token of whom one becomes' "${out##*$'\n'}" bob
unlike 'and does not show it' "$out" "$DESK"
logged 'one line says so' \
	"^<86>.*accepted token id=$DESK_ID name=\"desk\" user=\"bob\" service=\"su\" rhost=\"\" tty=\"[^\"]*pts/[0-9]+\""
not_logged 'pam_unix was not asked' 'pam_unix\(su:auth\)'
is 'the use is stamped' "$(field last_used_service "$DESK_ID" bob)" su

log_mark
run su_with "$DESK" -l bob -c 'pwd'
is 'su -l takes it, because the scope su covers su-l' "${out##*$'\n'}" /home/bob
logged 'and the service is su-l' "accepted token id=$DESK_ID .*service=\"su-l\""

run as alice timeout 20 su bob -c 'id -un' <<<"$DESK"
is 'su takes it from a pipe' "$out" bob

log_mark
run su bob -c 'id -un' </dev/null
is 'root is not asked' "$out" bob
not_logged 'and no token either' 'pam_pat'

# --- refused

# refuses WHAT TOKEN REASON [USER]
refuses() {
	log_mark
	run su_with "$2" "${4:-bob}" -c 'id -un'
	refused "$1 is refused"
	unlike "$1: nothing ran" "$out" "^${4:-bob}\$"
	logged "$1: the log says why" "^<85>.*refused token id=${2:7:8} .*service=\"su\".* reason=$3"
	not_logged "$1: it went to no other module" 'pam_unix\(su:auth\)'
}

refuses "another's token" "$DESK" other-user carol
mint bob ci
refuses 'a token for sshd' "$TOKEN" service
mint alice mine --service su
refuses "the caller's own token" "$TOKEN" other-user
mint bob gone --service su
ok 'a token is revoked' as bob patctl revoke gone
refuses 'a revoked token' "$TOKEN" revoked

run su_with "${PASSWORD[bob]}" bob -c 'id -un'
is 'the password works through the same stack' "${out##*$'\n'}" bob

# --- login

give bob console --service login
log_mark
# shellcheck disable=SC2016
run "$LIB/pty.exp" login bob <<END
$TOKEN
echo "here: \$(id -un) \$PAM_PAT_ID"
exit
END
like 'login takes the token, and the session knows which it was' "$out" "here: bob $ID"
unlike 'and does not show it' "$out" "$TOKEN"
logged 'one line says so' \
	"^<86>.*pam_pat\(login:auth\): accepted token id=$ID name=\"console\" user=\"bob\" service=\"login\" rhost=\"\""
is 'the use is stamped' "$(field last_used_service "$ID" bob)" login

log_mark
run "$LIB/pty.exp" login bob <<<"$DESK"
refused 'login refuses a token that is for su'
logged 'the log says why' "pam_pat\(login:auth\): refused token id=$DESK_ID .* reason=service"

# shellcheck disable=SC2016
run "$LIB/pty.exp" login bob <<END
${PASSWORD[bob]}
echo "here: \$(id -un) \${PAM_PAT_ID-none}"
exit
END
like 'login takes the password through the same stack' "$out" 'here: bob none'

end
