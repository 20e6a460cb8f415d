# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), SYSTEMD: LoadCredential. The unit is verified; what systemd would do for it is done here:
# the file is shown to the service's user in a directory of its own.

recipe_run root service-account
exited 'service-account: root mints for an account with a password' 0
recipe_file nightly.service /etc/systemd/system/nightly.service 644 root
recipe_file nightly /usr/local/bin/nightly 755 root
if command -v systemd-analyze >/dev/null; then
	run systemd-analyze verify --man=no /etc/systemd/system/nightly.service
	is 'nightly.service: systemd has nothing to complain of' \
		"$rc $(grep -i nightly <<<"$out$err")" '0 '
else
	skip 'nightly.service: systemd has nothing to complain of' 'needs systemd-analyze'
fi
mapfile -t unit < <(sed -n 's/^\(User\|ExecStart\)=//p' /etc/systemd/system/nightly.service)
credential=$(sed -n 's/^LoadCredential=//p' /etc/systemd/system/nightly.service)
install -d -m 500 -o "${unit[0]}" "$W/credentials"
install -m 400 -o "${unit[0]}" "${credential#*:}" "$W/credentials/${credential%%:*}"
mkdir -p /srv/app/data
echo precious >/srv/app/data/file
not 'nightly: its user cannot read the file of root' as "${unit[0]}" cat /etc/nightly/token
log_mark
run as "${unit[0]}" env -C / CREDENTIALS_DIRECTORY="$W/credentials" timeout 60 "${unit[1]}" </dev/null
exited 'nightly: the script runs' 0
logged 'nightly: by the token' 'accepted token id=.* name="nightly" user="deploy" service="sshd"'
is 'nightly: the copy is there' "$(cat /home/deploy/backup/data/file)" precious
