#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Whom nobody knows: how long a refusal takes does not tell strangers which users there are; who has no account
# any more mints nothing; and hosts, and servers that play patd, that do what none should, let nobody in.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

MODULE=$BUILD/pam_pat.so
HOST=$LIB/pamhost.py
DRIVE=$BUILD/tests/tools/pamdrive
NOWHERE=/var/lib/pat/none.tdb
AUTH_ERR=7 AUTHTOK_ERR=20 INCOMPLETE=31 SYSTEM_ERR=4

# --- how long who waits

give alice good --service probe
GOOD=$TOKEN

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

# calls: of a session in which no authentication came before.
calls() {
	printf '{"method":"io.pampat.Tokens.Authenticate","parameters":{"responses":%s}}\n' "$@" |
		as alice "$LIB/peers.py" call /run/pat/io.pampat.Tokens | grep -oE '"authenticated": ?[a-z]+|too many attempts'
}
GUESS='["a guess"]' RIGHT="[\"${PASSWORD[alice]}\"]"
like 'a session may guess three times' "$(calls [] "$GUESS" [] "$GUESS" [] "$RIGHT" | tail -n 1)" true
like 'and not four' "$(calls [] "$GUESS" [] "$GUESS" [] "$GUESS" [] | tail -n 1)" 'too many attempts'

cp /etc/pam.d/patd "$W/patd.pam"
service patd "auth required $BUILD/tests/preload/becomes.so" 'account required pam_permit.so'
log_mark
run "${SESSION[@]}" bob any true 'Create={"name":"own"}'
is 'who is taken for themselves mints' "$out" 'done'
run "${SESSION[@]}" alice any true 'Create={"name":"own"}'
is 'whom PAM takes for another in the end does not' "$out$err" 'not authenticated'
logged 'and is told of in the log' 'refused authentication for minting user="alice"'
cp "$W/patd.pam" /etc/pam.d/patd

# --- a patd that is root's, and not in order

# answered WHAT: by such a patd, how the login ended, and how often it was asked.
answered() {
	rm -f "$W/tmp/false"
	announced "$W/asked" "$LIB/false_patd.py" "$W/tmp/false" "$1" || bail 'no server'
	local pid=$!
	"$HOST" delay probe alice <<<"$GOOD"
	kill $pid && wait $pid 2>/dev/null
	grep -c asked "$W/asked"
}
service probe "auth required $MODULE store=$NOWHERE socket=$W/tmp/false"
run answered good
is 'where patd is in order, it is believed' "$out" $'0\n1'
for what in endless short long cut other; do
	run answered $what
	is "where its answer is not ($what), nobody is let in" "${out/[0-9]*$'\n'/}" 1
	is "and it is asked once ($what)" "${out%%[$' \n']*}" $SYSTEM_ERR
done
run answered hangs-up
is 'what it has read is not asked again: it may have been the one use that there was' \
	"${out##*$'\n'}" 1
is 'and nobody is let in' "${out%%[$' \n']*}" $SYSTEM_ERR

# --- how long those live who waited

SPARE='^Name:[[:space:]]*patd-spare$'
spares() {
	grep -ls "$SPARE" /proc/[0-9]*/status | tr -dc '0-9\n'
}
# Three at each socket, when somebody came to it.
six_wait() {
	[ "$(spares | wc -l)" -eq 6 ]
}
as alice "$LIB/peers.py" verify /run/pat/verify alice probe <<<"$GOOD" >"$W/said"
ok 'some wait' wait_for 5 six_wait
mapfile -t waiting < <(spares)
strace -f -qq -e trace=alarm,setitimer -o "$W/alarms" "${waiting[@]/#/-p}" 2>/dev/null &
TRACER=$!
for pid in "${waiting[@]}"; do
	wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$pid/status"
