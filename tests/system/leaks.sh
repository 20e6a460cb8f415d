#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The secret of a token stays where it belongs. A day in the life of a token, and then a search: in
# every file that was written anywhere, in the log, and in what each process shows of itself.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
for name in sshd sudo su; do stack $name debug; done

# What our programs show while they run: sampled all the time.
/usr/bin/python3 - "$W/seen" <<-'END' &
	import glob, sys, time
	with open(sys.argv[1], "wb", 0) as seen:
	    known = set()
	    while True:
	        for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
	            try:
	                with open(path, "rb") as file:
	                    text = file.read()
	            except OSError:
	                continue
	            if text not in known:
	                known.add(text)
	                seen.write(text + b"\n")
	        time.sleep(0.001)
END
watcher=$!
wait_for 5 test -s "$W/seen"
patd_start --debug
sshd_start

mint alice ci --service sshd,sudo
FIRST=$TOKEN
mint bob desk --service su
DESK=$TOKEN
SECRETS=("$FIRST" "$DESK")
WRONG=$("$LIB/forge.py" "${FIRST:7:8}")
SECRETS+=("$WRONG")

for method in password keyboard-interactive; do
	ok "ssh by $method" ssh_with $method "$FIRST" alice true
	not "a wrong secret by $method" ssh_with $method "$WRONG" alice true
	not "another's by $method" ssh_with $method "$DESK" alice true
	ok "the password by $method" ssh_with $method "${PASSWORD[alice]}" alice true
done
ok 'sudo' as alice timeout 20 sudo -S -p '' true <<<"$FIRST"
ok 'su' as alice timeout 20 su bob -c true <<<"$DESK"
not 'su with another token' as alice timeout 20 su bob -c true <<<"$FIRST"
ok 'verify' as bob patctl verify <<<"$FIRST"
not 'minting with a token' as alice timeout 20 patctl create evil --password-stdin <<<"$FIRST"
not 'minting with a wrong password' as alice timeout 20 patctl create evil --password-stdin \
	<<<'eve: Sesame 0'
for socket in io.pampat.Tokens verify; do
	as bob "$LIB/peers.py" "$([ $socket = verify ] && echo query || echo send)" /run/pat/$socket \
		garbage >/dev/null
done
ok 'list' as alice patctl list --all --json
ok 'check' patstore check
ok 'stats' patstore stats
ok 'revoke' as bob patctl revoke --token-stdin <<<"$DESK"
not 'a revoked token' as alice timeout 20 su bob -c true <<<"$DESK"
chown nobody /var/lib/pat/tokens.tdb
not 'with a store that is not to be trusted' ssh_with password "$FIRST" alice true
not 'nor at sudo' as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" true' <<<"$FIRST"
chown root /var/lib/pat/tokens.tdb
log_sync
kill $watcher
wait $watcher 2>/dev/null

# found SECRET: the files that have it; ours are the scratch files of the tests.
found() {
	grep -rlaF -e "$1" "$W/over" /run /dev/shm --exclude-dir=tmp --exclude-dir=keep 2>/dev/null
}

grep -aF 'patd' "$W/seen" >"$W/ours"
ok 'the search finds what is there' grep -q 'listen' "$W/ours"
for token in "${SECRETS[@]}"; do
	secret=${token:15:43}
	is "${token:7:8}: the secret is in no file, log or store" "$(found "$secret")" ''
	is "${token:7:8}: nor a part of it" "$(found "${secret:10:16}")" ''
	is "${token:7:8}: nor in a command line or environment" \
		"$(grep -caF "${secret:10:16}" "$W/seen")" 0
done
for user in alice bob; do
	is "the password of $user is in no file, log or store" \
		"$(found "${PASSWORD[$user]}" | grep -v '/tests/lib/world.sh$\|/run/world/lib/')" ''
done
is 'nor one that was wrong' "$(found 'eve: Sesame 0' | grep -v '/tests/system/')" ''
hash=$(/usr/bin/python3 -c '
import hashlib
print(hashlib.blake2b(input().encode(), digest_size=32, person=b"pam_pat token 1").hexdigest())' <<<"$FIRST")
is 'the hash is in the store' \
	"$(/usr/bin/python3 -c '
import sys
print(bytes.fromhex(sys.argv[1]) in open("/var/lib/pat/tokens.tdb", "rb").read())' "$hash")" True
is 'and not in the log' "$(grep -ciF "${hash:0:16}" "$W/log")" 0
ok 'the log has much to search' test "$(grep -c 'pam_pat\|patd\[' "$W/log")" -gt 10

end
