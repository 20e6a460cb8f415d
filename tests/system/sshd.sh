#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# A real sshd takes tokens by both of its password methods, refuses those that it must refuse, and is
# otherwise what it was.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
sshd_start

ACCEPTED='^<86>.*pam_pat\(sshd:auth\): accepted token'
REFUSED='^<8[45]>.*pam_pat\(sshd:auth\): refused token'
FROM='rhost="127\.0\.0\.1" tty="ssh"'

# --- accepted

mint alice ci
is 'a new token was never used' "$(field last_used_at "$ID") $(field uses "$ID")" 'null 0'

for method in password keyboard-interactive; do
	log_mark
	# shellcheck disable=SC2016
	run ssh_with "$method" "$TOKEN" alice 'id -un; echo "$PAM_PAT_ID"'
	is "$method: the token opens the session, and the session knows which it was" \
		"$out" "alice"$'\n'"$ID"
	is "$method: nothing of ours is written" "$err" ''
	logged "$method: one line says who came in with what" \
		"$ACCEPTED id=$ID name=\"ci\" user=\"alice\" service=\"sshd\" $FROM\$"
	is "$method: and no other line" "$(log_lines | grep -c 'pam_pat\|patd\[')" 1
	not_logged "$method: pam_unix was not asked" 'pam_unix\(sshd:auth\)'
done

now=$(date +%s)
stamp=$(field last_used_at "$ID")
like 'the stamp is RFC 3339 in UTC' "$stamp" '^[0-9-]{10}T[0-9:]{8}Z$'
age=$((now - $(date -d "$stamp" +%s)))
ok 'the stamp is of now' test "$age" -ge 0 -a "$age" -le 20
is 'the stamp says where' "$(field last_used_service "$ID") $(field last_used_from "$ID")" \
	'sshd 127.0.0.1'
is 'each use was counted' "$(field uses "$ID")" 2
run as alice patctl list
like 'the list for people shows the use' "$out" 'ci .*sshd'

run ssh_with password "secret-token:$TOKEN" alice id -un
is 'secret-token: before it does no harm' "$out" alice
run ssh_with password "  $TOKEN " alice id -un
is 'nor does white space around it' "$out" alice

# --- refused

# refuses WHAT TOKEN USER REASON [METHOD...]
refuses() {
	local what=$1 token=$2 user=$3 reason=$4 method
	shift 4
	for method in "${@:-password}"; do
		log_mark
		run ssh_with "$method" "$token" "$user" id -un
		refused "$method: $what is refused"
		is "$method: without output" "$out" ''
		logged "$method: the log says why" "$REFUSED id=${token:7:8} .*user=\"$user\".* reason=$reason"
		not_logged "$method: it went to no other module" 'pam_unix\(sshd:auth\)'
	done
}

last=${TOKEN: -1}
refuses 'a typing error' "${TOKEN%?}$([ "$last" = x ] && echo y || echo x)" alice checksum \
	password keyboard-interactive
refuses 'a wrong secret' "$("$LIB/forge.py" "$ID")" alice secret password keyboard-interactive
refuses 'an unknown id' "$("$LIB/forge.py" 00000000)" alice unknown
refuses "another's token" "$TOKEN" bob other-user password keyboard-interactive
# sshd gives PAM another password for a user who does not exist, so there is no token to log.
run ssh_with password "$TOKEN" ghost id
refused 'a token for nobody is refused'
is 'refusals are no uses' "$(field uses "$ID")" 4

mint alice admin --service sudo
refuses 'a token that is not for sshd' "$TOKEN" alice service password keyboard-interactive

mint alice brief --expires 5s
run ssh_with password "$TOKEN" alice id -un
is 'a token of five seconds is good at once' "$out" alice
sleep 5.1
refuses 'an expired token' "$TOKEN" alice expired

mint alice gone
run ssh_with password "$TOKEN" alice id -un
is 'a token is good until it is revoked' "$out" alice
ok 'it is revoked' as alice patctl revoke gone
refuses 'a revoked token' "$TOKEN" alice revoked password keyboard-interactive

# --- everything else is as before

