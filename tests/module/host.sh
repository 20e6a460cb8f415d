#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# pam_pat.so in a host that is not in a good state: without rights, descriptors, time, or room to write;
# that authenticates twice; with a libpam or a patd that answers nonsense. And what it leaves in memory.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

MODULE=${PAT_SANITIZED:-$BUILD}/pam_pat.so
DRIVE=${PAT_SANITIZED:-$BUILD}/tests/tools/pamdrive
STORE=/var/lib/pat/tokens.tdb
NOWHERE=/var/lib/pat/none.tdb
BRACKET='[success=done authinfo_unavail=ignore default=die]'

drive() {
	timeout 60 "$DRIVE" "$@" 2>"$W/said"
}

give alice good --service probe
GOOD=$TOKEN GOOD_ID=$ID
give bob other --service probe
OTHER=$TOKEN

# --- who may not read shadow(5)

# Root without the rights that Fedora's mode of the file, or SELinux, makes necessary.
unable() {
	timeout 60 setpriv --bounding-set=-dac_override,-dac_read_search "$DRIVE" "$@" 2>"$W/said"
}

chmod 0000 /etc/shadow
passwd --quiet --lock bob
service probe "auth required $MODULE"
log_mark
run unable probe bob <<<"$OTHER"
like 'shadow unreadable: a locked account is not let in' "$out" '^auth=auth_err '
logged 'shadow unreadable: patd, which can read it, says why' 'patd.*: refused token .* reason=locked'
run unable probe alice <<<"$GOOD"
like 'shadow unreadable: patd lets another in' "$out" '^auth=success '
service probe "auth required $MODULE socket=/run/pat/none"
for user in bob:"$OTHER" alice:"$GOOD"; do
	log_mark
	run unable probe "${user%%:*}" <<<"${user#*:}"
	like "shadow unreadable, and no patd: ${user%%:*} is refused" "$out" '^auth=system_err '
	logged "shadow unreadable, and no patd: the log says what is wrong (${user%%:*})" \
		'<82>.*pam_pat\(probe:auth\): refused .*reason=unavailable'
done
mv /etc/shadow "$W/shadow"
run drive probe bob <<<"$OTHER"
like 'no shadow: refused' "$out" '^auth=system_err '
mv "$W/shadow" /etc/shadow
chmod 640 /etc/shadow
run drive probe bob <<<"$OTHER"
like 'shadow readable: a locked account is refused as such' "$out" '^auth=auth_err '
run drive probe alice <<<"$GOOD"
like 'shadow readable: another is let in' "$out" '^auth=success '

# --- who may not write that far

service probe "auth required $MODULE"
small() {
	# shellcheck disable=SC2016
	timeout 60 bash -c 'ulimit -f 1; exec "$@"' - "$DRIVE" "$@" 2>"$W/said"
}
log_mark
run small probe alice <<<"$GOOD"
like 'a host that may not write large files: the login succeeds' "$out" '^auth=success '
logged 'by way of patd' "patd.*: accepted token id=$GOOD_ID"

# --- closed descriptors

before=$(field uses "$GOOD_ID")
log_mark
run timeout 60 "$DRIVE" probe alice <<<"$GOOD" 2>&-
timeout 60 "$DRIVE" probe alice <<<"$GOOD" >&- 2>&-
timeout 60 "$DRIVE" probe alice <<<'not a token' >&- 2>&-
is 'a host without standard output and error: logins succeed' \
	"$(log_lines | grep -c "accepted token id=$GOOD_ID")" 2
is 'each is counted' "$(field uses "$GOOD_ID")" $((before + 2))
is 'nothing is in the lock file' "$(stat -c %s $STORE.lock)" 0
ok 'nothing is in the store that was not there' patstore check

# --- no time left

announced "$W/held" "$LIB/holder.py" alone $STORE
HOLDER=$!
log_mark
run drive probe alice <<<"$GOOD"
kill $HOLDER
wait $HOLDER 2>/dev/null
like 'a stuck writer: the login is refused' "$out" '^auth=system_err '
logged 'and logged as that' '<82>.*pam_pat\(probe:auth\): refused .*reason=unavailable'
# What patd had been asked it would do now.
sleep 0.3
not_logged 'nobody logs that it was accepted' 'accepted token'
run drive probe alice <<<"$GOOD"
like 'when the writer is gone, it is accepted' "$out" '^auth=success '
is 'the one that was refused was not counted' "$(log_sync; grep -c "accepted token id=$GOOD_ID" "$W/log")" \
	"$(field uses "$GOOD_ID")"

# --- names that are nobody's

