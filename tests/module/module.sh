#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# pam_pat.so under the machine's libpam: options, phases, marks, and what it leaves behind.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

MODULE=${PAT_SANITIZED:-$BUILD}/pam_pat.so
DRIVE=${PAT_SANITIZED:-$BUILD}/tests/tools/pamdrive
NOWHERE=/var/lib/pat/none.tdb
BRACKET='[success=done authinfo_unavail=ignore default=die]'

drive() {
	timeout 60 "$DRIVE" "$@" 2>"$W/said"
}

give alice good --service 'probe,patd2,sudo,su'
GOOD=$TOKEN GOOD_ID=$ID

# --- options

# option TEXT ANSWER LINE...: with a valid token.
option() {
	local text=$1 answer=$2
	shift 2
	service probe "auth required $MODULE $*"
	run drive probe alice <<<"$GOOD"
	like "option $text" "$out" "^auth=$answer "
}

option 'none: a valid token is accepted' success
option 'debug' success debug
option 'try_first_pass' success try_first_pass
option 'store= another path, and no patd there: no answer' system_err "store=$NOWHERE socket=/run/pat/none"
option 'socket= is asked where the store is not' success "store=$NOWHERE socket=/run/pat/verify"
option 'unknown: fails closed' service_err sesame
option 'debug with a value: fails closed' service_err debug=yes
option 'store without a value: fails closed' service_err store=
option 'store with a relative path: fails closed' service_err store=tokens.tdb
option 'socket with a relative path: fails closed' service_err socket=verify
option 'socket with a path too long for one: fails closed' service_err "socket=/$(printf 'x%.0s' {1..120})"
option 'given twice: fails closed' service_err 'store=/a store=/b'
option 'prompt without a value: fails closed' service_err prompt=
log_mark
option 'with a line feed in it' service_err '[ses\name]'
logged 'the log names the wrong option' 'option "ses.*": unknown'

service probe "auth required $MODULE [prompt=Token, please: ]"
run drive probe alice <<<"$GOOD"
is 'prompt= is what is asked' "$(cat "$W/said")" '[1] Token, please: '
service probe "auth required $MODULE"
run drive probe alice <<<"$GOOD"
is "without, it is libpam's own prompt, which is the password's too" "$(cat "$W/said")" '[1] Password: '
service probe "auth required $MODULE use_first_pass"
run drive probe alice <<<"$GOOD"
is 'use_first_pass never asks' "$(cat "$W/said")" ''
like 'use_first_pass refuses where nothing was typed before' "$out" '^auth=auth_err '
service probe 'auth optional pam_unix.so nodelay' "auth required $MODULE use_first_pass"
run drive probe alice <<<"$GOOD"
like 'use_first_pass takes what was typed before' "$out" '^auth=success '
service probe "auth $BRACKET $MODULE" 'auth required pam_unix.so nodelay'
run drive probe alice <<<"${PASSWORD[alice]}"
like 'a password goes on to the next module' "$out" '^auth=success '
is 'and is asked for once' "$(cat "$W/said")" '[1] Password: '
run drive probe alice </dev/null
like 'no answer to the prompt is no login' "$out" '^auth=(conv_err|authtok_err) '

# --- what is handed on

service probe "auth $BRACKET $MODULE" "auth required pam_exec.so expose_authtok $LIB/spy.sh"
printf '#!/bin/sh\ncat >>%s/spied\n' "$W" >"$LIB/spy.sh"
chmod 755 "$LIB/spy.sh"
: >"$W/spied"
FORGED=$("$LIB/forge.py" "$GOOD_ID")
for secret in "$GOOD" "$FORGED" "$("$LIB/forge.py" 00000000)" "${GOOD%?}_"; do
	run drive probe alice <<<"$secret"
done
is 'a token that fails is never handed on, one that is misspelt beyond its shape is a password' \
	"$(tr -d '\0' <"$W/spied")" "${GOOD%?}_"

