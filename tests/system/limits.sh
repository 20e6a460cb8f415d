#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: counted
#
# What a token is limited to: where it is used from, how often, and for how long. Each limit from both
# sides, by both paths: the module itself as root, and patd for processes that are not.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
export TZ=UTC

DRIVE=$W/pamdrive
install -m 755 "$BUILD/tests/tools/pamdrive" "$DRIVE" || bail 'no pamdrive'
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
	'session optional pam_pat.so'

# attempt PATH USER SECRET [OPTIONS]: what authentication says; PATH is `direct` or `patd`.
attempt() {
	local path=$1 user=$2 secret=$3 became=()
	shift 3
	[ "$path" = direct ] || became=(as "$user")
	"${became[@]}" timeout 20 "${CLOCK[@]}" "$DRIVE" "$@" probe "$user" <<<"$secret" \
		2>/dev/null | sed -n 's/^auth=\([a-z_]*\) .*/\1/p'
}
CLOCK=()

# takes WHAT [RHOST], refuses WHAT REASON [RHOST]: of alice's $TOKEN, by both paths.
takes() {
	local path
	for path in direct patd; do
		is "$1: accepted ($path)" "$(attempt $path alice "$TOKEN" ${2:+-r "$2"})" success
	done
}

refuses() {
	local path
	for path in direct patd; do
		log_mark
		is "$1: refused ($path)" "$(attempt $path alice "$TOKEN" ${3:+-r "$3"})" auth_err
		logged "$1: and the log says why ($path)" "refused token id=$ID .* reason=$2"
	done
}

# --- where from

give alice v4 --service probe --from 192.0.2.0/24,198.51.100.7
takes 'an address of the network' 192.0.2.1
takes 'the last of the network' 192.0.2.255
takes 'the single address' 198.51.100.7
takes 'the same, mapped into IPv6' ::ffff:192.0.2.1
takes 'the same, mapped and in hexadecimal' ::ffff:c000:201
refuses 'the address before the network' source 192.0.1.255
refuses 'the one behind it' source 192.0.3.0
refuses 'a neighbour of the single address' source 198.51.100.8
refuses 'one outside, mapped' source ::ffff:192.0.3.1
refuses 'IPv6' source 2001:db8::1
refuses 'no remote host' source
refuses 'an address with rubbish behind it' host-name '192.0.2.1 '
refuses 'an address with a port' host-name 192.0.2.1:22
refuses 'an IPv4 address with a zone' host-name 192.0.2.1%lo
refuses 'an address with a zero before a number' host-name 192.0.02.1
refuses 'a short form of an address' host-name 192.0.513
for path in direct patd; do
	log_mark
	attempt $path alice "$TOKEN" -r trusted.example >"$W/tmp/answer"
	is "a host name is refused, whatever it may stand for ($path)" "$(<"$W/tmp/answer")" auth_err
	logged "and the log says what to do ($path)" \
		"refused token id=$ID .* rhost=\"trusted\.example\" .* reason=host-name detail=\".*UseDNS no.*192\.0\.2\.0/24"
done
refuses 'a host name that begins like an address' host-name 192.0.2.1.evil.example
is 'none of the refusals was a use' "$(field uses "$ID")" 10

give alice v6 --service probe --from 2001:db8:1::/48,fe80::/10
takes 'an address of the network' 2001:db8:1::1
takes 'the same, in capitals and full' 2001:0DB8:0001:0000:0000:0000:0000:0001
takes 'the last of the network' 2001:db8:1:ffff:ffff:ffff:ffff:ffff
takes 'a link-local one with its zone' fe80::1%eth0
refuses 'one behind the network' source 2001:db8:2::
refuses 'one before it' source 2001:db8:0:ffff:ffff:ffff:ffff:ffff
refuses 'IPv4' source 192.0.2.1
refuses 'an empty zone' host-name fe80::1%
refuses 'an address in brackets' host-name '[2001:db8:1::1]'

give alice mapped --service probe --from ::ffff:192.0.2.0/120
is 'a mapped network is kept as what it stands for' "$(field sources "$ID")" '["192.0.2.0/24"]'
takes 'IPv4 in it' 192.0.2.9
takes 'mapped IPv4 in it' ::ffff:192.0.2.9
refuses 'IPv4 outside' source 192.0.3.9