log_mark
for method in password keyboard-interactive; do
	# shellcheck disable=SC2016
	run ssh_with "$method" "${PASSWORD[alice]}" alice 'id -un; echo "${PAM_PAT_ID-none}"'
	is "$method: the password works through the same stack" "$out" 'alice'$'\n''none'
	run ssh_with "$method" 'not the password' alice id -un
	refused "$method: a wrong password is refused"
done
run ssh_with password "${PASSWORD[alice]}" bob id -un
refused "another's password is refused"
run ssh_with password '' alice id -un
refused 'an empty password is refused'
not_logged 'passwords leave no line of ours' 'pam_pat|patd\['

mkdir -m 700 /home/alice/.ssh
ssh-keygen -q -t ed25519 -N '' -f "$W/ssh/key"
install -m 600 "$W/ssh/key.pub" /home/alice/.ssh/authorized_keys
chown -R alice: /home/alice/.ssh
log_mark
# shellcheck disable=SC2016
run timeout 20 ssh -o PubkeyAuthentication=yes "${SSH_OPTIONS[@]}" -o BatchMode=yes \
	-i "$W/ssh/key" alice@127.0.0.1 'id -un; echo "${PAM_PAT_ID-none}"'
is 'a public key logs in as ever' "$out" 'alice'$'\n''none'
not_logged 'and leaves no line of ours' 'pam_pat|patd\['

# --- streams

give alice files
head -c 2000000 /dev/urandom >"$W/tmp/original"
SSH=("${SSH_OPTIONS[@]}" -o PreferredAuthentications=keyboard-interactive)

silent() {
	is "$1: succeeds" "$rc" 0
	is "$1: says nothing" "$out$err" ''
}

same() {
	ok "$1: every byte is there" cmp "$W/tmp/original" "$2"
}

ssh_with password "$TOKEN" alice 'cat; echo end >&2' \
	<"$W/tmp/original" >"$W/tmp/copy" 2>"$W/tmp/copy.err"
same 'ssh, through cat' "$W/tmp/copy"
is 'ssh: stderr is that of the command' "$(<"$W/tmp/copy.err")" end

run timeout 20 sshpass -d 9 scp "${SSH[@]}" "$W/tmp/original" alice@127.0.0.1:scp 9<<<"$TOKEN"
silent 'scp, there'
same 'scp, there' /home/alice/scp
run timeout 20 sshpass -d 9 scp "${SSH[@]}" alice@127.0.0.1:scp "$W/tmp/scp" 9<<<"$TOKEN"
silent 'scp, and back'
same 'scp, and back' "$W/tmp/scp"

printf '@put %s sftp\n@get sftp %s\n' "$W/tmp/original" "$W/tmp/sftp" >"$W/tmp/batch"
run timeout 20 sshpass -d 9 sftp -q -o BatchMode=no -b "$W/tmp/batch" "${SSH[@]}" \
	alice@127.0.0.1 9<<<"$TOKEN"
silent 'sftp, both ways'
same 'sftp, there' /home/alice/sftp
same 'sftp, and back' "$W/tmp/sftp"

run timeout 20 sshpass -d 9 rsync -e "ssh ${SSH[*]}" "$W/tmp/original" alice@127.0.0.1:rsync \
	9<<<"$TOKEN"
silent 'rsync, there'
same 'rsync, there' /home/alice/rsync
run timeout 20 sshpass -d 9 rsync -e "ssh ${SSH[*]}" alice@127.0.0.1:rsync "$W/tmp/rsync" \
	9<<<"$TOKEN"
silent 'rsync, and back'
same 'rsync, and back' "$W/tmp/rsync"

# --- without patd

patd_stop
log_mark
run ssh_with password "$TOKEN" alice id -un
is 'sshd needs no patd: the token is accepted' "$out" alice
logged 'and logged' "$ACCEPTED id=$ID "
run ssh_with keyboard-interactive "${PASSWORD[alice]}" alice id -un
is 'and so is the password' "$out" alice
patd_start
is 'uses without patd were stamped' "$(field uses "$ID")" 7

end