# --- white space, wrapper

service probe "auth required $MODULE"
for secret in " $GOOD" "$GOOD " "secret-token:$GOOD" $'\t'"secret-token:$GOOD"$'\r'; do
	run drive probe alice <<<"$secret"
	like "accepted with what people copy along: $(printf '%q' "${secret/$GOOD/TOKEN}")" "$out" '^auth=success '
done
run drive probe alice <<<"$(printf 'x%.0s' {1..500})"
like 'a very long password is not ours' "$out" '^auth=authinfo_unavail '

# --- phases

service probe "auth required $MODULE" "account required $MODULE" "session required $MODULE"
run drive probe alice <<<"$GOOD"
is 'after a token each phase succeeds, and the session knows which' "$out" \
	"auth=success acct=success cred=success open=success close=success id=$GOOD_ID"
service probe "auth $BRACKET $MODULE" 'auth required pam_permit.so' "account required $MODULE" \
	'account required pam_debug.so acct=acct_expired' "session required $MODULE"
run drive probe alice <<<'a password'
is 'after a password the account phase has no opinion' "$out" \
	'auth=success acct=acct_expired cred=success open=success close=success id=none'
run drive -a probe alice </dev/null
like 'without authentication neither' "$out" '^acct=acct_expired .* id=none$'
service probe "auth $BRACKET $MODULE" 'auth required pam_debug.so auth=success cred=cred_err'
run drive -a probe alice </dev/null
like 'without authentication the modules below still set credentials' "$out" ' cred=cred_err '
run drive probe alice <<<"$GOOD"
like 'after a token they do not' "$out" ' cred=success '
not 'there is no password phase' grep -q pam_sm_chauthtok "$MODULE"

# --- the session phase

give alice soon --service sshd,probe,sudo --expires 3d
SOON=$TOKEN SOON_ID=$ID
cp /etc/pam.d/sshd "$W/sshd.pam"
service sshd "auth required $MODULE" "session required $MODULE"
run drive sshd alice <<<"$SOON"
like 'a login hears that its token is about to end' "$(<"$W/said")" 'Token soon expires in [0-9]+ (days|hours): patctl rotate soon'
give alice later --service sshd --expires 30d
run drive sshd alice <<<"$TOKEN"
is 'of one that ends later it does not' "${out%% *} $(grep -c expires "$W/said")" 'auth=success 0'
give alice 'two words' --service sshd --expires 90m
run drive sshd alice <<<"$TOKEN"
like 'a name that would need quotes is not what is to be typed' "$(<"$W/said")" "Token two words expires in (89|90) minutes: patctl rotate $ID"
give alice hours --service sshd --expires 5h
run drive sshd alice <<<"$TOKEN"
like 'hours are told as hours' "$(<"$W/said")" 'Token hours expires in [45] hours'
echo "PAM_PAT_ID=$SOON_ID" >"$W/environment"
# Where authentication ran in another process, the id alone is left.
service sshd 'session required pam_env.so envfile='"$W/environment" "session required $MODULE"
run drive -a sshd alice </dev/null
like 'the session of another process hears it, too' "$(<"$W/said")" 'Token soon expires in'
service sshd 'session required pam_env.so envfile='"$W/environment" "session required $MODULE store=$NOWHERE"
run drive -a sshd alice </dev/null
is 'without the store nothing is said, and nothing fails' "$out$(<"$W/said")" \
	"acct=success cred=success open=success close=success id=$SOON_ID"
cp "$W/sshd.pam" /etc/pam.d/sshd
for service in sudo probe; do
	cp /etc/pam.d/$service "$W/service.pam"
	service $service "auth required $MODULE" "session required $MODULE"
	run drive -t pts/1 $service alice <<<"$SOON"
	is "nobody reads it at $service without a terminal" \
		"${out%% *} $(grep -c expires "$W/said")" 'auth=success 0'
	cp "$W/service.pam" /etc/pam.d/$service