give alice here --service probe --from local
takes 'no remote host'
refuses 'the loopback is a host' source 127.0.0.1
refuses 'as is the other loopback' source ::1
refuses 'a name' host-name localhost

give alice everywhere --service probe
takes 'without a limit: a name' trusted.example
takes 'without a limit: no host'

# Over the real thing. A module that cannot use the store itself goes by way of patd.
sshd_start
kill "$SSHD_PID"
wait "$SSHD_PID" 2>/dev/null
printf '::1 %s\n' "$(cut -d' ' -f1-2 "$W/ssh/host.pub")" >>"$W/ssh/known_hosts"
sed -i 's/^ListenAddress.*/ListenAddress 127.0.0.1\nListenAddress ::1/' "$W/ssh/config"
cp "$W/ssh/config" "$W/ssh/config.plain"

# sshd_again [LINE...]: with these lines in its configuration.
sshd_again() {
	[ -z "${SSHD-}" ] || { kill "$SSHD" && wait "$SSHD" 2>/dev/null; }
	printf '%s\n' "$@" | cat - "$W/ssh/config.plain" >"$W/ssh/config"
	/usr/sbin/sshd -D -e -f "$W/ssh/config" 2>"$W/ssh/log" &
	SSHD=$!
	wait_for 5 grep -q 'Server listening on ::1' "$W/ssh/log" || bail 'sshd does not start'
}

# ssh_at ADDRESS SECRET: who one is there.
ssh_at() {
	timeout 20 sshpass -d 9 ssh "${SSH_OPTIONS[@]}" -o PreferredAuthentications=password \
		"alice@$1" id -un 9<<<"$2"
}

sshd_again
give alice by4 --service sshd --from 127.0.0.0/8
FOUR=$TOKEN FOUR_ID=$ID
give alice by6 --service sshd --from ::1
SIX=$TOKEN SIX_ID=$ID
for path in direct patd; do
	if [ $path = patd ]; then stack sshd store=/nowhere/tokens.tdb; fi
	run ssh_at 127.0.0.1 "$FOUR"
	is "sshd, IPv4: accepted ($path)" "$out" alice
	run ssh_at ::1 "$SIX"
	is "sshd, IPv6: accepted ($path)" "$out" alice
	log_mark
	run ssh_at ::1 "$FOUR"
	refused "sshd, IPv4 from IPv6: refused ($path)"
	is "sshd, IPv4 from IPv6: nothing ran ($path)" "$out" ''
	logged "sshd, IPv4 from IPv6: the log says why ($path)" \
		"refused token id=$FOUR_ID .* rhost=\"::1\" .* reason=source detail=\"good from 127\.0\.0\.0/8\""
	log_mark
	run ssh_at 127.0.0.1 "$SIX"
	refused "sshd, IPv6 from IPv4: refused ($path)"
	logged "sshd, IPv6 from IPv4: the log says why ($path)" \
		"refused token id=$SIX_ID .* rhost=\"127\.0\.0\.1\" .* reason=source"
done
stack sshd
sshd_again 'UseDNS yes'
log_mark
run ssh_at 127.0.0.1 "$FOUR"
refused 'sshd with UseDNS yes tells a name, and that is refused'
logged 'and the log says to set UseDNS no' \
	"refused token id=$FOUR_ID .* rhost=\"[a-z]+\" .* reason=host-name detail=\".*UseDNS no"
give alice by-any --service sshd
run ssh_at 127.0.0.1 "$TOKEN"
is 'a token that is good from anywhere does not mind' "$out" alice

# --- how often

# parallel COUNT PATH...: that many at once by the paths in turn; prints how many came in.
parallel() {
	local count=$1 i
	shift
	local paths=("$@")
	rm -f "$W"/tmp/parallel.*
	for ((i = 0; i < count; i++)); do
		attempt "${paths[i % $#]}" alice "$TOKEN" >"$W/tmp/parallel.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	pids=()
	cat "$W"/tmp/parallel.* | grep -c '^success$'
}
pids=()

