#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patd and its peers: whoever speaks Varlink can manage their own tokens, nobody another's, and a peer
# that misbehaves harms itself alone.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens
VERIFY=/run/pat/verify
PEER=$LIB/peers.py

for path in /run/pat $TOKENS $VERIFY; do stat -c '%n %U %F' "$path"; done >"$W/stat"
is 'sockets and their directory belong to root' "$(cut -d' ' -f2 "$W/stat" | sort -u)" root
is 'the directory is 0755' "$(stat -c %a /run/pat)" 755

# call USER MESSAGE...: on one connection; the replies, a line each.
call() {
	local user=$1
	shift
	printf '%s\n' "$@" | as "$user" timeout 20 "$PEER" call $TOKENS
}

# message METHOD [PARAMETERS] of our interface
message() {
	printf '{"method":"io.pampat.Tokens.%s","parameters":%s}' "$1" "${2:-{\}}"
}

error() {
	printf '"error": ?"io\.pampat\.Tokens\.%s"' "$1"
}

# --- a client that is not ours

run call alice '{"method":"org.varlink.service.GetInfo"}'
like 'GetInfo names the interface' "$out" '"interfaces": ?\[[^]]*"io\.pampat\.Tokens"'
like 'and its own' "$out" '"interfaces": ?\[[^]]*"org\.varlink\.service"'
for key in vendor product version; do
	like "and the $key" "$out" "\"$key\": ?\"[^\"]+\""
done
like 'and has a url' "$out" '"url": ?"'
run call alice '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"io.pampat.Tokens"}}'
is 'GetInterfaceDescription is the definition' \
	"$(/usr/bin/python3 -c 'import json, sys
print(json.loads(sys.argv[1])["parameters"]["description"].strip())' "$out")" \
	"$(cat "$SRC/helper/patd/io.pampat.Tokens.varlink")"
run call alice '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"org.varlink.service"}}'
like 'org.varlink.service is described, too' "$out" 'interface org.varlink.service'
run call alice '{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"x.y"}}'
like 'an unknown interface' "$out" '"error": ?"org\.varlink\.service\.(InterfaceNotFound|InvalidParameter)"'
run call alice '{"method":"io.pampat.Tokens.Explode"}'
like 'an unknown method' "$out" '"error": ?"org\.varlink\.service\.MethodNotFound"'
run call alice '{"method":"x.y.Explode"}'
like 'an unknown interface' "$out" '"error": ?"org\.varlink\.service\.(Interface|Method)NotFound"'
run call alice '{"method":"io.pampat.Tokens.Get","parameters":{"selector":7}}'
like 'a parameter of the wrong type' "$out" '"error": ?"org\.varlink\.service\.InvalidParameter"'
run call alice '{"method":"io.pampat.Tokens.Get"}'
like 'a parameter left out' "$out" '"error": ?"org\.varlink\.service\.InvalidParameter"'

run call alice "$(message Authenticate)" \
	"$(message Authenticate "{\"responses\":[\"${PASSWORD[alice]}\"]}")" \
	"$(message Create '{"name":"ci","services":["sshd","probe"]}')" \
	"$(message Create '{"name":"second"}')"
like 'Authenticate asks' "$(sed -n 1p <<<"$out")" '"authenticated": ?false.*echo_off'
like 'and is satisfied' "$(sed -n 2p <<<"$out")" '"authenticated": ?true'
like 'Create mints' "$(sed -n 3p <<<"$out")" '"token": ?"lnxpat_[0-9A-Za-z]{57}"'
like 'once for each proof' "$(sed -n 4p <<<"$out")" "$(error AuthenticationRequired)"
TOKEN=$(grep -o 'lnxpat_[0-9A-Za-z]*' <<<"$out" | head -n 1) ID=${TOKEN:7:8}
run call alice '{"method":"io.pampat.Tokens.List","parameters":{},"more":true}'
is 'List with more: a reply for each, and the last' "$(wc -l <<<"$out")" 2
like 'the first has the token and continues' "$(sed -n 1p <<<"$out")" "$ID.*\"continues\": ?true|\"continues\": ?true.*$ID"
unlike 'the last has none' "$(sed -n 2p <<<"$out")" "$ID|\"continues\": ?true"
run call alice "$(message Get "{\"selector\":\"$ID\"}")"
like 'Get' "$out" "\"name\": ?\"ci\""
run call alice "$(message Verify "{\"secret\":\"$TOKEN\"}")"
like 'Verify' "$out" "\"id\": ?\"$ID\""
run as alice "$PEER" send $TOKENS by-pieces
like 'a message that comes byte by byte is one' "$out" '"product"'
run as alice "$PEER" send $TOKENS longest
like 'one of 16384 bytes is taken' "$out" '"product"'

# --- nobody another's

give carol hers --service sshd,probe
CAROLS=$TOKEN CAROLS_ID=$ID
denied() {
	run call bob "${@:2}"
	like "$1" "$out" "$(error PermissionDenied)"
	unlike "$1: and nothing is shown" "$out" 'hers|lnxpat_'
}
denied 'a user cannot list for another' \
	'{"method":"io.pampat.Tokens.List","parameters":{"user":"carol"},"more":true}'
