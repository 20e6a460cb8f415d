# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), SUDO: sudo -S and SUDO_ASKPASS.

by_sudo_token() {
	exited "$1: $2" 0
	logged "$1: by the token" 'accepted token id=.* name="ci-root" user="deploy" service="sudo"'
}

printf 'listen = 127.0.0.1\n' >/home/deploy/app.conf

# remembered COMMANDS: what they do where sudo has just been given the password, and remembers.
remembered() {
	printf '%s\n' 'Defaults:deploy !tty_tickets, timestamp_type=global' >/etc/sudoers.d/remember
	as deploy sudo -S -p '' true <<<"${PASSWORD[deploy]}"
	ok 'sudo remembers the password' as deploy sudo -n true
	"$@"
	rm /etc/sudoers.d/remember
	as deploy sudo -K
}

stdin_recipes() {
	log_mark
	recipe_run deploy sudo-stdin
	by_sudo_token sudo-stdin "sudo -S$1"
	like "sudo-stdin: as root$1" "$out" '^uid=0\(root\)'
	rm -f /etc/app.conf
	log_mark
	recipe_run deploy sudo-pipe
	by_sudo_token sudo-pipe "sudo -S with input for the command$1"
	is "sudo-pipe: the command reads what comes after the token$1" "$(cat /etc/app.conf)" \
		'listen = 127.0.0.1'
}
stdin_recipes ''
remembered stdin_recipes ', also when sudo remembers'

askpass_recipe() {
	recipe_run deploy sudo-askpass
	exited "sudo-askpass: sudo -A$1" 0
	like "sudo-askpass: as root$1" "$out" '^uid=0\(root\)'
}
log_mark
askpass_recipe ''
by_sudo_token sudo-askpass 'sudo -A by the token'
remembered askpass_recipe ', also when sudo remembers'
echo 'deploy ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
log_mark
askpass_recipe ', also where sudo asks for nothing'
not_logged 'sudo-askpass: and then the token is not used' 'token id='
echo 'deploy ALL=(ALL:ALL) ALL' >/etc/sudoers.d/deploy
