#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: counted
# Waits: a minute.
#
# Silence ends: of a connection after 30 seconds, of a question after one, and of a patd that was
# started by its sockets after a minute.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens

mkdir "$W/tmp/activated"
"$LIB/activate.py" "$W/tmp/activated" patd &
activated=$!
wait_for 5 test -S "$W/tmp/activated/verify"
ok 'a patd that was started by its sockets serves' \
	as alice patctl list --socket "$W/tmp/activated/io.pampat.Tokens"
activated_at=$(date +%s)

exec_as carol "$LIB/peers.py" idle $TOKENS >"$W/tmp/nothing" &
nothing=$!
exec_as carol "$LIB/peers.py" idle $TOKENS '{"method":"io.pam' >"$W/tmp/half" &
half=$!
run as carol "$LIB/peers.py" idle /run/pat/verify
like 'a question that does not come is waited for a second or two' "$out" '^[0-3]$'
wait $nothing $half
like 'a connection that says nothing is closed after 30 seconds' "$(<"$W/tmp/nothing")" '^(29|3[0-3])$'
like 'and so is one that says half of something' "$(<"$W/tmp/half")" '^(29|3[0-3])$'

rc=0
wait $activated || rc=$?
took=$(($(date +%s) - activated_at))
is 'a patd that was started by its sockets leaves' "$rc" 0
ok 'after a minute of nothing' test $took -ge 55 -a $took -le 70
ok 'one with --listen stays' as alice patctl list

end
