#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: counted
#
# What becomes of a token after it was minted: rotated, narrowed, suspended, resumed, ended, swept; and
# what its owner hears of it.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
export TZ=UTC

DRIVE=$W/pamdrive
install -m 755 "$BUILD/tests/tools/pamdrive" "$DRIVE" || bail 'no pamdrive'
for service in probe other; do
	service $service "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
		'session optional pam_pat.so'
done

CLOCK=()
# attempt PATH SECRET [SERVICE [RHOST]]: what authentication as alice says; PATH is `direct` or `patd`.
attempt() {
	local became=()
	[ "$1" = direct ] || became=(as alice)
	"${became[@]}" timeout 20 "${CLOCK[@]}" "$DRIVE" ${4:+-r "$4"} "${3:-probe}" alice <<<"$2" \
		2>/dev/null | sed -n 's/^auth=\([a-z_]*\) .*/\1/p'
}

# works WHAT SECRET [SERVICE [RHOST]], fails WHAT REASON SECRET [SERVICE [RHOST]]: by both paths.
works() {
	local path
	for path in direct patd; do
		is "$1: accepted ($path)" "$(attempt $path "${@:2}")" success
	done
}

fails() {
	local path
	for path in direct patd; do
		log_mark
		is "$1: refused ($path)" "$(attempt $path "${@:3}")" auth_err
		logged "$1: and the log says why ($path)" "refused token id=${3:7:8} .* reason=$2( |\$)"
	done
}

# with_password COMMAND...: patctl as alice, who types hers.
with_password() {
	as alice timeout 20 patctl "$@" --password-stdin <<<"${PASSWORD[alice]}"
}

# events FILTER [ID]: of `show` for an id, else of `why`; a line `ID NAME SERVICE FROM REASON COUNT` for each.
events() {
	if [ "${1-}" ]; then
		as alice patctl show "$1" --json
	else
		as alice patctl why --json "${@:2}"
	fi | /usr/bin/python3 -c '
import json, sys
answer = json.load(sys.stdin)
for event in answer if isinstance(answer, list) else answer["events"]:
    print(*(event[key] for key in ("id", "name", "service", "from", "reason", "count")))'
}

# stored ID: how the grant of a token stands in the store: its algorithm and its hash, in hexadecimal.
stored() {
	/usr/bin/python3 -c '
import ctypes, os, sys
class Data(ctypes.Structure):
    _fields_ = [("bytes", ctypes.POINTER(ctypes.c_ubyte)), ("size", ctypes.c_size_t)]
tdb = ctypes.CDLL("libtdb.so.1")
tdb.tdb_open.restype = ctypes.c_void_p
tdb.tdb_fetch.restype = Data
tdb.tdb_fetch.argtypes = [ctypes.c_void_p, Data]
key = b"t" + sys.argv[1].encode()
file = tdb.tdb_open(b"/var/lib/pat/tokens.tdb", 0, 0, os.O_RDONLY, 0)
found = tdb.tdb_fetch(file, Data((ctypes.c_ubyte * len(key))(*key), len(key)))
print(found.bytes[1], bytes(found.bytes[2:34]).hex()) if found.bytes else print("none")' "$1"
}

# --- rotate

give alice ci --service probe,other --from 192.0.2.0/24 --uses 50 --description 'the cellar' --expires 30d
OLD=$TOKEN OLD_ID=$ID
works 'before' "$OLD" probe 192.0.2.1
run as alice timeout 20 patctl rotate ci --password-stdin <<<'not the password'
exited 'rotate wants the password' 4
is 'and hands out nothing without' "$out" ''
run as alice timeout 20 patctl rotate ci --password-stdin <<<"$OLD"
exited 'a token is none' 4
is 'the old one was not touched' "$(field status "$OLD_ID")" active
log_mark
run with_password rotate ci
exited 'with it, the token is rotated' 0
NEW=$out NEW_ID=${out:7:8}
like 'the new one is on standard output' "$NEW" '^lnxpat_[0-9A-Za-z]{57}$'
logged 'the log says which took the place of which' "rotated token id=$OLD_ID successor=$NEW_ID "
works 'the new one' "$NEW" probe 192.0.2.1
works 'the new one at its other service' "$NEW" other 192.0.2.1
fails 'the new one from elsewhere' source "$NEW" probe 192.0.3.1
for member in name description services sources max_uses; do
	is "the new one has the $member of the old one" "$(field $member "$NEW_ID")" \
		"$(field $member "$OLD_ID")"
