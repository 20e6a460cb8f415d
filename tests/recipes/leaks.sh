# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), LEAKS: tokens that were left lying about.

mint deploy leaked
LEAKED=$TOKEN
mint deploy committed
COMMITTED=$TOKEN
# shellcheck disable=SC2016
as deploy bash -c '
	mkdir -p ~/project/conf && cd ~/project && printf "PAT=%s\n" "$0" >conf/env && ln conf/env copy &&
	echo nothing here >README' "$LEAKED"
# shellcheck disable=SC2016
as deploy bash -e -c '
	cd ~/project
	git init -q .
	git config user.name deploy
	git config user.email deploy@host.example
	printf "token: %s\n" "$0" >ci.yml
	git add ci.yml && git commit -qm one
	echo "token: in the vault" >ci.yml
	git commit -qam two' "$COMMITTED"

# found: the last run names the token that lies about, or that was committed, or both.
found() {
	is "$1" "$rc $(grep -o 'active [0-9A-Za-z]\{8\} [a-z]* deploy' <<<"$out" | cut -d' ' -f3 | sort | xargs)" \
		"0 $2"
}

in_project() {
	script_of "$1"
	run as deploy env -C /home/deploy/project timeout 60 bash "$W/typed/$1" </dev/null
}

if command -v rg >/dev/null; then
	in_project leaks
	found 'leaks: tells which tokens lie about, and whose they are' leaked
	is 'leaks: each once' "$(grep -c active <<<"$out")" 1
else
	recipe leaks >/dev/null
	skip 'leaks: tells which tokens lie about, and whose they are' 'needs rg'
fi
in_project leaks-git
found 'leaks-git: and which were committed once' 'committed leaked'
as deploy patctl revoke -q leaked
in_project leaks-git
exited 'leaks-git: a revoked one is none that works' 1
