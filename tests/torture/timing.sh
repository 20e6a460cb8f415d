#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What one who has no secret learns from how long a refusal takes: neither which users there are, nor which
# ids. At three levels: the decision with the store, a whole PAM transaction, and a question to patd.
#
# A short run measures no time, which on a busy machine would say little: it compares what is done, the system
# calls and the instructions. With PAT_SECONDS=N it measures for about that many seconds, as timing.c says, but
# each kind of refusal no more than 100000 times, and tells Student's t of each against the first. It fails
# where |t| is over 5, and the difference more than 0.5 %: one who knows an id has two records read, and
# one who does not one of them twice, which is a little warmer. Of how small a difference it would have seen it tells, too; and two it must see: one
# that is planted, and that a secret was right.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

T=$W/timing
install -m 755 "$BUILD/tests/torture/timing" "$T" || bail 'the program timing was not built'
# libpam reads this one, too, for each transaction.
service other 'auth required pam_deny.so' 'account required pam_deny.so'
service probe "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so'

# How many ids each class has: where time is measured, luck with one must not decide.
POOL=1
[ -z "${PAT_SECONDS-}" ] || POOL=64
sed -i 's/^max_tokens.*/max_tokens = 1000/' /etc/security/pat.conf

# give_to FILE USER OPTIONS...: one more token for a class.
give_to() {
	give "$2" "$1$N" --service probe "${@:3}"
	echo "$TOKEN" >>"$W/tmp/$1"
}

# One of each in turn, so that no class has a part of the store for itself.
give_all() {
	rm -f "$W"/tmp/{plain,others,anothers,revoked,expired,suspended,locked}
	for ((N = 0; N < POOL; N++)); do
		give_to plain alice
		give_to others alice
		give_to anothers bob
		give_to revoked alice
		as alice patctl revoke -q "$ID"
		give_to expired alice --expires 2s
		give_to suspended alice
		as alice patctl suspend -q "$ID"
		give_to locked sleeper
	done
}

useradd --no-create-home sleeper
echo 'sleeper:sleeper: Sesame 6' | chpasswd
give_all
# Once in a hundred stores, another record is in front of the one in which unknown ids are noted.
for _ in 1 2 3 4; do
	! "$T" strangers || break
	patd_stop
	rm -f /var/lib/pat/tokens.tdb*
	patd_start
	give_all
done
ok 'no page begins in the record in which unknown ids are noted, in a new store' "$T" strangers
passwd -q -l sleeper
sleep 2.1

# The first is what the others are compared with. A user who does not exist has a name of the same length.
CLASSES=(wrong-secret:wrong:alice:plain unknown-id:unknown:alice:plain
	unknown-user:unknown:aliza:plain unknown-user-known-id:wrong:aliza:plain
	id-of-another-user:wrong:alice:anothers)
MORE=(revoked-wrong-secret:wrong:alice:revoked expired-wrong-secret:wrong:alice:expired
	suspended-wrong-secret:wrong:alice:suspended locked-wrong-secret:wrong:sleeper:locked)
# Who proves the secret may learn more, and costs more: so the difference can be seen.
CONTROL=right-secret-of-another:right:alice:anothers
cd "$W/tmp" || exit

# calls LEVEL CLASS: how often each system call was made by one attempt.
calls() {
	if [ "$1" = patd ]; then
		strace -f -q -o "$W/strace" -p "$PATD_PID" 2>"$W/strace.err" &
		wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PATD_PID/status"
		# Two attempts each. The first three are for those who waited before patd was traced; of the others
		# the last is what its child did, which may have waited for it, from when it had read what was
		# asked.
		for _ in 1 2 3; do "$T" once patd "$2"; done
		wait_for 5 answered
		kill $! && wait $! 2>/dev/null
		awk -v pid="$(awk '$2 ~ /^recvfrom/ { pid = $1 } END { print pid }' "$W/strace")" \
			'$1 == pid { $1 = ""; if (asked) print; asked = asked || /recvfrom/ }' "$W/strace"
	else
		strace -qq -o "$W/strace" "$T" once "$1" "$2"
		awk '/^getpgid/ { marks++; next } marks == 1' "$W/strace"
	fi | sed -nE 's/^ *([a-z0-9_]+)\(.*/\1/p' | sort | uniq -c
}