done
length() {
	echo $(($(date -d "$(field expires_at "$1")" +%s) - $(date -d "$(field created_at "$1")" +%s)))
}
is 'and as long a life' "$(length "$NEW_ID")" "$((30 * 86400))"
is 'its uses are counted anew' "$(field uses "$NEW_ID")" 4
is 'the old one has ended' "$(field status "$OLD_ID") $(field successor "$OLD_ID")" \
	"revoked $NEW_ID"
is 'the name means the new one' "$(as alice patctl show ci --json | grep '^  "id"')" "  \"id\": \"$NEW_ID\","

for path in direct patd; do
	log_mark
	is "the old one: refused ($path)" "$(attempt $path "$OLD" probe 192.0.2.66)" auth_err
	logged "the old one: a warning, for somebody has it ($path)" \
		"^<(84|28)>.* refused token id=$OLD_ID .* rhost=\"192\.0\.2\.66\" .* reason=rotated detail=\".*$NEW_ID"
done
LEAK="$OLD_ID ci probe 192.0.2.66 rotated 1"
is 'show of the old one tells of it' "$(events "$OLD_ID" | grep -c "^$LEAK\$")" 2
is 'and show of the new one' "$(events "$NEW_ID" | grep -c "^$LEAK\$")" 2
is 'and why' "$(events '' | grep -c "^$LEAK\$")" 2
run as alice patctl show ci
like 'for people, with the id that was presented' "$out" "192\.0\.2\.66 +$OLD_ID: .*$NEW_ID"
run with_password rotate "$OLD_ID"
exited 'what was rotated is not rotated again' 1
like 'and it is said what took its place' "$err" "$NEW_ID"
run with_password resume "$OLD_ID"
exited 'nor resumed' 1

give alice shift --service probe
OLD=$TOKEN OLD_ID=$ID
run with_password rotate shift --overlap 2h
exited 'rotate with an overlap' 0
NEW=$out NEW_ID=${out:7:8}
works 'the old one in the overlap' "$OLD"
works 'the new one in the overlap' "$NEW"
is 'both are listed' "$(as alice patctl list --no-legend | grep -c ' shift ')" 2
is 'the old one lives two hours more' \
	"$((($(date -d "$(field expires_at "$OLD_ID")" +%s) - $(date +%s) + 60) / 120))" 60
is 'the name means the new one already' \
	"$(as alice patctl show shift --json | grep '^  "id"')" "  \"id\": \"$NEW_ID\","
run with_password rotate "$OLD_ID"
exited 'the old one cannot be rotated again' 1
if command -v faketime >/dev/null; then
	FAKE=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
	CLOCK=(env LD_PRELOAD="$FAKE" FAKETIME=+7190s FAKETIME_DONT_FAKE_MONOTONIC=1)
	is 'shortly before the overlap ends: accepted' "$(attempt direct "$OLD")" success
	CLOCK[2]=FAKETIME=+7210s
	log_mark
	is 'when the overlap has ended: refused' "$(attempt direct "$OLD")" auth_err
	logged 'when the overlap has ended: a warning' \
		"^<84>.* refused token id=$OLD_ID .* reason=rotated detail=\".*$NEW_ID"
	is 'the new one goes on' "$(attempt direct "$NEW")" success
	CLOCK=()
	is 'show of the new one tells of it' "$(events "$NEW_ID" | grep -c " rotated 1$")" 1
else
	skip 'the end of an overlap' 'needs faketime'
fi
as alice patctl revoke -q "$OLD_ID"
fails 'revoked in the overlap' rotated "$OLD"
works 'the new one, then' "$NEW"
run with_password rotate shift --overlap 2M
refused 'an overlap is a month at most'
run patctl rotate shift --user alice
exited 'root rotates without a password' 0
fails 'and the one before has ended' rotated "$NEW"

# --- edit

give alice narrow --service probe,other,sudo --from 192.0.2.0/24,2001:db8::/32 --uses 40 --expires 30d
NARROW=$TOKEN NARROW_ID=$ID
works 'before it is narrowed' "$NARROW" other 192.0.2.77