denied 'nor for all' \
	'{"method":"io.pampat.Tokens.List","parameters":{"all_users":true},"more":true}'
denied 'nor see one' "$(message Get "{\"selector\":\"$CAROLS_ID\",\"user\":\"carol\"}")"
denied 'nor revoke' "$(message Revoke "{\"selector\":\"$CAROLS_ID\",\"user\":\"carol\"}")"
denied 'nor revoke all' "$(message RevokeAll '{"user":"carol"}')"
denied 'nor mint' "$(message Authenticate)" \
	"$(message Authenticate "{\"responses\":[\"${PASSWORD[bob]}\"]}")" \
	"$(message Create '{"name":"evil","user":"carol"}')"
denied 'not for root either' "$(message RevokeAll '{"user":"root"}')"
run call bob "$(message Get "{\"selector\":\"$CAROLS_ID\"}")"
like 'an id alone finds nothing of another' "$out" "$(error NotFound)"
run call bob "$(message Revoke "{\"selector\":\"$CAROLS_ID\"}")"
like 'nor revokes it' "$out" "$(error NotFound)"
for lie in '"uid":0' '"caller":"root"' '"user":"bob","uid":0' '"user":"root\u0000bob"'; do
	run call bob "{\"method\":\"io.pampat.Tokens.List\",\"parameters\":{\"all_users\":true,$lie},\"more\":true}"
	like "who one claims to be does not matter: $lie" "$out" '"error":|^closed$'
	unlike "and shows nothing: $lie" "$out" 'hers'
done
run call bob "$(message Create '{"name":"evil"}')"
like 'minting needs a proof' "$out" "$(error AuthenticationRequired)"
run call bob "$(message Authenticate)" "$(message Authenticate '{"responses":["wrong"]}')" \
	"$(message Create '{"name":"evil"}')"
like 'a wrong one' "$(sed -n 2p <<<"$out")" "$(error AuthenticationFailed)"
like 'is none' "$(sed -n 3p <<<"$out")" "$(error AuthenticationRequired)|closed"
run call bob "$(message Authenticate)" "$(message Create '{"name":"evil"}')"
like 'half a one is none' "$(sed -n 2p <<<"$out")" "$(error 'Authentication(Required|Failed)')|closed"
run call bob "$(message Authenticate)" "$(message Authenticate '{"responses":[]}')" \
	"$(message Create '{"name":"evil"}')"
unlike 'an empty one is none' "$out" 'lnxpat_'
run call bob "$(message Authenticate)" "$(message Authenticate "{\"responses\":[\"$CAROLS\"]}")" \
	"$(message Create '{"name":"evil"}')"
unlike 'a token is none' "$out" 'lnxpat_'
run call bob "$(message Authenticate)" \
	"$(message Authenticate "{\"responses\":[\"${PASSWORD[bob]}\"]}")"
like 'a proof' "$(sed -n 2p <<<"$out")" '"authenticated": ?true'
run call bob "$(message Create '{"name":"evil"}')"
like 'is for its own connection only' "$out" "$(error AuthenticationRequired)"
run call bob "$(message RevokeSecret "{\"secret\":\"$("$LIB/forge.py" "$CAROLS_ID")\"}")"
like 'a wrong secret revokes nothing' "$out" "$(error NotFound)"
is 'after all this: what is whose is as before' \
	"$(patctl list --all-users --no-legend | wc -l) $(field status "$CAROLS_ID" carol)" '2 active'

# --- the socket of the module

ask() {
	local user=$1
	shift
	as "$user" timeout 20 "$PEER" verify $VERIFY "$@" <<<"$CAROLS"
}
run ask carol carol sshd
is 'verify: a user may ask about themselves' "$out" accepted
log_mark
run ask bob carol sshd 192.0.2.7
is 'verify: not about another' "$out" refused
logged 'verify: which the log says, with who asked' \
	"^<8[0-7]>.*patd\[[0-9]+\]: refused token id=$CAROLS_ID .*user=\"carol\" service=\"sshd\" rhost=\"192\.0\.2\.7\".* reason=peer.*peer=\"uid=$(id -u bob) pid=[0-9]+\""
run "$PEER" verify $VERIFY carol sshd <<<"$CAROLS"
is 'verify: root may' "$out" accepted
run "$PEER" verify $VERIFY bob sshd <<<"$CAROLS"
is 'verify: and is told that it is not' "$out" refused
sed -i 's/^verify_for.*/verify_for = bob/' /etc/security/pat.conf
run ask bob carol sshd
is 'verify: and so may whom verify_for names' "$out" accepted
run ask alice carol sshd
is 'verify: and nobody else' "$out" refused
sed -i 's/^verify_for.*/verify_for = bob\nmax_tokens = what/' /etc/security/pat.conf
run ask bob carol sshd
is 'verify: a policy that is wrong names nobody' "$out" refused
run ask carol carol sshd
is 'verify: and stops nobody from asking about themselves' "$out" accepted
sed -i '/what/d; s/^verify_for.*/verify_for =/' /etc/security/pat.conf

