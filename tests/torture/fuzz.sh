#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The fuzzers, in short: every input that is kept, and a moment of new ones. Longer: PAT_SECONDS=300, or
# `make fuzz`, which goes on from what was found before. Any user may run this.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
FUZZERS=${BUILD:-$SRC/build}/fuzz/tests/fuzz

mapfile -t names < <(find "$FUZZERS" -name 'fuzz_*' ! -name '*.*' 2>/dev/null | sed 's/.*fuzz_//' | sort)
[ ${#names[@]} -gt 0 ] ||
	skip_all 'needs the fuzzers: make fuzzers, with clang and its libFuzzer (Debian: libclang-rt-14-dev)'

# Their own files; tests/lib/tap.sh removes the directory.
export TMPDIR=$TAP_DIR
[ ! -w /dev/shm ] || TMPDIR=$(mktemp -d /dev/shm/pat-fuzz-XXXXXX)
trap 'rm -rf "$TMPDIR" "$TAP_DIR"' EXIT
options=(-timeout=10 -rss_limit_mb=1536 -max_len=2048 -print_final_stats=1)
# The same search each time, as in the other tortures, unless it is a long one.
seed=${PAT_SEED:-11}
[ -z "${PAT_SECONDS-}" ] || seed=${PAT_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
diag "PAT_SEED=$seed"

# Without PAT_SECONDS, so many in all: by what a fuzzer can do in half a second or less.
if [ "${PAT_SECONDS-}" ]; then
	each=(-max_total_time=$((PAT_SECONDS * 2 / ${#names[@]} + 1)))
else
	each=(-runs=3000 -max_total_time=1)
fi

# fuzz NAME: into a file of that name.
fuzz() {
	local corpus=$SRC/tests/fuzz/corpus/$1 words=$SRC/tests/fuzz/dictionaries/$1 status=0
	local run=("$FUZZERS/fuzz_$1" "${options[@]}" -seed="$seed"
		-artifact_prefix="$TAP_DIR/input-$1-")
	[ ! -f "$words" ] || run+=(-dict="$words")
	mkdir -p "$TAP_DIR/new-$1"
	"${run[@]}" "${each[@]}" "$TAP_DIR/new-$1" "$corpus" >"$TAP_DIR/log-$1" 2>&1 || status=$?
	echo "$status" >"$TAP_DIR/status-$1"
}

tell() {
	local status executions files
	status=$(cat "$TAP_DIR/status-$1")
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$TAP_DIR/log-$1")
	files=$(find "$SRC/tests/fuzz/corpus/$1" -type f | wc -l)
	total=$((total + ${executions:-0}))
	# At least what is kept was run.
	if [ "$status" -eq 0 ] && [ "${executions:-0}" -ge "$files" ] && [ "$files" -gt 0 ]; then
		pass "$1 keeps its promises ($executions inputs)"
		return
	fi
	fail "$1 keeps its promises (PAT_SEED=$seed)" "status $status; $files inputs are kept"
	diag "$(grep -aE -m 5 'broken promise|ERROR: |runtime error|SUMMARY' "$TAP_DIR/log-$1" || tail -n 8 "$TAP_DIR/log-$1")"
	# It is gone with this suite: here it is.
	find "$TAP_DIR" -name "input-$1-*" -exec sh -c 'echo "# the input, in base64: $(base64 -w0 "$1")"' sh {} \;
}

total=0
for ((i = 0; i < ${#names[@]}; i += 2)); do
	for name in "${names[@]:i:2}"; do fuzz "$name" & done
	wait
	for name in "${names[@]:i:2}"; do tell "$name"; done
done
echo "# figure: ${#names[@]} fuzzers, $total executions"
done_testing
