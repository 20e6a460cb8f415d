#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patd played by somebody else: whoever it is, wherever they listen and however they came there, they see no
# token and no password, and what they say lets nobody in.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

PLAYER=$LIB/adversary_peers.py
NOWHERE=/var/lib/pat/none.tdb
give alice ci --service probe,sudo,sshd
GOOD=$TOKEN GOOD_ID=$ID
FORGED=$("$LIB/forge.py" "$ID")

# played USER SOCKET WHAT: that user plays patd there. What comes to it is in $W/seen.
PLAYING=()
played() {
	exec_as "$1" "$PLAYER" play "$2" "$3" >>"$W/seen" &
	PLAYING+=($!)
	wait_for 5 test -S "$2" || bail "nobody plays at $2"
}

played_out() {
	kill "${PLAYING[@]}" 2>/dev/null
	wait "${PLAYING[@]}" 2>/dev/null
	PLAYING=()
}

# asks USER SOCKET SECRET: what a process of that user is answered by the module, which asks there.
asks() {
	service probe "$PAT_LINE store=$NOWHERE socket=$2" 'auth required pam_deny.so' \
		'account required pam_permit.so'
	if [ "$1" = root ]; then
		run login_as probe alice "$3"
	else
		run as "$1" timeout 20 "$LIB/pam.py" probe alice <<<"$3"
	fi
}

# not_believed WHAT SOCKET: by root's service and by the user's own, with a token that is good and with one that is not.
not_believed() {
	local who secret
	for who in root alice; do
		for secret in "$GOOD" "$FORGED"; do
			log_mark
			asks $who "$2" "$secret"
			is "$1: what it says to a process of $who's lets nobody in (${secret:15:3}...)" "$out" PAM_SYSTEM_ERR
		done
		logged "$1: that is critical for $who's" '<82>.*pam_pat\(probe:auth\): .*reason=unavailable'
	done
}

unseen() {
	is "$1: it saw nothing" "$(cat "$W/seen" 2>/dev/null)" ''
	: >"$W/seen"
}

# --- where everybody may write

mkdir -m 777 "$W/open"
mkdir -m 1777 "$W/sticky"
for dir in open sticky; do
	played bob "$W/$dir/verify" accept
	played bob "$W/$dir/varlink" echo
	not_believed "a user who listens in a directory of mode ${dir}" "$W/$dir/verify"
	run as alice timeout 20 patctl create evil --socket "$W/$dir/varlink" --password-stdin \
		<<<"${PASSWORD[alice]}"
	exited "a user who listens in a directory of mode $dir: patctl says that it is not patd" 6
	like "a user who listens in a directory of mode $dir: and who it is" "$err" "uid $(id -u bob)"
	unseen "a user who listens in a directory of mode $dir"
	played_out
done

# One's own process is not to be believed either: it would let in whoever sits at one's screen.
played alice "$W/open/own" accept
asks alice "$W/open/own" "$FORGED"
is 'who plays patd to a process of their own is not believed' "$out" PAM_SYSTEM_ERR
unseen 'who plays patd to a process of their own'
played_out

# --- by way of a name that is not what it was

mkdir -m 755 "$W/open/pat"
patd --listen "$W/open/pat" 2>/dev/null &
OTHER=$!
wait_for 5 test -S "$W/open/pat/verify"
as bob mv "$W/open/pat" "$W/open/away"
as bob mkdir "$W/open/pat"
played bob "$W/open/pat/verify" accept
not_believed "root's directory, replaced by a user who may write above it" "$W/open/pat/verify"
unseen "root's directory, replaced by a user who may write above it"
played_out
as bob rm -r "$W/open/pat"

played bob "$W/open/bobs" accept
as bob ln -s "$W/open/bobs" "$W/open/linked"
not_believed 'a symbolic link to the socket of a user' "$W/open/linked"
unseen 'a symbolic link to the socket of a user'
touch "$W/tmp/file"
mount --bind "$W/open/bobs" "$W/tmp/file"
not_believed 'the socket of a user, mounted over another' "$W/tmp/file"
unseen 'the socket of a user, mounted over another'
umount "$W/tmp/file"

# Replaced between one login and the next, and in the middle of them: whoever is reached, is looked at.
service probe "$PAT_LINE store=$NOWHERE socket=$W/open/away/verify" 'auth required pam_deny.so' \
	'account required pam_permit.so'
install -m 755 "$BUILD/tests/tools/pamdrive" "$W/pamdrive"
announced "$W/exchanging" "$PLAYER" exchange "$W/open/away/verify" "$W/open/bobs"
EXCHANGING=$!
in=0 out_of_reach=0 other=0
for _ in {1..60}; do
	case $(timeout 20 "$W/pamdrive" probe alice <<<"$GOOD" 2>/dev/null) in
	auth=success*) in=$((in + 1)) ;;
	auth=system_err*) out_of_reach=$((out_of_reach + 1)) ;;
	*) other=$((other + 1)) ;;
	esac