service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so'
run as carol "$LIB/pam.py" probe carol <<<"$CAROLS"
is 'the module in a process of the user: accepted' "$out" 'PAM_SUCCESS'$'\n'"PAM_PAT_ID=$CAROLS_ID"
run as bob "$LIB/pam.py" probe carol <<<"$CAROLS"
is 'the module in a process of another user: refused' "$out" PAM_AUTH_ERR

# --- rude peers

give alice forsudo --service sudo
SUDO=$TOKEN

# served: others are, at once.
served() {
	local began=$EPOCHREALTIME
	run timeout 20 setpriv --reuid=alice --regid=alice --init-groups --reset-env patctl list -j
	is "$1: another user is answered" "$rc" 0
	run timeout 20 "$PEER" verify $VERIFY carol sshd <<<"$CAROLS"
	is "$1: root is answered" "$out" accepted
	as alice sudo -k
	run as alice timeout 20 sudo -S -p '' id -un <<<"$SUDO"
	is "$1: the module is answered" "$out" root
	ok "$1: at once" awk "BEGIN { exit !($EPOCHREALTIME - $began < 3) }"
}

for what in garbage nothing-but-ends text array number two-in-one deep deep-object bad-utf8 \
	no-method method-number parameters-array twice too-long endless http; do
	run as bob timeout 20 "$PEER" send $TOKENS $what
	like "malformed ($what): closed, or an error" "$out" '^closed$|"error":'
	unlike "malformed ($what): not answered" "$out" '"product"'
done
log_mark
run as bob timeout 20 "$PEER" send $TOKENS garbage
logged 'malformed: is logged, with who sent it' "patd\[[0-9]+\]: .*uid=$(id -u bob)"
for what in one-byte short long huge garbage other-magic no-ends; do
	run as bob timeout 20 "$PEER" query $VERIFY $what
	is "malformed question ($what): closed" "$out" closed
done
for what in no-token not-a-token no-user; do
	run as bob timeout 20 "$PEER" query $VERIFY $what
	like "a question without sense ($what): not accepted" "$out" '^(refused|closed)$'
done
log_mark
run "$PEER" query $VERIFY hostile-text
like 'a question with hostile text: not accepted' "$out" '^(refused|closed)$'
not_logged 'hostile text does not reach the log as it is' $'\e'
served 'malformed'
ok 'patd is the same' kill -0 "$PATD_PID"

fds() {
	find "/proc/$PATD_PID/fd" -type l | wc -l
}
# Not counting those that wait for the next question of the module and the next client.
children() {
	grep -ls "^PPid:[[:space:]]*$PATD_PID\$" /proc/[0-9]*/status | xargs -r grep -Ls '^Name:[[:space:]]*patd-spare$' | wc -l
}
no_child_but() {
	[ "$(children)" -le "$1" ]
}
fds_before=$(fds)

for socket in $TOKENS $VERIFY; do
	name=${socket##*/}
	announced "$W/tmp/hold.out" exec_as bob "$PEER" hold "$socket" 1000
	held=$!
	like "1000 connections to $name are tried" "$(<"$W/tmp/hold.out")" '^holding [0-9]{2,}$'
	served "while one user holds 1000 connections to $name"
	ok "patd keeps but a few of them ($name)" test "$(fds)" -lt 200
	ok "and as few children ($name)" no_child_but 100
	kill $held
	wait $held 2>/dev/null
	run wait_for 5 as bob patctl list
	is "the one who let go of $name is served again" "$rc" 0

	announced "$W/tmp/flood.out" exec_as bob "$PEER" flood "$socket"
	flooding=$!
	served "while one user floods $name"
	kill $flooding
	wait $flooding 2>/dev/null
	run wait_for 5 as bob patctl list
	is "the one who stopped flooding $name is served again" "$rc" 0
done

announced "$W/tmp/hold.out" exec_as bob "$PEER" hold $TOKENS 1000 '{"method":'
held=$!
served 'while one user sends 1000 half messages'
kill $held
wait $held 2>/dev/null
run as alice "$PEER" send $TOKENS endless
is 'an endless message ends' "$out" closed

# patd asks the oldest of too many to make place. One that has been heard is answered first: the store is
# held meanwhile, for less than it waits.
give alice heard --service probe
announced "$W/tmp/holds" "$LIB/holder.py" alone /var/lib/pat/tokens.tdb
HOLDS=$!
"$PEER" verify $VERIFY alice probe <<<"$TOKEN" >"$W/tmp/heard" &
HEARD=$!
sleep 0.3
for child in $(<"/proc/$PATD_PID/task/$PATD_PID/children"); do
	[ "$(<"/proc/$child/comm")" != patd ] || kill -TERM "$child"
done
sleep 0.1
kill $HOLDS
wait $HOLDS 2>/dev/null
wait $HEARD
is 'who was heard is answered, though it should make place' "$(<"$W/tmp/heard")" accepted

ok 'no child is left over' wait_for 5 no_child_but 0
no_more_fds() {
	[ "$(fds)" -le "$fds_before" ]
}
ok 'nor a descriptor' wait_for 5 no_more_fds

end