answered() {
	awk '$2 ~ /^recvfrom/ { last = $1 } /exited with/ { ended[$1] } END { exit !(last in ended) }' "$W/strace"
}

# same_calls LEVEL CLASS...: a record may lie behind another in a chain of the store; then again with other ids.
same_calls() {
	local level=$1 class want got tries
	shift
	want=$(calls "$level" "$1")
	ok "$level: the system calls are seen" test "$(wc -l <<<"$want")" -ge 5
	for class in "${@:2}"; do
		for tries in 1 2 3; do
			got=$(calls "$level" "$class")
			[ "$got" != "$want" ] || break
			diag "$level, ${class%%:*}: not alike, try $tries"
		done
		is "$level: ${class%%:*} is the system calls of ${1%%:*}" "$got" "$want"
	done
	unlike "$level: that a secret was right can be seen" "$(calls "$level" "$CONTROL")" "^$want\$"
}

# instructions CLASS
instructions() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=attempt_store \
		"$T" once store "$1" 2>&1 | awk '/Collected/ { print $4 / 2 }'
}

same_instructions() {
	local class want got
	want=$(instructions "${CLASSES[0]}")
	ok "the instructions of a refusal are counted ($want)" awk "BEGIN { exit !($want > 1000) }"
	for class in "${CLASSES[@]:1}" "${MORE[0]}"; do
		got=$(instructions "$class")
		ok "${class%%:*} is the instructions of ${CLASSES[0]%%:*}, within 1 % ($got)" \
			awk "BEGIN { d = ($got - $want) / $want; exit !(d < 0.01 && d > -0.01) }"
	done
	got=$(instructions "$CONTROL")
	ok "that a secret was right can be seen in them ($got)" \
		awk "BEGIN { exit !($got > 1.1 * $want) }"
}

# race LEVEL SECONDS PLANTED: PLANTED is a difference in nanoseconds that must be seen.
race() {
	local name t difference median count ids sees
	timeout $((PAT_SECONDS * 2 + 30)) "$T" race "$1" "$2" 100000 "${CLASSES[@]}" "${MORE[@]}" \
		same-again:wrong:alice:others "planted:wrong:alice:others:$3" "$CONTROL" \
		>"$W/race" 2>&1 || fail "$1: the race was run" "$(cat "$W/race")"
	while read -r name t difference median count ids sees; do
		echo "# figure: timing, $1: $name $t $difference $median $count $ids $sees"
		t=${t#*=} count=${count#*=} sees=${sees#*=} difference=${difference#*=} median=${median#*=}
		case $name in
		planted) ok "$1: $3 ns more can be seen" awk "BEGIN { exit !($t > 5) }" ;;
		"${CONTROL%%:*}") ok "$1: that a secret was right can be seen" awk "BEGIN { exit !($t > 5) }" ;;
		*)
			ok "$1: $name cannot be told from ${CLASSES[0]%%:*} by $count attempts, which would show $sees ns" \
				awk "BEGIN {
					t = $t; d = $difference / $median
					exit !((t < 5 && t > -5) || (d < 0.005 && d > -0.005)) }"
			;;
		esac
	done <"$W/race"
}

if [ -z "${PAT_SECONDS-}" ]; then
	same_calls store "${CLASSES[@]}" "${MORE[@]}"
	same_calls module "${CLASSES[@]:0:4}" "${MORE[@]:0:2}"
	same_calls patd "${CLASSES[@]:0:4}"
	if command -v valgrind >/dev/null; then
		same_instructions
	else
		skip 'instructions are the same' 'needs valgrind'
	fi
else
	# What the module logs, the log of this world could not take in as fast. (patd's goes on.)
	rm -f /dev/log
	race store $((PAT_SECONDS / 3)) 1000
	race module $((PAT_SECONDS / 3)) 2000
	race patd $((PAT_SECONDS / 3)) 200000
fi

end
