#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Damaged stores: damage.c makes them of good ones, and has every reader look at them.
#
# PAT_SECONDS makes it long; PAT_SEED repeats: alone that one store, and with PAT_SECONDS from it on.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"

HERE=${PAT_SANITIZED:-$BUILD}
SEED=${PAT_SEED:-$(($(seed) * 1000))}
if [ "${PAT_SECONDS-}" ]; then
	WANTED=100000 LEAST=$((PAT_SECONDS * 20)) FOR=$PAT_SECONDS
elif [ "${PAT_SEED-}" ]; then
	WANTED=1 LEAST=1 FOR=0
elif [ "${PAT_SANITIZED-}" ]; then
	WANTED=150 LEAST=50 FOR=3
else
	WANTED=1500 LEAST=100 FOR=4
fi
mkdir -m 700 "$W/damage"

run "$HERE/tests/torture/damage" "$W/damage" "$HERE/patstore" "$SRC/etc/pat.conf" "$SEED" "$WANTED" "$FOR"
last=$(tail -n 1 <<<"$out")
exited 'the damage was done' 0
if ! [[ $last =~ ^stores\ ([0-9]+)\ faults\ ([0-9]+)\ slow\ ([0-9]+)\ accepted\ ([0-9]+)\ named\ ([0-9]+)\ unopened\ ([0-9]+)\ rebuilt\ ([0-9]+)$ ]]; then
	bail "damage: $out$err"
fi
is 'no crash, no hang, nobody let in, what is undamaged works, damage is told of' \
	"$(grep -v '^kind \|^stores ' <<<"$out")" ''
ok 'the stores were many' test "${BASH_REMATCH[1]}" -ge "$LEAST"
if [ "$WANTED" -gt 1 ]; then
	ok 'tokens were let in' test "${BASH_REMATCH[4]}" -gt 0
	ok 'and damage was met' test "${BASH_REMATCH[5]}" -gt 0
fi
diag "$(grep '^kind ' <<<"$out")"
printf '# figure: damaged stores: %d, %d faults, %d readers slower than 2 s; %d logins, %d times damage told, %d could not be opened, %d rebuilt\n' \
	"${BASH_REMATCH[@]:1:7}"
end