for paths in direct patd 'direct patd'; do
	for uses in 1 7; do
		give alice "uses $paths $uses" --service probe --uses $uses
		log_mark
		# shellcheck disable=SC2086
		is "good for $uses, $((uses + 1)) at once: $uses come in ($paths)" \
			"$(parallel $((uses + 1)) $paths)" $uses
		is "good for $uses: so many are counted ($paths)" "$(field uses "$ID")" $uses
		logged "good for $uses: the log has the one too many ($paths)" \
			"refused token id=$ID .* reason=spent detail=\"it was good for $uses\""
		is "good for $uses: and it alone ($paths)" "$(log_lines | grep -c 'reason=spent')" 1
		is "good for $uses: it is spent ($paths)" "$(field status "$ID")" spent
	done
done
give alice 'many' --service probe --uses 20
is 'good for 20, 40 at once by both paths: 20 come in' "$(parallel 40 direct patd)" 20

give alice once --service probe,sshd --uses 1
like 'a token is good for more than one service at a time' "$(field services "$ID")" 'probe.*sshd'
is 'a one-time token: refused where it is not good' \
	"$("$DRIVE" sudo alice <<<"$TOKEN" 2>/dev/null | sed 's/ .*//')" auth=auth_err
is 'and that was no use of it' "$(field uses "$ID")" 0
run ssh_at 127.0.0.1 "$TOKEN"
is 'a one-time token: the first time' "$out" alice
run ssh_at 127.0.0.1 "$TOKEN"
refused 'a one-time token: the second time'
is 'the second time: refused elsewhere, too' "$(attempt patd alice "$TOKEN")" auth_err
is 'it is not in the list any more' "$(as alice patctl list --no-legend | grep -c ' once ')" 0
run patctl create once --user alice --service probe
exited 'and its name is free' 0

# Killed at any moment, it must not be good for one more.
give alice crash --service probe --uses 40
KILLED=0
for i in {1..25}; do
	path=$([ $((i % 2)) = 0 ] && echo direct || echo patd)
	attempt "$path" alice "$TOKEN" >"$W/tmp/killed.$i" &
	sleep "0.0$((RANDOM % 30 + 10))"
	pid=$(pgrep -x pamdrive | head -n 1)
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	wait $! 2>/dev/null
done 2>/dev/null
came=$(cat "$W"/tmp/killed.* | grep -c '^success$')
# And at the very moments that matter: before it is written that it was used, and right after.
for call in pwrite64 fdatasync fsync msync; do
	strace -f -qq -o "$W/tmp/strace" -e "inject=$call:signal=KILL:when=1+" \
		"$DRIVE" probe alice <<<"$TOKEN" >"$W/tmp/killed" 2>/dev/null || KILLED=$((KILLED + 1))
	! grep -q '^auth=success' "$W/tmp/killed" || came=$((came + 1))
done
ok "killed: some were, as they wrote ($KILLED)" test "$KILLED" -ge 1
counted=$(field uses "$ID")
ok "killed: no more came in ($came) than were counted ($counted)" test "$came" -le "$counted"
for ((i = counted; i < 40; i++)); do
	[ "$(attempt direct alice "$TOKEN")" != success ] || came=$((came + 1))
done
is 'killed: then it is spent' "$(field status "$ID")" spent
is 'killed: and good for nothing' "$(attempt direct alice "$TOKEN") $(attempt patd alice "$TOKEN")" \
	'auth_err auth_err'
ok "killed: no more than 40 came in ($came)" test "$came" -le 40

# --- how long

if ! command -v faketime >/dev/null; then
	skip 'the second of expiry, and clocks that are set' 'needs faketime'
	end
fi

# The clock of patd is in a file that can be written at any time; that of the others is given to them.
patd_stop
FAKE=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
clock_set() {
	echo "$1" >"$W/clock.new"
	chmod 644 "$W/clock.new"
	mv "$W/clock.new" "$W/clock"
	CLOCK=(env LD_PRELOAD="$FAKE" FAKETIME="$1" FAKETIME_DONT_FAKE_MONOTONIC=1)
}
clock_set '+0'
LD_PRELOAD=$FAKE FAKETIME_TIMESTAMP_FILE=$W/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
	patd --listen /run/pat 2>>"$W/patd.err" &
