#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# vsftpd: a process for each connection, of which the part that is root asks PAM. Its stack has modules
# beside the password's, and the line of pam_pat must not make a token skip them.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs vsftpd mandoc

vsftpd_start() {
	mkdir -p "$W/vsftpd/empty"
	cat >"$W/vsftpd/conf" <<-END
		listen=YES
		listen_ipv6=NO
		listen_address=127.0.0.1
		background=NO
		anonymous_enable=NO
		local_enable=YES
		pam_service_name=vsftpd
		session_support=YES
		secure_chroot_dir=$W/vsftpd/empty
		delay_failed_login=0
		xferlog_enable=NO
	END
	vsftpd "$W/vsftpd/conf" >"$W/vsftpd/out" 2>&1 &
	VSFTPD=$!
	wait_for 10 answers || bail "vsftpd does not start: $(<"$W/vsftpd/out")"
}

answers() {
	with alice nothing
	[ "$out" = refused ]
}

PROTOCOL=ftp PORT=21 PASSWORDS=accepted
world_furnish
recipe_file vsftpd.pam /etc/pam.d/vsftpd 644 root
printf 'root\ncarol\n' >/etc/ftpusers
patd_start
vsftpd_start

give alice files --service vsftpd
id=$ID
patd_stop
log_mark
with alice "$TOKEN"
is 'a token opens the files' "$out" accepted
logged 'without patd, as root may' \
	"pam_pat\(vsftpd:auth\): accepted token .* user=\"alice\" service=\"vsftpd\" rhost=\"127.0.0.1\" tty=\"ftp\""
is 'one login is one authentication' "$(log_lines | grep -c 'accepted token')" 1
patd_start
is 'the stamp says so' "$(field uses "$id")" 1
give carol files --service vsftpd
with carol "$TOKEN"
is 'one of a user whom pam_listfile denies does not' "$out" refused
: >/etc/ftpusers
with carol "$TOKEN"
is 'but does without that' "$out" accepted
usermod --shell /usr/sbin/nologin carol
with carol "$TOKEN"
is 'nor does one of a user without a shell, whom pam_shells denies' "$out" refused
usermod --shell /bin/bash carol

storm vsftpd vsftpd 12 60
give bob brief --service vsftpd
revoked_meanwhile 6 bob "$TOKEN" brief
ok 'it still listens' kill -0 "$VSFTPD"
ended "$VSFTPD"
end
