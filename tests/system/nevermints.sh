#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# A token never makes a token, by whatever way it comes: in place of the password, in whatever form and of
# whatever state, through a session that it opened, or through what is forged in such a session. Nor does an
# account that has gone, or a clock that was set, give anybody what they had not.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
echo 'session optional pam_pat.so' >>/etc/pam.d/sshd
patd_start
sshd_start

TOKENS=/run/pat/io.pampat.Tokens
PEER=$LIB/peers.py
give alice all --service sshd,sudo,su,login --expires 2d
GOOD=$TOKEN GOOD_ID=$ID
count() {
	patctl list --all-users --all --no-legend | wc -l
}

# --- in place of the password, of any state and form

give alice ended --service sshd && ENDED=$TOKEN
as alice patctl revoke -q ended
give alice brief --service sshd --expires 2s && BRIEF=$TOKEN
give alice quiet --service sshd && QUIET=$TOKEN
as alice patctl suspend -q quiet
mint alice turned --service sshd && TURNED=$TOKEN
NEXT=$(as alice timeout 20 patctl rotate turned --overlap 1h --password-stdin 2>/dev/null <<<"${PASSWORD[alice]}")
mint alice once --service sshd --uses 1 && ONCE=$TOKEN
ssh_with password "$ONCE" alice true
mint bob bobs --service sshd && BOBS=$TOKEN
sleep 2.1
declare -A KINDS=([good]=$GOOD [revoked]=$ENDED [expired]=$BRIEF [suspended]=$QUIET [rotated]=$TURNED
	[successor]=$NEXT [spent]=$ONCE ["another user's"]=$BOBS [forged]=$("$LIB/forge.py" "$GOOD_ID")
	["of a wrong checksum"]=${GOOD%?}- [wrapped]=secret-token:$GOOD ["among spaces"]="  $GOOD "
	["without its prefix"]=${GOOD#lnxpat_} [twice]=$GOOD$GOOD)
BEFORE=$(count)
cp /etc/pam.d/patd "$W/patd.pam"
for stack in "Debian's" 'with ours in it' 'with ours as sufficient' 'that hands tokens on'; do
	case $stack in
	"Debian's") line= ;;
	'with ours in it') line=$PAT_LINE ;;
	'with ours as sufficient') line='auth sufficient pam_pat.so' ;;
	'that hands tokens on') line='auth [default=ignore] pam_pat.so' ;;
	esac
	{ echo "$line" && cat "$W/patd.pam"; } >/etc/pam.d/patd
	for kind in "${!KINDS[@]}"; do
		run as alice timeout 20 patctl create "evil $RANDOM" --password-stdin <<<"${KINDS[$kind]}"
		exited "patd's stack is $stack: a token that is $kind is no password" 4
	done
	for verb in 'rotate all' 'resume quiet'; do
		# shellcheck disable=SC2086
		run as alice timeout 20 patctl $verb --password-stdin <<<"$GOOD"
		exited "patd's stack is $stack: nor to ${verb% *}" 4
	done
done
cp "$W/patd.pam" /etc/pam.d/patd
is 'in none of these ways a token was made' "$(count)" "$BEFORE"
run as alice timeout 20 patctl edit all --expires 2y
exited 'nor does one live longer without a password' 5

# --- in a session that it opened

# in_session WHAT COMMAND: by ssh with the token; whatever it says, it has no password to say.
in_session() {
	run ssh_with password "$GOOD" alice "$2"
	unlike "$1: mints nothing" "$out" 'lnxpat_'
	is "$1: nothing was minted" "$(count)" "$BEFORE"
}
in_session 'a session by token: patctl' 'patctl create evil --password-stdin </dev/null'
like 'a session by token: it asks for a password' "$err" 'password'
in_session 'a session by token, the token typed again' "patctl create evil --password-stdin <<<'$GOOD'"
in_session 'a session by token, its mark taken away' 'unset PAM_PAT_ID; patctl create evil --password-stdin </dev/null'
in_session 'a session by token, that says it is of another' 'PAM_PAT_ID=00000000 patctl create evil --password-stdin </dev/null'
run as bob timeout 20 su alice -c 'patctl create evil --password-stdin </dev/null' <<<"$GOOD"
unlike 'a session of su by token: mints nothing' "$out" lnxpat_
is 'a session of su by token: nothing was minted' "$(count)" "$BEFORE"
run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" patctl create evil' <<<"$GOOD"
exited 'root by sudo, by token: patctl wants to know for whom' 2
is 'root by sudo, by token: nothing was minted' "$(count)" "$BEFORE"
run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" -u bob patctl create evil --password-stdin' <<<"$GOOD"$'\n'"$GOOD"
unlike 'another user by sudo, by token: mints nothing' "$out" lnxpat_
# A token for sudo is worth what sudoers gives: there, all. This is what SECURITY.md says.
run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" patctl create forbob --user bob' <<<"$GOOD"
like 'whom sudoers makes root, is root: it mints for whom it names' "$out" lnxpat_