service probe "auth required $MODULE store=$NOWHERE"
long=$(printf 'x%.0s' {1..300})
service "probe$(printf 'y%.0s' {1..60})" "auth required $MODULE store=$NOWHERE"
log_mark
run drive probe "$long" <<<"$GOOD"
like 'through patd, a user name that is too long: refused' "$out" '^auth=auth_err '
logged 'and logged' "refused token id=$GOOD_ID .*service=\"probe\".* reason="
log_mark
run drive "probe$(printf 'y%.0s' {1..60})" alice <<<"$GOOD"
like 'through patd, a service name that is too long: refused' "$out" '^auth=auth_err '
logged 'and logged' "refused token id=$GOOD_ID .*user=\"alice\".* reason="

# --- twice in one handle

service probe "auth $BRACKET $MODULE" 'auth required pam_unix.so nodelay' \
	"account sufficient $MODULE" 'account required pam_debug.so acct=acct_expired'
run drive -2 probe alice <<<"$GOOD"$'\n'"$GOOD"
like 'a token twice: the account phase knows of it' "$out" \
	"^auth=success again=success acct=success .* id=$GOOD_ID\$"
service probe "auth [success=ok authinfo_unavail=ignore default=die] $MODULE" \
	'auth required pam_unix.so nodelay' \
	"account sufficient $MODULE" 'account required pam_debug.so acct=acct_expired'
run drive -2 probe alice <<<"$GOOD"$'\n'"${PASSWORD[alice]}"
like 'a token that another module refused, then a password: no token any more' "$out" \
	'^auth=auth_err again=success acct=acct_expired .* id=none$'
service probe "auth $BRACKET $MODULE" 'auth required pam_unix.so nodelay' \
	"account sufficient $MODULE" 'account required pam_debug.so acct=acct_expired'
run drive -2 probe alice <<<"$GOOD"$'\n'"${PASSWORD[alice]}"
like 'a token, then a password: no token any more' "$out" \
	'^auth=success again=success acct=acct_expired .* id=none$'
run drive -2 probe alice <<<"$("$LIB/forge.py" "$GOOD_ID")"$'\n'"$GOOD"
like 'a wrong token, then the right one' "$out" "^auth=auth_err again=success acct=success .* id=$GOOD_ID\$"
run drive -2 probe alice <<<"$GOOD"$'\n'"$("$LIB/forge.py" "$GOOD_ID")"
like 'the right token, then a wrong one: neither is left' "$out" '^auth=success again=auth_err id=none$'

# --- a libpam that has no opinion

for what in user authtok; do
	for control in required requisite sufficient '[default=die success=ok ignore=ignore]'; do
		service probe "auth $control $MODULE" 'auth required pam_permit.so'
		[ "$control" != sufficient ] || service probe "auth $control $MODULE" 'auth required pam_deny.so'
		run drive -i $what probe alice <<<"$GOOD"
		unlike "$control: no $what is no login" "$out" '^auth=success'
	done
done

# --- who plays patd

# played WHAT: a patd of root's that is none, at $PLAYED.
PLAYED=/run/played
played() {
	rm -f $PLAYED
	"$LIB/peers.py" "$1" $PLAYED >"$W/played.out" &
	PLAYER=$!
	wait_for 5 test -S $PLAYED
}
service probe "auth required $MODULE store=$NOWHERE socket=$PLAYED"
played hang-up
log_mark
run drive -w probe alice <<<"$GOOD"
like 'a patd that hangs up at once: refused, and the host lives' "$out" '^auth=system_err '
logged 'and logged' '<82>.*refused .*reason=unavailable.*the connection was closed'
kill $PLAYER
wait $PLAYER 2>/dev/null
played other-magic
log_mark
run drive probe alice <<<"$GOOD"
like 'a patd of another protocol: what it accepts is refused' "$out" '^auth=system_err '
logged 'and logged' '<82>.*refused .*reason=unavailable.*not of the right form'
kill $PLAYER
wait $PLAYER 2>/dev/null

# --- memory

# clean TEXT ANSWER SECRET: of what was typed nothing is left.
clean() {
	if [ "${PAT_SANITIZED-}" ]; then
		skip "$1" 'AddressSanitizer keeps memory that was freed'
		return
	fi
	run drive -m probe alice <<<"$3"
	like "$1" "$out" "^asked=[1-9][0-9]* left=0 auth=$2 "
}
FORGED=$("$LIB/forge.py" "$GOOD_ID")
for options in '' "store=$NOWHERE" "store=$NOWHERE socket=/run/pat/none"; do
	service probe "auth required $MODULE $options"
	case $options in
	'') path='by itself' answers='success auth_err' ;;
	*socket*) path='without store and patd' answers='system_err system_err' ;;
	*) path='through patd' answers='success auth_err' ;;
	esac
	clean "$path: a token is gone from memory" "${answers% *}" "$GOOD"
	clean "$path: a wrong one, too" "${answers#* }" "$FORGED"
done
clean 'one with a wrong checksum, too' auth_err "${GOOD%?}$([ "${GOOD: -1}" = A ] && echo B || echo A)"

end
