#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Whoever is deleted takes their tokens along; and nothing that goes wrong with that keeps an account
# from being deleted.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
HOOK=/etc/shadow-maint/userdel-pre.d/pam_pat
strings /usr/sbin/userdel 2>/dev/null | grep -qF /etc/shadow-maint/userdel-pre.d ||
	grep -qaF /etc/shadow-maint/userdel-pre.d /usr/sbin/userdel ||
	skip_all 'userdel has no hooks here'
patd_start

is 'the hook is a file of root that all may run' "$(stat -c '%F %U:%G %a' $HOOK)" \
	'regular file root:root 755'
is 'and the only file there' "$(ls /etc/shadow-maint/userdel-pre.d)" pam_pat
if command -v shellcheck >/dev/null; then
	ok 'and is right' shellcheck $HOOK
else
	skip 'and is right' 'needs shellcheck'
fi

# status_of ID: what patctl says of a token of a user who may be gone: root sees those of everybody.
status_of() {
	patctl list --all --all-users --json | /usr/bin/python3 -c '
import json, sys
for token in json.load(sys.stdin):
    if token["id"] == sys.argv[1]:
        print(token["status"])' "$1"
}

# made: a new account, $USER_MADE, with two tokens, $ONE and $TWO.
COUNT=0
made() {
	COUNT=$((COUNT + 1))
	USER_MADE=dave$COUNT
	useradd --create-home --shell /bin/bash $USER_MADE || bail "no account $USER_MADE"
	give $USER_MADE one
	ONE=$ID
	give $USER_MADE two --service sudo
	TWO=$ID
}

# deleted TEXT COMMAND...: it deletes the account.
deleted() {
	local text=$1
	shift
	run "$@" $USER_MADE
	exited "$text: the account is deleted" 0
	not "$text: it is gone" getent passwd $USER_MADE
}

for how in 'userdel' 'userdel -r' 'deluser --quiet' 'deluser --quiet --remove-home'; do
	if ! command -v "${how%% *}" >/dev/null; then
		skip "$how" "needs ${how%% *}"
		continue
	fi
	made
	give bob keeps
	KEEPS=$ID
	log_mark
	# shellcheck disable=SC2086
	deleted "$how" $how
	unlike "$how: nothing is said" "$out$err" 'pam_pat|patctl|token'
	logged "$how: the log says who revoked what" \
		"patd\[[0-9]+\]: revoked token id=$ONE name=\"one\" user=\"$USER_MADE\" .*by=root\(0\)"
	logged "$how: all of them" "revoked token id=$TWO "
	is "$how: they are revoked" "$(status_of "$ONE") $(status_of "$TWO")" 'revoked revoked'
	is "$how: those of others are not" "$(status_of "$KEEPS")" active
	patctl revoke -q --all --user bob
done

made
number=$(id -u $USER_MADE)
service door "$PAT_LINE" 'account required pam_permit.so'
give $USER_MADE door --service door
ok 'a token lets its user in' login_as door $USER_MADE "$TOKEN"
userdel $USER_MADE
useradd --uid "$number" $USER_MADE
not 'the next owner of the name and the number has nothing of it' login_as door $USER_MADE "$TOKEN"
deleted 'a user without live tokens' userdel
unlike 'a user without live tokens: nothing is said' "$out$err" 'pam_pat|patctl|token'

run userdel nosuch
exited 'a user who does not exist: as ever' 6
unlike 'a user who does not exist: nothing is said of tokens' "$err" 'sweep'

# --- another system's account

made
mkdir -p "$W/tmp/other/etc"
cp /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/login.defs "$W/tmp/other/etc/"
for option in "-P $W/tmp/other" "--prefix $W/tmp/other" "--prefix=$W/tmp/other"; do
	cp /etc/passwd /etc/shadow /etc/group /etc/gshadow "$W/tmp/other/etc/"
	# shellcheck disable=SC2086
	run userdel $option $USER_MADE
	is "userdel ${option%% *}: the account over there is deleted" \
		"$rc $(grep -c "^$USER_MADE:" "$W/tmp/other/etc/passwd")" '0 0'
	is "userdel ${option%% *}: the tokens here stay" "$(status_of "$ONE")" active
done
userdel $USER_MADE

# --- names that want to be something else

log_mark
for name in --all-users -- '-u bob' '; revoke' '*' "$(printf 'x%.0s' {1..300})"; do
	SUBJECT=$name run $HOOK
	exited "the hook ends well: '${name:0:20}'" 0
done
not_logged 'and nothing was revoked' 'revoked token'

# --- nothing that goes wrong stops it

gives_up() {
	like "$1: it is said" "$err" "pam_pat: the tokens of $USER_MADE were not revoked"
	is "$1: they are not revoked" "$(status_of "$ONE")" active
}

made
patd_stop
deleted 'patd does not run' userdel
patd_start
gives_up 'patd does not run'

# --- and the sweep makes up for it

run patd --sweep
exited 'the sweep' 0
like 'it says whose account is gone' "$out" "$ONE \"one\" of $USER_MADE"
is 'but once is not enough to end a token: a directory may be out of reach' "$(status_of "$ONE")" active
text='a day later it is gone for good'
if command -v faketime >/dev/null; then
	run faketime -f +25h patd --sweep
	like "$text" "$out" "revoked.* $ONE \"one\" of $USER_MADE"
	is "$text: revoked" "$(status_of "$ONE") $(status_of "$TWO")" 'revoked revoked'
else
	skip "$text" 'needs faketime'
fi

# --- nor does anything else

made
kill -STOP "$PATD_PID"
began=$SECONDS
deleted 'patd hangs' userdel
kill -CONT "$PATD_PID"
ok 'patd hangs: it does not take for ever' test $((SECONDS - began)) -le 15
like 'patd hangs: it is said' "$err" "pam_pat: the tokens of $USER_MADE were not revoked"

made
mv /usr/bin/patctl "$W/tmp/patctl"
deleted 'patctl is gone' userdel
mv "$W/tmp/patctl" /usr/bin/patctl
unlike 'patctl is gone: nothing is said, for then pam_pat is' "$err" 'pam_pat|patctl|token'

for fault in 'exit 1' 'kill -9 $$' 'sleep 100' 'echo noise; cat; exit 5'; do
	made
	mv /usr/bin/patctl "$W/tmp/patctl"
	printf '#!/bin/sh\n%s\n' "$fault" >/usr/bin/patctl
	chmod 755 /usr/bin/patctl
	deleted "patctl does: $fault" userdel
	mv "$W/tmp/patctl" /usr/bin/patctl
	gives_up "patctl does: $fault"
	is "patctl does: $fault: standard output stays empty" "$out" ''
done

# --- login.defs(5) instead

made
mv $HOOK "$W/tmp/hook"
echo "USERDEL_CMD $W/tmp/hook" >>/etc/login.defs
deleted 'as USERDEL_CMD' userdel
is 'as USERDEL_CMD: they are revoked' "$(status_of "$ONE")" revoked

end