done
as alice "$LIB/peers.py" verify /run/pat/verify alice probe <<<"$GOOD" >"$W/said"
as alice patctl list >/dev/null
sleep 0.2
kill $TRACER && wait $TRACER 2>/dev/null
is 'a process that waited verifies' "$(<"$W/said")" accepted
# alarms: the bounds that processes of patd set to their lives. Those who wait had none.
alarms() {
	sed -nE 's/.*(alarm\(|it_value=\{tv_sec=)([0-9]+).*/\2/p' "$W/alarms" | sort -n | uniq
}
like 'and lives ten seconds from then on at most' $'\n'"$(alarms)"$'\n' $'\n10\n'
like 'and one that waited for a client five minutes' $'\n'"$(alarms)"$'\n' $'\n300\n'

# --- what programs hear that a PAM module starts

announced "$W/holding" exec_as alice "$LIB/peers.py" hold /run/pat/io.pampat.Tokens 1 \
	'{"method":"org.varlink.service.GetInfo"}' || bail 'no connection'
HOLDER=$!
# inherited: the sockets, above the first three descriptors, that patd's processes would leave to them.
inherited() {
	local pid fd
	for pid in $(pgrep -x patd) $(spares); do
		for fd in "/proc/$pid/fdinfo"/*; do
			# Readers run nothing, and have two.
			[ "${fd##*/}" -gt 2 ] || continue
			grep -q '^flags:.*02[0-9]\{6\}$' "$fd" ||
				find "/proc/$pid/fd/${fd##*/}" -lname 'socket:*'
		done
	done
}
serves() {
	[ "$(pgrep -cxP "$PATD_PID" patd)" -eq 1 ]
}
ok 'somebody is served' wait_for 5 serves
is 'nothing of what a client says, nor of the sockets of patd' "$(inherited)" ''
kill $HOLDER

# supplementary: the groups of the readers of a patd that was started with some.
supplementary() {
	local session
	for session in $(pgrep -P "$1"); do
		cat "/proc/$(pgrep -P "$session")/status" 2>/dev/null
	done | sed -n 's/^Groups:[[:space:]]*//p'
}
setpriv --groups=4,24 patd --listen "$W/grouped" 2>>"$W/patd.err" &
GROUPED=$!
wait_for 5 test -S "$W/grouped/io.pampat.Tokens"
announced "$W/holding" exec_as alice "$LIB/peers.py" hold "$W/grouped/io.pampat.Tokens" 1 \
	'{"method":"org.varlink.service.GetInfo"}' || bail 'no connection'
HOLDER=$!
has_groups() {
	[ "$(supplementary $GROUPED | wc -l)" -ge 1 ]
}
has_none() {
	[ -z "$(supplementary $GROUPED | tr -d ' \n')" ]
}
ok 'there is a reader of a patd that has groups' wait_for 5 has_groups
ok 'and it has none' wait_for 5 has_none
kill $HOLDER $GROUPED

# --- a place for the sockets that others could put theirs in

mkdir -m 755 "$W/place"
ln -s "$W/place" "$W/link"
install -d -m 755 -o alice "$W/alices"
install -d -m 777 "$W/everybodys"
for place in link alices everybodys; do
	run timeout 5 patd --listen "$W/$place"
	exited "patd does not listen in such a place ($place)" 1
	is "nor leaves anything there ($place)" "$(ls "$W/$place")" ''
done

# --- a question of which one thing is wrong

USES=$(field uses "${GOOD:7:8}")
run "$LIB/almost.py" /run/pat/verify alice probe <<<"$GOOD"
is 'a question in which nothing is wrong is answered' "${out%%$'\n'*}" 'nothing: accepted'
while IFS= read -r line; do
	like 'one in which one thing is wrong is not' "$line" ': closed$'
done <<<"${out#*$'\n'}"
is 'and that was one use of the token' "$(field uses "${GOOD:7:8}")" "$((USES + 1))"

# --- a store of another hash function, which nobody could change

# hash_function HEX: of the store; TDB asks it for no lock, so that what stands there tells it.
hash_function() {
	printf '%b' "$1" | dd of=/var/lib/pat/tokens.tdb bs=1 seek=40 conv=notrunc status=none
}
KEPT=$(od -An -tx1 -j40 -N4 /var/lib/pat/tokens.tdb | sed 's/ /\\x/g')
service probe "auth required $MODULE"
hash_function '\x78\x56\x34\x12'
run "$DRIVE" probe alice <<<"$GOOD"
like 'nobody is let in by it' "$out" '^auth=system_err '
not 'nor is anything minted' patctl create --user alice other
hash_function "$KEPT"
run "$DRIVE" probe alice <<<"$GOOD"
like 'put right, it is what it was' "$out" '^auth=success '

