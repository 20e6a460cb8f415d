#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patd as a program: its options, how it starts, and how it ends.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

for option in -h --help; do
	run patd $option
	is "$option" "$rc $err" '0 '
	like "$option names the options" "$out" '--listen.*--store.*--config.*--no-spare.*--debug'
done
for option in -V --version; do
	run patd $option
	is "$option" "$rc $err" '0 '
	like "$option names the version" "$out" '^patd.* [0-9]+\.[0-9]+'
done
for arguments in --no-such-option argument --listen '--listen relative' '--store relative --listen /run/pat' \
	'--config relative --listen /run/pat'; do
	# shellcheck disable=SC2086
	run timeout 5 patd $arguments
	exited "wrong usage: $arguments" 2
	ok "wrong usage: $arguments: a message" test "$err"
done
run timeout 5 patd
refused 'neither --listen nor sockets from outside'
ok 'is said' test "$err"
: >"$W/tmp/file"
run timeout 5 patd --listen "$W/tmp/file"
exited 'a directory that is none' 1
ok 'is said, too' test "$err"

# --- --listen

# Whatever it is started with: no descriptors, a strict umask.
umask 077
patd_start <&- >&-
umask 022
is 'the directory is for all' "$(stat -c '%U %a' /run/pat)" 'root 755'
for name in io.pampat.Tokens verify; do
	is "$name is for all to connect to" "$(stat -c '%U %a %F' "/run/pat/$name")" 'root 666 socket'
done
run as alice patctl list
is 'and a user can' "$rc" 0
run timeout 5 patd --listen /run/pat
exited 'a second one in the same place gives way' 1
run as alice patctl list
is 'to the first' "$rc" 0

kill -KILL "$PATD_PID"
wait "$PATD_PID" 2>/dev/null
ok 'after a death that left sockets' test -S /run/pat/verify
patd_start
run as alice patctl list
is 'it starts again' "$rc" 0
mint alice ci
is 'and serves' "$(as alice patctl list --no-legend | wc -l)" 1

announced "$W/tmp/hold" exec_as bob "$LIB/peers.py" hold /run/pat/io.pampat.Tokens 3
held=$!
kill -TERM "$PATD_PID"
began=$EPOCHREALTIME
rc=0
wait "$PATD_PID" || rc=$?
is 'SIGTERM ends it, with 0' "$rc" 0
ok 'at once, whoever is connected' awk "BEGIN { exit !($EPOCHREALTIME - $began < 3) }"
kill $held
wait $held 2>/dev/null
rm -f /run/pat/*

# --- --store, --config, --debug

mkdir -m 700 "$W/own"
mkdir "$W/tmp/own"
sed 's/^default_lifetime.*/default_lifetime = 1h/' /etc/security/pat.conf >"$W/own/pat.conf"
patd --debug --no-spare --listen "$W/tmp/own" --store "$W/own/tokens.tdb" --config "$W/own/pat.conf" \
	2>"$W/own.err" &
own=$!
wait_for 5 test -S "$W/tmp/own/verify"
log_mark
run patctl create elsewhere --user alice --socket "$W/tmp/own/io.pampat.Tokens"
is '--listen elsewhere' "$rc" 0
TOKEN=$out
ok '--store elsewhere' test -s "$W/own/tokens.tdb"
run as alice patctl show elsewhere --json --socket "$W/tmp/own/io.pampat.Tokens"
expires=$(date -d "$(/usr/bin/python3 -c 'import json, sys
print(json.loads(sys.argv[1])["expires_at"])' "$out")" +%s)
ok '--config elsewhere' test $((expires - $(date +%s))) -le 3600
logged 'it logs' 'patd\[[0-9]+\]: created token .*name="elsewhere"'
like '--debug: to standard error as well' "$(<"$W/own.err")" 'created token .*name="elsewhere"'
service probe "$PAT_LINE store=$W/own/tokens.tdb" 'auth required pam_deny.so' \
	'account required pam_permit.so'
run login_as probe alice "$TOKEN"
is 'the module with that store: refused, because it is for sshd' "$out" PAM_AUTH_ERR
run patctl create probing --user alice --service probe --socket "$W/tmp/own/io.pampat.Tokens"
run login_as probe alice "$out"
is 'the module with that store' "${out%%$'\n'*}" PAM_SUCCESS
kill $own
wait $own

# --- sockets from outside

mkdir "$W/tmp/activated"
LD_PRELOAD=$(patd_preload) "$LIB/activate.py" "$W/tmp/activated" patd 2>"$W/activated.err" &
activated=$!
wait_for 5 test -S "$W/tmp/activated/verify"
run timeout 20 patctl create activated --user alice --socket "$W/tmp/activated/io.pampat.Tokens"
is 'sockets that it is given: Varlink' "$rc" 0
run timeout 20 "$LIB/peers.py" verify "$W/tmp/activated/verify" alice sshd <<<"$out"
is 'sockets that it is given: verify' "$out" accepted
kill $activated
rc=0
wait $activated || rc=$?
is 'and SIGTERM' "$rc" 0
ok 'the sockets are not its own to take away' test -S "$W/tmp/activated/verify"
run env LISTEN_FDS=2 LISTEN_PID=1 timeout 5 patd
refused 'descriptors that are for another process are not taken'

end
