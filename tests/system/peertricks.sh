#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Who a peer is, patd hears from the kernel, of the moment of connect(2): tricks with descriptors, programs
# that run as root, namespaces and debuggers make nobody another, and no token good that is not.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens
VERIFY=/run/pat/verify
TRICKS=$LIB/adversary_peers.py
PEER=$LIB/peers.py
ALL='{"method":"io.pampat.Tokens.List","parameters":{"all_users":true},"more":true}'
DENIED='"error": ?"io\.pampat\.Tokens\.PermissionDenied"'
BOB=$(id -u bob)

give carol hers --service su,probe
CAROLS=$TOKEN CAROLS_ID=$ID
give alice forsudo --service sudo
SUDO=$TOKEN
give bob own --service su
BOBS=$TOKEN
bobs() {
	as bob patctl list --all --no-legend | wc -l
}

# --- descriptors that go from one to another

run "$TRICKS" hand $TOKENS bob "$ALL"
like 'a connection is of whoever opened it: one that root hands to a user is still of root' "$out" "$CAROLS_ID"
run as bob "$TRICKS" over $TOKENS "$TRICKS" receive
like 'and one of a user, in the hands of a program of the user, of the user' "$out" "$DENIED"

# sudo gives its own standard input to what it runs as root.
cat >"$W/tmp/ask" <<END
#!/bin/sh
exec "$TRICKS" over $TOKENS sudo -A "$TRICKS" receive
END
printf '#!/bin/sh\ncat %s/tmp/secret\n' "$W" >"$W/tmp/askpass"
echo "$SUDO" >"$W/tmp/secret"
chmod 755 "$W/tmp/ask" "$W/tmp/askpass"
chown alice "$W/tmp/secret" && chmod 600 "$W/tmp/secret"
run as alice env SUDO_ASKPASS="$W/tmp/askpass" timeout 20 "$W/tmp/ask"
like 'a connection that a user opened, used by root in sudo: of the user' "$out" "$DENIED"
unlike 'a connection that a user opened, used by root in sudo: shows nothing' "$out" "$CAROLS_ID"

# What programs of root's write, where a user put a connection in place of their standard output.
log_mark
for program in 'su carol -c id' 'passwd' 'chsh -s /bin/sh' 'sudo -S id' 'newgrp root'; do
	for socket in $TOKENS $VERIFY; do
		# shellcheck disable=SC2086
		run as bob timeout 20 "$TRICKS" over $socket timeout 10 $program
		like "${program%% *} that writes to patd (${socket##*/}): the connection ends" "$out" 'closed$'
		unlike "${program%% *} that writes to patd (${socket##*/}): nothing is answered" "$out" 'lnxpat_|"token"'
	done
done
ok 'what such programs write is laid to the user' \
	test "$(log_lines | grep -c "patd.*closing a connection of uid=$BOB ")" -ge 3
unlike 'and to nobody else' "$(log_lines | grep 'patd\[.*closing')" 'uid=0 '
is 'nothing was minted by it' "$(bobs)" 1