# --- programs that answer what is none, and a libpam that has no memory

service probe "auth required $MODULE"
run "$HOST" again probe <<<"$GOOD"
is 'a program that has no answer yet is told to come again' "$out" $INCOMPLETE
run "$HOST" nothing probe alice <<<"$GOOD"
is 'one that answers nothing is refused' "$out" $AUTHTOK_ERR
service sshd "auth required $MODULE" "session required $MODULE"
give alice soon --service sshd --expires 1d
run "$HOST" silent sshd alice <<<"$TOKEN"
is 'a session that is to be silent is' "$out" '0 0'
FORGETFUL=(env LD_PRELOAD="$BUILD/tests/preload/forgetful.so")
for call in pam_putenv pam_set_data; do
	log_mark
	run "${FORGETFUL[@]}" PAT_FORGETS=$call "$DRIVE" sshd alice <<<"$TOKEN"
	is "$call fails: nobody is let in of whom the session would not know by what" \
		"$out" 'auth=system_err id=none'
	logged "$call fails: and the log says so" "<82>.*refused token id=$ID after all"
done
service sshd "auth optional $MODULE" 'auth required pam_permit.so' "account sufficient $MODULE" \
	'account required pam_deny.so'
run "${FORGETFUL[@]}" PAT_FORGETS=pam_putenv "$DRIVE" sshd alice <<<"$TOKEN"
like 'nor do the phases behind take for a login by token what another module let in' "$out" \
	'^auth=success acct=auth_err '

# --- a host that a user may stop or kill, because one of its three uids is theirs

# To start it as such is not possible: who starts a program keeps only two of them.
killable() {
	/usr/bin/python3 -c 'import os, sys
uids, host, sys.argv = sys.argv[1].split(","), sys.argv[2], sys.argv[2:]
os.setresuid(*map(int, uids))
exec(open(host).read())' "$@"
}
service probe "auth required $MODULE"
uid=$(id -u alice)
for uids in "0,0,$uid" "$uid,0,0"; do
	log_mark
	run killable "$uids" "$HOST" delay probe alice <<<"$GOOD"
	is "uids $uids: the login succeeds" "$out" 0
	logged "uids $uids: and patd opened the store for it" "patd\[[0-9]+\]: accepted token id=${GOOD:7:8}"
done
run killable 0,0,0 "$HOST" delay probe alice <<<"$GOOD"
logged 'root opens it for itself' "pam_pat\(probe:auth\): accepted token id=${GOOD:7:8}"

# --- what stands in the environment of a session, where anybody may have put it

# environment ID: what a session is told, and which module sets credentials, of which alice says it is.
environment() {
	echo "PAM_PAT_ID=$1" >"$W/tmp/environment"
	timeout 20 "${@:2}" "$DRIVE" -a sshd alice </dev/null 2>&1
}
service sshd "auth required pam_env.so envfile=$W/tmp/environment" "$PAT_LINE" \
	'auth required pam_debug.so auth=success cred=cred_err' \
	"session required pam_env.so envfile=$W/tmp/environment" "session required $MODULE"
like 'a session is told of its token' "$(environment "$ID")" 'Token soon expires in .*cred=success '
install -m 4755 "$DRIVE" "$W/tmp/drive"
DRIVE=$W/tmp/drive
unlike 'but for that no program opens the store which a user started' \
	"$(environment "$ID" setpriv --reuid=alice --clear-groups)" expires
DRIVE=$BUILD/tests/tools/pamdrive
give bob soon --service sshd --expires 1d
unlike "not of another's" "$(environment "$ID")" expires
for id in '' "${ID%?}" "$ID$ID" "${ID%?}-"; do
	like "what is no id ($id) is no token's" "$(environment "$id")" 'cred=cred_err '
done

end
