#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# A user who stops, kills or starves their own su, sudo and patctl at any point: nobody else notices, nothing
# is damaged, and nothing is gained.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
printf 'max_tokens = 1000\nallowed_services = sshd,su,sudo,probe,remote\n' >/etc/security/pat.conf
patd_start

export STOPPED=$BUILD/tests/torture/stopped DRIVE=$BUILD/tests/tools/pamdrive W
export PATD_PID ALICES=${PASSWORD[alice]} TOKEN BOBS FORGED
SEED=${PAT_SEED:-$(seed)}
SECONDS_EACH=${PAT_SECONDS:-3}
CROWD=24
[ -z "${PAT_SECONDS-}" ] || CROWD=100

service probe 'auth required pam_pat.so socket=/run/none' 'account required pam_permit.so'
service remote 'auth required pam_pat.so store=/run/none/none' 'account required pam_permit.so'
give bob su --service su,probe,remote
BOBS=$TOKEN
give alice sudo --service sudo
FORGED=$("$LIB/forge.py" "$ID")

run as alice su bob -c 'id -un' <<<"$BOBS"
is 'su is as it should be' "$out" bob
run as alice sudo -k -S -p '' id -un <<<"$TOKEN"
is 'and so is sudo' "$out" root

# Only some: PAT_PARTS='stops crowd'.
PARTS=${PAT_PARTS:-stops crowd odd}

# nobody_notices PROMISE ARGUMENTS...
nobody_notices() {
	[[ " $PARTS " = *" $2 "* ]] || return
	run timeout "${PAT_SUITE_TIMEOUT:-280}" "$LIB/starved.py" "${@:2}"
	grep '^# figure:' <<<"$out"
	is "$1" "$(grep -v '^# figure:' <<<"$out")$err" ''
}

nobody_notices "who stops or kills their own su, sudo or patctl harms nobody (seed $SEED)" \
	stops "$SECONDS_EACH" "$SEED"
nobody_notices 'nor who stops many of them at once' crowd "$CROWD"
nobody_notices "nor who starves them (seed $SEED)" odd "$SECONDS_EACH" "$SEED"
not_logged 'no child of patd died of it' 'was ended by signal (4|6|7|8|11)$'

end