PATD_PID=$!
wait_for 5 patd_ready || bail 'patd does not start under faketime'

# at OFFSET: the clock stands so many seconds from $END.
at() {
	clock_set "$(date -u -d "@$((END + $1))" '+%F %T')"
}

give alice brief --service probe --expires 1h
END=$(date -d "$(field expires_at "$ID")" +%s)
for path in direct patd; do
	at -2
	is "two seconds before its end: accepted ($path)" "$(attempt $path alice "$TOKEN")" success
	at -1
	is "in its last second: accepted ($path)" "$(attempt $path alice "$TOKEN")" success
	log_mark
	at 0
	is "in the second in which it ends: refused ($path)" "$(attempt $path alice "$TOKEN")" auth_err
	logged "the second in which it ends: the log says why ($path)" \
		"refused token id=$ID .* reason=expired detail=\"since $(date -u -d "@$END" +%FT%TZ)\""
	at 1
	is "a second later: refused ($path)" "$(attempt $path alice "$TOKEN")" auth_err
done
at -1
is 'in its last second it is active' "$(field status "$ID")" active
at 0
is 'then expired' "$(field status "$ID")" expired

# A token that is ended by hand does not come back with the clock; nor one that is used up.
give alice stays --service probe --expires 1y --uses 2
at $((200 * 86400))
takes 'the clock set forward by 200 days'
at -3600
refuses 'the clock set back again: uses do not come back' spent
at $((2 * 365 * 86400))
refuses 'the clock set forward by two years' expired
at -3600
give alice ended --service probe
as alice patctl revoke -q "$ID"
at $((-20 * 86400))
refuses 'the clock set back before it was revoked' revoked
is 'it is revoked in the list, too' "$(field status "$ID")" revoked
at -3600
give alice young --service probe --expires 1d
at $((-400 * 86400))
takes 'the clock set back before a token was minted'
run as alice patctl list
exited 'the list works, then' 0
run as alice patctl show "$ID"
exited 'and show' 0
LD_PRELOAD=$FAKE FAKETIME=$(<"$W/clock") give alice early --service probe --expires 1h
END_OF_EARLY=$(date -d "$(field expires_at "$ID")" +%s)
ok 'what is minted then, is of then' test "$END_OF_EARLY" -lt $((END - 399 * 86400))
takes 'and works'
at -3600
refuses 'and has ended when the clock is right again' expired

# What is swept while the clock is wrong does not live again.
give alice swept --service probe --expires 1h
at 86400
run env LD_PRELOAD="$FAKE" FAKETIME='+2d' patd --sweep
exited 'a sweep in the future' 0
at -1800
refuses 'what was swept as expired stays so, when the clock is set back' expired

# 31 January and a month, 29 February and a year. A day has 24 hours, also that on which the clocks
# change; a month ends at the same time of the day.
#
# from NOW ZONE SPAN WANT: NOW is local time.
from() {
	local now=$1 zone=$2 span=$3 want=$4
	at $(($(date -u -d "$now" +%s) - END))
	run env TZ="$zone" "${CLOCK[@]}" patctl create --user alice --service probe --json \
		--expires "$span" "span $now $span $zone"
	is "$span from $now in $zone" \
		"$(sed -n 's/.*"expires_at": "\(.*\)".*/\1/p' <<<"$out")" "$want"
}
from '2027-01-31 12:00:00' UTC 1M 2027-02-28T12:00:00Z
from '2028-01-31 12:00:00' UTC 1M 2028-02-29T12:00:00Z
from '2028-02-29 12:00:00' UTC 1y 2029-02-28T12:00:00Z
from '2027-08-31 12:00:00' UTC 6M 2028-02-29T12:00:00Z
from '2027-03-27 12:00:00' Europe/Berlin 1d 2027-03-28T11:00:00Z
from '2027-03-27 12:00:00' Europe/Berlin 1M 2027-04-27T10:00:00Z
from '2027-10-30 12:00:00' Europe/Berlin 1M 2027-11-30T11:00:00Z
from '2027-10-30 12:00:00' Europe/Berlin 1w 2027-11-06T10:00:00Z

end