# widens WHAT OPTIONS: refused, and nothing was changed.
widens() {
	local before
	before=$(as alice patctl show narrow --json | grep -v '_used\|"uses"\|refusals')
	run as alice patctl edit narrow "${@:2}"
	exited "edit does not widen: $1" 5
	like "edit says what to do instead: $1" "$err" 'rotate|create'
	is "edit changes nothing then: $1" \
		"$(as alice patctl show narrow --json | grep -v '_used\|"uses"\|refusals')" "$before"
}
widens 'another service' --service probe,login
widens 'one service more' --service probe,other,sudo,login
widens 'a group of services' --service @remote
widens 'a larger network' --from 192.0.0.0/16
widens 'another network' --from 198.51.100.0/24
widens 'one source more' --from 192.0.2.0/24,local
widens 'anywhere' --from 0.0.0.0/0,::/0
widens 'a later end' --expires 31d
widens 'no end' --expires never
widens 'more uses' --uses 41
widens 'one that narrows and one that widens' --service probe --uses 41
run as alice patctl edit narrow --expires 2020-01-01
exited 'an end in the past is a wrong time' 2

# narrows WHAT OPTIONS
narrows() {
	log_mark
	run as alice patctl edit narrow "${@:2}"
	exited "edit narrows, without a password: $1" 0
	logged "edit is logged: $1" "edited token id=$NARROW_ID .* by=alice"
}
narrows 'the same services' --service other,sudo,probe
narrows 'fewer services' --service probe,sudo-i
fails 'at once: a service less' service "$NARROW" other 192.0.2.77
works 'at once: those that stay' "$NARROW" probe 192.0.2.77
widens 'the service that was there before' --service probe,sudo
narrows 'a smaller network' --from 192.0.2.64/26
works 'at once: within it' "$NARROW" probe 192.0.2.77
fails 'at once: a network less' source "$NARROW" probe 192.0.2.1
fails 'at once: another network less' source "$NARROW" probe 2001:db8::1
narrows 'a single address' --from ::ffff:192.0.2.77
works 'at once: that' "$NARROW" probe 192.0.2.77
fails 'at once: its neighbour' source "$NARROW" probe 192.0.2.78
narrows 'another name and description' --name narrower --description 'for one job'
is 'which it has' "$(field name "$NARROW_ID") $(field description "$NARROW_ID")" \
	'narrower for one job'
run as alice patctl edit narrower --name shift
exited 'not the name of another live one' 1
run as alice patctl edit narrower --name narrow
exited 'its own former name is free' 0
uses=$(field uses "$NARROW_ID")
narrows 'fewer uses' --uses $((uses + 2))
works 'at once: two more' "$NARROW" probe 192.0.2.77
fails 'at once: not one more' spent "$NARROW" probe 192.0.2.77
run as alice patctl edit "$NARROW_ID" --name x
exited 'what has ended is not edited' 1
give alice narrow --service probe
NARROW=$TOKEN NARROW_ID=$ID
narrows 'a limit where there was none' --from 192.0.2.0/24
narrows 'uses where there was no limit' --uses 100
works 'at once: from there' "$NARROW" probe 192.0.2.1
fails 'at once: not from elsewhere' source "$NARROW"
narrows 'an earlier end' --expires 2s
sleep 2.1
fails 'it ends then' expired "$NARROW" probe 192.0.2.1
give bob his --service probe
run as alice patctl edit "$ID" --name mine
exited "another's is not found" 3

# --- suspend, resume

give alice paused --service probe
PAUSED=$TOKEN PAUSED_ID=$ID
log_mark
run as alice patctl suspend paused
exited 'suspend wants no password' 0
logged 'and is logged' "suspended token id=$PAUSED_ID .*by=alice"
fails 'a suspended token' suspended "$PAUSED"
is 'it stays in the list' "$(as alice patctl list --no-legend | grep -c ' paused .*suspended')" 1
run patctl create paused --user alice --service probe
refused 'and keeps its name'
run as alice patctl suspend paused
exited 'suspended twice is suspended' 0
run as alice timeout 20 patctl resume paused --password-stdin <<<'not the password'
exited 'resume wants the password' 4
run as alice timeout 20 patctl resume paused --password-stdin <<<"$PAUSED"
exited 'not the token' 4
run as alice timeout 20 patctl resume paused --password-stdin </dev/null
exited 'not nothing' 4
fails 'still suspended' suspended "$PAUSED"
log_mark
run with_password resume paused
exited 'resume with the password' 0
logged 'and that is logged' "resumed token id=$PAUSED_ID .*by=alice"
works 'a resumed token' "$PAUSED"
as alice patctl suspend -q paused
run as alice patctl edit paused --uses 9
exited 'a suspended token may be narrowed' 0
is 'and stays suspended' "$(field status "$PAUSED_ID")" suspended
as alice patctl revoke -q paused
run with_password resume "$PAUSED_ID"
exited 'what was revoked does not come back' 1
give alice gone --service probe --expires 2s
as alice patctl suspend -q gone
sleep 2.1
run with_password resume "$ID"
exited 'nor what has expired' 1
run patctl resume "$ID"
exited 'nor for root' 1
fails 'and it is refused as expired' expired "$TOKEN"

