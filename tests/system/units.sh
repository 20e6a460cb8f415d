#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The units of systemd are right, and their services have no more rights than they need.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
command -v systemd-analyze >/dev/null || skip_all 'needs systemd-analyze'
world_furnish
UNITS=/usr/lib/systemd/system

# It exits with 0 on unknown keys, and speaks of units that are none of ours.
for unit in patd.socket patd.service patd-sweep.service patd-sweep.timer; do
	run systemd-analyze verify --man=no $UNITS/$unit
	is "$unit: systemd has nothing to complain of" "$rc $(grep -i 'patd' <<<"$out$err")" '0 '
done

# security SERVICE TENTHS: its exposure is at most that.
security() {
	run systemd-analyze security --offline=true --no-pager --threshold="$2" $UNITS/"$1"
	exited "$1: an exposure of at most $2 tenths" 0
}
security patd.service 15
security patd-sweep.service 10

ok 'the timer is daily' grep -qx 'OnCalendar=daily' $UNITS/patd-sweep.timer
ok 'makes up for what it missed' grep -qx 'Persistent=yes' $UNITS/patd-sweep.timer
ok 'and does not wake all machines at once' grep -q '^RandomizedDelaySec=' $UNITS/patd-sweep.timer

# What the sweep's unit says it runs, runs, without the capabilities that the unit takes away.
read -r -a command < <(sed -n 's/^ExecStart=//p' $UNITS/patd-sweep.service)
is 'the service sweeps' "${command[*]}" '/usr/sbin/patd --sweep'
patd_start
give alice ci
log_mark
run setpriv --bounding-set=-all --inh-caps=-all --no-new-privs env -i "${command[@]}"
exited 'the sweep needs no capability' 0
ok 'and says what it did' test "$out"
is 'a live token stays' "$(field status "$ID")" active

end
