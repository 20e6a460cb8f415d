# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# For the suites in tests/callers/: logins through a server that calls PAM, one or many at once. Each
# suite says what its server speaks, in PROTOCOL and PORT; see callers_logins.py.

# shellcheck source=SCRIPTDIR/callers_recipe.sh
. "$SRC/tests/lib/callers_recipe.sh"

LOGINS=$LIB/callers_logins.py
PROTOCOL='' PORT=''
PASSWORDS=refused # what the stack says to a right password
PER_LOGIN=1       # how often it authenticates for one login

# needs_programs PROGRAM...: skips the suite where one is not installed.
needs_programs() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip_all "needs $program"
	done
}

# with USER SECRET: one login; $out says `accepted`, `refused`, or why it was neither.
with() {
	run timeout 30 "$LOGINS" "$PROTOCOL" "$PORT" one "$1" <<<"$2"
}

# many THREADS <LINES: all of them at once, as callers_logins.py has it; $out says what became of each.
many() {
	run timeout 600 "$LOGINS" "$PROTOCOL" "$PORT" many "$1"
}

# count LABEL: of the last `many`.
count() {
	sed -n "s/^$1 //p" <<<"$out"
}

# timing WHAT: the figure of the last `many`.
timing() {
	sed -n "s/^time: /# figure: $1: /p" <<<"$out"
}

let_in() {
	is "$1: each of $2 was let in" "$(count "$3")" "$2 accepted 0 refused 0 failed"
}

turned_away() {
	is "$1: each of $2 was refused" "$(count "$3")" "0 accepted $2 refused 0 failed"
}

# storm WHAT SERVICE THREADS TIMES: right and wrong tokens of several users, all at once. With PAT_SECONDS
# in the environment, ten times as many.
storm() {
	local service=$2 times=$4 few
	local lines alice bob alice_id bob_id counted
	[ -z "${PAT_SECONDS-}" ] || times=$((times * 10))
	few=$((times / 5))
	give alice right --service "$service"
	alice=$TOKEN alice_id=$ID
	give bob right --service "$service"
	bob=$TOKEN bob_id=$ID
	lines="alice $times alice $alice"$'\n'"bob $times bob $bob"
	lines+=$'\n'"alien $few bob $alice"$'\n'"wrong $few alice $(wrong "$alice")"
	# shellcheck disable=SC2153 # a variable of world.sh
	lines+=$'\n'"nobody $few nobody-here $alice"$'\n'"password $few carol ${PASSWORD[carol]}"
	lines+=$'\n'"guess $few carol Sesame"
	give alice elsewhere --service other
	lines+=$'\n'"scope $few alice $TOKEN"
	give alice far --service "$service" --from 192.0.2.0/24
	lines+=$'\n'"source $few alice $TOKEN"
	give bob ended --service "$service"
	lines+=$'\n'"revoked $few bob $TOKEN"
	patctl revoke --quiet --user bob ended
	give carol counted --service "$service" --uses "$few"
	counted=$ID
	[ "$PER_LOGIN" -ne 1 ] || lines+=$'\n'"counted $((2 * few)) carol $TOKEN"
	many "$3" <<<"$lines"
	[ -z "$err" ] || diag "$err"
	timing "$1"
	let_in 'a right token' "$times" alice
	let_in 'that of another user at the same time' "$times" bob
	if [ "$PER_LOGIN" -eq 1 ]; then
		is "a token for $few uses: so many of $((2 * few)) were let in" "$(count counted)" \
			"$few accepted $few refused 0 failed"
		is 'each use of that is counted' "$(field uses "$counted" carol)" "$few"
	fi
	turned_away "another's token" "$few" alien
	turned_away 'a wrong secret' "$few" wrong
	turned_away 'a token for another service' "$few" scope
	turned_away 'a token for another source' "$few" source
	turned_away 'a revoked token' "$few" revoked
	turned_away 'a user who does not exist' "$few" nobody
	turned_away 'a wrong password' "$few" guess
	if [ "$PASSWORDS" = accepted ]; then
		let_in 'a password' "$few" password
	else
		turned_away 'a password, which the stack does not take' "$few" password
	fi
	is 'each use of a token is counted' \
		"$(counted_uses alice "$alice_id") $(counted_uses bob "$bob_id")" \
		"$((times * PER_LOGIN)) $((times * PER_LOGIN))"
}

# counted_uses USER ID: what the token's stamps count, and those that were not to be had, which the log tells.
counted_uses() {
	local missed
	log_sync
	missed=$(grep -c "accepted token id=$2 .*could not be stamped" "$W/log")
	echo $(($(field uses "$2" "$1") + missed))
}

# revoked_meanwhile THREADS USER SECRET NAME: they log in with it until, and after, it is revoked.
revoked_meanwhile() {
	run timeout 120 "$LOGINS" "$PROTOCOL" "$PORT" end "$1" "$2" \
		patctl revoke --quiet --user "$2" "$4" <<<"$3"
	like "revoked while $1 threads log in with it: they were let in until then" "$out" \
		$'status 0\nbefore [1-9]'
	like 'and no login that began later was, but every one was refused' "$out" \
		$'\nlate 0\nrefused [1-9][0-9]*\nfailed 0$'
}

# wrong TOKEN: one with the same id and another secret.
wrong() {
	"$LIB/forge.py" "${1:7:8}"
}

# ended PID: ends a server by its pid, and waits for it. (saslauthd now and then waits for ever instead.)
ended() {
	kill "$1" 2>/dev/null
	wait_for 10 gone "$1" || kill -KILL "$1"
	wait "$1" 2>/dev/null
}

# descriptors PID: how many it has open.
descriptors() {
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

# verify_for USER...: whom patd may answer about others.
verify_for() {
	sed -i "s/^verify_for.*/verify_for = $*/" /etc/security/pat.conf
}
