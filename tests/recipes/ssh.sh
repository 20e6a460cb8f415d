# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), SSH: sshpass, SSH_ASKPASS, rsync, sftp.

recipe_file ssh-config /home/deploy/.ssh/config 600 deploy
sed 's/^[^ ]*/host.example/' "$W/ssh/known_hosts" >/home/deploy/.ssh/known_hosts
chown -R deploy: /home/deploy/.ssh
chmod 700 /home/deploy/.ssh

# by_token NAME TEXT: the last recipe logged in with the token, once, and nothing went wrong before.
by_token() {
	exited "$1: $2" 0
	logged "$1: by the token" 'accepted token id=.* name="ci" user="deploy" service="sshd"'
	not_logged "$1: at the first attempt" 'refused token|authentication failure'
}

log_mark
recipe_run deploy sshpass
by_token sshpass 'ssh with sshpass'
like 'sshpass: the command ran' "$out" 'load average'

recipe_file askpass /home/deploy/bin/pat-askpass 700 deploy
chown deploy: /home/deploy/bin
log_mark
recipe_run deploy ssh-askpass
by_token ssh-askpass 'ssh with SSH_ASKPASS'
like 'ssh-askpass: the command ran' "$out" 'load average'
for question in 'Are you sure you want to continue connecting (yes/no/[fingerprint])? ' \
	"Enter passphrase for key '/home/deploy/.ssh/id': "; do
	run as deploy env PAT_FILE=/home/deploy/.pat/host.example /home/deploy/bin/pat-askpass "$question"
	is "askpass: does not give the token away to: $question" "$rc $out" '1 '
done
mv /home/deploy/.ssh/known_hosts "$W/tmp/known_hosts"
log_mark
recipe_run deploy ssh-askpass
refused 'ssh-askpass: an unknown host ends it, without a question that has no end'
not_logged 'ssh-askpass: and that host gets no token' 'token id='
mv "$W/tmp/known_hosts" /home/deploy/.ssh/known_hosts

# The account is its own remote: the copy goes to another directory of the same home.
as deploy mkdir -p /home/deploy/work/site
echo hello >/home/deploy/work/site/index.html
log_mark
script_of rsync
run as deploy env -C /home/deploy/work timeout 60 bash "$W/typed/rsync" </dev/null
by_token rsync 'rsync with sshpass'
is 'rsync: the file is there' "$(cat /home/deploy/site/index.html)" hello

echo 'all is well' >/home/deploy/work/report.txt
script_of sftp
log_mark
run as deploy env -C /home/deploy/work timeout 60 bash "$W/typed/sftp" </dev/null
by_token sftp 'a batch of sftp with sshpass'
is 'sftp: the file is there' "$(cat /home/deploy/report.txt)" 'all is well'

as deploy patctl suspend -q ci
for name in sshpass ssh-askpass; do
	log_mark
	recipe_run deploy $name
	refused "$name: a token that does not work ends it"
	log_sync
	is "$name: after one attempt" "$(log_lines | grep -c 'refused token')" 1
done
patctl resume -q ci --user deploy
