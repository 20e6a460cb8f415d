#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# How long a refusal takes does not tell strangers which users there are; and who has no account any more
# mints nothing.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

HOST=$LIB/pamhost.py
AUTH_ERR=7

# --- how long who waits

give alice good --service probe

# What pam_unix asks for by itself.
sed -i 's/ nodelay$//' /etc/pam.d/common-auth
# documented SERVICE: the auth lines of the Debian stack that pam.d.example has for it.
documented() {
	awk -v service="# /etc/pam.d/$1" '
		index($0, "# /etc/pam.d/") == 1 { taken = index($0 " ", service " ") == 1 && !done++ }
		taken && /^(auth|@include)/' "$SRC/etc/pam.d.example"
}
documented sshd >/etc/pam.d/probe
ok 'the documented stack of sshd has the module' grep -q 'pam_pat\.so' /etc/pam.d/probe
FORGED=$("$LIB/forge.py" 00000000)
run "$HOST" delay probe alice <<<"$FORGED"
read -r answer delay <<<"$out"
is 'a token that is nobody'"'"'s is refused' "$answer" $AUTH_ERR
# What sshd has in place of what was typed, if there is no such user.
run "$HOST" delay probe ghost <<<$'\b INCORRECT'
read -r answer of_ghost <<<"$out"
unlike 'a user that there is not is refused' "$answer" '^0$'
# libpam varies a delay of two seconds, by no more than half of it.
ok "a user that there is not waits for it" test "${of_ghost:-0}" -ge 1000000
ok 'and a user that there is waits as long, where the stack of sshd is the documented one' \
	test "${delay:-0}" -ge 1000000
sed -i 's/pam_unix\.so.*/& nodelay/' /etc/pam.d/common-auth

# --- sessions that outlive an account

SESSION=("$LIB/outlives.py" /run/pat/io.pampat.Tokens)
give carol hers --service probe
CAROLS=$ID
run "${SESSION[@]}" carol "${PASSWORD[carol]}" true 'Create={"name":"one"}'
is 'who has authenticated mints' "$out" 'done'
run "${SESSION[@]}" carol "${PASSWORD[carol]}" true "Rotate={\"selector\":\"$CAROLS\"}"
is 'or rotates' "$out" 'done'
uid=$(id -u carol)
run "${SESSION[@]}" carol "${PASSWORD[carol]}" 'userdel carol >/dev/null' \
	'Create={"name":"late"}'
is 'but not when the account has been deleted meanwhile' "$out" NotFound
useradd --uid "$uid" --create-home carol
echo "carol:${PASSWORD[carol]}" | chpasswd
is 'the next one of that name and uid has no token that works' \
	"$(as carol patctl list --no-legend | wc -l)" 0
give carol hers --service probe
run "${SESSION[@]}" carol "${PASSWORD[carol]}" 'usermod --login caroline carol' \
	"Rotate={\"selector\":\"$ID\"}"
is 'nor when it has another name' "$out" NotFound
usermod --login carol caroline
run "${SESSION[@]}" carol "${PASSWORD[carol]}" 'usermod --uid 4242 carol' 'Create={"name":"late"}'
is 'nor when it has another uid' "$out" NotFound
usermod --uid "$uid" carol

end
