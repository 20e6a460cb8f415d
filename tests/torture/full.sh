#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The largest store that TDB's 4 GiB hold, in earnest: nothing is minted past that, and who tries is told what
# to do; all else goes on. It takes minutes, 4 GB of disk for the store and as much for a rebuild, and
# so is done with PAT_SECONDS alone; otherwise the same in a store that is said to be full is in
# unit/test_rebuild.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
if [ -z "${PAT_SECONDS-}" ]; then
	printf '1..0 # SKIP minutes long: with PAT_SECONDS\n'
	exit 0
fi
# Outside of the world, whose /var and build are in memory.
if [ -z "${FULL-}" ]; then
	FULL=$(mktemp -d /tmp/pat-full.XXXXXX) || exit
	export FULL
	bash "$0" "$@"
	rc=$?
	rm -rf "$FULL"
	exit $rc
fi
world_enter "$@"
world_furnish
mkdir -p /var/lib/pat
mount --bind "$FULL" /var/lib/pat
chmod 700 /var/lib/pat

STORE=/var/lib/pat/tokens.tdb
# So many as the file grows for, by a tenth of itself each time, to where nothing is added any more.
TOKENS=3500000
service probe 'auth required pam_pat.so'

lets_in() {
	local said
	said=$(login_as probe alice "$1")
	[ "${said%%$'\n'*}" = PAM_SUCCESS ]
}

"$BUILD/tests/tools/pour" -b 2561792 -n $TOKENS -g alice -u "$(id -u alice)" $STORE >"$W/poured" ||
	bail 'no full store'
POURED=$(head -n 1 "$W/poured")
# One of whom no token was poured: those have the uids from alice's on.
useradd -u 500000 -M dave
diag "figure: $(stat -c %s $STORE) bytes, $TOKENS tokens"
patd_start
run timeout 60 patctl create --user dave one --service probe
is 'nothing is minted past the end' "$rc" 1
like 'and the message says so, and what to do' "$err" 'is full: .*patstore rebuild'
ok 'who has a token logs in' lets_in "$POURED"
run timeout 60 patctl revoke "${POURED:7:8}" --user alice
exited 'a token can be revoked' 0
not 'and does not work then' lets_in "$POURED"
FROM=$SECONDS
run timeout 600 patstore rebuild
exited 'it can be written anew' 0
diag "figure: rebuilt in $((SECONDS - FROM)) s, $(stat -c %s $STORE) bytes"
ok 'which gives room' timeout 60 patctl create --user dave one --service probe
give dave two --service probe
SAID=$(login_as probe dave "$TOKEN")
is 'what is minted then logs in' "${SAID%%$'\n'*}" PAM_SUCCESS
not 'what was revoked stays so' lets_in "$POURED"
FROM=$SECONDS
run timeout 600 patstore check
exited 'it is sound' 0
diag "figure: checked in $((SECONDS - FROM)) s"

end