done

service probe "auth required $MODULE" 'auth required pam_deny.so'
run drive probe alice <<<"$GOOD"
like 'another module may still refuse' "$out" '^auth=(perm_denied|auth_err) '

# --- the service patd

for stack in "auth sufficient $MODULE" "auth required $MODULE" "auth $BRACKET $MODULE"; do
	service patd "$stack"
	run drive patd alice <<<"$GOOD"
	like "no token is good for the service patd: ${stack% *}" "$out" '^auth=(auth_err|perm_denied) '
done
log_mark
run drive patd alice <<<"$GOOD"
logged 'the log says why' 'refused token .*service="patd".* reason=service .*never mints'

# --- both paths, logged

service probe "auth required $MODULE"
log_mark
run drive -r 192.0.2.7 -t pts/9 probe alice <<<"$GOOD"
logged 'by itself: what was accepted is logged' \
	"pam_pat\(probe:auth\): accepted token id=$GOOD_ID name=\"good\" user=\"alice\" service=\"probe\" rhost=\"192.0.2.7\" tty=\"pts/9\"\$"
service probe "auth required $MODULE store=$NOWHERE"
log_mark
run drive -r 192.0.2.7 -t pts/9 probe alice <<<"$GOOD"
logged 'through patd: what was accepted is logged' \
	"patd.*: accepted token id=$GOOD_ID name=\"good\" user=\"alice\" service=\"probe\" rhost=\"192.0.2.7\" tty=\"pts/9\" peer=\"uid=0 pid=[0-9]+\""
log_mark
run drive -r $'evil"\nhost\e[2J' probe alice <<<"$FORGED"
logged 'what a host says of itself is escaped' 'rhost="evil\\"\\x0ahost\\x1b\[2J".* reason=secret'
is 'through patd: the use is stamped' "$(field last_used_from "$GOOD_ID")" 192.0.2.7
is 'uses are counted, refusals are not' "$(field uses "$GOOD_ID")" "$(log_sync; grep -c "accepted token id=$GOOD_ID" "$W/log")"

# --- who may ask patd

chmod 755 "$W"
service probe "auth required $MODULE"
run as alice "$DRIVE" probe alice <<<"$GOOD"
like 'an unprivileged process asks about its own user' "$out" '^auth=success '
log_mark
run as bob "$DRIVE" probe alice <<<"$GOOD"
like 'not about another' "$out" '^auth=auth_err '
logged 'the log says why' 'reason=peer'
echo 'verify_for = www-data, bob' >>/etc/security/pat.conf
sed -i '/^verify_for =$/d;/^verify_for = *$/d' /etc/security/pat.conf
run as bob "$DRIVE" probe alice <<<"$GOOD"
like 'unless pat.conf names it' "$out" '^auth=success '
run as carol "$DRIVE" probe alice <<<"$GOOD"
like 'and nobody else' "$out" '^auth=auth_err '

# --- two thousand logins in one process: less than half a small allocation each

service probe "auth required $MODULE" "account required $MODULE"
run drive -n 2000 probe alice <<<"$GOOD"
like '2000 logins by itself: all work' "$out" '^auth=success '
like '2000 logins by itself: no descriptor more' "$out" 'descriptors=0 '
[ "${PAT_SANITIZED-}" ] || ok '2000 logins by itself: no more memory' test "${out##*memory=}" -le 32
service probe "auth required $MODULE store=$NOWHERE"
run drive -n 2000 probe alice <<<"$GOOD"
like '2000 logins through patd: all work' "$out" '^auth=success '
like '2000 logins through patd: no descriptor more' "$out" 'descriptors=0 '
[ "${PAT_SANITIZED-}" ] || ok '2000 logins through patd: no more memory' test "${out##*memory=}" -le 32
is 'every use was counted' "$(field uses "$GOOD_ID")" "$(log_sync; grep -c "accepted token id=$GOOD_ID" "$W/log")"

end
