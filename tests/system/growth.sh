#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The store grows by itself while people log in, mint and revoke: none of them fails for that, and
# nothing of what they did is lost.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
printf 'max_tokens = 1000\nallowed_services = probe\n' >/etc/security/pat.conf

STORE=/var/lib/pat/tokens.tdb
POUR=$BUILD/tests/tools/pour
service probe 'auth required pam_pat.so'

# lets_in TOKEN: whether alice logs in with it.
lets_in() {
	local said
	said=$(login_as probe alice "$1")
	[ "${said%%$'\n'*}" = PAM_SUCCESS ]
}

# keep_logging_in TOKEN NUMBER: until there is $W/stop; a line for each login.
keep_logging_in() {
	while [ ! -e "$W/stop" ]; do
		if lets_in "$1"; then echo in; else echo refused; fi
	done >"$W/logins.$2"
}

uses() {
	patstore stats | sed -n 's/^uses *//p'
}

# crowd TOKEN: several who log in all the time, with a token whose uses are counted.
crowd() {
	rm -f "$W/stop" "$W"/logins.*
	CROWD=()
	for i in 1 2; do
		keep_logging_in "$1" $i &
		CROWD+=($!)
	done
}

crowd_ends() {
	touch "$W/stop"
	wait "${CROWD[@]}"
}

# --- by itself, by mints, under load

"$POUR" -b 101 -n 238 -g alice -u "$(id -u alice)" $STORE >"$W/poured"
POURED=$(head -n 1 "$W/poured")
log_mark
patd_start
give alice counted --service probe --uses 100000
COUNTED=$TOKEN
BEFORE=$(uses)
crowd "$COUNTED"
MINTED=()
for i in {1..20}; do
	give alice "mint $i" --service probe
	MINTED+=("$TOKEN")
	if [ $((i % 5)) = 0 ]; then
		patctl revoke "$ID" --user alice >"$W/out" 2>&1 || echo "$ID is not revoked"
		GONE=$TOKEN
	fi
done >"$W/failed"
# On a busy machine it gives way to mints, and is tried again at a later one.
for ((i = 0; i < 20; i++)); do
	if log_matches 'written anew in'; then break; fi
	sleep 1
	give alice "later $i" --service probe
done
logged 'mints have the store grow, while people log in' 'written anew in'
like 'it has more chains' "$(patstore stats)" 'buckets +10007'
crowd_ends
is 'no mint and no revocation failed' "$(cat "$W/failed")" ''
is 'no login failed' "$(cat "$W"/logins.* | sort -u)" in
is 'no use was lost, and none counted twice' $(($(uses) - BEFORE)) "$(cat "$W"/logins.* | wc -l)"
ok 'what was minted last works' lets_in "${MINTED[18]}"
ok 'what was minted first works' lets_in "${MINTED[0]}"
ok 'what there was before works' lets_in "$POURED"
not 'what was revoked does not' lets_in "$GONE"
run patstore check
exited 'the store is sound' 0
patd_stop

# --- in a large store

rm -f $STORE
"$POUR" -b 10007 -n 10000 -g alice -u 70000 $STORE >"$W/poured"
patd_start
for i in {1..6}; do
	give alice "later $i" --service probe
	echo "$TOKEN"
done >"$W/later"
give alice counted --service probe --uses 100000
BEFORE=$(uses)
crowd "$TOKEN"
(
	while [ ! -e "$W/stop" ]; do
		patstore rebuild >"$W/out" || echo rebuild
		patstore check >"$W/out" || echo check
		echo round >&2
	done >"$W/rebuilds" 2>"$W/rounds"
) &
CROWD+=($!)
wait_for 20 test -s "$W/rounds"
while read -r token; do
	timeout 20 patctl revoke "${token:7:8}" --user alice >"$W/out" 2>&1 || echo revoke
	give alice "beside ${token:7:8}" --service probe
	lets_in "$TOKEN" || echo "$TOKEN" does not work
done <"$W/later" >"$W/failed"
crowd_ends
is 'rebuilds and checks make no revocation and no mint fail' "$(cat "$W/failed")" ''
is 'nor the other way round' "$(cat "$W/rebuilds")" ''
is 'and no login' "$(cat "$W"/logins.* | sort -u)" in
is 'each use counts once' \
	$(($(uses) - BEFORE)) $(($(cat "$W"/logins.* | wc -l) + $(wc -l <"$W/later")))
is 'all of them hold' "$(patstore stats | sed -n 's/^revoked *//p')" 6
run patstore check
exited 'it is sound' 0
patd_stop

# --- what gave way is done later

rm -f $STORE $STORE.lock
"$POUR" -b 7 -n 30 -g alice -u "$(id -u alice)" $STORE >"$W/poured"
patd_start
patstore stats >"$W/out"
log_mark
# Who else writes the store anew has the byte of the notes (lib/gate.h).
announced "$W/held" /usr/bin/python3 -c '
import fcntl, os, struct, sys, time
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 65540, 1, 0))
print("held", flush=True)
time.sleep(60)' $STORE.lock
HOLDER=$!
give alice first --service probe
ok 'growth that cannot be now gives way' wait_for 20 log_matches 'gave way to others'
kill $HOLDER
wait $HOLDER
sleep 5
give alice second --service probe
logged 'and is done with a later mint' 'written anew in'
run patstore check
exited 'it is sound' 0

end