# --- what is forged in a session

# Debian's own stack of sshd lets users set variables of PAM.
give carol secretname --service sshd --expires 2d
CAROLS_ID=$ID
rm -f /home/bob/.hushlogin
install -o bob -m 600 /dev/null /home/bob/.pam_environment
told() {
	printf '%s\n' "$@" >/home/bob/.pam_environment
	# shellcheck disable=SC2016
	run "$LIB/pty.exp" ssh -tt "${SSH_OPTIONS[@]}" -o PreferredAuthentications=password bob@127.0.0.1 \
		<<<"${PASSWORD[bob]}"$'\n''echo "PAM_PAT_ID is $PAM_PAT_ID"; exit'
}
told "PAM_PAT_ID=$CAROLS_ID"
if [[ $out == *"PAM_PAT_ID is $CAROLS_ID"* ]]; then
	unlike "a forged PAM_PAT_ID shows nothing of another's token" "$out" 'secretname|expires in'
else
	skip "a forged PAM_PAT_ID shows nothing of another's token" 'pam_env reads no files of users here'
fi
for forged in 00000000 '../../../x' '%n%n%n%n' "$(printf 'A%.0s' {1..500})"; do
	told "PAM_PAT_ID=$forged"
	like "a forged PAM_PAT_ID stops no login (${forged:0:10})" "$out" 'PAM_PAT_ID is'
	unlike "a forged PAM_PAT_ID is none (${forged:0:10})" "$out" 'expires in'
done
rm /home/bob/.pam_environment

# --- an account that goes while it is connected, and a number that comes again

useradd --create-home --uid 4100 dave
echo 'dave:dave: Sesame 4' | chpasswd
rm -f /etc/shadow-maint/userdel-pre.d/pam_pat
give dave his --service probe,sshd
DAVES_ID=$ID
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so'
mkfifo "$W/tmp/calls"
exec_as dave timeout 60 "$PEER" call $TOKENS <"$W/tmp/calls" >"$W/tmp/replies" &
CALLER=$!
exec 7>"$W/tmp/calls"
answered() {
	[ "$(wc -l <"$W/tmp/replies")" -ge "$1" ]
}
printf '{"method":"io.pampat.Tokens.Authenticate"}\n' >&7
wait_for 5 answered 1
printf '{"method":"io.pampat.Tokens.Authenticate","parameters":{"responses":["dave: Sesame 4"]}}\n' >&7
wait_for 10 answered 2
like 'dave has authenticated' "$(cat "$W/tmp/replies")" '"authenticated": ?true'
userdel -f dave >/dev/null 2>&1
useradd --no-create-home --uid 4100 erin
printf '{"method":"io.pampat.Tokens.Create","parameters":{"name":"late","services":["probe"]}}\n' >&7
wait_for 5 answered 3
exec 7>&-
wait $CALLER
LATE=$(grep -o 'lnxpat_[0-9A-Za-z]*' "$W/tmp/replies")
if [ "$LATE" ]; then
	for user in dave erin; do
		run login_as probe $user "$LATE"
		is "what was minted for an account that had gone by then is good for nobody: $user" "$out" PAM_AUTH_ERR
	done
else
	pass 'for an account that has gone nothing is minted'
fi
run as erin patctl list --all --json
unlike 'the next owner of the number sees no token of the last' "$out" "$DAVES_ID|his|late"
for verb in show revoke suspend; do
	run as erin patctl $verb "$DAVES_ID"
	exited "the next owner of the number: $verb finds no token of the last" 3
done

# --- a clock that is set

FAKE=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
if [ "$FAKE" ]; then
	give alice brief --service probe --expires 1h
	patd_stop
	for clock in '-2d' '+40y' '+200y'; do
		LD_PRELOAD=$FAKE FAKETIME=$clock FAKETIME_DONT_FAKE_MONOTONIC=1 patd --listen /run/pat 2>>"$W/patd.err" &
		PATD_PID=$!
		wait_for 5 patd_ready || bail "patd does not start at $clock"
		run as alice timeout 20 patctl create "at $clock" --password-stdin <<<"$GOOD"
		exited "the clock at $clock: a token is no password" 4
		run as alice timeout 20 patctl list --json
		exited "the clock at $clock: patd goes on" 0
		run as alice "$LIB/pam.py" probe alice <<<"$TOKEN"
		is "the clock at $clock: an hour is an hour" "${out%%$'\n'*}" \
			"$([ $clock = -2d ] && echo PAM_SUCCESS || echo PAM_AUTH_ERR)"
		run as alice "$LIB/pam.py" probe alice <<<"$ENDED"
		is "the clock at $clock: what was revoked stays revoked" "$out" PAM_AUTH_ERR
		patd_stop
	done
else
	skip 'a clock that is set' 'needs faketime'
fi

end
