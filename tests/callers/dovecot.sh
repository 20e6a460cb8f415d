#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Dovecot, passdb pam: IMAP logins that its auth workers, which are root, check one after the other in
# processes that stay.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs dovecot mandoc
[ -x /usr/lib/dovecot/imap ] || skip_all "needs Dovecot's imap"

dovecot_start() {
	mkdir -p "$W/dovecot"
	cat >"$W/dovecot/conf" <<-END
		base_dir = $W/dovecot/run
		state_dir = $W/dovecot/state
		log_path = $W/dovecot/log
		protocols = imap
		listen = 127.0.0.1
		ssl = no
		mail_location = maildir:~/Maildir
		first_valid_uid = 1000
		auth_failure_delay = 0
		$(recipe dovecot.conf)
		userdb {
		  driver = passwd
		}
		service auth-worker {
		  process_limit = 8
		}
		# What slows down who guesses from one address.
		service anvil {
		  unix_listener anvil-auth-penalty {
		    mode = 0
		  }
		}
	END
	dovecot -F -c "$W/dovecot/conf" >"$W/dovecot/out" 2>&1 &
	DOVECOT=$!
	wait_for 10 answers || bail "Dovecot does not start: $(cat "$W/dovecot/out" "$W/dovecot/log")"
}

answers() {
	with alice nothing
	[ "$out" = refused ]
}

PROTOCOL=imap PORT=143 PASSWORDS=accepted
world_furnish
stack dovecot || bail 'no stack for dovecot'
patd_start
dovecot_start

give alice mail --service dovecot
id=$ID
patd_stop
log_mark
with alice "$TOKEN"
is 'a token opens the mailbox' "$out" accepted
logged 'without patd, as root may' \
	"pam_pat\(dovecot:auth\): accepted token .* user=\"alice\" service=\"dovecot\" rhost=\"127.0.0.1\""
is 'one login is one authentication' "$(log_lines | grep -c 'accepted token')" 1
patd_start
is 'the stamp says so' "$(field uses "$id")" 1
log_mark
with alice "$(wrong "$TOKEN")"
is 'a wrong token does not' "$out" refused
not_logged 'and is handed to no password module' 'pam_unix'
usermod --expiredate 1 carol
give carol gone --service dovecot
with carol "$TOKEN"
is 'nor one of an account that has expired' "$out" refused
usermod --expiredate '' carol

storm Dovecot dovecot 12 40
give bob brief --service dovecot
revoked_meanwhile 6 bob "$TOKEN" brief
unlike 'no process of it crashed' "$(<"$W/dovecot/log")" 'killed with signal|Panic|Fatal'
ended "$DOVECOT"
end
