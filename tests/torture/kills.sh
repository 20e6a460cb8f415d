#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# SIGKILL, at random moments and before and after every system call, in the middle of everything that
# changes the store, while others verify, stamp and look at it. The same again: PAT_SEED=N (what is
# done, and where it is killed; not how the kernel mixes it with the others). Longer, with 10 000 kills
# and every call of every operation: PAT_SECONDS=300.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

SEED=${PAT_SEED:-$(seed)}
if [ "${PAT_SECONDS-}" ]; then
	# The number, and every call of every operation, or the time: whichever is later.
	extent=(-l -k "${PAT_KILLS:-10000}" -t "$PAT_SECONDS" -m $((3 * PAT_SECONDS)))
	least=$((PAT_SECONDS < 300 ? 200 : ${PAT_KILLS:-10000}))
else
	extent=(-k 450 -m 8)
	least=50
fi

sed -i 's/^max_tokens.*/max_tokens = 1000/' /etc/security/pat.conf
for user in kill0 kill1 quiet; do
	useradd --no-create-home --shell /usr/sbin/nologin $user || bail 'no users'
	# An account that never had a password: not locked.
	usermod -p '*' $user
done
service torture "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
	'session required pam_permit.so'

# What patstore can do by its manual page, it can be killed at.
commands=()
for command in rebuild restore; do
	if patstore --help | grep -q "^  $command"; then
		commands+=(-c "$command")
	elif grep -q "Cm $command" "$SRC/man/patstore.8"; then
		fail "patstore has the command $command of its manual page"
	else
		skip "$command, killed" "patstore has no $command yet"
	fi
done

mkdir -m 700 "$W/kills"
diag "PAT_SEED=$SEED"
run timeout "${PAT_SUITE_TIMEOUT:-280}" "$BUILD/tests/torture/kills" -p /usr/sbin/patd \
	-s /usr/sbin/patstore -d "$W/kills" -r "$SEED" "${commands[@]}" "${extent[@]}"
report=$out
# For whoever reads why a test failed: it is long, and of what went wrong there are a few examples.
out=$(grep -vE '^(token|operation) ' <<<"$report")
err+=$'\n'$(grep -hE 'the store |cannot be read' "$W/log" | sed 's/^.*]: //' | sort | uniq -c | head -n 20)
exited "nothing that kills, and nothing beside it, hung or died (PAT_SEED=$SEED)" 0

# wrong KIND TEXT: how often that happened is 0.
wrong() {
	is "$2" "$(sed -n "s/^wrong $1 //p" <<<"$report")" 0
}
value() {
	sed -n "s/^$1 //p" <<<"$report"
}
wrong lost 'what was acknowledged is in the store'
wrong invented 'what was refused, or not asked for, is not in the store'
wrong half 'no half of an operation is visible, then or meanwhile'
wrong touched 'no other token is changed'
wrong misjudged 'each verification beside it ends as it must'
wrong miscounted 'each use that was stamped is in the record, and no other'
wrong overspent 'no token is used more often than it was minted for'
wrong torn 'no stamp is left half written'
wrong unreadable 'the next who opens the store can read all of it'
wrong refused 'what is not killed is done'
ok "there were kills enough: $(value kills)" test "$(value kills)" -ge "$least"
while read -r _ name _ kills _; do
	ok "$name was killed (${kills#kills=} times)" test "${kills#kills=}" -gt 0
done < <(grep '^operation ' <<<"$report")
if [ "${PAT_SECONDS:-0}" -ge 300 ]; then
	is 'each was killed before and after every system call of it' \
		"$(grep '^operation ' <<<"$report" | grep -v '^operation stamp ' | grep ' passes=[01] ')" ''
fi

# The same tokens at the module's door, and the store by its own tool.
DRIVE=$W/pamdrive
install -m 755 "$BUILD/tests/tools/pamdrive" "$DRIVE" || bail 'no pamdrive'
STORE=$W/kills/store/tokens.tdb
service torture "$PAT_LINE store=$STORE socket=$W/no-patd" 'auth required pam_deny.so' \
	'account required pam_permit.so' 'session required pam_permit.so'
wrongly='' tried=0
while read -r _ token user wanted; do
	tried=$((tried + 1))
	answer=$("$DRIVE" -r 192.0.2.1 torture "$user" <<<"$token" 2>/dev/null)
	case $wanted:$answer in
	accepted:auth=success* | refused:auth=auth_err*) ;;
	*) wrongly+="${token:7:8} of $user: $answer, not $wanted"$'\n' ;;
	esac
done < <(grep '^token ' <<<"$report" | shuf -n 40 --random-source=<(yes "$SEED"))
is 'tokens log in, or do not, as was acknowledged' "$wrongly" ''
ok "and there were some: $tried" test "$tried" -ge 20
run patstore --store "$STORE" check
like 'patstore finds no fault in any record' "$out" '^.*, 0 faults'
structure=$(grep -c 'structure is not whole' <<<"$out")

echo "# figure: $(value kills) kills in $(value seconds) s beside $(value verified) verifications and" \
	"$(value looks) looks: $(value 'wrong lost') lost, $(value 'wrong invented') invented, $(value 'wrong half') half"
echo "# figure: slowest verification $(value slowest_ms) ms; $(value unavailable) gave up after 2 s; $(value unstamped) not stamped; $(value unsure) fell on a change"
echo "# figure: TDB calls the structure at the end not whole (orphaned space): $structure"
grep '^operation ' <<<"$report" | sed 's/^operation /# figure: killed: /'

end
