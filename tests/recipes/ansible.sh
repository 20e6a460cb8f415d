# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), ANSIBLE: connection and become.

recipe_file hosts.yml /home/deploy/hosts.yml 644 deploy
if command -v ansible >/dev/null; then
	log_mark
	recipe_run deploy ansible
	exited 'ansible: a command on the host, as root' 0
	like 'ansible: as root' "$out" 'uid=0\(root\)'
	logged 'ansible: connected by the token' \
		'accepted token id=.* name="ci" user="deploy" service="sshd"'
	logged 'ansible: became root by the other' \
		'accepted token id=.* name="ci-root" user="deploy" service="sudo"'
	not_logged 'ansible: each was used for its own service alone' 'refused token'
else
	recipe ansible >/dev/null
	skip 'ansible: a command on the host, as root' 'needs ansible'
fi