# --- tombstones

as alice patctl revoke -q --all
give alice stone --service probe
STONE=$TOKEN STONE_ID=$ID
HASH=$(stored "$ID")
like 'a live token has its hash in the store' "$HASH" '^1 [0-9a-f]{64}$'
as alice patctl revoke -q stone
is 'a revoked one is not listed' "$(as alice patctl list --no-legend)" ''
is 'but with --all' "$(as alice patctl list --all --no-legend | grep -c "^$STONE_ID stone .*revoked")" 1
unlike 'its hash has gone' "$(stored "$STONE_ID")" "^1 |${HASH#* }"
fails 'it is known as what it was' revoked "$STONE"
run as alice patctl verify <<<"$STONE"
exited 'verify knows it, too' 1
like 'verify says so' "$out" "^revoked +$STONE_ID"
run as alice patctl revoke "$STONE_ID"
exited 'revoked twice is revoked' 0

# --- the sweep

if command -v faketime >/dev/null; then
	# sweep WHEN: what it says, a line for each.
	sweep() {
		run faketime -f "$1" patd --sweep
		exited "the sweep at $1" 0
	}
	# kept ID: whether root still finds it.
	kept() {
		patctl list --all --all-users --no-legend | grep -c "^$1 "
	}
	give alice short --service probe --expires 1h
	SHORT=$TOKEN SHORT_ID=$ID
	SHORT_HASH=$(stored "$ID")
	give alice idle --service probe --expires 1y
	IDLE_ID=$ID
	give alice busy --service probe --expires 1y
	BUSY=$TOKEN BUSY_ID=$ID
	sweep +30d
	unlike 'what has expired has no hash after a sweep' "$(stored "$SHORT_ID")" "^1 |${SHORT_HASH#* }"
	fails 'and is known all the same' expired "$SHORT"
	is 'it is in the whole list' "$(kept "$SHORT_ID")" 1
	sweep +89d
	is 'on the 89th day what was revoked is kept' "$(kept "$STONE_ID")" 1
	like 'and nothing is said' "$out" '^0 revoked, 0 removed$'
	log_mark
	sweep +91d
	is 'on the 91st it is not' "$(kept "$STONE_ID") $(kept "$SHORT_ID")" '0 0'
	like 'the sweep says which it removed' "$out" "removed $STONE_ID \"stone\" of alice"
	logged 'and the log' "sweep: removed token id=$STONE_ID "
	is 'a live one stays, used or not' "$(kept "$IDLE_ID")" 1
	is 'nothing is left of it in the store' "$(stored "$STONE_ID")" none
	log_mark
	fails 'it is not known any more' unknown "$STONE"
	run as alice patctl verify <<<"$STONE"
	exited 'nor to verify' 3

	echo 'expire_unused = 30d' >>/etc/security/pat.conf
	sed -i '/^expire_unused = 1y/d; s/^keep_revoked.*/keep_revoked = 2d/' /etc/security/pat.conf
	CLOCK=(faketime -f +20d)
	is 'one is used' "$(attempt direct "$BUSY")" success
	CLOCK=()
	sweep +29d
	is 'on the 29th day nothing ends' "$(field status "$IDLE_ID") $(field status "$BUSY_ID")" 'active active'
	log_mark
	sweep +31d
	is 'on the 31st what nobody used' "$(field status "$IDLE_ID") $(field status "$BUSY_ID")" 'revoked active'
	like 'the sweep says so' "$out" "revoked, because nobody used it: $IDLE_ID \"idle\" of alice"
	logged 'and the log' "sweep: revoked, because nobody used it: token id=$IDLE_ID "
	sweep +51d
	is 'later what was used once' "$(field status "$BUSY_ID")" revoked
	sweep +54d
	is 'keep_revoked counts from then' "$(kept "$IDLE_ID") $(kept "$BUSY_ID")" '0 0'
	sed -i '/^expire_unused/d' /etc/security/pat.conf

	rm -f /etc/shadow-maint/userdel-pre.d/pam_pat
	useradd --uid 4711 dora
	give dora left --service probe
	userdel dora
	sweep +0
	like 'whose account is gone, is seen' "$out" "$ID \"left\" of dora"
	sweep +1h
	like 'an hour later nothing more' "$out" '^0 revoked, 0 removed$'
	useradd --uid 4711 dora
	sweep +25h
	like 'whose account is back, has it' "$out" "account back: $ID"
	userdel dora
	sweep +26h
	sweep +50h
	like 'a day after it is revoked' "$out" "revoked, because its account is gone: $ID \"left\" of dora"
	sweep +99h
	is 'and removed as others are' "$(kept "$ID")" 0
	# Another's, who has the uid now, is not touched for it.
	useradd --uid 4711 erin
	give erin hers --service probe
	sweep +48h
	sweep +96h
	is "a successor's own token stays" "$(field status "$ID" erin)" active
	echo 'rubbish' >>/etc/security/pat.conf
	run patd --sweep
	refused 'with a policy that cannot be read, nothing is swept'
	like 'and it is said why' "$err" 'nothing was swept: .*pat.conf line'
	sed -i '$d' /etc/security/pat.conf
