#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The benchmark works: its statistics are right, and a section goes through, in a moment. No time is judged.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
BUILD=${BUILD:-$SRC/build}

run /usr/bin/python3 -B - "$SRC/bench" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import stats
import table
assert stats.median([3, 1, 2]) == 2 and stats.median([1, 2, 3, 10]) == 2.5
assert stats.quartiles([1, 2, 3, 4, 5]) == (2, 4) and stats.quartiles([7]) == (7, 7)
assert stats.of([{"p50": 1, "p99": 5}, 2], "p99") == [5, 2]
ratio, reached = stats.compare([2, 4, 6], [8, 8, 8], ("<=", 0.5))
assert ratio.value == 0.5 and ratio.spread == (0.375, 0.625) and reached is True
assert stats.compare([2, 4, 6], [8, 8, 8], ("<=", 0.49))[1] is False
assert stats.compare([2, 4, 6], [8, 8, 8], ("faster", 2))[1] is True
assert stats.compare([2, 4, 6], [8, 8, 8], ("faster", 2.1))[1] is False
assert stats.compare([9], [5], (">=", 1.8)) [1] is True
assert stats.compare([1], [2], None)[1] is None
try:
    stats.compare([1, 2], [1], None)
except ValueError:
    pass
else:
    raise AssertionError("rounds that do not match")
assert table.quantity([1500.0], "us") == "1.50 ms" and table.quantity([0.25], "us") == "250 ns"
cells = table.row("what", [1, 2, 3], "us", ("other", [4, 4, 4]), ("<=", 0.4))
assert cells == ["what", "2.00 (1.50–2.50) µs", "other 4.00 (4.00–4.00) µs", "0.50 × (0.38–0.62)", "≤ 0.4", "**missed**"], cells
assert table.row("what", [3], "bytes", None, ("<=", 3))[4:] == ["≤ 3 bytes", "reached"]
END
exited 'medians, quartiles, ratios and limits are what they should be' 0

if [ "$(id -u)" -ne 0 ]; then
	skip 'a section goes through' 'needs root'
else
	run env -u PAT_WORLD BUILD="$BUILD" PAT_QUICK=1 timeout 60 bash "$SRC/bench/bench.sh" refusals
	if [[ $err = 'make bench needs'* ]]; then
		skip 'a section goes through' "${err#make bench }"
	else
		exited 'a section goes through' 0
		like 'and says what it measured' "$out" '\| unknown id +\| [0-9.]+ .*accepted'
	fi
fi
done_testing
