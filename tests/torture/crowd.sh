#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Many processes that verify, stamp, mint, suspend, resume, rotate and revoke at once. Longer, with 64
# of them: PAT_SECONDS=300. PAT_PROCESSES says how many.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

SEED=${PAT_SEED:-$(seed)}
if [ "${PAT_SECONDS-}" ]; then
	processes=64 least=50
else
	processes=32 least=1
fi

sed -i 's/^max_tokens.*/max_tokens = 1000/' /etc/security/pat.conf
for number in 0 1 2 3 4 5; do
	useradd --no-create-home --shell /usr/sbin/nologin --uid $((7000 + number)) "crowd$number" ||
		bail 'no users'
	# An account that never had a password: not locked.
	usermod -p '*' "crowd$number"
done
service torture "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
	'session required pam_permit.so'

# Users run it, too.
CROWD=$W/crowd
install -m 755 "$BUILD/tests/torture/crowd" "$CROWD" || bail 'no crowd'
diag "PAT_SEED=$SEED"
# It keeps the log itself, which patd must find when it starts.
rm -f /dev/log
timeout $((${PAT_SECONDS:-7} + 90)) "$CROWD" -n "${PAT_PROCESSES:-$processes}" \
	-t "${PAT_SECONDS:-6}" -r "$SEED" >"$W/report" 2>"$W/complaints" &
crowd=$!
wait_for 5 test -S /dev/log || bail 'no log'
patd_start
status=0
wait $crowd || status=$?
report=$(cat "$W/report") err=$(cat "$W/complaints")
is "nobody in the crowd hung or died (PAT_SEED=$SEED)" "$status" 0
[ -z "$err" ] || diag "$err"

wrong() {
	is "$2" "$(sed -n "s/^wrong $1 //p" <<<"$report")" 0
}
value() {
	sed -n "s/^$1 //p" <<<"$report"
}
wrong late 'a change is true for every verification that begins after it returned'
wrong miscounted 'each use that was accepted is in its record, unless it was reported as not stamped'
wrong overspent 'no token is used more often than it was minted for'
wrong lost 'the store has what was acknowledged'
wrong unreadable 'everything can be read'
wrong refused 'every change is made and answered'
is 'alone, no verification waits in vain' "$(value quiet_gave_up)" 0
for what in mints ends suspensions resumptions audited; do
	ok "there was something to see: $(value $what) $what" test "$(value $what)" -ge 1
done
while read -r _ count _ _ path; do
	ok "$path: $count" test "$count" -ge "$least"
done < <(grep '^path ' <<<"$report")
ok 'patd is the same' kill -0 "$PATD_PID"
run patstore check
like 'patstore finds no fault' "$out" '^[0-9]+ tokens, 0 faults$'

gave_up=0
while read -r _ count gave slowest path; do
	echo "# figure: $path: $count, slowest ${slowest#slowest=}, ${gave#gave_up=} without an answer in 2 s"
	gave_up=$((gave_up + ${gave#gave_up=}))
done < <(grep '^path ' <<<"$report")
echo "# figure: a change of a store that is never empty: $(value press_ms) ms at most"
echo "# figure: ${PAT_PROCESSES:-$processes} processes: $(value mints) mints, $(value ends) ends," \
	"$(value suspensions) suspensions, $(value resumptions) resumptions; $(value audited) records counted;" \
	"$gave_up verifications gave up after 2 s"

end