run as bob timeout 20 "$TRICKS" descriptors $TOKENS 200
like 'descriptors that come along with a call are not taken: the call is answered' "$out" '"product"'
ok 'nor kept' test "$(find "/proc/$PATD_PID/fd" -type l | wc -l)" -lt 20
strace -f -qq -yy -e trace=openat,open,readlink,readlinkat,recvmsg,recvfrom -o "$W/strace" -p "$PATD_PID" 2>/dev/null &
TRACER=$!
wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PATD_PID/status"
# Four times: who answers the first three was there before.
for _ in 1 2 3 4; do as bob "$PEER" verify $VERIFY bob su <<<"$BOBS" >/dev/null; done
as bob patctl list >/dev/null
sleep 0.3
kill $TRACER && wait $TRACER 2>/dev/null
ok 'what patd opens is seen' grep -q '/etc/passwd' "$W/strace"
ok 'and what it hears of whom' grep -q 'recvfrom([0-9]*<UNIX[^"]*"/run/pat/verify' "$W/strace"
# The process that waits for a question takes it from its parent in this way, over a socket without a name.
is 'patd takes no descriptor, and reads nothing of the process that asks, whose number may be anybody'"'"'s by now' \
	"$(grep -E '"/proc/|recvmsg\([0-9]+<UNIX[^"]*"/run/pat' "$W/strace")" ''

# --- programs that run as root, started by a user who helps

log_mark
run as bob timeout 20 setpriv --no-new-privs su carol -c 'id -un' <<<"$CAROLS"
unlike 'su without its rights: nobody is let in' "$out" carol
logged 'it asked as the user that it ran as' "patd.*refused token id=$CAROLS_ID .*reason=peer.* peer=\"uid=$BOB "
log_mark
run as bob timeout 20 strace -f -o /dev/null su carol -c 'id -un' <<<"$CAROLS"
unlike 'su under a debugger: nobody is let in' "$out" carol
logged 'it asked as the user that it ran as, too' "reason=peer.* peer=\"uid=$BOB "
run as bob timeout 20 su carol -c 'id -un' <<<"$CAROLS"
is 'su with its rights lets in' "$out" carol

text='a clock of the user'"'"'s own'
FAKE=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
if [ "$FAKE" ]; then
	give carol brief --service su,probe --expires 2s
	sleep 2.1
	faked=(env LD_PRELOAD="$FAKE" FAKETIME='-1d')
	ok "$text is one" test "$(as bob "${faked[@]}" date +%s)" -lt $(($(date +%s) - 80000))
	log_mark
	run as bob timeout 20 "${faked[@]}" su carol -c 'id -un' <<<"$TOKEN"
	unlike "$text in su: an expired token is not good again" "$out" carol
	logged "$text in su: it has expired" "refused token id=$ID .*reason=expired"
	service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so'
	run as carol timeout 20 "${faked[@]}" "$LIB/pam.py" probe carol <<<"$TOKEN"
	is "$text in a program of one's own: the one of patd counts" "$out" PAM_AUTH_ERR
else
	skip "$text" 'needs faketime'
fi
for forged in SUDO_UID=0 SUDO_USER=root USER=root LOGNAME=root PKEXEC_UID=0 HOME=/root; do
	run as bob env $forged patctl list --all-users
	exited "$forged makes nobody root" 5
	run as bob env $forged patctl revoke --user carol hers
	exited "$forged does not end what is another's" 5
done
run as bob env PAM_PAT_ID="$CAROLS_ID" PAM_USER=carol timeout 20 su carol -c 'id -un' </dev/null
unlike 'PAM_PAT_ID in the environment lets nobody in' "$out" carol

# --- namespaces

# inside COMMAND...: as bob, who is root of a user namespace of his own.
inside() {
	as bob unshare --user --map-root-user --mount "$@"
}
text='root of a namespace of their own'
if inside true 2>/dev/null; then
	is "$text: is one" "$(inside id -u)" 0
	run inside timeout 20 "$PEER" call $TOKENS <<<"$ALL"
	like "$text: is the user to patd" "$out" "$DENIED"
	run inside timeout 20 "$PEER" call $TOKENS <<<'{"method":"io.pampat.Tokens.Create","parameters":{"name":"x"}}'
	like "$text: has to authenticate" "$out" '"error": ?"io\.pampat\.Tokens\.AuthenticationRequired"'
	log_mark
	run inside timeout 20 "$PEER" verify $VERIFY carol su <<<"$CAROLS"
	is "$text: may not ask about others" "$out" refused
	logged "$text: and the log knows them" "reason=peer.* peer=\"uid=$BOB "
	run inside timeout 20 patctl list
	exited "$text: sees patd as nobody in particular, and does not believe it" 6
	log_mark
	run inside timeout 20 "$LIB/pam.py" probe carol <<<"$CAROLS"
	is "$text: nor does the module there" "$out" PAM_SYSTEM_ERR
	run inside timeout 20 "$LIB/pam.py" probe carol <<<"$("$LIB/forge.py" "$CAROLS_ID")"
	is "$text: nor lets it anybody in" "$out" PAM_SYSTEM_ERR
	# shellcheck disable=SC2016
	run inside bash -c 'mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run/pat && ls -A /var/lib /run/pat'
	exited "$text: what they mount, they mount for themselves" 0
	ok "$text: patd is where it was" as alice patctl list
	# The other users of their namespace, which newuidmap(1) would give to anybody.
	run setpriv --reuid=100000 --regid=100000 --clear-groups timeout 20 "$PEER" call $TOKENS <<<"$ALL"
	like 'a uid of a range for namespaces is nobody here' "$out" "$DENIED"
	run setpriv --reuid=100000 --regid=100000 --clear-groups timeout 20 "$PEER" verify $VERIFY carol su <<<"$CAROLS"
	is 'and may ask about nobody' "$out" refused
else
	skip "$text" 'needs user namespaces for users'
fi

# --- what belongs to patd

for file in mem environ maps fd cwd exe stack; do
	not "a user does not see patd's $file" as bob cat "/proc/$PATD_PID/$file"
	not "a user does not see patd's $file by its name" as bob ls "/proc/$PATD_PID/$file/"
done
not 'a user does not attach to patd' as bob timeout 5 strace -o /dev/null -p "$PATD_PID"
for signal in TERM STOP KILL USR1; do
	not "a user does not signal patd ($signal)" as bob bash -c "kill -$signal $PATD_PID"
done
ok 'patd is the same' kill -0 "$PATD_PID"

end
