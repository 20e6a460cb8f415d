#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# A token is worth as much as the account that it was minted for, and no more.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
# What deletes accounts here runs no hooks, as many tools do: tokens outlive their users.
rm -f /etc/shadow-maint/userdel-pre.d/pam_pat
patd_start
sshd_start

# A root's service whose answers can be seen: the direct path.
service probe "$PAT_LINE" 'auth requisite pam_unix.so nodelay' 'account required pam_unix.so'

# accepts WHAT USER, refuses WHAT USER REASON: $TOKEN, by a root's service, and by su through patd.
accepts() {
	run login_as probe "$2" "$TOKEN"
	is "$1: accepted" "${out%%$'\n'*}" PAM_SUCCESS
	run as carol timeout 20 su "$2" -c 'id -un' <<<"$TOKEN"
	is "$1: accepted by su" "$out" "$2"
}

refuses() {
	log_mark
	run login_as probe "$2" "$TOKEN"
	is "$1: refused" "$out" PAM_AUTH_ERR
	logged "$1: the log says why" "pam_pat\(probe:auth\): refused token .* reason=$3"
	log_mark
	run as carol timeout 20 su "$2" -c 'id -un' <<<"$TOKEN"
	refused "$1: refused by su"
	is "$1: nothing ran" "$out" ''
	logged "$1: the log says why for su" "refused token .*service=\"su\".* reason=$3"
}

# drop USER: a process that ran as the user may take a moment to end.
drop() {
	wait_for 5 userdel "$1" || bail "userdel $1 fails"
}

SCOPE=(--service 'probe,su,sshd')
useradd --create-home --uid 4001 dave
echo "dave:dave: Sesame 4" | chpasswd

# --- deleted, reused, renamed

give dave ci "${SCOPE[@]}"
accepts 'an account' dave
drop dave
log_mark
run login_as probe dave "$TOKEN"
is 'a deleted account: refused' "$out" PAM_AUTH_ERR
logged 'a deleted account: the log says why' 'pam_pat\(probe:auth\): refused token .* reason=no-user'

useradd --no-create-home --uid 4001 erin
echo "erin:erin: Sesame 5" | chpasswd
refuses "an uid that is another's now" erin former-user
log_mark
run ssh_with password "$TOKEN" erin id
refused "an uid that is another's now: refused by sshd"
logged "an uid that is another's now: sshd's log" 'pam_pat\(sshd:auth\).* reason=former-user'
run ssh_with password 'erin: Sesame 5' erin id -un
is 'whose own password works' "$out" erin

drop erin
useradd --no-create-home --uid 4001 dave
accepts 'the same name and uid again' dave
usermod --login fred dave
refuses 'a renamed account' fred former-user
usermod --login dave fred
usermod --uid 4002 dave
refuses 'an account with another uid' dave other-user
drop dave

# --- locked, expired

give bob ci "${SCOPE[@]}"
passwd -q -l bob
refuses 'a locked account' bob locked
log_mark
run ssh_with keyboard-interactive "$TOKEN" bob id
refused 'a locked account: refused by sshd'
logged "a locked account: sshd's log" 'pam_pat\(sshd:auth\).* reason=locked'
passwd -q -u bob
accepts 'an unlocked account' bob
usermod -L bob
refuses 'an account locked by usermod' bob locked
usermod -U bob

chage -E 0 bob
run login_as probe bob "$TOKEN"
is 'an expired account: the account phase refuses' "$out" PAM_ACCT_EXPIRED
for method in password keyboard-interactive; do
	run ssh_with $method "$TOKEN" bob id -un
	refused "an expired account: sshd refuses by $method"
	is "an expired account: nothing ran by $method" "$out" ''
done
run as carol timeout 20 su bob -c 'id -un' <<<"$TOKEN"
refused 'an expired account: su refuses'
chage -E -1 bob
accepts 'an account that expires no more' bob

: >/etc/nologin
run ssh_with password "$TOKEN" bob id -un
refused 'pam_nologin still holds'
rm /etc/nologin

# An account that never had a password: a token may be the one way into it.
useradd --create-home --shell /bin/bash grace
give grace only "${SCOPE[@]}"
accepts 'an account without a password' grace

# --- expired, of another service

give bob brief "${SCOPE[@]}" --expires 5s
accepts 'a token of five seconds, at once' bob
sleep 5.1
refuses 'an expired token' bob expired
is 'it is not in the list' "$(as bob patctl list --no-legend | grep -c brief)" 0
is 'but in the whole list' "$(field status "$ID" bob)" expired
run patctl create brief --user bob
exited 'its name is free again' 0

give bob narrow --service sshd
refuses 'another service' bob service
give bob wide --service 'SSHD, su'
is 'names of services are as libpam has them' "$(field services "$ID" bob)" '["sshd", "su"]'
run as carol timeout 20 su bob -c 'id -un' <<<"$TOKEN"
is 'one of several services' "$out" bob

log_mark
printf -v evil 'bob\n<82>forged: accepted token'
run login_as probe "$evil" "$TOKEN"
is 'a user name with a line break' "$out" PAM_AUTH_ERR
logged 'is escaped in the log' 'refused token .*user="bob\\x0[aA]<82>forged'
run login_as probe bob "$TOKEN" $'host"\e[2J\nforged'
logged 'and so is a host' 'refused token .*rhost="host\\"\\x1[bB]\[2J\\x0[aA]forged"'

end
