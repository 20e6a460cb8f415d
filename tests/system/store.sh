#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# A store that is not there or not to be trusted, and a patd that is not ours: a token opens nothing,
# the password still works, and the log raises the alarm.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
sshd_start

DIR=/var/lib/pat
STORE=$DIR/tokens.tdb
service probe "$PAT_LINE" 'auth requisite pam_unix.so nodelay' 'account required pam_unix.so'

run stat -c '%U %a %F' $DIR
is 'before the first token: the directory is private' "$out" 'root 700 directory'
run login_as probe alice "${PASSWORD[alice]}"
is 'before the first token: the password works' "${out%%$'\n'*}" PAM_SUCCESS
run as alice patctl list --json
is 'before the first token: the list is empty' "$rc $out" '0 []'
run login_as probe alice "$("$LIB/forge.py" 00000000)"
like 'before the first token: a token does not' "$out" '^PAM_(AUTH|SYSTEM)_ERR$'

give alice ci --service probe,sshd,sudo
run stat -c '%U %a %F' $STORE
is 'the store is private' "$out" 'root 600 regular file'
run login_as probe alice "$TOKEN"
is 'and used' "$out" "PAM_SUCCESS"$'\n'"PAM_PAT_ID=$ID"

# unusable WHAT
unusable() {
	local began=$EPOCHREALTIME
	log_mark
	run login_as probe alice "$TOKEN"
	is "$1: a token is refused as such" "$out" PAM_SYSTEM_ERR
	logged "$1: which is critical" "^<82>.*pam_pat\(probe:auth\): refused token id=$ID .*reason=unavailable"
	is "$1: in one line of the module" "$(log_lines | grep -c 'pam_pat(probe:auth)')" 1
	not_logged "$1: it went to no other module" 'pam_unix\(probe:auth\)'
	run login_as probe alice "${PASSWORD[alice]}"
	is "$1: the password works" "${out%%$'\n'*}" PAM_SUCCESS
	as alice sudo -k
	run as alice timeout 20 sudo -S -p '' id -un <<<"$TOKEN"
	refused "$1: refused at sudo, too"
	run as alice timeout 20 sudo -S -p '' id -un <<<"${PASSWORD[alice]}"
	is "$1: where the password works as well" "$out" root
	run as alice timeout 20 patctl create evil --password-stdin <<<"${PASSWORD[alice]}"
	exited "$1: nothing is minted" 1
	ok "$1: nobody waited long" awk "BEGIN { exit !($EPOCHREALTIME - $began < 15) }"
}

mended() {
	run login_as probe alice "$TOKEN"
	is "$1: mended, it is used again" "${out%%$'\n'*}" PAM_SUCCESS
}

# A store that is not there is made with the next token, so that is a case of its own.
mv $STORE "$W/good"
log_mark
run login_as probe alice "$TOKEN"
is 'no store: a token is refused as such' "$out" PAM_SYSTEM_ERR
logged 'no store: which is critical' '^<82>.*pam_pat\(probe:auth\): .*reason=unavailable'
run login_as probe alice "${PASSWORD[alice]}"
is 'no store: the password works' "${out%%$'\n'*}" PAM_SUCCESS
for method in password keyboard-interactive; do
	run ssh_with $method "$TOKEN" alice id
	refused "no store: a token is refused by sshd, $method"
	run ssh_with $method "${PASSWORD[alice]}" alice id -un
	is "no store: the password works at sshd, $method" "$out" alice
done
ok 'no store: refusing made none' test ! -e $STORE
cp -p "$W/good" $STORE
mended 'no store'

chown nobody $STORE
unusable "somebody else's store"
chown root $STORE
mended "somebody else's store"

for mode in 602 622 660 666; do
	chmod $mode $STORE
	unusable "a store of mode $mode"
done
chmod 600 $STORE
mended 'a store that others may write'

mv $STORE "$W/tmp/elsewhere"
ln -s "$W/tmp/elsewhere" $STORE
unusable 'a symbolic link'
rm $STORE
mkfifo -m 600 $STORE
unusable 'a FIFO'
rm $STORE
mkdir -m 700 $STORE
unusable 'a directory'
rmdir $STORE
: >$STORE
chmod 600 $STORE
unusable 'an empty file'
head -c 100000 /dev/urandom >$STORE
unusable 'a file of garbage'
mv "$W/tmp/elsewhere" $STORE
mended 'something else in its place'

for mode in 777 770 702; do
	chmod $mode $DIR
	unusable "a directory of mode $mode"
done
chmod 700 $DIR
chown nobody $DIR
unusable "somebody else's directory"
chown root $DIR
mv $DIR $DIR.away
ln -s $DIR.away $DIR
unusable 'a link to the directory'
rm $DIR
mv $DIR.away $DIR
mended 'the directory'

# --- patd played by another

mkdir -p "$W/tmp/played"
chown bob "$W/tmp/played"
exec_as bob "$LIB/peers.py" accept-all "$W/tmp/played/verify" >"$W/tmp/played.out" &
wait_for 5 test -S "$W/tmp/played/verify"
stack sudo socket="$W/tmp/played/verify"
service probe "$PAT_LINE store=$W/none socket=$W/tmp/played/verify" \
	'auth requisite pam_unix.so nodelay' 'account required pam_unix.so'
log_mark
run login_as probe alice "$TOKEN"
is "a patd that is not root's: is not asked" "$out" PAM_SYSTEM_ERR
logged "a patd that is not root's: which is critical" '^<82>.*pam_pat\(probe:auth\): .*reason=unavailable'
as alice sudo -k
run as alice timeout 20 sudo -S -p '' id -un <<<"$TOKEN"
refused "a patd that is not root's: nor at sudo"
logged "a patd that is not root's: which is critical, too" '^<82>.*pam_pat\(sudo:auth\): .*reason=unavailable'
run as alice timeout 20 sudo -S -p '' id -un <<<"${PASSWORD[alice]}"
is "a patd that is not root's: the password works" "$out" root
is "a patd that is not root's: never saw the token" "$(grep -c "${TOKEN:15}" "$W/tmp/played.out")" 0
kill $!
wait $! 2>/dev/null
stack sudo
as alice sudo -k
run as alice timeout 20 sudo -S -p '' id -un <<<"$TOKEN"
is 'the right one is' "$out" root

# --- a patd that does not answer

kill -STOP "$PATD_PID"
began=$EPOCHREALTIME
log_mark
as alice sudo -k
run as alice timeout 20 sudo -S -p '' id -un <<<"$TOKEN"
refused 'a stopped patd: a token is refused at sudo'
ok 'a stopped patd: after seconds, not for ever' \
	awk "BEGIN { exit !($EPOCHREALTIME - $began < 10) }"
logged 'a stopped patd: which is critical' '^<82>.*pam_pat\(sudo:auth\): .*reason=unavailable'
run as alice timeout 20 sudo -S -p '' id -un <<<"${PASSWORD[alice]}"
is 'a stopped patd: the password works' "$out" root
run ssh_with password "$TOKEN" alice id -un
is 'a stopped patd: sshd does not need it' "$out" alice
kill -CONT "$PATD_PID"

end