else
	skip 'the sweep' 'needs faketime'
fi

# --- why

give alice asks --service probe --from 192.0.2.0/24,local
ASKS=$TOKEN ASKS_ID=$ID
attempt direct "$ASKS" other >/dev/null
attempt patd "$ASKS" probe 198.51.100.1 >/dev/null
attempt direct "$ASKS" probe host.example >/dev/null
"$DRIVE" probe bob <<<"$ASKS" >/dev/null 2>&1
like 'why has the true reason, newest last' "$(events '' | grep "^$ASKS_ID" | tr '\n' ';')" \
	"^$ASKS_ID asks other None service 1;$ASKS_ID asks probe 198.51.100.1 source 1;$ASKS_ID asks probe host.example host-name 1;$ASKS_ID asks probe None other-user 1;\$"
run as alice patctl why
like 'in words: the service' "$out" 'asks +other +- +scope is probe'
like 'in words: the source' "$out" 'asks +probe +198\.51\.100\.1 +good from 192\.0\.2\.0/24,local'
like 'in words: the host name' "$out" 'host\.example .*UseDNS no'
for i in 1 2 3; do
	attempt direct "$("$LIB/forge.py" "$ASKS_ID")" probe 203.0.113.$i >/dev/null
done
is 'who did not prove the secret is but counted' "$(events '' | grep ' secret ')" \
	"$ASKS_ID None None None secret 3"
unlike 'and nothing that they sent is told' "$(as alice patctl why --json)" '203\.0\.113'
run as alice patctl why
like 'in words, with the id and how often' "$out" "$ASKS_ID +- +- +wrong secret \(3 times\)"
for i in {1..9}; do
	attempt direct "$("$LIB/forge.py" "$ASKS_ID")" probe >/dev/null
done
is 'nor do they push out what was proved' "$(events "$ASKS_ID" | grep -c ' asks ')" 4
works 'a use' "$ASKS"
is 'is no refusal' "$(events '' | grep -c "^$ASKS_ID.* None 1\$")" 0
is 'but an event' "$(events "$ASKS_ID" | grep -c "^$ASKS_ID asks probe None None 1\$")" 2
is 'five are kept' "$(events "$ASKS_ID" | grep -c ' asks ')" 5
is "another's why has nothing of it" "$(as carol patctl why --json)" '[]'
run as bob patctl why --user alice
exited 'nor may another ask' 5
is 'root may' "$(patctl why --user alice --json | grep -c "$ASKS_ID")" 4
sleep 2.1
is 'since a second ago there was none' "$(events '' --since 1s)" ''
run as alice patctl why --since 1s -q
is 'and nothing is printed' "$rc$out$err" 0

as alice patctl revoke -q --all
for i in {1..40}; do
	give alice "of many $i" --service other
	for _ in 1 2 3 4 5; do
		"$DRIVE" probe alice <<<"$TOKEN" >/dev/null 2>&1
	done
