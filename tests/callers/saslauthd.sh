#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# saslauthd -a pam, which checks passwords for mail servers and directories: five processes of root's
# that stay, and a service that each request names.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs saslauthd testsaslauthd mandoc

# saslauthd_start [OPTION...]: as the init script does with /etc/default/saslauthd; -d keeps it in the
# foreground.
saslauthd_start() {
	local MECHANISMS OPTIONS options
	# shellcheck source=/dev/null
	. /etc/default/saslauthd
	read -ra options <<<"$OPTIONS"
	rm -rf /run/saslauthd
	mkdir /run/saslauthd
	# It ends its whole process group.
	setsid saslauthd -d -a "$MECHANISMS" "${options[@]}" -n 5 "$@" </dev/null >"$W/sasl.log" 2>&1 &
	SASLAUTHD=$!
	wait_for 10 answers || bail "saslauthd does not start: $(<"$W/sasl.log")"
}

answers() {
	with alice nothing
	[ "$out" = refused ]
}

PROTOCOL=saslauthd PORT=/run/saslauthd/mux:smtp PASSWORDS=accepted
world_furnish
service smtp "$PAT_LINE" '@include common-auth' '@include common-account'
service imap "$PAT_LINE" '@include common-auth' '@include common-account'
patd_start
recipe_file saslauthd /etc/default/saslauthd 644 root
saslauthd_start

give alice mail --service smtp
id=$ID
patd_stop
log_mark
run timeout 20 testsaslauthd -f /run/saslauthd/mux -u alice -p "$TOKEN" -s smtp
like 'a token is a password for saslauthd' "$rc $out" '^0 .*OK "Success'
logged 'without patd, as root may' \
	"pam_pat\(smtp:auth\): accepted token .* user=\"alice\" service=\"smtp\" rhost=\"\""
is 'one request is one authentication' "$(log_lines | grep -c 'accepted token')" 1
patd_start
is 'the stamp says so' "$(field uses "$id")" 1
give alice here --service smtp --from local
with alice "$TOKEN"
is 'a token that is good here alone is good for it' "$out" accepted
run timeout 20 testsaslauthd -f /run/saslauthd/mux -u alice -p "$(wrong "$TOKEN")" -s smtp
like 'a wrong one is none' "$rc $out$err" '^(1|255) .*NO'
run timeout 20 testsaslauthd -f /run/saslauthd/mux -u alice -p "$TOKEN" -s imap
like 'nor is a right one for another service of the request' "$rc $out$err" '^(1|255) .*NO'

storm saslauthd smtp 12 60
give bob brief --service smtp
revoked_meanwhile 6 bob "$TOKEN" brief
ended "$SASLAUTHD"

# Debian starts it with -c: what was right once is right for hours. pat(7) says to leave that out.
saslauthd_start -c
give bob cached --service smtp
with bob "$TOKEN"
patctl revoke --quiet --user bob cached
with bob "$TOKEN"
is 'with a cache (-c), saslauthd does not ask again: it knows nothing of revocation' "$out" accepted
ended "$SASLAUTHD"
end
