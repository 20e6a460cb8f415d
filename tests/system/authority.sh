#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# What counts as fresh authentication, which token a word names, and who may act on tokens of accounts that
# are gone or of users without one.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

# mint_with STACK... : alice tries to mint under another stack of the service patd.
mint_with() {
	service patd "$@"
	run as alice timeout 20 patctl create stolen --service sshd --password-stdin </dev/null
}
cp /etc/pam.d/patd "$W/patd.pam"

# --- authentication in which nobody was asked anything

for module in pam_rootok.so pam_permit.so; do
	log_mark
	mint_with "auth sufficient $module" 'account required pam_permit.so'
	exited "a stack that lets root's process in by $module mints nothing" 4
	is "and shows no token: $module" "$out" ''
	logged "the log says so: $module" 'without asking for anything'
done
mint_with 'auth sufficient pam_rootok.so' 'account required pam_echo.so something to read' \
	'account required pam_permit.so'
exited 'what the account phase says does not count as having been asked' 4
is 'and no token is shown' "$out" ''
echo 'account required pam_debug.so acct=success' >>/etc/pam.d/patd
service patd 'auth sufficient pam_rootok.so' '@include common-account'
chage -M 90 -W 14 -d "$(date -d '-85 days' +%F)" alice
run as alice timeout 20 patctl create stolen --service sshd --password-stdin </dev/null
exited 'nor does the warning that the password will expire' 4
is 'and no token is shown with the warning' "$out" ''
chage -M -1 -d "$(date +%F)" alice

# A client that breaks the exchange off hears of it once, and gets nothing by what the stack says later.
service patd 'auth sufficient pam_unix.so nodelay' 'auth sufficient pam_rootok.so' \
	'account required pam_permit.so'
run as alice timeout 20 "$LIB/peers.py" call /run/pat/io.pampat.Tokens <<'END'
{"method":"io.pampat.Tokens.Authenticate"}
{"method":"org.varlink.service.GetInfo"}
{"method":"io.pampat.Tokens.Create","parameters":{"name":"stolen","services":["sshd"]}}
END
unlike 'an exchange that was broken off authenticates nobody' "$out" '"authenticated": *true'
unlike 'and mints nothing' "$out" 'lnxpat_'
is 'each call has one reply' "$(grep -c '^{' <<<"$out")" 3
cp "$W/patd.pam" /etc/pam.d/patd

# --- which token a word names

# begins ID NAME: mints tokens until one has an id with an ending that can serve as a name.
mint alice first --service sshd
FIRST=$ID
run as alice patctl revoke "${FIRST:0:3}"
exited 'three characters are no beginning' 3
mint alice "${FIRST:0:4}" --service sshd
NAMED=$ID
run as alice patctl revoke "${FIRST:0:4}"
like 'a name comes before the beginning of an id' "$out" "$NAMED"
run as alice patctl revoke "${FIRST:0:4}"
exited 'the same once more: no error' 0
is 'and no other token is revoked by it' "$(field status "$FIRST")" active
mint alice second --service sshd
SECOND=$ID
as alice patctl revoke -q second
mint alice "$SECOND" --service sshd
run as alice patctl revoke "$SECOND"
is 'a live name comes before the id of a token that has ended' "$(field status "$ID")" revoked
mint alice again --service sshd
as alice patctl revoke -q again
mint alice again --service sshd
NEWEST=$ID
as alice patctl revoke -q again
run as alice patctl show again
exited 'of ended tokens of one name the newest is meant' 0
like 'the newest' "$out" "$NEWEST"
run as alice patctl show "${FIRST:0:5}"
exited 'a longer beginning names a token' 0

# --- root and the id of anybody's token

give alice turned --service sshd
TURNED=$ID
run patctl rotate -q "$TURNED"
exited 'root rotates a token of somebody who is there, by its id' 0
is 'for its owner' "$(field successor "$TURNED")" "${out:7:8}"

# --- accounts that are gone, without a hook that took their tokens along

rm -f /etc/shadow-maint/userdel-pre.d/pam_pat
useradd --create-home leaver && useradd --create-home renamed
give leaver one --service sshd
LEFT=$ID
give leaver two --service sshd
give renamed three --service sshd
RENAMED=$ID
userdel leaver
usermod --login married renamed
run patctl show "$LEFT"
exited 'root sees a token of an account that is gone, by its id' 0
run patctl revoke "$RENAMED"
exited 'root revokes a token of an account that was renamed, by its id' 0
run patctl revoke --all --user leaver
exited 'root revokes all tokens of an account that is gone, by its name' 0
like 'all of them' "$out" '2'
run patctl list --all-users --json
is 'none of them is left' "$(grep -c leaver <<<"$out")" 0
run patctl create new --user leaver --service sshd
exited 'nothing is minted for an account that is gone' 3
run as alice patctl show "$LEFT"
exited 'nobody else sees it by its id' 3
run patctl list --user never-was
exited 'a user that never was is not found' 3

# --- somebody without an account who finds a token

give alice found --service sshd
nobody_known() {
	setpriv --reuid=4242 --regid=4242 --clear-groups --reset-env -- env LC_ALL=C.UTF-8 \
		"${WORLD_ENV[@]}" timeout 20 patctl "$@"
}
run nobody_known list
exited 'a uid without an account has no tokens to list' 5
run nobody_known verify <<<"$TOKEN"
exited 'it can ask whether a token is good' 0
run nobody_known revoke --token-stdin <<<"$TOKEN"
exited 'and end it' 0
is 'which it is' "$(field status "$ID")" revoked

# --- pat.conf: nothing is laxer than it is written

CONF=/etc/security/pat.conf
sed -i '/^verify_for/d' $CONF
echo 'verify_for = bob  # not carol' >>$CONF
run patctl create x --user alice --service sshd
exited 'a comment behind names is an error, not more names' 1
like 'which is named' "$err" 'verify_for must be user names'
sed -i '$d' $CONF
sed -i 's/^default_lifetime.*/default_lifetime = 31d/; s/^max_lifetime.*/max_lifetime = 1M/' $CONF
run patctl create short --user alice --service sshd --json
exited 'a default lifetime that this month is too short for is cut to the longest' 0
ends=$(/usr/bin/python3 -c '
import calendar, datetime, json, sys
token = json.load(sys.stdin)
born = datetime.date.fromisoformat(token["created_at"][:10])
year, month = (born.year, born.month + 1) if born.month < 12 else (born.year + 1, 1)
day = min(born.day, calendar.monthrange(year, month)[1])
print(token["expires_at"][:10], datetime.date(year, month, day))' <<<"$out")
is 'to the day' "${ends% *}" "${ends#* }"
sed -i 's/^default_lifetime.*/default_lifetime = never/' $CONF
run patctl create long --user alice --service sshd
exited 'a default of never where there is a longest is an error' 1

# --- one user who connects as fast as they can

log_mark
as bob "$LIB/peers.py" flood /run/pat/io.pampat.Tokens &
FLOOD=$!
sleep 3
run timeout 10 patctl list --user alice --json
exited 'root is answered meanwhile' 0
run as alice timeout 10 patctl list --json
exited 'so is another user' 0
kill $FLOOD
wait $FLOOD 2>/dev/null
ok 'the log has a line or two about it, not thousands' test "$(log_lines | grep -c 'makes too many')" -le 3

end
