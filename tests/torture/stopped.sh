#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Whoever is in the store is stopped after any of their system calls: by a tracer, by SIGSTOP, frozen. A
# login ends within 2 s with the documented answer, a change is made or gives up; and when the stopped one
# goes on, or is killed, all is well.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

export STOPPED=$BUILD/tests/torture/stopped DRIVE=$BUILD/tests/tools/pamdrive MODULE=$BUILD/pam_pat.so
export LOG=$W/log W
SEED=${PAT_SEED:-$(seed)}
ENOUGH=${PAT_SECONDS:-2} AT_MOST=2
[ -z "${PAT_SECONDS-}" ] || AT_MOST=$((PAT_SECONDS * 5 / 2))

# Which points to repeat: PAT_POINTS='mint:40:held:k:1 …'
read -ra POINTS <<<"${PAT_POINTS-}"
run timeout "${PAT_SUITE_TIMEOUT:-280}" "$LIB/stopped.py" "$ENOUGH" "$AT_MOST" "$SEED" "${POINTS[@]}"
grep '^# figure:' <<<"$out"
is "whoever is stopped, nobody waits long, and nothing is lost (seed $SEED)" \
	"$(grep -v '^# figure:' <<<"$out")$err" ''
like 'there were stops' "$out" 'figure: [1-9][0-9]* stops of'
not_logged 'no child of patd that was not killed died' 'was ended by signal (4|6|7|8|11)$'

end
