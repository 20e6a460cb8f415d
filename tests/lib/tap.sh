# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# TAP for bash: a suite sources this, calls the checks below and ends with done_testing. The output
# is one `ok` or `not ok` line a check, lines with `#` that explain a failure, and the plan at the end.

TAP_COUNT=0
TAP_FAILED=0
TAP_DIR=$(mktemp -d)

# What the last `run` left behind.
out='' err='' rc=0

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() {
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s\n' "$TAP_COUNT" "$1"
}

fail() {
	TAP_COUNT=$((TAP_COUNT + 1))
	TAP_FAILED=$((TAP_FAILED + 1))
	printf 'not ok %d - %s\n' "$TAP_COUNT" "$1"
	[ "${BASH_SOURCE[2]-}" ] && diag "at ${BASH_SOURCE[2]##*/} line ${BASH_LINENO[1]}"
	[ -z "${2-}" ] || diag "$2"
}

# skip TEXT WHY
skip() {
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s # SKIP %s\n' "$TAP_COUNT" "$1" "$2"
}

# skip_all WHY: the whole suite.
skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

# bail WHY: nothing after this would mean anything.
bail() {
	printf 'Bail out! %s\n' "$*"
	exit 255
}

# run COMMAND...: leaves its output in $out, its messages in $err and its status in $rc.
run() {
	rc=0
	"$@" >"$TAP_DIR/out" 2>"$TAP_DIR/err" || rc=$?
	out=$(tr -d '\0' <"$TAP_DIR/out")
	err=$(tr -d '\0' <"$TAP_DIR/err")
}

what_ran() {
	printf 'status: %s\nstdout: %s\nstderr: %s' "$rc" "$out" "$err"
}

# ok TEXT COMMAND...: passes if the command succeeds.
ok() {
	local text=$1 rc out err
	shift
	run "$@"
	if [ "$rc" -eq 0 ]; then pass "$text"; else fail "$text" "$* failed"$'\n'"$(what_ran)"; fi
}

# not TEXT COMMAND...: passes if the command fails.
not() {
	local text=$1 rc out err
	shift
	run "$@"
	if [ "$rc" -ne 0 ]; then pass "$text"; else fail "$text" "$* succeeded"$'\n'"$(what_ran)"; fi
}

# exited TEXT STATUS: about the last `run`.
exited() {
	if [ "$rc" -eq "$2" ]; then
		pass "$1"
	else
		fail "$1" "wanted status $2"$'\n'"$(what_ran)"
	fi
}

# refused TEXT: the last `run` failed, and not because it hung.
refused() {
	if [ "$rc" -ne 0 ] && [ "$rc" -ne 124 ] && [ "$rc" -ne 127 ]; then
		pass "$1"
	else
		fail "$1" "wanted a refusal"$'\n'"$(what_ran)"
	fi
}

# is TEXT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:    $2"$'\n'"wanted: $3"$'\n'"last run:"$'\n'"$(what_ran)"
	fi
}

# like TEXT GOT REGEX, unlike TEXT GOT REGEX: extended regular expressions.
like() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "got:          $2"$'\n'"wanted to match: $3"$'\n'"last run:"$'\n'"$(what_ran)"
	fi
}

unlike() {
	if [[ $2 =~ $3 ]]; then
		fail "$1" "got:              $2"$'\n'"wanted not to match: $3"
	else
		pass "$1"
	fi
}

done_testing() {
	rm -rf "$TAP_DIR"
	printf '1..%d\n' "$TAP_COUNT"
	[ "$TAP_FAILED" -eq 0 ] || exit 1
	exit 0
}