done
run as alice patctl why
is 'however much there is to tell' "$rc $(grep -c 'of many .* scope is other' <<<"$out")" '0 200'
as alice patctl revoke -q --all

# --- notices

for service in sshd sudo sudo-i su su-l login; do
	[ ! -e /etc/pam.d/$service ] || echo 'session optional pam_pat.so' >>/etc/pam.d/$service
done
sshd_start
rm -f /home/alice/.hushlogin
give alice soon --service sshd,sudo,su,login --expires 3d
SOON=$TOKEN SOON_ID=$ID
give alice later --service sshd,sudo,su,login --expires 8d
LATER=$TOKEN
NOTICE='Token soon expires in (2|3) days: patctl rotate soon'

# terminal SECRET [COMMAND...]: a login of alice's by ssh, with a terminal.
terminal() {
	"$LIB/pty.exp" ssh -tt "${SSH_OPTIONS[@]}" -o PreferredAuthentications=password \
		alice@127.0.0.1 "${@:2}" <<<"$1"$'\n''PS1=; exit'
}
run terminal "$SOON"
like 'ssh on a terminal: the notice' "$out" "$NOTICE"
is 'once' "$(grep -c 'expires in' <<<"$out")" 1
run terminal "$LATER"
unlike 'ssh on a terminal with more than a week to go: none' "$out" 'expires in'
run terminal "${PASSWORD[alice]}"
unlike 'ssh on a terminal with the password: none' "$out" 'expires in'
run terminal "$SOON" id -un
unlike 'ssh with a command on a terminal: none' "$out" 'expires in'
like 'which runs' "$out" alice
run "$LIB/pty.exp" login alice <<<"$SOON"$'\n''PS1=; exit'
like 'login: the notice' "$out" "$NOTICE"

silent() {
	is "$1: no notice" "$out$err" "${2-}"
	is "$1: works" "$rc" 0
}
SSH=("${SSH_OPTIONS[@]}" -o PreferredAuthentications=password)
run ssh_with password "$SOON" alice id -un
silent 'ssh with a command' alice
run ssh_with keyboard-interactive "$SOON" alice id -un
silent 'ssh by the other method' alice
echo data >"$W/tmp/data"
run timeout 20 sshpass -d 9 scp "${SSH[@]}" "$W/tmp/data" alice@127.0.0.1:scp 9<<<"$SOON"
silent scp
run timeout 20 sshpass -d 9 scp -O "${SSH[@]}" "$W/tmp/data" alice@127.0.0.1:scp 9<<<"$SOON"
silent 'scp by its old protocol'
echo "@put $W/tmp/data sftp" >"$W/tmp/batch"
run timeout 20 sshpass -d 9 sftp -q -o BatchMode=no -b "$W/tmp/batch" "${SSH[@]}" alice@127.0.0.1 9<<<"$SOON"
silent sftp
run timeout 20 sshpass -d 9 rsync -e "ssh ${SSH[*]}" "$W/tmp/data" alice@127.0.0.1:rsync 9<<<"$SOON"
silent rsync
run as alice timeout 20 sudo -S -p '' id -un <<<"$SOON"
silent 'sudo -S' root
run as alice "$LIB/pty.exp" sudo -k id -un <<<"$SOON"
unlike 'sudo on a terminal: no notice' "$out" 'expires in'
like 'sudo on a terminal: works' "$out" root
for su in su 'su -l'; do
	# shellcheck disable=SC2086
	run as carol "$LIB/pty.exp" $su alice -c 'id -un' <<<"$SOON"
	unlike "$su on a terminal: no notice" "$out" 'expires in'
	like "$su on a terminal: works" "$out" alice
done
run as alice "$LIB/pty.exp" sudo -k -i id -un <<<"$SOON"
unlike 'sudo -i on a terminal: no notice' "$out" 'expires in'
like 'sudo -i on a terminal: works' "$out" root
run as carol timeout 20 su alice -c 'id -un' <<<"$SOON"
is 'su without a terminal: no notice' "$out" alice
as alice patctl edit -q soon --expires 90m --name 'the soon one'
run terminal "$SOON"
like 'a shorter time in minutes, a name that is no word by its id' "$out" \
	"Token the soon one expires in (89|90) minutes: patctl rotate $SOON_ID"
run terminal "$SOON"
is 'a notice is no use, and no refusal' "$(field refusals "$SOON_ID")" 0

end
