#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# How much of the product the suites before this one ran: those with `sanitized/` and `counted/` in front
# of their names count lines, and leave the counts in $PAT_COVERAGE, a directory a user.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"

BUILD=${BUILD:-$SRC/build}
LEAST=90

command -v gcovr >/dev/null || skip_all 'needs gcovr'
mapfile -t counts < <(find "${PAT_COVERAGE:-/nonexistent}" -mindepth 1 -maxdepth 1 -type d 2>/dev/null)
[ ${#counts[@]} -gt 0 ] || skip_all 'no suite that counts lines ran before'
cd "$SRC" || exit
mkdir "$TAP_DIR/notes"

# notes_of COUNTS BUILD: what gcov wants to find beside the counts.
notes_of() {
	mkdir -p "$1/$2" && (cd "$2" && find . -name '*.gcno' -exec cp --parents -t "$1/$2" {} +)
}

# read_counts COUNTS BUILD
read_counts() {
	[ -d "$1/$2" ] || return 0
	notes_of "$1" "$2" &&
		gcovr --root "$SRC" --object-directory "$1/$2" "$1/$2" \
			--json "$TAP_DIR/$((++READ)).json" 2>>"$TAP_DIR/gcovr"
}

# told PART OPTION...: what gcovr tells of a part of the product.
told() {
	local part=$1 file files=()
	shift
	for file in "$TAP_DIR"/*.json; do files+=(--add-tracefile "$file"); done
	gcovr --root "$SRC" "${files[@]}" --filter "$part/" "$@" 2>/dev/null
}

# share PART lines|branches: so many of a hundred.
share() {
	local option=()
	[ "$2" = lines ] || option=(--branches)
	told "$1" "${option[@]}" | awk '$1 == "TOTAL" { print $4 + 0 }'
}

READ=0
for count in "${counts[@]}"; do
	for kind in sanitized counted; do
		read_counts "$count" "$BUILD/$kind"
	done
done
for part in lib pam helper; do
	lines=$(share $part lines)
	echo "# figure: $part/: $lines % of lines, $(share $part branches) % of branches"
	ok "$part/: at least $LEAST % of the lines are run by tests" test "${lines:-0}" -ge $LEAST
	[ "${lines:-0}" -ge $LEAST ] || told $part
done
[ -z "${PAT_VERBOSE-}" ] || told '(lib|pam|helper)' | sed 's/^/# /'
done_testing