done
forged=0
for _ in {1..30}; do
	[[ $(timeout 20 "$W/pamdrive" probe alice <<<"$FORGED" 2>/dev/null) != auth=success* ]] || forged=$((forged + 1))
done
kill $EXCHANGING
wait $EXCHANGING 2>/dev/null
ok "sockets that are exchanged all the time: both were met ($in, $out_of_reach)" \
	test $in -gt 0 -a $out_of_reach -gt 0
is 'sockets that are exchanged all the time: there is no third answer' $other 0
is 'sockets that are exchanged all the time: nobody is let in by the wrong one' $forged 0
unseen 'sockets that are exchanged all the time'
played_out
kill $OTHER
wait $OTHER 2>/dev/null

# --- where patd is looked for

# Only what root got wrong lets a user in there.
for try in 'rm -f /run/pat/verify' 'mv /run/pat/verify /run/pat/old' 'ln -s /tmp /run/pat/x' \
	'mv /run/pat /run/old' 'rmdir /run/pat' 'chmod 777 /run/pat' "ln -sf $W/open/bobs /run/pat/verify"; do
	# shellcheck disable=SC2086
	not "a user cannot: ${try//$W\//}" as bob $try
done
patd_stop
for mode in 777 1777 775; do
	chmod $mode /run/pat
	[ $mode != 775 ] || chgrp bob /run/pat
	played bob /run/pat/verify accept
	log_mark
	run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" id -un' <<<"$GOOD"
	refused "a user who listens in /run/pat of mode $mode, patd being down: sudo does not ask"
	logged "a user who listens in /run/pat of mode $mode: that is critical" '<82>.*pam_pat\(sudo:auth\): .*reason=unavailable'
	run as alice bash -c 'timeout 20 sudo -S -p "" id -un' <<<"${PASSWORD[alice]}"
	is "a user who listens in /run/pat of mode $mode: the password works" "$out" root
	run timeout 5 patd --listen /run/pat
	exited "a user who listens in /run/pat of mode $mode: patd does not start beside them" 1
	unseen "a user who listens in /run/pat of mode $mode"
	played_out
	rm -f /run/pat/*
done
chgrp root /run/pat
chmod 755 /run/pat

# --- removed and made again, as systemd-tmpfiles does

patd_start
rm -r /run/pat
not 'a directory that is gone: a user cannot make it' as bob mkdir /run/pat
run as alice timeout 20 patctl list
exited 'a directory that is gone: patctl says that patd is not there' 6
# What is made here must be what is installed: nothing of a user's may lie where root makes it.
if command -v systemd-tmpfiles >/dev/null; then
	ok 'a directory that is made again' systemd-tmpfiles --create --prefix=/run/pat /usr/lib/tmpfiles.d/pam_pat.conf
	is "a directory that is made again: it is root's alone" "$(stat -c '%U %G %a' /run/pat)" 'root root 755'
else
	skip 'a directory that is made again' 'needs systemd-tmpfiles'
fi
run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" id -un' <<<"$GOOD"
refused 'a directory without sockets: a token is refused at sudo'
run login_as sshd alice "$GOOD"
is 'a directory without sockets: root needs none' "${out%%$'\n'*}" PAM_SUCCESS
kill "$PATD_PID" && wait "$PATD_PID" 2>/dev/null
patd_start
run as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" id -un' <<<"$GOOD"
is 'patd that starts again makes all anew' "$out" root

# --- a service of root's that is not patd

for what in echo short silent; do
	mkdir -p "$W/r-$what"
	"$PLAYER" play "$W/r-$what/verify" $what >/dev/null &
	PLAYING+=($!)
	wait_for 5 test -S "$W/r-$what/verify"
	began=$EPOCHREALTIME
	asks root "$W/r-$what/verify" "$FORGED"
	is "a service of root's that is not patd ($what): its answer lets nobody in" "$out" PAM_SYSTEM_ERR
	ok "a service of root's that is not patd ($what): nor keeps anybody waiting" \
		awk "BEGIN { exit !($EPOCHREALTIME - $began < 3.5) }"
done
played_out

# What the kernel says of a listener is who listened first. Root that hands it on has answered for it.
"$PLAYER" hand-listener "$W/handed" bob >/dev/null &
PLAYING+=($!)
wait_for 5 test -S "$W/handed"
is "nobody but root can listen as root: a user's own listener is a user's" \
	"$(as bob timeout 10 "$PLAYER" hand-listener "$W/tmp/handed" bob 2>&1 | grep -c 'Operation not permitted')" 1
played_out

like 'the token is good all the while' "$(login_as sshd alice "$GOOD")" "^PAM_SUCCESS.*$GOOD_ID"
end
