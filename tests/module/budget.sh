#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# A verification takes no more instructions than tests/budget says: by the module itself, by the module that asks
# patd, and by patd's child. Times are noisy, instructions are not: so what makes it slower by a twentieth is
# seen here. Those of the C library and of libpam are not counted, and the compiler must be the one that the budget is
# of.
#
# `make budget` writes down what it takes now: with the change that is worth it.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
BUDGET=$SRC/tests/budget
[ -z "${PAT_RENEW-}" ] || BUDGET=$W/keep/src/tests/budget

command -v valgrind >/dev/null || skip_all 'needs valgrind'
compiler=$(readelf -p .comment "$BUILD/pam_pat.so" | sed -n 's/.*] *//p' | head -n 1)
conditions="$compiler, $(uname -m)$(grep -qw avx2 /proc/cpuinfo && echo ' with AVX2')"
if [ -z "${PAT_RENEW-}" ] && ! grep -qxF "# $conditions" "$BUDGET"; then
	skip_all "the budget is of another compiler or processor than $conditions"
fi

world_furnish
STORE=/var/lib/pat/tokens.tdb
TOKEN=$("$BUILD/tests/tools/pour" -n 1 -g alice -u "$(id -u alice)" "$STORE" | head -n 1)
patd_start
service probe 'auth required pam_pat.so'
LOOP=$BUILD/bench/loop
cd "$W/tmp" || exit

# count WHAT FUNCTION OBJECT COMMAND...: the instructions of a verification in a process that did one before; where
# the command has an @, valgrind begins. In $W/counts.
count() {
	local what=$1 function=$2 object=$3 times
	shift 3
	for times in 2 3; do
		"$LIB/instructions.py" "$function" "$what:ours=$object" "$what:libtdb=/libtdb.so.1.4.8" \
			"$what:libsodium=/libsodium.so.23.3.0" -- "${@//COUNT/$times}" <<<"$TOKEN" \
			>"$W/counted.$times" || bail "$what could not be counted"
	done
	join "$W/counted.2" "$W/counted.3" | awk '{ print $1, $3 - $2 }' >>"$W/counts"
}

MODULE=/pam_pat.so
count direct pam_sm_authenticate $MODULE @ "$LOOP" -w 0 -n COUNT probe alice
count asking pam_sm_authenticate $MODULE setpriv --reuid=alice --regid=alice --init-groups @ \
	"$LOOP" -w 0 -n COUNT probe alice
count asked verify_serve /serve @ "$BUILD/bench/serve" -n COUNT $STORE probe alice

if [ "${PAT_RENEW-}" ]; then
	{
		echo "# Instructions of a verification, by what they are in: tests/module/budget.sh. Renewed by \`make budget\`."
		echo "# $conditions"
		cat "$W/counts"
	} >"$BUDGET"
	cat "$BUDGET"
	exit
fi

while read -r name count; do
	budget=$(awk -v name="$name" '$1 == name { print $2 }' "$BUDGET")
	echo "# figure: instructions, $name: $count, of $budget"
	ok "$name: $count instructions are within 5 % of the budget of ${budget:-none}" \
		awk "BEGIN { exit !($count <= 1.05 * ${budget:--1} && $count >= 0.95 * ${budget:--1}) }"
done <"$W/counts"
is 'all that has a budget was counted' "$(cut -d' ' -f1 "$W/counts")" "$(sed '/^#/d; s/ .*//' "$BUDGET")"
end
